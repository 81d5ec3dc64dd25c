"""Which revision a page is read at, and what is kept of a collection between its pages."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from schoolpassport.sharing import pulls
from schoolpassport.sharing.contract import Collection, Subset
from schoolpassport.sharing.listings import STEP, Cache, Listing
from schoolpassport.sharing.records import PageRequest, Selection, Unanswerable
from schoolpassport.sharing.standing import Answer, Force, Pull, Standing

NOW = datetime(2026, 9, 1, 6, tzinfo=UTC)
SELECTION = Selection(Collection(Subset("user")))


def standing(*, newest: int = 7, oldest: int = 4) -> Standing:
    return Standing(view=1, revision=newest, oldest_readable=oldest, consent_id=UUID(int=1), force=Force.ACTIVE)


def read_at(*, offset: int = 0, revision: int | None = None, pull: Pull | None = None, stands=None) -> int:
    wanted = PageRequest(SELECTION, limit=10, offset=offset, revision=revision)
    return pulls.revision(Answer(stands or standing(), pull, ()), wanted, NOW)


def begun(revision: int, **ago: float) -> Pull:
    return Pull(revision, NOW - timedelta(**ago))


@pytest.mark.parametrize(
    ("offset", "pull", "revision"),
    [
        (0, None, 7),
        (0, begun(5, minutes=1), 7),
        (10, None, 7),
        (10, begun(5, minutes=119), 5),
        (10, begun(5, minutes=120), 7),
        (10, begun(4, minutes=1), 4),
        (10, begun(3, minutes=1), 7),
    ],
)
def test_a_later_page_reads_what_its_pull_began_on_while_that_may_be_read(offset, pull, revision):
    assert read_at(offset=offset, pull=pull) == revision


def test_a_revision_that_is_named_is_read_or_refused_whatever_is_noted():
    assert [read_at(revision=n, pull=begun(5, minutes=1)) for n in (4, 6, 7)] == [4, 6, 7]
    for number in (0, 3, 8):
        with pytest.raises(Unanswerable, match=f"Revision {number} cannot be read"):
            read_at(revision=number)


def test_revision_0_is_there_until_the_first_publication():
    assert read_at(revision=0, stands=standing(newest=0, oldest=0)) == 0
    with pytest.raises(Unanswerable):
        read_at(revision=0, stands=standing(newest=1, oldest=0))


def test_a_pull_is_noted_only_where_it_helps():
    def noted(pull=None, *, offset=0, revision=None, puller=b"p", total=11):
        wanted = PageRequest(SELECTION, 10, offset, None, revision, puller)
        return pulls.is_to_be_noted(Answer(standing(), pull, ()), wanted, total=total, now=NOW)

    assert noted()
    assert noted(begun(6, minutes=1)), "a new revision since"
    assert noted(begun(7, minutes=11)), "old enough to be noted anew"
    assert not noted(begun(7, minutes=9))
    assert not noted(total=10), "there is no other page"
    assert not noted(offset=10)
    assert not noted(revision=7)
    assert not noted(puller=b"")


def test_a_listing_finds_the_page_from_whole_lists_and_from_every_hundredth_id():
    ids = [uuid4().bytes for _ in range(250)]
    whole = Listing(found=True, total=250, ids=b"".join(ids))
    assert whole.is_whole
    assert whole.slice(120, 3) == b"".join(ids[120:123])
    sparse = Listing(found=True, total=250, ids=b"".join(ids[::STEP]))
    assert not sparse.is_whole
    assert [sparse.boundary(offset) for offset in (0, 99, 100, 249)] == [
        (ids[0], 0),
        (ids[0], 99),
        (ids[100], 0),
        (ids[200], 49),
    ]


def test_the_least_recently_used_listing_goes_first_and_the_newest_stays_however_large():
    def sized(ids: int) -> Listing:
        return Listing(found=True, total=ids, ids=b"\0" * 16 * ids)

    small, cache = sized(1), Cache[str, Listing](sized(1).size * 2)
    for key in ("a", "b"):
        cache.put(key, small)
    assert cache.get("a") is small
    cache.put("c", small)
    assert [cache.get(key) is not None for key in "abc"] == [True, False, True]
    cache.put("a", small)
    assert cache.used == small.size * 2, "put again, it is counted once"
    cache.put("huge", sized(1000))
    assert [cache.get(key) is not None for key in ("a", "c", "huge")] == [False, False, True]
    assert cache.used == sized(1000).size

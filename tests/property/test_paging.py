"""Pages against plain Python: whatever the steps, the sort and the filter, a walk meets every record exactly once."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schoolpassport.sharing import reader as reading
from schoolpassport.sharing.contract import Collection, Subset, Through
from schoolpassport.sharing.contract import Parent as ParentOf
from schoolpassport.sharing.listings import STEP, Cache, Listing
from schoolpassport.sharing.models import Pull
from schoolpassport.sharing.queries import view_for
from schoolpassport.sharing.records import Page, PageRequest, Selection, Unanswerable
from schoolpassport.tenancy import scope
from tests.support.plain_views import FIRST_MORNING, PlainView, a_plain_view
from tests.support.wire import messages_sent

NOW = FIRST_MORNING + timedelta(days=30)
EVERYBODY = Collection(Subset("user"))
STUDENTS = Collection(Subset("user", "role", "student"))
ENROLLED = Collection(Subset("enrollment"))
OF_A_CLASS = Collection(
    Subset("user"), (ParentOf(Subset("class")),), Through("enrollment", "class", "user", role="student")
)
A_CLASS = uuid4()
FILTERS = {
    "": lambda _: True,
    "familyName~'ME'": lambda d: "me" in d["familyName"].lower(),
    "givenName='n7' OR role='aide'": lambda d: d.get("givenName") == "N7" or d["role"] == "aide",
    "status='tobedeleted'": lambda d: d["status"] == "tobedeleted",
    "familyName='nobody'": lambda _: False,
    "email='u7@MEADOW.example'": lambda d: d["email"] == "U7@meadow.example",
    "email='u8@meadow.example' AND role!='student'": lambda d: d["email"][:3] == "U8@" and d["role"] != "student",
    "email='u8@meadow.example' OR role='aide'": lambda d: d["email"][:3] == "U8@" or d["role"] == "aide",
    "dateLastModified>='2026-09-02T06:00:00.123Z'": lambda d: d["dateLastModified"] > "2026-09-02",
    "role='aide' OR dateLastModified<'2026-09-02T05:00:00Z'": lambda d: (
        d["role"] == "aide" or d["dateLastModified"] < "2026-09-02"
    ),
}
OF_THE_CLASS = f"class.sourcedId='{A_CLASS}'"
SORTS = ("", "familyName", "givenName", "role", "status", "dateLastModified", "sourcedId", "grades", "nosuch")


def person(number: int, key: UUID, turn: int) -> dict[str, Any]:
    found = {
        "sourcedId": str(key),
        "username": f"u{number}",
        "familyName": ["Smee", "smee", "Zoë", "Adams", "Ñandú"][number % 5] + ("" if number % 11 else f" {turn}"),
        "givenName": f"N{number % 17}",
        "role": ["student", "student", "student", "teacher", "aide"][number % 5],
        "sms": f"{(number * 7919) % 100:03}",
        "email": f"U{number % 200}@meadow.example",
    }
    return found if number % 4 else {k: v for k, v in found.items() if k != "givenName"}


@pytest.fixture(scope="module")
def view() -> PlainView:
    """Three revisions of 530 people: some change, some go, some return."""
    from schoolpassport.tenancy.actions import register_district

    plain = a_plain_view(register_district(name=f"Paging Plains {uuid4()}", now=FIRST_MORNING).id)
    keys = [uuid4() for _ in range(530)]
    enrolled = [
        {
            "sourcedId": str(uuid4()),
            "user": {"sourcedId": str(key)},
            "class": {"sourcedId": str(A_CLASS)},
            "role": "student" if number % 3 else "teacher",
        }
        for number, key in enumerate(keys[:250])
    ]
    people = [person(number, key, 0) for number, key in enumerate(keys)]
    plain.publish({"user": people, "class": [{"sourcedId": str(A_CLASS), "title": "Choir"}], "enrollment": enrolled})
    plain.publish({"user": [person(n, k, 1) for n, k in enumerate(keys) if n % 9], "enrollment": enrolled[5:]})
    plain.publish({"user": [person(n, k, 1) for n, k in enumerate(keys) if n % 7]})
    return plain


def ask(view: PlainView, selection: Selection, limit: int, offset: int, **more: Any) -> Page:
    reader = view_for(district_id=view.district_id, integration_id=view.integration_id, base="http://x", now=NOW)
    return reader.page(PageRequest(selection, limit, offset, **more))


def ids(page: Page) -> list[str]:
    return [each["sourcedId"] for each in json.loads(b"[" + page.documents + b"]")]


def members(view: PlainView, collection: Collection, revision: int) -> list[dict[str, Any]]:
    everybody = view.shown(collection.subset.kind, revision)
    if collection is STUDENTS:
        return [d for d in everybody.values() if d["role"] == "student"]
    if collection is OF_A_CLASS:
        enrolled = view.shown("enrollment", revision).values()
        keys = {e["user"]["sourcedId"] for e in enrolled if e["role"] == "student" and e["status"] == "active"}
        return [d for key, d in everybody.items() if key in keys]
    return list(everybody.values())


def in_order(documents: list[dict[str, Any]], sort: str, *, descending: bool) -> list[str]:
    by_id = sorted(documents, key=lambda d: d["sourcedId"])
    if sort in {"", "grades", "nosuch"}:
        return [d["sourcedId"] for d in by_id]
    having = sorted((d for d in by_id if sort in d), key=lambda d: d[sort], reverse=descending)
    if descending:  # Python keeps equal ones as they were; so does the tie-break by sourcedId
        having = sorted((d for d in by_id if sort in d), key=lambda d: d[sort])
        groups: dict[str, list[dict[str, Any]]] = {}
        for each in having:
            groups.setdefault(each[sort], []).append(each)
        having = [each for value in sorted(groups, reverse=True) for each in groups[value]]
    return [d["sourcedId"] for d in [*having, *(d for d in by_id if sort not in d)]]


SELECTIONS = st.builds(
    Selection,
    collection=st.sampled_from([EVERYBODY, STUDENTS, OF_A_CLASS]),
    filter=st.sampled_from(list(FILTERS)),
    sort=st.sampled_from(SORTS),
    descending=st.booleans(),
).map(lambda s: replace(s, parents=(A_CLASS,) if s.collection is OF_A_CLASS else ()))
REVISIONS = st.sampled_from([1, 2, 3])


@settings(max_examples=200)
@given(SELECTIONS, st.integers(1, 700), st.integers(0, 700), REVISIONS)
def test_any_page_is_the_slice_of_the_whole_in_its_order(view, selection, limit, offset, revision):
    expected = in_order(
        [d for d in members(view, selection.collection, revision) if FILTERS[selection.filter](d)],
        selection.sort,
        descending=selection.descending,
    )
    page = ask(view, selection, limit, offset, revision=revision)
    assert ids(page) == expected[offset : offset + limit]
    assert (page.total, page.revision) == (len(expected), revision)
    assert [n.fault for n in page.notices] == (["unknown sort"] if selection.sort in {"grades", "nosuch"} else [])


@settings(max_examples=40)
@given(SELECTIONS, st.integers(40, 300), REVISIONS)
def test_a_walk_of_any_step_meets_every_record_exactly_once(view, selection, limit, revision):
    met: list[str] = []
    while page := ids(ask(view, selection, limit, len(met), revision=revision)):
        met += page
    wanted = [d for d in members(view, selection.collection, revision) if FILTERS[selection.filter](d)]
    assert sorted(met) == sorted(d["sourcedId"] for d in wanted)


@settings(max_examples=60)
@given(st.integers(1, 300), st.integers(0, 300), REVISIONS)
def test_documents_that_are_written_at_reading_time_are_what_was_shared(view, limit, offset, revision):
    page = ask(view, Selection(ENROLLED), limit, offset, revision=revision)
    shown = view.shown("enrollment", revision)
    expected = [shown[key] for key in sorted(shown)][offset : offset + limit]
    plain = [
        {k: {"sourcedId": v["sourcedId"]} if isinstance(v, dict) else v for k, v in each.items()}
        for each in json.loads(b"[" + page.documents + b"]")
    ]
    assert plain == expected


@settings(max_examples=12)
@given(st.integers(20, 300), st.integers(1, 5), st.sampled_from(["", "familyName", "role"]))
def test_a_client_that_only_counts_up_sees_one_revision_while_others_are_published(limit, publish_after, sort):
    from schoolpassport.tenancy.actions import register_district

    plain = a_plain_view(register_district(name=f"Moving Meadow {uuid4()}", now=FIRST_MORNING).id)
    keys = [uuid4() for _ in range(330)]
    plain.publish({"user": [person(n, k, 0) for n, k in enumerate(keys)]})
    token, selection = uuid4().bytes * 2, Selection(EVERYBODY, sort=sort)
    met: list[dict[str, Any]] = []
    for place in range(100):
        if place == publish_after:
            plain.publish({"user": [person(n, uuid4() if n % 5 == 0 else k, 1) for n, k in enumerate(keys)]})
        page = ask(plain, selection, limit, len(met), puller=token)
        found = json.loads(b"[" + page.documents + b"]")
        met += found
        if not found:
            break
    assert {d["sourcedId"]: d for d in met} == plain.shown("user", 1)
    assert len(met) == 330
    assert set(ids(ask(plain, selection, 1000, 0, puller=token))) == set(plain.shown("user"))


def test_a_page_holds_versions_of_all_ages_that_its_filter_keeps(district):
    plain = a_plain_view(district.id)
    keys = sorted((uuid4() for _ in range(9)), key=str)
    plain.publish({"user": [person(n, k, 0) for n, k in enumerate(keys)]})
    plain.publish({"user": [person(n, k, 1) for n, k in enumerate(keys) if n < 4]})
    (_, at), *_ = sorted((d["dateLastModified"], d["dateLastModified"]) for d in plain.shown("user").values())

    def found(text: str, sort: str = "") -> set[str]:
        return set(ids(ask(plain, Selection(EVERYBODY, filter=text, sort=sort), 100, 0)))

    for sort in ("", "familyName"):
        assert found("role!='parent'", sort) == {str(key) for key in keys}
        changed = {k for k, d in plain.shown("user").items() if d["dateLastModified"] > at}
        assert found(f"dateLastModified>'{at}'", sort) == changed


def test_a_pull_is_forgotten_after_two_hours_and_when_a_consent_narrows(district):
    plain = a_plain_view(district.id)
    keys = [uuid4() for _ in range(30)]
    plain.publish({"user": [person(n, k, 0) for n, k in enumerate(keys)]})

    def revision_at(offset: int, *, after: timedelta) -> int:
        reader = view_for(district_id=district.id, integration_id=plain.integration_id, base="", now=NOW + after)
        return reader.page(PageRequest(Selection(EVERYBODY), 10, offset, puller=b"t" * 32)).revision

    assert revision_at(0, after=timedelta()) == 1
    plain.publish({"user": [person(n, k, 1) for n, k in enumerate(keys)]})
    assert revision_at(10, after=timedelta(hours=1, minutes=59)) == 1
    assert revision_at(10, after=timedelta(hours=2)) == 2
    assert revision_at(10, after=timedelta(minutes=1)) == 1
    plain.narrow()
    assert revision_at(10, after=timedelta(minutes=1)) == 2


def test_a_pull_that_stays_on_an_older_revision_neither_counts_nor_asks_twice_for_each_page(district, tmp_path):
    """Both would be as dear as the view is large, for every page that is pulled while others are published."""
    plain = a_plain_view(district.id)
    keys = [uuid4() for _ in range(70)]
    plain.publish({"user": [person(n, k, 0) for n, k in enumerate(keys)]})

    def page_at(offset: int) -> tuple[int, int, int]:
        """The revision of a page, how often it was asked for, and how often all of them were counted."""
        with messages_sent(tmp_path / "sent") as sent:
            page = ask(plain, Selection(EVERYBODY), 10, offset, puller=b"w" * 32)
        return page.revision, sent.trips(), sent.said("row_number()")

    page_at(0)
    assert page_at(10) == (1, 1, 0)
    plain.publish({"user": [person(n, k, 1) for n, k in enumerate(keys)]})
    assert page_at(20) == (1, 2, 0)  # what is published is seen, and not followed
    assert page_at(30) == (1, 1, 0)
    reading._pulls._kept.clear()  # as in another process
    assert page_at(40) == (1, 2, 1)  # the newest revision is counted: somebody will ask for it soon
    reading._pulls._kept.clear()
    assert page_at(50) == (1, 2, 0)


def test_a_pull_is_noted_in_the_trip_of_its_first_page_and_anew_when_that_was_a_wrong_guess(district, tmp_path):
    plain = a_plain_view(district.id)
    keys = [uuid4() for _ in range(30)]
    one, two, three = (uuid4().bytes * 2 for _ in range(3))
    plain.publish({"user": [person(n, k, 0) for n, k in enumerate(keys)]})

    def begun(puller: bytes) -> tuple[int, int, list[int]]:
        """The revision of a first page, how often it was asked for, and what is noted of it."""
        with messages_sent(tmp_path / "sent") as sent:
            page = ask(plain, Selection(EVERYBODY), 10, 0, puller=puller)
        with scope.inside(district.id):
            return page.revision, sent.trips(), [p.revision for p in Pull.objects.filter(token=puller)]

    begun(one)
    assert begun(two) == (1, 1, [1])
    plain.publish({"user": [person(n, k, 1) for n, k in enumerate(keys)]})
    revision, _, noted = begun(three)
    assert (revision, noted) == (2, [2])
    assert ask(plain, Selection(EVERYBODY), 10, 10, puller=two).revision == 1
    assert ask(plain, Selection(EVERYBODY), 10, 10, puller=three).revision == 2


def test_pulls_that_are_over_are_taken_away_now_and_then(district):
    plain = a_plain_view(district.id)
    plain.publish({"user": [person(n, uuid4(), 0) for n in range(3)]})

    def noted(token: bytes, *, after: timedelta) -> set[bytes]:
        """The tokens of which a pull is known, once this one has begun another."""
        reader = view_for(district_id=district.id, integration_id=plain.integration_id, base="", now=NOW + after)
        reader.page(PageRequest(Selection(EVERYBODY), 1, 0, puller=token))
        with scope.inside(district.id):
            return {
                bytes(each)[:1] for each in Pull.objects.filter(district_id=district.id).values_list("token", flat=True)
            }

    assert noted(b"a" * 32, after=timedelta()) == {b"a"}
    assert noted(b"b" * 32, after=timedelta(minutes=119)) == {b"a", b"b"}
    assert noted(b"c" * 32, after=timedelta(minutes=125)) == {b"a", b"b", b"c"}, (
        "it is six minutes since somebody looked"
    )
    assert noted(b"d" * 32, after=timedelta(minutes=129)) == {b"b", b"c", b"d"}


def test_a_revision_that_cannot_be_read_is_refused_and_never_replaced(view):
    for revision in (4, 99):
        with pytest.raises(Unanswerable) as refused:
            ask(view, Selection(EVERYBODY), 10, 0, revision=revision)
        assert str(revision) in refused.value.notice.sentence


def test_what_another_process_has_seen_first_can_be_read_here_too(district):
    """This process last saw revision 1 under the first consent; the request comes from a page of revision 2."""
    plain = a_plain_view(district.id, attributes={"user": ["username"]})
    keys = [uuid4() for _ in range(3)]
    plain.publish({"user": [person(n, k, 0) for n, k in enumerate(keys)]})
    assert ask(plain, Selection(EVERYBODY), 2, 0).revision == 1
    plain.agree({"user": ["username", "familyName"]})
    plain.publish({"user": [person(n, k, 1) for n, k in enumerate(keys)]})
    page = ask(plain, Selection(EVERYBODY, filter="familyName~'e'"), 10, 0, revision=2)
    assert sorted(ids(page)) == sorted(key for key, d in plain.shown("user").items() if "e" in d["familyName"])


def test_a_view_that_was_never_published_is_empty(district):
    plain = a_plain_view(district.id)
    page = ask(plain, Selection(EVERYBODY), 10, 0)
    assert (page.documents, page.total, page.revision) == (b"", 0, 0)


@settings(max_examples=30)
@given(st.integers(1, 300), st.integers(0, 300), REVISIONS)
def test_more_than_a_few_that_an_index_knows_are_paged_like_any_others(view, limit, offset, revision):
    """Two hundred and fifty people are in the one class, and asked for as if they were a handful."""
    page = ask(view, Selection(ENROLLED, filter=OF_THE_CLASS), limit, offset, revision=revision)
    expected = sorted(view.shown("enrollment", revision))
    assert ids(page) == expected[offset : offset + limit]
    assert page.total == len(expected) == 250


def test_of_the_few_that_an_index_knows_nothing_is_kept(view):
    """They come with their number in one trip; of what is counted before it is shown, the places are kept."""
    ask(view, Selection(EVERYBODY), 1, 0)
    held = reading._listings().used
    few = ask(view, Selection(EVERYBODY, filter="email='u5@meadow.example'"), 10, 0, revision=3)
    assert (few.total, reading._listings().used) == (3, held)
    ask(view, Selection(EVERYBODY, filter="email~'u5@meadow.example'"), 10, 0, revision=3)
    assert reading._listings().used > held


def test_instants_between_the_same_revisions_are_listed_once(view):
    def asked(text: str) -> tuple[int, int]:
        page = ask(view, Selection(EVERYBODY, filter=f"dateLastModified{text}"), 10, 0, revision=3)
        return page.total, reading._listings().used

    before = reading._listings().used
    first, held = asked(">'2026-09-02T06:00:00.123Z'")
    newest = [d for d in view.shown("user").values() if d["dateLastModified"] > "2026-09-03"]
    assert (held > before, first) == (True, len(newest))
    for text in (">'2026-09-02T18:00:00Z'", ">'2026-09-03'", ">='2026-09-02T06:00:00.123001Z'"):
        assert asked(text) == (first, held), text
    others, more = asked(">='2026-09-02T06:00:00.123Z'")
    assert others > first
    assert more > held


def test_what_comes_after_an_instant_is_more_once_a_view_has_moved(district):
    """The process knows the first revision when the second one is published."""
    plain = a_plain_view(district.id)
    keys = [uuid4() for _ in range(3)]
    since = Selection(EVERYBODY, filter="dateLastModified>'2026-09-01T06:00:01Z'")
    plain.publish({"user": [person(n, k, 0) for n, k in enumerate(keys)]})
    assert ids(ask(plain, since, 10, 0)) == []
    plain.publish({"user": [person(n, k, 1) for n, k in enumerate(keys[:2])]})
    changed = [key for key, d in plain.shown("user").items() if d["dateLastModified"] > "2026-09-02"]
    assert ids(ask(plain, since, 10, 0)) == sorted(changed) != []
    assert ids(ask(plain, since, 10, 0, revision=1)) == []


def test_a_page_that_is_asked_for_again_costs_no_second_count(view):
    """The listing is kept: what follows is one question, which has no count in it."""
    first = ask(view, Selection(EVERYBODY, filter="familyName~'m'"), 10, 0, revision=3)
    held = reading._listings().used
    second = ask(view, Selection(EVERYBODY, filter="familyName~'m'"), 10, 200, revision=3)
    assert second.total == first.total
    assert reading._listings().used == held


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 60), st.booleans()), max_size=60))
def test_the_cache_stays_within_its_budget_and_drops_the_least_recently_used(uses):
    cache: Cache[int, Listing] = Cache(5000)
    held: dict[int, int] = {}  # key → bytes, the least recently used first
    for key, count, is_put in uses:
        if is_put:
            listing = Listing(found=True, total=count, ids=bytes(16 * count))
            cache.put(key, listing)
            held.pop(key, None)
            held[key] = listing.size
            while sum(held.values()) > 5000 and len(held) > 1:
                held.pop(next(iter(held)))
        else:
            assert (cache.get(key) is not None) == (key in held)
            if key in held:
                held[key] = held.pop(key)
        assert cache.used == sum(held.values())


def test_boundaries_are_as_far_apart_as_the_page_needs_them():
    listing = Listing(found=True, total=250, ids=b"".join(bytes([n]) * 16 for n in range(3)))
    assert listing.boundary(0) == (b"\0" * 16, 0)
    assert listing.boundary(STEP + 7) == (b"\1" * 16, 7)
    assert not listing.is_whole

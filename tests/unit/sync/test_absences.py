"""When the same bytes are another witness: only if both clocks say that they were asked for again long after."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from schoolpassport.sync import absences
from schoolpassport.sync.models import Absence, Run
from schoolpassport.sync.policies import ASKED_ANEW
from schoolpassport.tenancy import scope

HOUR, DIGEST, SOURCE = timedelta(hours=1), "d" * 64, UUID(int=7)
NIGHT = 24 * HOUR


def run(district_id: UUID, number: int, at: datetime | None, *, finished: datetime, digest: str = DIGEST) -> None:
    Run.objects.create(
        district_id=district_id,
        id=UUID(int=number),
        number=number,
        source_id=SOURCE,
        state="done",
        asked_by="test",
        asked_at=finished,
        finished_at=finished,
        origin="",
        input_digest=digest,
        observed_at=at,
    )


def waits(district_id: UUID, *witnesses: int, explicit: bool = False, state: str = "witness") -> None:
    Absence.objects.create(
        district_id=district_id,
        source_id=SOURCE,
        kind="user",
        key="p4",
        record_id=UUID(int=4),
        witnesses=list(witnesses),
        state=state,
        explicit=explicit,
        rule="one witness",
        reason="why",
        since_run=1,
        run=1,
    )


def asks(district_id: UUID, observed: datetime | None, now: datetime) -> bool:
    facts = {"district_id": district_id, "source_id": SOURCE, "digest": DIGEST, "observed": observed, "now": now}
    return absences.asks_for_witness(**facts)


@pytest.mark.parametrize(
    ("ours", "theirs", "counts"),
    [
        (ASKED_ANEW, ASKED_ANEW, True),
        (ASKED_ANEW - HOUR, ASKED_ANEW - HOUR, False),
        (NIGHT, 0 * HOUR, False),  # an answer that a cache kept bears the time of its making
        (HOUR, NIGHT, False),  # their clock was set
        (NIGHT, 23 * HOUR, True),  # and for summer time
        (-NIGHT, -NIGHT, False),  # clocks that go backwards say nothing
    ],
)
def test_it_was_long_ago_only_if_both_clocks_say_so(district, now, ours, theirs, counts):
    with scope.inside(district.id):
        run(district.id, 1, now, finished=now)
        waits(district.id, 1)
        assert asks(district.id, now + theirs, now + ours) is counts


def test_each_of_the_witnesses_before_must_be_long_ago(district, now):
    with scope.inside(district.id):
        run(district.id, 1, now, finished=now)
        run(district.id, 2, now + NIGHT, finished=now + NIGHT)
        waits(district.id, 1, 2)
        assert not asks(district.id, now + NIGHT + HOUR, now + NIGHT + HOUR)
        assert asks(district.id, now + 2 * NIGHT, now + 2 * NIGHT)


def test_a_file_is_never_another_witness_nor_is_what_was_asked_for_after_it(district, now):
    with scope.inside(district.id):
        run(district.id, 1, None, finished=now)
        waits(district.id, 1)
        assert not asks(district.id, None, now + NIGHT)
        assert not asks(district.id, now + NIGHT, now + NIGHT)


@pytest.mark.parametrize(("explicit", "state"), [(True, "witness"), (False, "held"), (False, "kept")])
def test_what_waits_for_something_else_asks_for_no_witness(district, now, explicit, state):
    with scope.inside(district.id):
        run(district.id, 1, now, finished=now)
        waits(district.id, 1, explicit=explicit, state=state)
        assert not asks(district.id, now + NIGHT, now + NIGHT)


def test_a_walk_is_told_of_the_runs_that_are_no_others(district, now, tmp_path):
    with scope.inside(district.id):
        run(district.id, 1, now, finished=now)
        run(district.id, 2, now + NIGHT, finished=now + NIGHT)
        run(district.id, 3, None, finished=now)
        run(district.id, 4, now + NIGHT, finished=now + NIGHT, digest="e" * 64)
        waits(district.id, 1)
        facts = {"district_id": district.id, "source_id": SOURCE, "digest": DIGEST, "into": tmp_path / "waited.csv"}
        later = now + NIGHT + HOUR
        assert sorted(absences.recall(**facts, observed=later, now=later)[1]) == [2, 3]
        assert sorted(absences.recall(**facts, observed=None, now=later)[1]) == [1, 2, 3]

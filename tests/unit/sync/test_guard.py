"""The guard's judgement over counts; how the counts come about is tested by nights (tests/journey)."""

from uuid import UUID

import pytest

from schoolpassport.sync import guard
from schoolpassport.sync.guard import KindFacts, Reason, Schools
from schoolpassport.sync.models import TRANSITIONS, Limits, RunState

NORTH, SOUTH = UUID(int=1), UUID(int=2)
NOBODY = Schools(names={}, standing={})


def facts(standing=100, removed=0, added=0, **more) -> KindFacts:
    counts = {"standing": standing, "removed": removed, "added": added, "updated": 0, "restored": 0, "rejected": 0}
    return KindFacts(**{**counts, **more})


def rules(found: list[Reason]) -> list[str]:
    return [reason.rule for reason in found]


@pytest.mark.parametrize(
    ("standing", "removed", "asked"),
    [
        (100, 5, []),
        (100, 6, ["too many removals"]),
        (49, 49, []),
        (50, 3, ["too many removals"]),
        (100_000, 200, []),
        (100_000, 201, ["too many removals"]),
        (100, 20, ["too many removals"]),
        (100, 21, ["too many removals", "other ids"]),
        (0, 0, []),
    ],
)
def test_a_limit_that_is_reached_passes_and_one_that_is_exceeded_asks(standing, removed, asked):
    found = guard.reasons(limits=Limits(), kinds={"user": facts(standing, removed)}, schools=NOBODY)
    assert rules(found) == asked


def test_the_limits_of_the_district_count_and_the_sentence_names_them():
    limits = Limits(removed_share=0.5, removed_count=60, minimum_base=10, overlap_share=0.1)
    kinds = {"class": facts(100, 50), "enrollment": facts(1000, 61), "course": facts(9, 9)}
    (only,) = guard.reasons(limits=limits, kinds=kinds, schools=NOBODY)
    assert only == Reason(
        rule="too many removals",
        kind="enrollment",
        sentence="61 of 1,000 enrollments (6.1%) would be removed; up to 50% and 60 pass without asking.",
    )


def test_a_school_that_loses_everybody_is_asked_about_unless_it_is_small_or_goes_itself():
    schools = Schools(
        names={NORTH: "North", SOUTH: "South"},
        standing={("user", NORTH): 10, ("user", SOUTH): 9, ("enrollment", NORTH): 30},
    )
    kinds = {
        "user": facts(10_000, 19, removed_by_school={NORTH: 10, SOUTH: 9}),
        "enrollment": facts(10_000, 29, removed_by_school={NORTH: 29}),
    }
    found = guard.reasons(limits=Limits(), kinds=kinds, schools=schools)
    assert [r.sentence for r in found] == ["All 10 users of “North” would be removed."]
    gone = Schools(names=schools.names, standing=schools.standing, vanished=(NORTH,))
    found = guard.reasons(limits=Limits(), kinds=kinds, schools=gone)
    assert [r.sentence for r in found] == ["The school “North” is no longer there."]


@pytest.mark.parametrize(
    ("kinds", "vanished", "words"),
    [
        ({"user": facts(100, 90, added=45)}, (), "new ids"),
        ({"user": facts(100, 90, added=44)}, (), "cut off or filtered"),
        ({"user": facts(100, 10)}, (), "cut off or filtered"),
        ({"user": facts(100, 10)}, (NORTH,), "A school is not in the export"),
        ({"user": facts(100, 0)}, (NORTH,), "A school is not in the export"),
        ({"class": facts(100, 10), "academicSession": facts(6, 0, added=2)}, (), "change of term"),
    ],
)
def test_the_likely_cause_is_guessed_from_all_reasons_together(kinds, vanished, words):
    schools = Schools(names={NORTH: "North"}, standing={}, vanished=vanished)
    found = guard.reasons(limits=Limits(), kinds=kinds, schools=schools)
    assert words in guard.likely_cause(found, kinds)


def test_the_report_puts_the_schools_that_lose_most_first():
    kinds = {"user": facts(100, 30, removed_by_school={NORTH: 10, SOUTH: 20}, examples=("p1",))}
    schools = Schools(names={NORTH: "North", SOUTH: "South"}, standing={})
    found = guard.reasons(limits=Limits(), kinds=kinds, schools=schools)
    report = guard.report(found=found, kinds=kinds, schools=schools)
    assert [(s["name"], s["removed"]) for s in report["schools"]] == [("South", 20), ("North", 10)]
    assert report["kinds"]["user"]["examples"] == ["p1"]


def test_every_state_of_a_run_can_be_reached_and_what_is_decided_stays_decided():
    reached, new = set(), {RunState.WAITING}
    while new:
        reached |= new
        new = {after for state in new for after in TRANSITIONS[state]} - reached
    assert reached == set(RunState)
    assert {state for state in RunState if not TRANSITIONS[state]} == {
        *(RunState.DONE, RunState.UNCHANGED, RunState.REFUSED, RunState.REJECTED, RunState.SUPERSEDED),
        *(RunState.CANCELLED, RunState.PARKED),
    }

"""The guard's judgement over counts; how the counts come about is tested by nights (tests/journey)."""

from uuid import UUID

import pytest

from schoolpassport.sync import guard
from schoolpassport.sync.guard import KindFacts, Reason, Removals, Schools
from schoolpassport.sync.models import TRANSITIONS, RunState
from schoolpassport.sync.policies import BadPolicy, Limits

NORTH, SOUTH = UUID(int=1), UUID(int=2)
NOBODY = Schools(names={}, standing={})


def facts(standing=100, removed=0, added=0, **more) -> KindFacts:
    counts = {"standing": standing, "removed": removed, "added": added, "updated": 0, "restored": 0, "rejected": 0}
    return KindFacts(**{**counts, **more})


def rules(found: list[Reason]) -> list[str]:
    return [reason.rule for reason in found]


@pytest.mark.parametrize(
    ("standing", "removed", "held", "whole"),
    [
        (100, 5, False, False),
        (100, 6, True, False),
        (49, 49, False, False),
        (50, 3, True, False),
        (100_000, 200, False, False),
        (100_000, 201, True, False),
        (100, 20, True, False),
        (100, 21, True, True),
        (0, 0, False, False),
    ],
)
def test_a_limit_that_is_reached_passes_and_one_that_is_exceeded_asks(standing, removed, held, whole):
    found = guard.of_kind(limits=Limits(), kind="user", standing=standing, removed=removed)
    assert (found is not None) is held
    found = guard.of_run(limits=Limits(), kinds={"user": facts(standing, removed)}, schools=NOBODY)
    assert rules(found) == (["other ids"] if whole else [])


def test_the_limits_of_the_district_count_and_the_sentence_names_them():
    limits = Limits(removed_share=0.5, removed_count=60, minimum_base=10)
    assert guard.of_kind(limits=limits, kind="class", standing=100, removed=50) is None
    assert guard.of_kind(limits=limits, kind="course", standing=9, removed=9) is None
    assert guard.of_kind(limits=limits, kind="enrollment", standing=1000, removed=61) == Reason(
        rule="too many removals",
        kind="enrollment",
        sentence="61 of 1,000 enrollments (6.1%) would be removed; up to 50% and 60 pass without asking.",
    )


def schools(**vanished) -> Schools:
    return Schools(
        names={NORTH: "North"},
        standing={("user", NORTH): 10, ("user", SOUTH): 9, ("enrollment", NORTH): 300, ("class", NORTH): 50},
        **vanished,
    )


@pytest.mark.parametrize(
    ("kind", "by_school", "found"),
    [
        ("user", {NORTH: 10, SOUTH: 9}, ["All 10 users of “North” would be removed."]),
        ("user", {NORTH: 9, SOUTH: 9}, []),
        ("enrollment", {NORTH: 30}, []),
        ("class", {NORTH: 5}, []),
        (
            "class",
            {NORTH: 6},
            ["6 of 50 classes of “North” (12.0%) would be removed; up to 10% and 200 of a school pass without asking."],
        ),
    ],
)
def test_what_a_school_loses_is_judged_by_itself(kind, by_school, found):
    removals = Removals(kind=kind, by_school=by_school)
    reasons = guard.of_schools(limits=Limits(), removals=removals, schools=schools())
    assert [r.sentence for r in reasons] == found
    assert {r.school for r in reasons} <= {NORTH}


def test_a_grade_is_asked_about_when_all_of_it_goes_but_not_beside_its_school():
    grades = {(NORTH, "12"): (10, 10), (NORTH, "11"): (10, 11), (SOUTH, "12"): (9, 9)}
    removals = Removals(kind="user", by_grade=grades)
    (reason,) = guard.of_schools(limits=Limits(), removals=removals, schools=schools())
    assert (reason.rule, reason.school, reason.grade) == ("grade vanished", NORTH, "12")
    removals = Removals(kind="user", by_school={NORTH: 10}, by_grade=grades)
    assert rules(guard.of_schools(limits=Limits(), removals=removals, schools=schools())) == ["school vanished"]


def test_a_school_whose_own_record_goes_is_asked_about():
    found = guard.of_schools(limits=Limits(), removals=Removals(kind="org"), schools=schools(vanished=(NORTH,)))
    assert [r.sentence for r in found] == ["The school “North” is no longer there."]


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({"added": 50}, []),
        ({"added": 51}, ["too many additions"]),
        ({"updated": 75}, []),
        ({"updated": 76}, ["too many updates"]),
        ({"removed": 30, "expected": 10}, []),
        ({"added_by_school": {NORTH: 11}}, []),
    ],
)
def test_additions_changes_and_other_ids_hold_the_run_unless_they_were_expected(more, found):
    assert rules(guard.of_run(limits=Limits(), kinds={"user": facts(100, **more)}, schools=schools())) == found


@pytest.mark.parametrize(
    ("limits", "more", "found"),
    [
        ({}, {"added_by_school": {NORTH: 50}, "updated_by_school": {NORTH: 50}}, []),
        ({}, {"added_by_school": {NORTH: 51}}, ["too many additions"]),
        ({"school_added_count": 10}, {"added_by_school": {NORTH: 11}}, ["too many additions"]),
        ({"school_updated_count": 10}, {"updated_by_school": {NORTH: 11}}, ["too many updates"]),
        ({"kinds": {"user": {"school_updated_count": 10}}}, {"updated_by_school": {NORTH: 11}}, []),
        ({"kinds": {"class": {"school_updated_count": 10}}}, {"updated_by_school": {NORTH: 11}}, ["too many updates"]),
    ],
)
def test_what_comes_to_a_school_or_changes_in_it_is_judged_by_itself(limits, more, found):
    kinds = {"class": facts(1000, **more)}
    assert rules(guard.of_run(limits=Limits.parse(limits), kinds=kinds, schools=schools())) == found


@pytest.mark.parametrize(
    ("kinds", "word"),
    [
        ({"pupil": {}}, "there is no kind “pupil”"),
        ({"user": {"witnesses": 1}}, "“witnesses” is no limit of a kind"),
        ({"user": {"removed_share": 2}}, "removed_share is a share from 0 to 1"),
        (["user"], "kind by kind"),
    ],
)
def test_limits_of_kinds_that_make_no_sense_are_refused(kinds, word):
    with pytest.raises(BadPolicy, match=word):
        Limits.parse({"kinds": kinds})


@pytest.mark.parametrize(
    ("rule", "kind", "kinds", "words"),
    [
        ("other ids", "user", {"user": facts(100, 90, added=45)}, "new ids"),
        ("other ids", "user", {"user": facts(100, 90, added=44)}, "cut off or filtered"),
        ("other ids", "user", {"user": facts(100, 90, met=90)}, "new ids"),
        ("other ids", "user", {"user": facts(100, 90, added=20, met=25)}, "new ids"),
        ("other ids", "user", {"user": facts(100, 90, strangers=30)}, "mean other people"),
        ("too many removals", "user", {"user": facts(100, 10)}, "cut off or filtered"),
        ("school vanished", "org", {"user": facts(100, 10)}, "A school is not in the export"),
        ("too many additions", "user", {"user": facts(100, added=80)}, "widened"),
        (
            "too many removals",
            "class",
            {"class": facts(100, 10), "academicSession": facts(6, 0, added=2)},
            "change of term",
        ),
    ],
)
def test_the_likely_cause_is_guessed_from_all_reasons_together(rule, kind, kinds, words):
    assert words in guard.likely_cause([Reason(rule=rule, kind=kind, sentence="")], kinds)


@pytest.mark.parametrize(
    ("standing", "lost", "words"),
    [
        (
            {NORTH: 20, SOUTH: 80},
            {NORTH: 20},
            "Hardly anybody of “North” is in the export any more: closed, renamed, or not",
        ),
        ({NORTH: 20, SOUTH: 80}, {NORTH: 20, SOUTH: 5}, "Hardly anybody of “North” is in"),
        ({NORTH: 20, SOUTH: 80}, {NORTH: 20, SOUTH: 6}, "cut off or filtered"),
        ({NORTH: 20, SOUTH: 80}, {NORTH: 17}, "cut off or filtered"),
        ({NORTH: 20, SOUTH: 80}, {NORTH: 18}, "Hardly anybody of “North” is in"),
        ({NORTH: 9, SOUTH: 80}, {NORTH: 9}, "cut off or filtered"),
        ({NORTH: 20, SOUTH: 80}, {NORTH: 20, SOUTH: 80}, "Hardly anybody of “North”, “South” is in"),
        (
            {UUID(int=n): 10 for n in range(1, 6)},
            {UUID(int=n): 10 for n in range(1, 6)},
            f"Hardly anybody of “{UUID(int=3)}”, “{UUID(int=4)}”, “{UUID(int=5)}” and 2 more schools is in",
        ),
    ],
)
def test_schools_that_lose_almost_everybody_are_named_as_the_cause(standing, lost, words):
    names = Schools(names={NORTH: "North", SOUTH: "South"}, standing={("user", s): n for s, n in standing.items()})
    kinds = {"user": facts(100, 30, removed_by_school=lost)}
    found = [Reason(rule="other ids", kind="user", sentence="")]
    assert words in guard.likely_cause(found, kinds, names)
    assert not guard.report(found=found, kinds=kinds, schools=names)["migration"]


@pytest.mark.parametrize(
    ("removed", "told"), [(21, "Only 79% of"), (20.5, "Only 79.5% of"), (20.01, "Only 79.9% of"), (60, "Only 40% of")]
)
def test_a_share_under_the_limit_does_not_seem_to_be_the_limit(removed, told):
    (reason,) = guard.of_run(limits=Limits(), kinds={"user": facts(100, removed)}, schools=NOBODY)
    assert reason.sentence.startswith(told)


def test_the_report_puts_the_schools_that_lose_most_first():
    kinds = {"user": facts(100, 30, removed_by_school={NORTH: 10, SOUTH: 20}, examples=("p1",))}
    names = Schools(names={NORTH: "North", SOUTH: "South"}, standing={})
    found = guard.of_run(limits=Limits(), kinds=kinds, schools=names)
    report = guard.report(found=found, kinds=kinds, schools=names)
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
        *(RunState.CANCELLED, RunState.PARKED, RunState.SUSPENDED),
    }

"""The guard asks, before anything is applied, whether what a package says is too much to be true.

Pure judgement over counts; ``waiting`` and the walk collect them. Suspicious removals wait by themselves while the rest
flows; where ids, additions or updates are suspicious, the run waits as a whole. What waits never turns into approval by
time, and the last good data is served meanwhile.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from schoolpassport.roster.kinds import KINDS
from schoolpassport.sync.policies import NO_LIMIT, Limits

PEOPLE_OF_A_SCHOOL = ("user", "enrollment")
SMALLEST_SCHOOL = 10  # with fewer, everybody leaving at once is no sign
_ALMOST_ALL = 0.9  # of a school: a teacher of two schools stays when one is gone
_MOST = 0.8  # of those who would go: what explains so many explains the night
_NAMED = 3


class Rule(StrEnum):
    """Why something waits, for programs; the sentences are for people."""

    TOO_MANY_REMOVALS = "too many removals"
    TOO_MANY_OF_A_SCHOOL = "too many removals in a school"
    SCHOOL_VANISHED = "school vanished"
    GRADE_VANISHED = "grade vanished"
    BOUND = "bound to what waits"
    ONE_WITNESS = "not enough witnesses"
    NO_NEWLINE = "no line end at the end"
    FEWER_ROWS = "fewer rows than announced"
    OTHER_COLUMNS = "other columns"
    COLUMN_GONE = "column gone"
    REMOVALS_REST = "removals rest"
    IMPORTS_REST = "imports rest"
    OTHER_IDS = "other ids"
    NO_ROWS = "no rows"
    ZEROS_LOST = "zeros lost"
    TOO_MANY_ADDITIONS = "too many additions"
    TOO_MANY_UPDATES = "too many updates"


@dataclass(frozen=True, kw_only=True)
class KindFacts:
    """One kind, before the run is applied."""

    standing: int  # records that stand for this source
    removed: int  # of which the package says so: those that go tonight, and those that begin to wait
    added: int
    updated: int
    restored: int
    rejected: int
    met: int = 0  # new ids of records that stand, found again by what else they say
    expected: int = 0  # removals among them that were announced
    strangers: int = 0  # people under known ids whose names are both others than they were
    removed_by_school: dict[UUID, int] = field(default_factory=dict)
    added_by_school: dict[UUID, int] = field(default_factory=dict)
    updated_by_school: dict[UUID, int] = field(default_factory=dict)
    examples: tuple[str, ...] = ()  # the source's ids of some that would go


@dataclass(frozen=True, kw_only=True)
class Reason:
    """``school``, ``grade``: only removals of that school, or of that grade in it."""

    rule: str
    kind: str
    sentence: str
    school: UUID | None = None
    grade: str = ""


@dataclass(frozen=True, kw_only=True)
class Schools:
    """Names of the schools, and how many records of a kind stand in each."""

    names: dict[UUID, str]
    standing: dict[tuple[str, UUID], int]
    vanished: tuple[UUID, ...] = ()  # schools whose own record would go

    def name(self, school: UUID) -> str:
        return self.names.get(school, str(school))


_PLAIN_CAUSES: Mapping[str, str] = {
    Rule.ZEROS_LOST: (
        "A spreadsheet has taken zeros away from the front of ids. They are no new ids, and this is no migration."
    ),
    Rule.NO_ROWS: "The export failed, or nothing was selected for it. Export it again.",
}
_NAMES_IDS = {Rule.ZEROS_LOST}
NO_SCHOOLS = Schools(names={}, standing={})


# ---------------------------------------------------------------------------------------------- removals of one kind


@dataclass(frozen=True, kw_only=True)
class Removals:
    """Removals of a kind that have their witnesses, those that wait for a person already among them."""

    kind: str
    by_school: dict[UUID, int] = field(default_factory=dict)
    by_grade: dict[tuple[UUID, str], tuple[int, int]] = field(default_factory=dict)  # how many go, of how many


def of_schools(*, limits: Limits, removals: Removals, schools: Schools) -> list[Reason]:
    """Which schools, or grades of schools, lose too much; what they lose waits, the others' flows."""
    limits = limits.of_kind(removals.kind)
    found = [
        Reason(
            rule=Rule.SCHOOL_VANISHED,
            kind="org",
            school=school,
            sentence=f"The school “{schools.name(school)}” is no longer there.",
        )
        for school in schools.vanished
        if removals.kind == "org"
    ]
    if removals.kind == "org":
        return found
    for school, removed in sorted(removals.by_school.items(), key=str):
        found.extend(_of_school(limits, removals.kind, school, removed, schools))
    known = {reason.school for reason in found}
    found.extend(
        Reason(
            rule=Rule.GRADE_VANISHED,
            kind=removals.kind,
            school=school,
            grade=grade,
            sentence=f"All {standing:,} students of grade {grade} of “{schools.name(school)}” would be removed.",
        )
        for (school, grade), (removed, standing) in sorted(removals.by_grade.items(), key=str)
        if school not in known and removed >= standing >= SMALLEST_SCHOOL
    )
    return found


def _of_school(limits: Limits, kind: str, school: UUID, removed: int, schools: Schools) -> list[Reason]:
    standing, plural = schools.standing.get((kind, school), 0), KINDS[kind].plural
    if kind in PEOPLE_OF_A_SCHOOL and removed >= standing >= SMALLEST_SCHOOL:
        sentence = f"All {standing:,} {plural} of “{schools.name(school)}” would be removed."
        return [Reason(rule=Rule.SCHOOL_VANISHED, kind=kind, school=school, sentence=sentence)]
    share, count = limits.school_removed_share, limits.school_removed_count
    if standing < limits.minimum_base or (removed <= share * standing and removed <= count):
        return []
    return [
        Reason(
            rule=Rule.TOO_MANY_OF_A_SCHOOL,
            kind=kind,
            school=school,
            sentence=f"{removed:,} of {standing:,} {plural} of “{schools.name(school)}” ({removed / standing:.1%}) "
            f"would be removed; up to {share:.0%} and {count:,} of a school pass without asking.",
        )
    ]


def of_kind(*, limits: Limits, kind: str, standing: int, removed: int) -> Reason | None:
    """Whether a kind as a whole loses too much."""
    limits = limits.of_kind(kind)
    if standing < limits.minimum_base or not removed:
        return None
    share = removed / standing
    if share <= limits.removed_share and removed <= limits.removed_count:
        return None
    return Reason(
        rule=Rule.TOO_MANY_REMOVALS,
        kind=kind,
        sentence=f"{removed:,} of {standing:,} {KINDS[kind].plural} ({share:.1%}) would be removed; "
        f"up to {limits.removed_share:.0%} and {limits.removed_count:,} pass without asking.",
    )


# ------------------------------------------------------------------------------------------------ the run as a whole


def of_run(*, limits: Limits, kinds: dict[str, KindFacts], schools: Schools) -> list[Reason]:
    """Why this run should wait for a person as a whole; empty when it need not."""
    found: list[Reason] = []
    for kind, facts in kinds.items():
        found.extend(_other_ids(limits.of_kind(kind), kind, facts))
        found.extend(_too_many_changes(limits.of_kind(kind), kind, facts, schools))
    return found


def _other_ids(limits: Limits, kind: str, facts: KindFacts) -> list[Reason]:
    if facts.standing < limits.minimum_base:
        return []
    if facts.strangers > (1 - limits.overlap_share) * facts.standing:
        sentence = (
            f"{facts.strangers:,} ids of the {facts.standing:,} {KINDS[kind].plural} that stand belong to people of "
            f"other names in the package (at least {limits.overlap_share:.0%} are expected to mean whom they meant)."
        )
        return [Reason(rule=Rule.OTHER_IDS, kind=kind, sentence=sentence)]
    overlap = 1 - (facts.removed - facts.expected) / facts.standing
    if overlap >= limits.overlap_share:
        return []
    return [
        Reason(
            rule=Rule.OTHER_IDS,
            kind=kind,
            sentence=f"Only {_below(overlap, limits.overlap_share)} of the ids of {KINDS[kind].plural} that stand are "
            "in the package "
            f"(at least {limits.overlap_share:.0%} are expected).",
        )
    ]


def _below(share: float, limit: float) -> str:
    """A share under a limit, that does not seem to be the limit."""
    return f"{share:.0%}" if f"{share:.0%}" != f"{limit:.0%}" else f"{math.floor(share * 1000) / 1000:.1%}"


def of_empty(emptied: Mapping[str, str]) -> list[Reason]:
    """Files that must come, and came with their header alone: each by its name, for one of the kinds that it feeds."""
    return [
        Reason(
            rule=Rule.NO_ROWS,
            kind=kind,
            sentence=f"{file} has nothing below its header, and had rows before. If that is right, approve it once.",
        )
        for kind, file in {file: (kind, file) for kind, file in emptied.items()}.values()
    ]


def _passing(share: float, count: int) -> str:
    return f"up to {share:.0%}" + (f" and {count:,}" if count < NO_LIMIT else "")


def _too_many_changes(limits: Limits, kind: str, facts: KindFacts, schools: Schools) -> list[Reason]:
    plural, found = KINDS[kind].plural, []
    added = (Rule.TOO_MANY_ADDITIONS, "added", facts.added, limits.added_share, limits.added_count)
    updated = (Rule.TOO_MANY_UPDATES, "changed", facts.updated, limits.updated_share, limits.updated_count)
    for rule, word, number, share, count in (added, updated):
        if facts.standing >= limits.minimum_base and (number > share * facts.standing or number > count):
            sentence = (
                f"{number:,} {plural} would be {word}, and {facts.standing:,} stand; "
                f"{_passing(share, count)} pass without asking."
            )
            found.append(Reason(rule=rule, kind=kind, sentence=sentence))
    if found:
        return found
    share, count = limits.school_added_share, limits.school_added_count
    added_ = (Rule.TOO_MANY_ADDITIONS, "added", facts.added_by_school, share, count)
    share, count = limits.school_updated_share, limits.school_updated_count
    updated_ = (Rule.TOO_MANY_UPDATES, "changed", facts.updated_by_school, share, count)
    for rule, word, by_school, share, count in (added_, updated_):
        for school, number in sorted(by_school.items(), key=str):
            standing = schools.standing.get((kind, school), 0)
            if standing >= limits.minimum_base and (number > share * standing or number > count):
                sentence = (
                    f"{number:,} {plural} of “{schools.name(school)}” would be {word}, and {standing:,} stand; "
                    f"{_passing(share, count)} of a school pass without asking."
                )
                found.append(Reason(rule=rule, kind=kind, school=school, sentence=sentence))
    return found


# ----------------------------------------------------------------------------------------------------- what is told


def likely_cause(found: list[Reason], kinds: dict[str, KindFacts], schools: Schools = NO_SCHOOLS) -> str:
    """A guess, in plain words, at what happened at the source."""
    rules, concerned = {r.rule for r in found}, {r.kind for r in found}
    if plain := next((cause for rule, cause in _PLAIN_CAUSES.items() if rule in rules), ""):
        return plain
    if migrates := _migrates(found, kinds):
        return migrates
    if gone := _schools_gone(kinds, schools):
        names = ", ".join(f"“{name}”" for name in gone[:_NAMED])
        more = f" and {len(gone) - _NAMED} more schools" if len(gone) > _NAMED else ""
        return (
            f"Hardly anybody of {names}{more} is in the export any more: closed, renamed, or not selected in the SIS."
        )
    if Rule.COLUMN_GONE in rules:
        return "A column has another name than before, or is not exported any more."
    if rules == {Rule.SCHOOL_VANISHED} or "org" in concerned:
        return "A school is not in the export any more: closed, renamed, or not selected in the SIS."
    if "academicSession" in concerned or (kinds.get("academicSession") and kinds["academicSession"].added):
        return "Terms change too: this may be the change of term or school year."
    if rules <= {Rule.TOO_MANY_ADDITIONS, Rule.TOO_MANY_UPDATES}:
        return "The export may have been widened, or its columns or a mapping changed."
    return "The export may be cut off or filtered. Compare its number of rows with yesterday's."


def _migrates(found: list[Reason], kinds: dict[str, KindFacts]) -> str:
    """Why this seems to be a migration; empty if it does not."""
    if any(r.rule == Rule.ZEROS_LOST for r in found):
        return ""
    other = [r.kind for r in found if r.rule == Rule.OTHER_IDS]
    if any(kinds[kind].strangers for kind in other):
        return (
            "The ids that stand mean other people: the source seems to have numbered its records anew (another SIS). "
            "A migration?"
        )
    renamed = [kind for kind in other if kinds[kind].added + kinds[kind].met >= kinds[kind].removed / 2]
    if not renamed:
        return ""
    return (
        f"As many {KINDS[renamed[0]].plural} arrive as leave: the source seems to give its records new ids "
        "(another SIS, or another column as sourcedId). A migration?"
    )


def _schools_gone(kinds: dict[str, KindFacts], schools: Schools) -> list[str]:
    """Names of the schools that lose all but the few of several schools, where that is most of what would go."""
    for kind in (k for k in PEOPLE_OF_A_SCHOOL if k in kinds):
        lost = kinds[kind].removed_by_school
        standing = {s: schools.standing.get((kind, s), 0) for s in lost}
        gone = [s for s, n in lost.items() if n >= _ALMOST_ALL * standing[s] and standing[s] >= SMALLEST_SCHOOL]
        if gone and sum(lost[s] for s in gone) >= _MOST * sum(lost.values()):
            return sorted(schools.name(s) for s in gone)
    return []


def report(*, found: list[Reason], kinds: dict[str, KindFacts], schools: Schools) -> dict[str, object]:
    """What the person who decides should see."""
    return {
        "reasons": told(found),
        "likely_cause": likely_cause(found, kinds, schools),
        "migration": bool(_migrates(found, kinds)),
        "kinds": {
            name: {
                "standing": f.standing,
                "removed": f.removed,
                "added": f.added,
                "updated": f.updated,
                "restored": f.restored,
                "rejected": f.rejected,
                "examples": list(f.examples),
            }
            for name, f in kinds.items()
        },
        "schools": [
            {"school": str(school), "name": schools.names.get(school, ""), "kind": kind, "removed": removed}
            for kind, f in kinds.items()
            for school, removed in sorted(f.removed_by_school.items(), key=lambda item: -item[1])
        ],
    }


def without_ids(reported: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """A report as it may be told where no value of a record may stand: of what is left out, the cause says enough."""
    if reported is None:
        return None
    return {**reported, "reasons": [r for r in reported["reasons"] if r["rule"] not in _NAMES_IDS]}


def told(found: list[Reason]) -> list[dict[str, str]]:
    return [{"rule": str(r.rule), "kind": r.kind, "sentence": r.sentence} for r in found]

"""The guard asks, before anything is applied, whether a run is too much to be true.

Pure judgement over counts; the walk collects them. A held run waits for a person; it never turns into approval by
time, and the last good data is served meanwhile.
"""

from dataclasses import dataclass, field
from uuid import UUID

from schoolpassport.roster.kinds import KINDS
from schoolpassport.sync.models import Limits

PEOPLE_OF_A_SCHOOL = ("user", "enrollment")
SMALLEST_SCHOOL = 10  # with fewer, everybody leaving at once is no sign


@dataclass(frozen=True, kw_only=True)
class KindFacts:
    """One kind, before the run is applied."""

    standing: int  # records that stand for this source
    removed: int
    added: int
    updated: int
    restored: int
    rejected: int
    removed_by_school: dict[UUID, int] = field(default_factory=dict)
    examples: tuple[str, ...] = ()  # the source's ids of some that would go


@dataclass(frozen=True, kw_only=True)
class Reason:
    rule: str
    kind: str
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Schools:
    """Names of the schools, and how many records of a kind stand in each."""

    names: dict[UUID, str]
    standing: dict[tuple[str, UUID], int]
    vanished: tuple[UUID, ...] = ()  # schools whose own record would go


def reasons(*, limits: Limits, kinds: dict[str, KindFacts], schools: Schools) -> list[Reason]:
    """Why this run should wait for a person; empty when it need not."""
    found: list[Reason] = []
    for kind, facts in kinds.items():
        found.extend(_too_many(limits, kind, facts))
        found.extend(_other_ids(limits, kind, facts))
    found.extend(
        Reason(
            rule="school vanished", kind="org", sentence=f"The school “{schools.names.get(s, s)}” is no longer there."
        )
        for s in schools.vanished
    )
    found.extend(_emptied(kinds, schools))
    return found


def _too_many(limits: Limits, kind: str, facts: KindFacts) -> list[Reason]:
    if facts.standing < limits.minimum_base or not facts.removed:
        return []
    share = facts.removed / facts.standing
    if share <= limits.removed_share and facts.removed <= limits.removed_count:
        return []
    return [
        Reason(
            rule="too many removals",
            kind=kind,
            sentence=f"{facts.removed:,} of {facts.standing:,} {KINDS[kind].plural} ({share:.1%}) would be removed; "
            f"up to {limits.removed_share:.0%} and {limits.removed_count:,} pass without asking.",
        )
    ]


def _other_ids(limits: Limits, kind: str, facts: KindFacts) -> list[Reason]:
    if facts.standing < limits.minimum_base:
        return []
    overlap = 1 - facts.removed / facts.standing
    if overlap >= limits.overlap_share:
        return []
    return [
        Reason(
            rule="other ids",
            kind=kind,
            sentence=f"Only {overlap:.0%} of the ids of {KINDS[kind].plural} that stand are in the package "
            f"(at least {limits.overlap_share:.0%} are expected).",
        )
    ]


def _emptied(kinds: dict[str, KindFacts], schools: Schools) -> list[Reason]:
    found = []
    for kind in PEOPLE_OF_A_SCHOOL:
        facts = kinds.get(kind)
        for school, removed in sorted((facts.removed_by_school if facts else {}).items(), key=str):
            standing = schools.standing.get((kind, school), 0)
            if school not in schools.vanished and removed >= standing >= SMALLEST_SCHOOL:
                name = schools.names.get(school, str(school))
                found.append(
                    Reason(
                        rule="school vanished",
                        kind=kind,
                        sentence=f"All {standing:,} {KINDS[kind].plural} of “{name}” would be removed.",
                    )
                )
    return found


def likely_cause(found: list[Reason], kinds: dict[str, KindFacts]) -> str:
    """A guess, in plain words, at what happened at the source."""
    rules = {r.rule for r in found}
    renamed = [r.kind for r in found if r.rule == "other ids" and kinds[r.kind].added >= kinds[r.kind].removed / 2]
    if renamed:
        return (
            f"As many {KINDS[renamed[0]].plural} arrive as leave: the source seems to give its records new ids "
            "(another SIS, or another column as sourcedId)."
        )
    if rules == {"school vanished"} or "org" in {r.kind for r in found}:
        return "A school is not in the export any more: closed, renamed, or not selected in the SIS."
    if "academicSession" in {r.kind for r in found} or (
        kinds.get("academicSession") and kinds["academicSession"].added
    ):
        return "Terms change too: this may be the change of term or school year."
    return "The export may be cut off or filtered. Compare its number of rows with yesterday's."


def report(*, found: list[Reason], kinds: dict[str, KindFacts], schools: Schools) -> dict[str, object]:
    """What the person who decides should see."""
    return {
        "reasons": [{"rule": r.rule, "kind": r.kind, "sentence": r.sentence} for r in found],
        "likely_cause": likely_cause(found, kinds),
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

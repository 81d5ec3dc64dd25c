"""A rehearsal as data: for pages and scripts, and for keeping beside what waits. Ids and counts, no values."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from schoolpassport.roster.records import ALTOGETHER
from schoolpassport.sync.contract import Reach
from schoolpassport.sync.rehearsal import Rehearsed

_MOST = 500  # lines about single schools; those about a kind altogether are all kept


def reach(rehearsed: Rehearsed) -> list[dict[str, Any]]:
    """What each application would see: a kind altogether first, then the schools where most would be lost."""
    return reached(rehearsed.reach, names=rehearsed.schools)


def reached(found: Iterable[Reach], *, names: Mapping[UUID, str]) -> list[dict[str, Any]]:
    """The same of what was found otherwise. ``names``: of schools."""
    every = list(found)
    whole = [r for r in every if r.school == ALTOGETHER]
    of_schools = [r for r in every if r.school != ALTOGETHER]
    of_schools.sort(key=lambda r: (-r.lost, -r.changed, -r.gained))
    return [_reach(r, names) for r in (*whole, *of_schools[:_MOST])]


def _reach(found: Reach, names: Mapping[UUID, str]) -> dict[str, Any]:
    return {
        "application": found.application,
        "integration": str(found.integration_id),
        "kind": found.kind,
        "school": _name(found.school, names),
        "lost": found.lost,
        "gained": found.gained,
        "changed": found.changed,
        "remapped": found.remapped,
        "examples": {turn: [str(id_) for id_ in ids] for turn, ids in found.examples.items()},
        "attributes": list(found.attributes),
    }


def rehearsal(rehearsed: Rehearsed) -> dict[str, Any]:
    """All of it. Values of records are in ``differences`` alone."""
    return {
        "verdict": rehearsed.verdict,
        "message": rehearsed.message,
        "hold": rehearsed.hold,
        "effects": effects(rehearsed),
        "differences": [
            {
                "kind": d.kind,
                "id": str(d.id),
                "change": d.change,
                "attributes": {name: list(pair) for name, pair in d.attributes.items()},
            }
            for d in rehearsed.differences
        ],
        "reach": reach(rehearsed),
        "findings": [
            {"severity": f.severity, "rule": f.rule, "file": f.file, "column": f.column, "count": f.count}
            for f in rehearsed.findings
        ],
    }


def effects(rehearsed: Rehearsed) -> list[dict[str, Any]]:
    names = ("added", "updated", "removed", "restored", "rejected", "waiting")
    return [
        {"kind": e.kind, "school": _name(e.school, rehearsed.schools), **{n: getattr(e, n) for n in names}}
        for e in rehearsed.effects
    ]


def _name(school: UUID, names: Mapping[UUID, str]) -> str | None:
    return None if school == ALTOGETHER else names.get(school, str(school))

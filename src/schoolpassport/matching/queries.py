from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from schoolpassport.kit.columns import COPY_TEXT, Columns, literal
from schoolpassport.matching import people, scoring
from schoolpassport.matching.models import Proposal, State
from schoolpassport.matching.scoring import told
from schoolpassport.roster import queries as roster
from schoolpassport.sources import queries as sources
from schoolpassport.tenancy import scope

_SHOWN = ("given_name", "family_name", "role", "grades", "identifier", "email")


def proposals(*, district_id: UUID, state: str = State.OPEN, at_least: float = 0.0, limit: int = 100) -> list[Proposal]:
    """The most probable first. An empty state means all."""
    found = Proposal.objects.filter(district_id=district_id, probability__gte=at_least)
    if state:
        found = found.filter(state=state)
    return list(found.order_by("-probability", "number")[:limit])


def proposal(*, district_id: UUID, number: int) -> dict[str, Any] | None:
    """One proposal with both people as they stand now and what speaks for and against it, in words."""
    found = Proposal.objects.filter(district_id=district_id, number=number).first()
    if found is None:
        return None
    return {
        **as_data(found),
        "people": next(iter(both(district_id=district_id, proposals=[found]))),
        "waterfall": told(found.evidence),
    }


def both(*, district_id: UUID, proposals: Iterable[Proposal]) -> list[list[dict[str, Any]]]:
    """Of each proposal the two people as they stand now, and what sources call them. In as many queries as for one."""
    pairs = [(p.left_id, p.right_id) for p in proposals]
    people_ = _people(district_id, {id_ for pair in pairs for id_ in pair})
    return [[people_[id_] for id_ in pair] for pair in pairs]


def as_data(found: Proposal) -> dict[str, Any]:
    """A proposal for pages and scripts, without anything about the people."""
    return {
        "proposal": found.number,
        "state": found.state,
        "probability": min(round(found.probability, 4), 0.9999),  # nothing proposed is certain
        "left": str(found.left_id),
        "right": str(found.right_id),
        "reasons": list(in_words(found.evidence)[:3]),
        "revision": found.revision,
        "decided_by": found.decided_by or None,
        "decided_at": found.decided_at,
        "ask_again_on": found.ask_again_on,
    }


def compare(db: Columns, known: Path, *, district_id: UUID, join: Callable[[], None]) -> None:
    """Make ``pair`` (left_id, right_id, probability, evidence) and ``person`` (unique_id, part) of people.

    ``known``: as ``roster.queries.export_people`` wrote them. ``join`` puts others beside them, into ``people``; who
    is fresh there is compared with everybody, whatever part they play.
    """
    people.take(db, known)
    join()
    scoring.score(
        db,
        several_roles=True,
        tell=lambda: tell_sources(db, district_id=district_id, folder=known.parent),
    )


def tell_sources(db: Columns, *, district_id: UUID, folder: Path) -> None:
    """Let the DuckDB know which sources speak of whoever stands in ``pair``; of others nobody asks."""
    asked, told_ = folder / "asked.tsv", folder / "speakers.csv"
    ids = "SELECT left_id FROM pair UNION SELECT right_id FROM pair"
    db.execute(f"COPY ({ids}) TO {literal(str(asked))} ({COPY_TEXT})")
    with scope.inside(district_id):
        roster.export_speakers(district_id=district_id, ids=asked, into=told_)
    people.tell_sources(db, told_)


def in_words(evidence: list[dict[str, object]]) -> tuple[str, ...]:
    """What speaks for one person, what weighs most first."""
    return tuple(str(r["says"]) for r in told(evidence) if float(str(r["weight"])) > 0)


def _people(district_id: UUID, ids: set[UUID]) -> dict[UUID, dict[str, Any]]:
    records = roster.records_of(district_id=district_id, kind="user", ids=ids)
    born = roster.records_of(district_id=district_id, kind="demographics", ids=ids)
    keys = roster.keys_of(district_id=district_id, kind="user", ids=ids)
    schools = roster.school_names(district_id=district_id)
    names = sources.names(district_id=district_id)
    return {
        id_: {
            **_person(id_, records.get(id_, {}), schools),
            "birth_date": born.get(id_, {}).get("birth_date"),
            "sources": [{"source": names.get(source, str(source)), "id": key} for source, key in keys.get(id_, [])],
        }
        for id_ in ids
    }


def _person(id_: UUID, record: Mapping[str, Any], schools: Mapping[UUID, str]) -> dict[str, Any]:
    return {
        "id": str(id_),
        "status": record.get("status"),
        **{name: record.get(name) for name in _SHOWN},
        "schools": [schools.get(org, str(org)) for org in record.get("orgs") or []],
    }

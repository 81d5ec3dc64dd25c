"""Rows of a source that only adds, which found nobody: whom they probably mean, and what a person says about it.

Nothing that such rows say is kept. Whoever looks reads them again from the last package that was taken, for as long as
packages are kept; what was decided is kept: a link, or a refusal.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, TypeVar
from uuid import UUID

from schoolpassport.kit.columns import quoted
from schoolpassport.matching import actions, decisions, policies
from schoolpassport.matching import queries as matching
from schoolpassport.roster import actions as roster
from schoolpassport.roster import queries
from schoolpassport.roster.kinds import KINDS
from schoolpassport.roster.models import Refusal
from schoolpassport.sources import queries as sources
from schoolpassport.sources.models import Source, SourceRole
from schoolpassport.sources.schemas import SCHEMAS
from schoolpassport.sync import rehearsal
from schoolpassport.sync import walk as walks
from schoolpassport.sync.models import Run
from schoolpassport.sync.workbench import Bench, glance
from schoolpassport.tenancy import scope

_USER, _BESIDE = KINDS["user"], KINDS["demographics"]
Said = TypeVar("Said")
_MOST: Final = 3  # records that are shown for one row


class NotRead(Exception):
    """There is nothing to be looked at; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Probably:
    """A row, as the source calls it, and whom it probably means. ``reasons`` in words, what weighs most first."""

    key: str
    line: int
    record_id: UUID
    probability: float
    reasons: tuple[str, ...]


def probable(*, district_id: UUID, source: str, today: date) -> list[Probably]:
    """Whom the rows of the last package mean that found nobody, the most probable first. Nothing is changed.

    What a person refused is not among it. Raises ``NotRead``.
    """
    with scope.inside(district_id):
        found = _source(district_id, source)
        taken = Run.objects.filter(district_id=district_id, source_id=found.id, revision__isnull=False)
        last = taken.order_by("-number").first()
        held = sources.settings(district_id=district_id, source_id=found.id)
    if found.role != SourceRole.ENRICHMENT or last is None:
        raise NotRead(f"{found.name} brought no rows that could find nobody: it is no source that only adds, or new.")
    try:
        with (
            rehearsal.own_copy(last) as origin,
            glance(district_id=district_id, source_id=found.id, settled=found.settled) as bench,
        ):
            walk = walks.Walk(bench=bench, source=found, settings=held, watch=lambda _: None, today=today)
            walks.collect(walk, origin)
            walks.inspect(walk)
            walks.settle(walk)
            return _scored(walk) if bench.any("nobody_user") else []
    except (rehearsal.NotThere, walks.Refused) as gone:
        raise NotRead(f"The last package of {found.name} cannot be read again. {gone}") from gone


def link(*, district_id: UUID, source: str, key: str, record_id: UUID, by: str, now: datetime) -> None:
    """The row means that person; its next night adds to them. Raises ``NotJoined`` and ``Busy``."""
    _say(roster.link, district_id, source, key=key, record_id=record_id, by=by, now=now)


def refuse(*, district_id: UUID, source: str, key: str, record_id: UUID, by: str, now: datetime) -> None:
    """The row does not mean that person, whatever speaks for it. Raises ``NotJoined`` and ``Busy``."""
    _say(roster.refuse, district_id, source, key=key, record_id=record_id, by=by, now=now)


def undo_refuse(*, district_id: UUID, source: str, key: str, record_id: UUID, by: str, now: datetime) -> None:
    """Take a refusal back: the row may mean that person. What was told apart only by it is open again.

    Raises ``NotJoined`` and ``Busy``.
    """
    with scope.inside(district_id):
        refusal = _say(roster.undo_refuse, district_id, source, key=key, record_id=record_id, by=by, now=now)
        means = queries.meant(district_id=district_id, source_id=refusal.source_id, kind=_USER.name, keys=[key])
        if key in means and means[key] != record_id:
            actions.reopened(
                district_id=district_id,
                pair=(means[key], record_id),
                decided_by=refusal.by,
                decided_at=refusal.at,
                by=by,
                now=now,
            )


def refused(*, district_id: UUID, source: str) -> list[Refusal]:
    """What a person said that rows of a source do not mean, newest first."""
    with scope.inside(district_id):
        return queries.refused(district_id=district_id, source_id=_source(district_id, source).id)


def _say(
    act: Callable[..., Said], district_id: UUID, source: str, *, key: str, record_id: UUID, by: str, now: datetime
) -> Said:
    with scope.inside(district_id):
        return act(
            district_id=district_id,
            kind=_USER.name,
            source_id=_source(district_id, source).id,
            key=key,
            record_id=record_id,
            by=by,
            now=now,
            authority=decisions.authority(district_id=district_id),
        )


def _source(district_id: UUID, name: str) -> Source:
    return sources.source(district_id=district_id, id_or_name=name)


# ------------------------------------------------------------------------------------------------------------- scoring


def _scored(walk: walks.Walk) -> list[Probably]:
    bench, district_id, source_id = walk.bench, walk.source.district_id, walk.source.id
    db, known = bench.db, bench.places.work / "people.csv"
    with scope.inside(district_id):
        now = queries.current_revision(district_id=district_id)
        naming = sources.naming_by_id(district_id=district_id)
        queries.export_people(district_id=district_id, since=now, naming=naming, into=known)  # of whom nobody is new
        apart = queries.parted(district_id=district_id, source_id=source_id, kind=_USER.name)
    # Accounts rarely say what somebody is; only where they do, it must be the same (below).
    matching.compare(db, known, district_id=district_id, join=lambda: _join_them(walk))
    known.unlink()
    db.execute("CREATE TABLE refused (key VARCHAR, id UUID)")
    if apart:
        db.executemany("INSERT INTO refused VALUES (?, ?)", apart)
    several = policies.several_roles(walk.settings.get("identity"))
    rows = db.execute(
        "SELECT s.key, s.line, t.id, p.probability, p.evidence FROM pair p "
        "JOIN stranger s ON s.id IN (p.left_id, p.right_id) "
        "JOIN people t ON t.id IN (p.left_id, p.right_id) AND NOT t.fresh "
        "JOIN person a ON a.id = s.id JOIN person b ON b.id = t.id "
        "ANTI JOIN idmap_user i ON i.id = t.id ANTI JOIN refused r ON r.key = s.key AND r.id = t.id "
        f"WHERE {several} OR s.role IS NULL OR a.part = b.part "
        f"QUALIFY row_number() OVER (PARTITION BY s.key ORDER BY p.probability DESC, t.id) <= {_MOST} "
        "ORDER BY p.probability DESC, s.key, t.id"
    ).fetchall()
    return [_probably(*row) for row in rows]


def _probably(key: str, line: int, id_: UUID, probability: float, evidence: str) -> Probably:
    reasons = matching.in_words(json.loads(evidence))
    return Probably(key=key, line=line, record_id=id_, probability=probability, reasons=reasons)


def _join_them(walk: walks.Walk) -> None:
    """``stranger`` (id, key, line, role); and the rows among the ``people``, as the fresh ones."""
    db = walk.bench.db
    db.execute(
        f"CREATE TABLE stranger AS SELECT uuidv7() AS id, c.key, c.line, {_cell(walk, 'role')} AS role "
        "FROM cand_user c SEMI JOIN nobody_user n ON c.line = n.line"
    )
    born, sex = (_beside(walk.bench, name) for name in ("birthDate", "sex"))
    values = {
        "sources": f"['{walk.source.id}']",
        "role": "s.role",
        "given_name": _cell(walk, "givenName"),
        "family_name": _cell(walk, "familyName"),
        "middle_name": _cell(walk, "middleName"),
        "preferred_name": _cell(walk, "preferredFirstName"),
        "birth_date": f"TRY_CAST({born} AS DATE)",
        "sex": sex,
        "email": _cell(walk, "email"),
        "phone": f"coalesce({_cell(walk, 'phone')}, {_cell(walk, 'sms')})",
        "identifier": _cell(walk, "identifier"),
        "username": _username(walk),
        "grade": f"string_split({_cell(walk, 'grades')}, ',')[1]",
        "fresh": "true",
    }
    db.execute(
        f"INSERT INTO people (id, {', '.join(values)}) SELECT s.id, {', '.join(values.values())} "
        "FROM stranger s JOIN cand_user c ON s.line = c.line LEFT JOIN (SELECT * FROM cand_demographics "
        "QUALIFY row_number() OVER (PARTITION BY key ORDER BY line) = 1) d ON d.key = c.key"
    )


def _username(walk: walks.Walk) -> str:
    """SQL: what a row ``c`` gives as one, and not the id in its place."""
    given = _cell(walk, "username")
    if not SCHEMAS[walk.source.schema].names_by_id:
        return given
    return f"CASE WHEN NOT coalesce(ends_with(c.key, {given}), false) THEN {given} END"


def _cell(walk: walks.Walk, attribute: str) -> str:
    """SQL: what a row ``c`` says."""
    file = next(f for f in SCHEMAS[walk.source.schema].files if f.kind is _USER)
    header = next((c.header for c in file.columns if c.field.name == attribute), "")
    return f"c.{quoted(header)}" if header else "NULL::VARCHAR"


def _beside(bench: Bench, attribute: str) -> str:
    """SQL: what the row of demographics ``d`` says, where the dialect has it."""
    found = bench.db.execute(
        "SELECT count(*) FROM duckdb_columns() WHERE table_name = ? AND column_name = ?",
        [f"cand_{_BESIDE.table}", attribute],
    ).fetchone()
    return f"d.{quoted(attribute)}" if found and found[0] else "NULL::VARCHAR"

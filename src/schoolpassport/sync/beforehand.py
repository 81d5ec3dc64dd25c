"""What other settings would make of a source's values: real rows, before and after; read, compared and thrown away."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from uuid import UUID

from schoolpassport.kit.columns import Columns, literal, quoted
from schoolpassport.sources import policies, staging
from schoolpassport.sources import queries as sources
from schoolpassport.sources.models import Source
from schoolpassport.sources.records import PLAIN, FilePlan
from schoolpassport.sources.schemas import SCHEMAS, FileSchema
from schoolpassport.sync import walk as walks
from schoolpassport.sync.preview import Unread
from schoolpassport.sync.workbench import glance
from schoolpassport.tenancy import scope


@dataclass(frozen=True, kw_only=True)
class Row:
    """One value as it would change, and the line of the file in which it stands."""

    line: int
    before: str | None
    after: str | None


@dataclass(frozen=True, kw_only=True)
class Shift:
    """What would happen to one attribute, counted over all rows.

    ``changed``: all values that would differ, ``emptied`` and ``filled`` among them. ``unread``: those that a
    transform cannot read, changed or not.
    """

    kind: str
    attribute: str
    rows: int
    changed: int
    emptied: int
    filled: int
    unread: int
    examples: tuple[Row, ...]


def shaping(
    *, district_id: UUID, source_id: UUID, origin: Path, drafts: Mapping[str, object], today: date, examples: int = 5
) -> list[Shift]:
    """Every attribute that the drafts (subject → document) would change, or would leave unread. Nothing is changed.

    Where the package cannot be read as the settings are now, all values count as new. Raises ``policies.BadPolicy``
    for drafts that cannot be taken, and ``Unread`` for a package that cannot be read with them.
    """
    with scope.inside(district_id):
        source = Source.objects.get(district_id=district_id, id=source_id)
        held = sources.settings(district_id=district_id, source_id=source_id)
    draft = held
    for subject, content in drafts.items():
        policies.check(subject, content, SCHEMAS[source.schema])
        draft = draft.draft(subject, content)
    with glance(district_id=district_id, source_id=source_id, settled=source.settled) as made:
        try:
            walk = walks.Walk(bench=made, source=source, settings=held, watch=lambda _: None, today=today)
            before = _planned_if_it_can_be(walk, origin)
            after = _planned(replace(walk, settings=draft), origin)
            return _compared(made.db, before, after, examples)
        except walks.Refused as refusal:
            raise Unread(str(refusal)) from refusal


def _compared(db: Columns, before: dict[str, FilePlan], after: dict[str, FilePlan], examples: int) -> list[Shift]:
    found: list[Shift] = []
    for kind, plan in after.items():
        if PLAIN == plan.shaped == before.get(kind, plan).shaped:
            continue
        _stage(db, plan, "after")
        if kind in before:
            _stage(db, before[kind], "before")
        else:
            db.execute(f"CREATE TABLE before_{plan.kind_table} AS FROM after_{plan.kind_table} LIMIT 0")
        found += [shift for a in _attributes(plan.schema) if (shift := _shift(db, plan, a, examples))]
    return found


def _planned(walk: walks.Walk, origin: Path) -> dict[str, FilePlan]:
    walks.collect(walk, origin)
    return {p.schema.kind.name: p for p in walk.plan.files}


def _planned_if_it_can_be(walk: walks.Walk, origin: Path) -> dict[str, FilePlan]:
    """Nothing for a package that is refused: that may be why other settings are tried."""
    try:
        return _planned(walk, origin)
    except walks.Refused:
        walk.bench.db.execute("DROP TABLE IF EXISTS finding")
        return {}


def _stage(db: Columns, plan: FilePlan, name: str) -> None:
    """Keep the values of every row under their place in the file."""
    table = plan.kind_table
    staging.stage(db, plan)
    db.execute(
        f"CREATE TABLE {name}_{table} AS SELECT r.*, {staging.line_of(db, table, 'r.place')} AS line FROM raw_{table} r"
    )
    staging.drop(db, table)


def _attributes(file: FileSchema) -> Iterable[tuple[str, str]]:
    """Attribute and column of the staged table."""
    yield "sourcedId", "key"
    yield "status", "status"
    yield from ((c.field.name, c.header) for c in file.columns)
    yield "metadata", "metadata"


def _shift(db: Columns, plan: FilePlan, attribute: tuple[str, str], examples: int) -> Shift | None:
    name, header = attribute
    cell, table = quoted(header), plan.kind_table
    column = {"key": "sourcedId"}.get(header, header)
    both = (
        f"(SELECT a.line, b.{cell} AS before, a.{cell} AS after, len(list_filter(a.faults, lambda f: "
        f"f.column = {literal(column)})) > 0 AS unread FROM after_{table} a LEFT JOIN before_{table} b USING (place))"
    )
    counted = db.execute(
        "SELECT count(*), count(*) FILTER (before IS DISTINCT FROM after), "
        "count(*) FILTER (before IS NOT NULL AND after IS NULL), "
        f"count(*) FILTER (before IS NULL AND after IS NOT NULL), count(*) FILTER (unread) FROM {both}"
    ).fetchone()
    assert counted is not None  # noqa: S101 (an aggregate has one row)
    rows, changed, emptied, filled, unread = counted
    if not changed and not unread:
        return None
    shown = db.execute(
        f"SELECT line, before, after FROM {both} WHERE before IS DISTINCT FROM after OR unread "
        f"ORDER BY unread DESC, line LIMIT {int(examples)}"
    ).fetchall()
    return Shift(
        kind=plan.schema.kind.name,
        attribute=name,
        rows=rows,
        changed=changed,
        emptied=emptied,
        filled=filled,
        unread=unread,
        examples=tuple(Row(line=line, before=b, after=a) for line, b, a in shown),
    )

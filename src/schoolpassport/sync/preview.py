"""What filters would do to a package: read, counted by kind and school, and thrown away."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

from schoolpassport.kit.columns import literal, quoted
from schoolpassport.quality import filtering, policies
from schoolpassport.roster.kinds import KINDS
from schoolpassport.sources import queries as sources
from schoolpassport.sources import staging
from schoolpassport.sources.models import Source
from schoolpassport.sources.records import FilePlan, Mode
from schoolpassport.sources.schemas import SCHEMAS, FileSchema
from schoolpassport.sync import difference
from schoolpassport.sync import walk as walks
from schoolpassport.sync.workbench import glance
from schoolpassport.tenancy import scope

_EXAMPLES = 5


class Unread(Exception):
    """The package cannot be read; the message is for the person who sent it."""


@dataclass(frozen=True, kw_only=True)
class Preview:
    """Rows of one kind in one school (or altogether: ``school`` is empty) that pass, do not, or go with those."""

    kind: str
    school: str
    passing: int
    out: int
    linked: int
    examples: tuple[str, ...] = ()  # ids of some that would not be taken


def filters(*, district_id: UUID, source_id: UUID, origin: Path, content: object, today: date) -> list[Preview]:
    """What a package would bring under these filters; nothing is changed. Raises ``NotUnderstood``, ``Unread``."""
    policies.filters(content)
    with scope.inside(district_id):
        source = Source.objects.get(district_id=district_id, id=source_id)
        held = sources.settings(district_id=district_id, source_id=source_id).draft("filters", content)
    with glance(district_id=district_id, source_id=source_id, settled=source.settled) as made:
        walk = walks.Walk(
            bench=made,
            source=source,
            settings=held,
            watch=lambda _: None,
            today=today,
        )
        try:
            walks.collect(walk, origin)
            return _counted(walk)
        except walks.Refused as refusal:
            raise Unread(str(refusal)) from refusal


def _counted(walk: walks.Walk) -> list[Preview]:
    db, found = walk.bench.db, []
    walk.bench.load_states()
    db.execute("CREATE TABLE school (key VARCHAR, name VARCHAR)")
    planned = {p.schema.kind.name: p for p in walk.plan.files}
    columns = {f.kind.name: f.columns for f in SCHEMAS[walk.source.schema].files}
    for kind in KINDS.values():
        plan = planned.get(kind.name)
        if plan is None:
            staging.empty(db, kind.table, columns.get(kind.name, ()))
            filtering.nothing_out(db, kind.table)
        else:
            found += _kind(walk, plan)
        difference.nothing_said(db, kind.table)
        staging.drop_rows(db, kind.table)
    return found


def _kind(walk: walks.Walk, plan: FilePlan) -> list[Preview]:
    db, table, name = walk.bench.db, plan.kind_table, plan.schema.kind.name
    staging.stage(db, plan)
    db.execute(f"CREATE TABLE told_{table} AS SELECT key, {_schools(plan.schema)} AS schools FROM raw_{table}")
    if name == "org":
        db.execute("INSERT INTO school SELECT key, any_value(name) FROM raw_org WHERE key IS NOT NULL GROUP BY key")
    whole = frozenset(p.schema.kind.name for p in walk.plan.files if p.mode is Mode.BULK)
    filtering.choose(db, plan, walk.filters, whole=whole, today=walk.today)
    examples = db.execute(f"SELECT DISTINCT key FROM out_{table} ORDER BY key LIMIT {_EXAMPLES}").fetchall()
    rows = db.execute(
        f"SELECT coalesce(s.name, t.school), count(*) FILTER (o.own IS NULL), count(*) FILTER (o.own), "
        f"count(*) FILTER (NOT o.own) FROM (SELECT key, unnest(list_concat([''], list_distinct(schools))) AS school "
        f"FROM told_{table}) t LEFT JOIN (SELECT key, bool_or(filter = {literal(name)}) AS own FROM out_{table} "
        f"GROUP BY key) o ON t.key = o.key LEFT JOIN school s ON t.school = s.key GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return [
        Preview(
            kind=name,
            school=school,
            passing=passing,
            out=out,
            linked=linked,
            examples=() if school else tuple(key for (key,) in examples),
        )
        for school, passing, out, linked in rows
    ]


def _schools(schema: FileSchema) -> str:
    """SQL: the schools that a row names, as a list."""
    kind = schema.kind
    if kind.school == "id":
        return "[key]"
    header = next((c.header for c in schema.columns if c.field.name == kind.school), None)
    if header is None:
        return "CAST([] AS VARCHAR[])"
    each = f"list_transform(string_split(coalesce({quoted(header)}, ''), ','), lambda e: trim(e))"
    return f"list_filter({each}, lambda e: e <> '')"

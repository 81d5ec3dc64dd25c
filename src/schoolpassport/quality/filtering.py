"""Which rows of a package a source may bring. What does not pass counts as not in the source.

For each kind, between reading and comparing: rows of ``raw_<kind>`` that do not pass are taken out, and their keys are
in ``out_<kind>`` (key, filter: the kind whose filter it was). Rows that refer to such a row go with it where the
filter says so. Set work in DuckDB; nothing happens while a source has no filters.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from schoolpassport.kit import conditions
from schoolpassport.kit.columns import Columns, literal, quoted, texts_of
from schoolpassport.kit.conditions import Column
from schoolpassport.quality.policies import METADATA, Asked, Attributes, Filter, Filters
from schoolpassport.roster.kinds import KINDS, Field
from schoolpassport.sources.records import FilePlan, Mode, PackageBroken, PackagePlan, Problem
from schoolpassport.sources.schemas import FileSchema


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """How many rows did not pass, and how many went with rows that did not; of those that were read."""

    out: int = 0
    linked: int = 0


def check(filters: Filters, plan: PackagePlan) -> None:
    """Whether the package holds what the filters ask about. Raises ``PackageBroken``."""
    whole = {p.schema.kind.name for p in plan.files if p.mode is Mode.BULK}
    there = {p.schema.kind.name: p for p in plan.files}
    for f in filters.of.values():
        if f.kind in there and (lacking := f.asks_about - whole):
            plural = KINDS[min(lacking)].plural
            sentence = (
                f"The filter of {KINDS[f.kind].plural} asks about {plural}, and the package has no whole file of "
                f"{plural}. Send both files in full, or change the filter."
            )
            raise PackageBroken((Problem(rule="filter", file=there[f.kind].called, sentence=sentence),))


def choose(db: Columns, plan: FilePlan, filters: Filters, *, whole: frozenset[str], today: date) -> Chosen:
    """Take the rows that do not pass out of ``raw_<kind>``. ``whole``: kinds of which the package says everything."""
    if not filters:
        return Chosen()
    kind, table = plan.schema.kind, plan.kind_table
    nothing_out(db, table)
    if (own := filters.of.get(kind.name)) is not None:
        _put_out(db, plan, own.kind, f"NOT {_passes(plan.schema, own, today)}")
    out = _leave(db, plan)
    for f in filters.following(kind.name):
        _put_out(db, plan, f.kind, _hangs_on_what_is_out(plan.schema, f, whole))
    linked = _leave(db, plan)
    if kind.name in filters.asked_about:
        _remember(db, plan.schema, filters)
    return Chosen(out=out, linked=linked)


def nothing_out(db: Columns, table: str) -> None:
    db.execute(f"CREATE OR REPLACE TABLE out_{table} (key VARCHAR, filter VARCHAR)")


def _put_out(db: Columns, plan: FilePlan, name: str, condition: str) -> None:
    """A row without a key stays, to be named as a fault; a deletion stays a deletion."""
    db.execute(
        f"INSERT INTO out_{plan.kind_table} SELECT DISTINCT key, {literal(name)} FROM raw_{plan.kind_table} r "
        f"WHERE key IS NOT NULL AND status IS DISTINCT FROM 'tobedeleted' AND ({condition})"
    )


def _leave(db: Columns, plan: FilePlan) -> int:
    """Rows that are out leave the file; in a delta, which says nothing by leaving away, they become deletions."""
    table = plan.kind_table
    which = f"key IN (SELECT key FROM out_{table}) AND status IS DISTINCT FROM 'tobedeleted'"
    if plan.mode is Mode.DELTA:
        changed = db.execute(f"UPDATE all_{table} SET status = 'tobedeleted' WHERE {which}")
    else:
        changed = db.execute(f"DELETE FROM all_{table} WHERE {which}")
    (count,) = changed.fetchone() or (0,)
    return int(count)


# ---------------------------------------------------------------------------------------------------- own conditions


def _passes(schema: FileSchema, own: Filter, today: date) -> str:
    known = Attributes(schema.kind)

    def column(name: str) -> Column:
        asked = known.asked(name)
        return Column(sql=_cell(schema, asked), shape=asked.shape, many=asked.many or name in schema.asked)

    return conditions.sql(own.where, column=column, today=today)


def column_of(schema: FileSchema, row: str) -> Callable[[str], Column]:
    """How conditions find the attributes of a staged row (``row`` is its alias), references not followed."""
    known = Attributes(schema.kind)

    def column(name: str) -> Column:
        asked = known.asked(name)
        return Column(sql=_own_cell(schema, asked, row), shape=asked.shape, many=asked.many or name in schema.asked)

    return column


def _cell(schema: FileSchema, asked: Asked) -> str:
    if asked.through is None:
        return _own_cell(schema, asked, "r")
    assert asked.field is not None  # noqa: S101 (what is behind a reference is a field)
    there = f"asked_{KINDS[asked.target].table} a"
    value = f"a.{quoted(asked.field.name)}"
    values = f"string_split({value}, ',')" if asked.field.many else f"[{value}]"
    if asked.through.many:
        refs = _refs(schema, asked.through)
        return f"(SELECT flatten(list({values})) FROM {there} WHERE a.key IN (SELECT trim(unnest({refs}))))"
    ref = "r.key" if asked.through.name == "sourcedId" else _header(schema, asked.through, "r")
    found = f"(SELECT any_value({value}) FROM {there} WHERE a.key = {ref})"
    return f"string_split({found}, ',')" if asked.field.many else found


def _own_cell(schema: FileSchema, asked: Asked, row: str) -> str:
    if asked.name == "sourcedId":
        return f"{row}.key"
    if asked.field is None:
        path = '$."' + asked.name.removeprefix(METADATA).replace('"', '\\"') + '"'
        if asked.name in schema.asked:
            return texts_of(f"json_extract_string({row}.asked, {literal(path)})")
        return f"json_extract_string({row}.metadata, {literal(path)})"
    cell = _header(schema, asked.field, row)
    return f"string_split({cell}, ',')" if asked.field.many else cell


def _header(schema: FileSchema, field: Field, row: str) -> str:
    header = next((c.header for c in schema.columns if c.field.name == field.name), None)
    return f"{row}.{quoted(header)}" if header else "NULL::VARCHAR"


def _refs(schema: FileSchema, field: Field) -> str:
    return f"string_split({_header(schema, field, 'r')}, ',')"


def _remember(db: Columns, schema: FileSchema, filters: Filters) -> None:
    """Make ``asked_<kind>``: what the filters of other kinds want to know of this one, which is read in full."""
    wanted: dict[str, Field] = {}
    for f in filters.of.values():
        known = Attributes(KINDS[f.kind])
        for asked in map(known.asked, sorted(conditions.attributes_of(f.where))):
            if asked.target == schema.kind.name and asked.field is not None:
                wanted[asked.field.name] = asked.field
    cells = ", ".join(f"any_value({_header(schema, f, 'r')}) AS {quoted(name)}" for name, f in wanted.items())
    table = schema.kind.table
    db.execute(
        f"CREATE TABLE asked_{table} AS SELECT key, {cells} FROM raw_{table} r WHERE key IS NOT NULL GROUP BY key"
    )


# ----------------------------------------------------------------------------------------------------------- linked


def _hangs_on_what_is_out(schema: FileSchema, f: Filter, whole: frozenset[str]) -> str:
    """SQL: something that the row cannot do without went out by this filter; of a list, all of it."""
    ways = []
    for reference in (
        r for r in schema.kind.references if (r.required or r.binding) and r.target in {f.kind, *f.linked}
    ):
        if reference.name == "sourcedId":
            ways.append(f"r.key {_is_out(reference.target, f, whole)}")
        elif reference.many:
            each = f"list_filter(list_transform({_refs(schema, reference)}, lambda e: trim(e)), lambda e: e <> '')"
            ways.append(
                f"(SELECT count(*) > 0 AND bool_and(e {_is_out(reference.target, f, whole)}) "
                f"FROM (SELECT unnest({each}) AS e))"
            )
        else:
            ways.append(f"{_header(schema, reference, 'r')} {_is_out(reference.target, f, whole)}")
    return f"coalesce({' OR '.join(ways) or 'false'}, false)"


def _is_out(target: str, f: Filter, whole: frozenset[str]) -> str:
    table = KINDS[target].table
    out = f"SELECT key FROM out_{table} WHERE filter = {literal(f.kind)}"
    if target in whole:
        return f"IN ({out})"
    # The package does not tell everything about the kind: what is not known may well have been left out before.
    known = f"SELECT key FROM state_{table} WHERE NOT gone UNION ALL SELECT key FROM cand_{table}"
    return f"NOT IN (SELECT key FROM ({known}) WHERE key IS NOT NULL AND key NOT IN ({out}))"

"""The exported view as relations of DuckDB: documents taken apart, one parse each, on all threads."""

from datetime import datetime
from pathlib import Path

from duckdb import DuckDBPyConnection

from schoolpassport.kit.columns import literal, quoted
from schoolpassport.roster.kinds import KINDS, Field, Kind, Type
from schoolpassport.sharing import exports

_STAMP = "%Y-%m-%dT%H:%M:%S."


def load(
    db: DuckDBPyConnection,
    folder: Path,
    *,
    kinds: tuple[str, ...],
    whole: tuple[str, ...],
    exported: exports.Exported,
) -> None:
    """Make ``now_<kind>``, ``all_<kind>`` and, of a delta, ``was_<kind>`` for every kind (``formats.shape``)."""
    db.execute("CREATE TABLE instants (revision INTEGER, stamp VARCHAR)")
    if exported.instants:
        rows = ", ".join(f"({int(n)}, {literal(_stamp(at))})" for n, at in exported.instants.items())
        db.execute(f"INSERT INTO instants VALUES {rows}")
    for name in kinds:
        kind = KINDS[name]
        _relation(db, kind, f"now_{name}", exports.path(folder, name))
        if exported.since:
            _relation(db, kind, f"was_{name}", exports.path(folder, name, exports.BEFORE))
        if exported.since and name in whole:
            _relation(db, kind, f"all_{name}", exports.path(folder, name, "all"))
        else:
            db.execute(f"CREATE VIEW all_{name} AS FROM now_{name}")


def _stamp(at: datetime) -> str:
    return at.strftime(_STAMP) + f"{at.microsecond // 1000:03d}Z"


def _relation(db: DuckDBPyConnection, kind: Kind, name: str, path: Path) -> None:
    names = exports.columns(kind.name)
    columns = "{" + ", ".join(f"{literal(c)}: 'VARCHAR'" for c in names) + "}"
    read = f"read_csv({literal(str(path))}, columns = {columns}, {exports.READ})"
    stamped = 'e."sourcedId", e."status", i.stamp AS "dateLastModified"'
    taken = 'LEFT JOIN instants i ON i.revision = try_cast(e."revision" AS INTEGER)'
    if kind.stored_document:
        read = f"(SELECT * EXCLUDE (doc), from_json(doc, {literal(_structure(kind))}) AS d FROM {read})"
        values = ", ".join(f"{_value(f)} AS {quoted(f.name)}" for f in kind.fields if f.name != "metadata")
        metadata = "e.d.metadata"
    else:
        values = ", ".join(f"e.{quoted(f.name)}" for f in kind.fields if f.name != "metadata")
        metadata = "e.metadata::JSON"
    db.execute(f"CREATE TABLE {name} AS SELECT {stamped}, {values}, {metadata} AS metadata FROM {read} e {taken}")


def _structure(kind: Kind) -> str:
    """What of a document is wanted, in the words of DuckDB's ``from_json``."""
    told = ", ".join(f'"{f.name}": {_type(f)}' for f in kind.fields if f.name != "metadata")
    return "{" + told + ', "metadata": "JSON"}'


def _type(field: Field) -> str:
    if field.is_reference:
        return '[{"sourcedId": "VARCHAR"}]' if field.many else '{"sourcedId": "VARCHAR"}'
    if field.type in {Type.JSON, Type.USER_IDS}:
        return '"JSON"'
    return '["VARCHAR"]' if field.many else '"VARCHAR"'


def _value(field: Field) -> str:
    value = f"e.d.{quoted(field.name)}"
    if not field.is_reference:
        return value
    return f'list_transform({value}, lambda x: x."sourcedId")' if field.many else f'{value}."sourcedId"'

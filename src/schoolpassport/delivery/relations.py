"""The exported view as relations of DuckDB: documents taken apart, one parse each, on all threads."""

from datetime import datetime
from pathlib import Path

from schoolpassport.delivery.formats import Format
from schoolpassport.delivery.formats.shape import HARMLESS, PLAIN, place
from schoolpassport.kit.columns import Columns, literal, quoted
from schoolpassport.roster.kinds import KINDS, Field, Kind, Type
from schoolpassport.roster.kinds.shape import PAIRS
from schoolpassport.sharing import exports
from schoolpassport.sharing.catalogue import METADATA, extensions

_HEADS = ("sourcedId", "status", "dateLastModified")
_STAMP = "%Y-%m-%dT%H:%M:%S."


def load(
    db: Columns,
    folder: Path,
    *,
    format_: Format,
    exported: exports.Exported,
    passing: frozenset[str] = frozenset(),
) -> None:
    """Make ``now_<kind>``, ``all_<kind>`` and, of a delta, ``was_<kind>`` for every kind (``formats.shape``).

    They have the attributes that the format reads. What was loaded before is gone, and what is finished is not loaded.
    ``passing``: kinds that in full are read where they lie, each time anew, instead of being kept.
    """
    _prepare(db, exported)
    for name, reads in format_.reads.items():
        if name in exported.finished:
            continue
        kind = KINDS[name]
        how = "VIEW" if name in passing and not exported.since else "TABLE"
        _relation(db, kind, reads, f"now_{name}", exports.path(folder, name), how=how)
        if exported.since and not format_.compared:
            _relation(db, kind, reads, f"was_{name}", exports.path(folder, name, exports.BEFORE))
        if exported.since and name in format_.whole:
            _relation(db, kind, reads, f"all_{name}", exports.path(folder, name, "all"))
        else:
            db.execute(f"CREATE OR REPLACE VIEW all_{name} AS FROM now_{name}")


def load_older(db: Columns, folder: Path, *, format_: Format, exported: exports.Exported) -> None:
    """The same of the revision with which rows are compared: then it is what ``now_<kind>`` holds."""
    _prepare(db, exported)
    for name, reads in format_.reads.items():
        _relation(db, KINDS[name], reads, f"now_{name}", exports.path(folder, name, exports.BEFORE))


def _prepare(db: Columns, exported: exports.Exported) -> None:
    db.execute(f"CREATE OR REPLACE MACRO plain(t) AS {PLAIN if exported.line_ends else HARMLESS}")
    db.execute("CREATE OR REPLACE TABLE instants (revision INTEGER, stamp VARCHAR)")
    if exported.instants:
        rows = ", ".join(f"({int(n)}, {literal(_stamp(at))})" for n, at in exported.instants.items())
        db.execute(f"INSERT INTO instants VALUES {rows}")


def _stamp(at: datetime) -> str:
    return at.strftime(_STAMP) + f"{at.microsecond // 1000:03d}Z"


def _relation(db: Columns, kind: Kind, reads: frozenset[str], name: str, path: Path, *, how: str = "TABLE") -> None:
    fields = [f for f in kind.fields if f.name in reads and f.name != METADATA]
    inside = set(extensions(kind.name).values()).difference(f.name for f in kind.fields)
    extended = not reads.isdisjoint({METADATA, *inside})
    if kind.stored_document:
        shown = ", ".join(f"{literal(key)}: {literal(type_)}" for key, type_ in _structure(fields).items())
        read = f"read_json({literal(str(path))}, format = 'newline_delimited', columns = {{{shown}}}) e"
        told = [*(f"e.{quoted(each)}" for each in _HEADS), *(f"{_value(f)} AS {quoted(f.name)}" for f in fields)]
        metadata = "e.metadata"
    else:
        columns = "{" + ", ".join(f"{literal(c)}: 'VARCHAR'" for c in exports.columns(kind.name)) + "}"
        read = f"""read_csv({literal(str(path))}, columns = {columns}, {exports.READ}) e
            LEFT JOIN instants i ON i.revision = try_cast(e."revision" AS INTEGER)"""
        told = [
            'e."sourcedId"',
            'e."status"',
            'i.stamp AS "dateLastModified"',
            *(f"e.{quoted(f.name)}" for f in fields),
        ]
        metadata = "e.metadata::JSON"
    told += [f"{metadata} AS metadata"] if extended else []
    db.execute(f"CREATE OR REPLACE {how} {name} AS SELECT {', '.join(told)} FROM {read}")


def _structure(fields: list[Field]) -> dict[str, str]:
    """What of a document is wanted, and as what of DuckDB's types."""
    own = {f.v1p1 or f.name: _type(f) for f in fields if not f.extension}
    return {**dict.fromkeys(_HEADS, "VARCHAR"), **own, METADATA: "JSON"}


def _type(field: Field) -> str:
    if field.type is Type.JSON or field.type in PAIRS:
        return "JSON"
    one = 'STRUCT("sourcedId" VARCHAR)' if field.is_reference else "VARCHAR"
    return f"{one}[]" if field.many else one


def _value(field: Field) -> str:
    if field.extension:
        taken = "json_extract" if field.type is Type.JSON else "json_extract_string"
        return f"{taken}(e.metadata, {place(field.extension)})"
    value = f"e.{quoted(field.v1p1 or field.name)}"
    if not field.is_reference:
        return value
    return f'list_transform({value}, lambda x: x."sourcedId")' if field.many else f'{value}."sourcedId"'

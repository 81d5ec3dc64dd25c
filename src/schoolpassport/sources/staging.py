"""A package as columns: one DuckDB table ``raw_<kind>`` per file, a row per readable row of the file, in file order.

Columns of a raw table: ``key``, ``status``, one per field of the schema (trimmed text, NULL when blank), ``metadata``
(JSON text), ``hash`` (128 bits over everything said, not over status and dateLastModified, stable across versions).
Rows that cannot be read as CSV are in ``unread_<kind>`` (line, key when it can be told, message).
"""

import csv
from dataclasses import dataclass

from duckdb import DuckDBPyConnection

from schoolpassport.kit.columns import literal, quoted
from schoolpassport.sources.manifest import KEY, MODIFIED, STATUS
from schoolpassport.sources.records import FilePlan
from schoolpassport.sources.schemas import Column

_UNIT = "chr(31)"  # the unit separator: no text of a roster holds it (checked by the rule “control character”)
MAX_UNREAD = 100_000


@dataclass(frozen=True, kw_only=True)
class Print:
    """A fingerprint of everything a file says, whatever the order of its rows and columns."""

    rows: int
    xor: str
    sum: str


def stage(db: DuckDBPyConnection, plan: FilePlan) -> Print:
    """Read one file. Nothing is loaded into Python but the fingerprint."""
    table = plan.kind_table
    values = {c.header: _cell(plan, c.header) for c in plan.schema.columns}
    selected = [
        f"{_cell(plan, KEY)} AS key",
        f"{_cell(plan, STATUS)} AS status",
        f"{_cell(plan, MODIFIED)} AS stamp",
        *(f"{value} AS {quoted(header)}" for header, value in values.items()),
        f"{_metadata(plan)} AS metadata",
    ]
    said = [quoted("key"), *(quoted(h) for h in sorted(values)), "metadata"]
    cells = ", ".join(f"coalesce({s}, '')" for s in said)
    hashed = f"md5_number(concat_ws({_UNIT}, {cells}))"
    db.execute(
        f"CREATE TABLE raw_{table} AS SELECT *, {hashed} AS hash "
        f"FROM (SELECT {', '.join(selected)} FROM {_reader(plan)})"
    )
    _keep_unread(db, plan)
    found = db.execute(
        f"SELECT count(*), coalesce(bit_xor(hash), 0)::VARCHAR, "
        f"coalesce(sum((hash & 18446744073709551615::UHUGEINT)::HUGEINT), 0)::VARCHAR FROM raw_{table}"
    ).fetchone()
    assert found is not None  # noqa: S101 (an aggregate has one row)
    return Print(rows=found[0], xor=found[1], sum=found[2])


def empty(db: DuckDBPyConnection, table: str, columns: tuple[Column, ...]) -> None:
    """The raw table of a file that is absent."""
    names = "".join(f"{quoted(c.header)} VARCHAR, " for c in columns)
    db.execute(
        f"CREATE TABLE raw_{table} (key VARCHAR, status VARCHAR, stamp VARCHAR, {names} metadata VARCHAR, "
        "hash UHUGEINT)"
    )
    db.execute(f"CREATE TABLE unread_{table} (line BIGINT, key VARCHAR, message VARCHAR)")


def line_of(db: DuckDBPyConnection, table: str) -> str:
    """SQL: the physical line of a row of ``raw_<table>`` in its file; lines that could not be read are counted in."""
    (unread,) = db.execute(f"SELECT count(*) FROM unread_{table}").fetchone() or (0,)
    if not unread:
        return "(rowid + 2)"
    return (
        f"(rowid + 2 + (SELECT count(*) FROM (SELECT line - 1 - row_number() OVER (ORDER BY line) AS before "
        f"FROM unread_{table}) WHERE before <= rowid))"
    )


def _cell(plan: FilePlan, header: str) -> str:
    """SQL: a cell by its column's place, since DuckDB tells names by other rules than the standard; NULL when blank."""
    return f"nullif(trim(c{plan.headers.index(header)}), '')" if header in plan.headers else "NULL"


def _metadata(plan: FilePlan) -> str:
    """SQL: the metadata.* columns as one JSON object, blanks left out."""
    if not plan.metadata:
        return "NULL"
    parts = ", ".join(f"{literal(h.removeprefix('metadata.'))}, {_cell(plan, h)}" for h in plan.metadata)
    blank = " AND ".join(f"{_cell(plan, h)} IS NULL" for h in plan.metadata)
    return f"CASE WHEN {blank} THEN NULL ELSE json_merge_patch('{{}}', json_object({parts}))::VARCHAR END"


def _reader(plan: FilePlan) -> str:
    """SQL: the file by position, every cell as text; rows that are no CSV go to DuckDB's table of rejects."""
    columns = ", ".join(f"c{place}: 'VARCHAR'" for place in range(len(plan.headers)))
    return (
        f"read_csv({literal(str(plan.path))}, header = true, auto_detect = false, delim = ',', quote = '\"', "
        f"escape = '\"', strict_mode = true, store_rejects = true, rejects_limit = {MAX_UNREAD}, "
        f"max_line_size = 10000000, columns = {{{columns}}})"
    )


def _keep_unread(db: DuckDBPyConnection, plan: FilePlan) -> None:
    """Move this file's rejects into ``unread_<kind>``, with the key where the line still shows it."""
    table = plan.kind_table
    db.execute(f"CREATE TABLE unread_{table} (line BIGINT, key VARCHAR, message VARCHAR)")
    rejects = db.execute(
        "SELECT line, any_value(csv_line), any_value(error_message) FROM reject_errors GROUP BY line ORDER BY line"
    ).fetchall()
    if not rejects:
        return
    position = plan.headers.index(KEY)
    db.executemany(
        f"INSERT INTO unread_{table} VALUES (?, ?, ?)",
        [(line, _key_of(text, position), message) for line, text, message in rejects],
    )
    db.execute("DROP TABLE IF EXISTS reject_errors")
    db.execute("DROP TABLE IF EXISTS reject_scans")


def _key_of(line: str, position: int) -> str | None:
    try:
        cells = next(csv.reader([line]), [])
    except csv.Error:
        return None
    return cells[position].strip() or None if len(cells) > position else None

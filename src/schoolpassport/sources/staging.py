"""A package as columns: one DuckDB table ``raw_<kind>`` per file, a row per readable row of the file, in file order.

Columns of a raw table: ``key``, ``status``, one per field of the schema (trimmed text, NULL when blank), ``metadata``
(JSON text), ``hash`` (128 bits over everything said, not over status and dateLastModified, stable across versions).
Rows that cannot be read as CSV are in ``unread_<kind>`` (line, key when it can be told, message).
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from schoolpassport.kit.columns import literal, quoted
from schoolpassport.sources.manifest import KEY, MODIFIED, STATUS
from schoolpassport.sources.records import FilePlan
from schoolpassport.sources.schemas import Column

_UNIT = "chr(31)"  # the unit separator: no text of a roster holds it (checked by the rule “control character”)
MAX_UNREAD = 100_000
_NEVER = "\x02\x1fno cell\x1f\x03"  # stands for a cell that is not there; a blank one is an empty text
_BLOCK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Print:
    """A fingerprint of everything a file says, whatever the order of its rows and columns."""

    rows: int
    xor: str
    sum: str
    odd: str  # of what is not in the rows' own hashes: deletions, and lines that could not be read


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
    _read(
        db,
        plan,
        f"CREATE OR REPLACE TABLE raw_{table} AS SELECT *, md5_number(concat_ws({_UNIT}, {cells})) AS hash "
        f"FROM (SELECT {', '.join(selected)}, {_shape(plan)} AS misshapen FROM {{reader}})",
    )
    _set_apart(db, plan, [quoted("key"), *(quoted(h) for h in values), "metadata"])
    found = db.execute(
        f"SELECT count(*), coalesce(bit_xor(hash), 0)::VARCHAR, "
        f"coalesce(sum((hash & 18446744073709551615::UHUGEINT)::HUGEINT), 0)::VARCHAR, "
        f"md5(concat(({_deletions(table)}), ({_unread(table)}))) FROM raw_{table}"
    ).fetchone()
    assert found is not None  # noqa: S101 (an aggregate has one row)
    return Print(rows=found[0], xor=found[1], sum=found[2], odd=found[3])


def _deletions(table: str) -> str:
    return f"SELECT bit_xor(md5_number(concat(key, chr(31), status))) FROM raw_{table} WHERE status <> 'active'"


def _unread(table: str) -> str:
    return f"SELECT string_agg(concat(key, chr(31), message), chr(30) ORDER BY key, message) FROM unread_{table}"


def _read(db: DuckDBPyConnection, plan: FilePlan, statement: str) -> None:
    """Read in parallel; a file with line breaks within quotes (the standard has none) can only be read in one go."""
    try:
        db.execute(statement.replace("{reader}", _reader(plan, parallel=True)))
    except duckdb.Error:
        db.execute("DROP TABLE IF EXISTS reject_errors")
        db.execute("DROP TABLE IF EXISTS reject_scans")
        db.execute(statement.replace("{reader}", _reader(plan, parallel=False)))


def empty(db: DuckDBPyConnection, table: str, columns: tuple[Column, ...]) -> None:
    """The raw table of a file that is absent."""
    names = "".join(f"{quoted(c.header)} VARCHAR, " for c in columns)
    db.execute(
        f"CREATE TABLE raw_{table} (key VARCHAR, status VARCHAR, stamp VARCHAR, {names} metadata VARCHAR, "
        "hash UHUGEINT)"
    )
    _make_ledgers(db, table)


def line_of(db: DuckDBPyConnection, table: str, place: str = "rowid") -> str:
    """SQL: the physical line of the row that stands at ``place`` in the file, as an editor counts."""
    (odd,) = db.execute(
        f"SELECT (SELECT count(*) FROM skipped_{table}) + (SELECT count(*) FROM broken_{table})"
    ).fetchone() or (0,)
    if not odd:
        return f"({place} + 2)"
    return (
        f"({place} + 2 + (SELECT count(*) FROM (SELECT line - 1 - row_number() OVER (ORDER BY line) AS before "
        f"FROM skipped_{table}) WHERE before <= {place}) "
        f"+ (SELECT coalesce(sum(extra), 0) FROM broken_{table} b WHERE b.place < {place}))"
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


def _reader(plan: FilePlan, *, parallel: bool) -> str:
    """SQL: the file by position, every cell as text; rows that are no CSV go to DuckDB's table of rejects.

    One column more than the header has, and missing cells filled with NULL: so a row with too few or too many cells
    shows (``_shape``), also where the one too many is blank, which the reader alone would let pass.
    """
    columns = ", ".join(f"c{place}: 'VARCHAR'" for place in range(len(plan.headers) + 1))
    return (
        f"read_csv({literal(str(plan.path))}, header = true, auto_detect = false, delim = ',', quote = '\"', "
        f"escape = '\"', strict_mode = true, store_rejects = true, rejects_limit = {MAX_UNREAD}, null_padding = true, "
        f"nullstr = '{_NEVER}', parallel = {str(parallel).lower()}, max_line_size = 10000000, columns = {{{columns}}})"
    )


def _shape(plan: FilePlan) -> str:
    """SQL: what is wrong with the number of cells; NULL when nothing is."""
    last = len(plan.headers) - 1
    return (
        f"CASE WHEN c{last + 1} IS NOT NULL THEN 'It has more cells than the header.' "
        f"WHEN c{last} IS NULL THEN 'It has fewer cells than the header.' END"
    )


def _set_apart(db: DuckDBPyConnection, plan: FilePlan, cells: list[str]) -> None:
    """Move what cannot be read into ``unread_<kind>``, with the key where it can be told for certain.

    Lines are counted against the file: where rows went missing within quotes, nobody can tell whose they were, and a
    line without a key says so.
    """
    table = plan.kind_table
    _make_ledgers(db, table)
    _keep_rejects(db, plan)
    breaks = " + ".join(f"coalesce(length({c}) - length(replace({c}, chr(10), '')), 0)" for c in cells)
    physical, blank = _lines(plan.path)
    (rows,) = db.execute(f"SELECT count(*) FROM raw_{table}").fetchone() or (0,)
    (lost,) = db.execute(f"SELECT count(*) FROM skipped_{table}").fetchone() or (0,)
    if physical != rows + lost + 1:
        db.execute(f"INSERT INTO broken_{table} SELECT rowid, {breaks} FROM raw_{table} WHERE {breaks} > 0")
        (extra,) = db.execute(f"SELECT coalesce(sum(extra), 0) FROM broken_{table}").fetchone() or (0,)
        if extra or physical - len(blank) != rows + lost + 1:
            message = f"The file has {physical - len(blank):,} lines, but {rows + lost + 1:,} rows: a quote is open."
            db.execute(f"INSERT INTO unread_{table} VALUES (NULL, NULL, ?)", [message])
        if blank:
            db.executemany(f"INSERT INTO skipped_{table} VALUES (?)", [[n] for n in blank])
    # Only the first cell of a misshapen row is surely what it seems to be.
    key = "key" if plan.headers.index(KEY) == 0 else "NULL"
    db.execute(
        f"INSERT INTO unread_{table} SELECT {line_of(db, table)}, {key}, misshapen FROM raw_{table} "
        "WHERE misshapen IS NOT NULL"
    )
    db.execute(f"DELETE FROM raw_{table} WHERE misshapen IS NOT NULL")
    db.execute(f"ALTER TABLE raw_{table} DROP COLUMN misshapen")


def _make_ledgers(db: DuckDBPyConnection, table: str) -> None:
    db.execute(f"CREATE TABLE unread_{table} (line BIGINT, key VARCHAR, message VARCHAR)")
    db.execute(f"CREATE TABLE skipped_{table} (line BIGINT)")  # physical lines that are no row of raw_<kind>
    db.execute(f"CREATE TABLE broken_{table} (place BIGINT, extra BIGINT)")  # rows of more than one line


def _keep_rejects(db: DuckDBPyConnection, plan: FilePlan) -> None:
    rejects = db.execute(
        "SELECT line, any_value(csv_line), any_value(error_message) FROM reject_errors GROUP BY line ORDER BY line"
    ).fetchall()
    if rejects:
        table, first = plan.kind_table, plan.headers.index(KEY) == 0
        db.executemany(
            f"INSERT INTO unread_{table} VALUES (?, ?, ?)",
            [(line, _first_cell(text) if first else None, message) for line, text, message in rejects],
        )
        db.executemany(f"INSERT INTO skipped_{table} VALUES (?)", [[line] for line, _, _ in rejects])
    db.execute("DROP TABLE IF EXISTS reject_errors")
    db.execute("DROP TABLE IF EXISTS reject_scans")


def _first_cell(line: str) -> str | None:
    """The key, if the line surely begins with it: unquoted, and not running on into other lines."""
    cell = line.split(",", 1)[0].strip()
    return cell if cell and '"' not in cell and "\n" not in line.strip() and "\ufffd" not in cell else None


def _lines(path: Path) -> tuple[int, list[int]]:
    """How many lines a file has, and which of them are blank (looked for only when there could be some)."""
    count, last, paired = 0, b"\n", False
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            count += block.count(b"\n")
            paired = paired or b"\n\n" in block or b"\n\r\n" in block or (last == b"\n" and block[:1] in b"\r\n")
            last = block[-1:]
    count += last != b"\n"
    if not paired:
        return count, []
    with path.open("rb") as file:
        return count, [n for n, line in enumerate(file, 1) if not line.strip()]

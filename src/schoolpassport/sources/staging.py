"""A package as columns: one DuckDB table ``raw_<kind>`` per file, a row per readable row of the file, in file order.

Columns of a raw table: ``place`` (0 for the first row of the file), ``key``, ``status``, ``stamp``, one per field of
the schema (text as the settings shape it, NULL when blank), ``metadata`` (JSON text), ``asked`` (the same, of columns
that are only asked about), ``faults`` (what a transform could not read), ``hash`` (``reading.said``) and ``cells``
(``reading.cells_hash``). Rows that cannot be read as CSV are in ``unread_<kind>`` (line, key when it can be told,
message).
"""

from dataclasses import dataclass, replace

import duckdb

from schoolpassport.kit.columns import Columns, quoted
from schoolpassport.sources import reading
from schoolpassport.sources.manifest import KEY, MODIFIED, STATUS
from schoolpassport.sources.reading import Physical
from schoolpassport.sources.records import ORIGIN_FILE, ORIGIN_LINE, FilePlan, PackageBroken, Problem
from schoolpassport.sources.schemas import Column


@dataclass(frozen=True, kw_only=True)
class Staged:
    """``plain``: every row is one line, and every line below the header a row."""

    rows: int
    plain: bool


def stage(db: Columns, plan: FilePlan) -> Staged:
    """Read a whole file. Raises ``PackageBroken`` for one that is no CSV at all."""
    table, plan = plan.kind_table, _read(db, plan)
    # The place of a row is its number in the table: a view gives it a name.
    db.execute(f"CREATE VIEW raw_{table} AS SELECT rowid AS place, * EXCLUDE (misshapen) FROM all_{table}")
    _make_ledgers(db, table)
    _keep_rejects(db, plan)
    plain = _count_lines(db, plan, reading.physical_lines(plan.path))
    _set_apart(db, plan, "rowid")
    _withhold(db, plan)
    (rows,) = db.execute(f"SELECT count(*) FROM all_{table}").fetchone() or (0,)
    return Staged(rows=int(rows), plain=plain)


def stage_part(db: Columns, plan: FilePlan, part: str) -> None:
    """Take some rows of a file whose rows are one line each: ``part`` is SQL of a relation (place, c0, c1 …)."""
    table = plan.kind_table
    db.execute(f"CREATE TABLE all_{table} AS {_selected(plan, reading.shaped(plan, part), 'place, ')} ORDER BY place")
    db.execute(f"CREATE VIEW raw_{table} AS SELECT * EXCLUDE (misshapen) FROM all_{table}")
    _make_ledgers(db, table)
    _set_apart(db, plan, "place")
    _withhold(db, plan)


def empty(db: Columns, table: str, columns: tuple[Column, ...]) -> None:
    """The raw table of a file that is absent."""
    db.execute(f"CREATE TABLE all_{table} ({columns_of(columns)}); CREATE VIEW raw_{table} AS FROM all_{table}")
    _make_ledgers(db, table)


def nothing_read(db: Columns, plan: FilePlan) -> None:
    """Of a file each of whose rows says what stands already, none is read."""
    empty(db, plan.kind_table, plan.schema.columns)
    _withhold(db, plan)


def columns_of(columns: tuple[Column, ...]) -> str:
    """SQL: the columns of a raw table, with their types."""
    names = "".join(f"{quoted(c.header)} VARCHAR, " for c in columns)
    return (
        f"place BIGINT, key VARCHAR, status VARCHAR, stamp VARCHAR, {names} metadata VARCHAR, "
        "asked VARCHAR, "
        f"faults {reading.FAULTS}, hash UHUGEINT, cells UBIGINT"
    )


def origins(db: Columns, plan: FilePlan, name: str) -> None:
    """The table ``name`` (line, file, sent): which file and line that was sent each line of a translated file is of."""
    file, sent = (f"c{plan.headers.index(h)}" for h in (ORIGIN_FILE, ORIGIN_LINE))
    db.execute(
        f"CREATE TABLE {name} AS SELECT row_number() OVER () + 1 AS line, {file} AS file, {sent}::BIGINT AS sent "
        f"FROM {reading.rows(plan)}"
    )


def drop_rows(db: Columns, table: str) -> None:
    """Forget the rows of a file, when those that matter have been taken out."""
    db.execute(f"DROP VIEW IF EXISTS raw_{table}; DROP TABLE IF EXISTS all_{table}")


def drop(db: Columns, table: str) -> None:
    """Forget everything about a file, to read it in another way."""
    drop_rows(db, table)
    db.execute("; ".join(f"DROP TABLE IF EXISTS {name}_{table}" for name in ("unread", "skipped", "broken")))


def line_of(db: Columns, table: str, place: str) -> str:
    """SQL: the physical line of the row that stands at ``place`` in the file, as an editor counts.

    ``place`` with its table, like ``r.place``: the ledgers have a column of that name, too.
    """
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


def _selected(plan: FilePlan, relation: str, before: str = "") -> str:
    """SQL: the columns of a raw table out of a relation (c0, c1 …), and what is wrong with a row's shape.

    ``before``: columns of the relation that come first. What a row says is hashed from the columns as they are by
    then: to write every cell twice would be most of what reading a few rows costs.
    """
    values = [
        f"{reading.cell(plan, KEY)} AS key",
        f"{reading.cell(plan, STATUS)} AS status",
        f"{reading.cell(plan, MODIFIED)} AS stamp",
        *(f"{reading.cell(plan, c.header)} AS {quoted(c.header)}" for c in plan.schema.columns),
        f"{reading.metadata(plan)} AS metadata",
        f"{reading.asked(plan)} AS asked",
        f"{reading.faults(plan)} AS faults",
        f"{reading.cells_hash(plan)} AS cells",
        f"{reading.shape(plan)} AS misshapen",
    ]
    return f"SELECT *, {reading.said(plan)} AS hash FROM (SELECT {before}{', '.join(values)} FROM {relation})"


def _read(db: Columns, plan: FilePlan) -> FilePlan:
    """Make ``all_<kind>``. Returns where the file was read, if its line ends had to be made alike first."""
    try:
        _try(db, plan)
    except duckdb.Error:
        forget_rejects(db)
    else:
        return plan
    plan = replace(plan, path=reading.with_one_line_end(plan.path))
    try:
        _try(db, plan)
    except duckdb.Error as error:
        name = plan.called
        sentence = f"{name} cannot be read as CSV. Check its quotes, its line ends and its encoding (UTF-8)."
        raise PackageBroken((Problem(rule="bad csv", file=name, sentence=sentence),)) from error
    return plan


def _try(db: Columns, plan: FilePlan) -> None:
    """Read in parallel; a file with line breaks within quotes (the standard has none) can only be read in one go."""
    made = f"CREATE TABLE all_{plan.kind_table} AS "
    try:
        db.execute(made + _selected(plan, reading.shaped(plan, reading.rows(plan))))
    except duckdb.Error:
        forget_rejects(db)
        db.execute(made + _selected(plan, reading.shaped(plan, reading.rows(plan, parallel=False))))


def _make_ledgers(db: Columns, table: str) -> None:
    """``skipped_``: what is no row of ``raw_<kind>``, if every row were a line. ``broken_``: rows of several lines."""
    db.execute(
        f"CREATE TABLE unread_{table} (line BIGINT, key VARCHAR, message VARCHAR); "
        f"CREATE TABLE skipped_{table} (line BIGINT); CREATE TABLE broken_{table} (place BIGINT, extra BIGINT)"
    )


def _keep_rejects(db: Columns, plan: FilePlan) -> None:
    rejects = db.execute(
        "SELECT line, min(line_byte_position), any_value(csv_line), any_value(error_message) FROM reject_errors "
        "GROUP BY line ORDER BY line"
    ).fetchall()
    if rejects:
        # What stands in a line that is no CSV cannot be shaped.
        table, first = plan.kind_table, plan.headers[0] == KEY and KEY not in plan.shaped.columns
        # DuckDB counts rows; where one runs over several lines, only the byte tells the line.
        physical = reading.lines_of_bytes(plan.path, [byte for _, byte, _, _ in rejects])
        db.executemany(
            f"INSERT INTO unread_{table} VALUES (?, ?, ?)",
            [
                (line, _first_cell(text) if first else None, message)
                for line, (_, _, text, message) in zip(physical, rejects, strict=True)
            ],
        )
        db.executemany(f"INSERT INTO skipped_{table} VALUES (?)", [[line] for line, *_ in rejects])
    forget_rejects(db)


def forget_rejects(db: Columns) -> int:
    """Drop the tables in which DuckDB keeps what it could not read. Returns how many lines there were."""
    try:
        (count,) = db.execute("SELECT count(*) FROM reject_errors").fetchone() or (0,)
    except duckdb.CatalogException:
        return 0
    db.execute("DROP TABLE reject_errors")
    db.execute("DROP TABLE reject_scans")
    return int(count)


def _first_cell(line: str) -> str | None:
    """The key, if the line surely begins with it: unquoted, and not running on into other lines."""
    cell = line.split(",", 1)[0].strip()
    return cell if cell and '"' not in cell and "\n" not in line.strip() and "\ufffd" not in cell else None


def _count_lines(db: Columns, plan: FilePlan, physical: Physical) -> bool:
    """Hold rows against the file's lines: where rows went missing within quotes, nobody can tell whose they were.

    A line without a key says so. Returns whether every line is a row.
    """
    table = plan.kind_table
    (rows,) = db.execute(f"SELECT count(*) FROM all_{table}").fetchone() or (0,)
    (lost,) = db.execute(f"SELECT count(*) FROM skipped_{table}").fetchone() or (0,)
    if physical.count == rows + lost + 1:
        return not lost and physical.plain
    cells = [quoted("key"), *(quoted(c.header) for c in plan.schema.columns), "metadata"]
    breaks = " + ".join(f"coalesce(length({c}) - length(replace({c}, chr(10), '')), 0)" for c in cells)
    db.execute(f"INSERT INTO broken_{table} SELECT rowid, {breaks} FROM all_{table} WHERE {breaks} > 0")
    (extra,) = db.execute(f"SELECT coalesce(sum(extra), 0) FROM broken_{table}").fetchone() or (0,)
    blank = reading.blank_lines(plan.path)
    filled = physical.count - len(blank)
    if extra or filled != rows + lost + 1:
        counted = f"The file has {filled:,} lines, but {rows + lost + 1:,} rows"
        message = f"{counted}: a cell runs over several lines, or a quote is open."
        db.execute(f"INSERT INTO unread_{table} VALUES (NULL, NULL, ?)", [message])
    if blank:
        db.executemany(f"INSERT INTO skipped_{table} VALUES (?)", [[n] for n in blank])
    return False


def _key_is_first(plan: FilePlan) -> bool:
    if KEY not in plan.shaped.columns:
        return plan.headers[0] == KEY
    return plan.shaped.key_stands_alone and plan.shaped.layers[0][:1] == (("h0", "nullif(trim(c0), '')"),)


def _set_apart(db: Columns, plan: FilePlan, place: str) -> None:
    """Move rows of another shape into ``unread_<kind>``, with the key where it can be told for certain."""
    table = plan.kind_table
    (found,) = db.execute(f"SELECT count(misshapen) FROM all_{table}").fetchone() or (0,)
    if not found:
        return
    # Only the first cell of a misshapen row is surely what it seems to be.
    key = "r.key" if _key_is_first(plan) else "NULL"
    db.execute(
        f"INSERT INTO unread_{table} SELECT {line_of(db, table, f'r.{place}')}, {key}, r.misshapen FROM all_{table} r "
        "WHERE r.misshapen IS NOT NULL"
    )
    db.execute(f"DELETE FROM all_{table} WHERE misshapen IS NOT NULL")


def _withhold(db: Columns, plan: FilePlan) -> None:
    """A line of which nobody knows whose it is, so that nothing is missing; what it was, the translation tells."""
    if plan.withheld:
        db.execute(f"INSERT INTO unread_{plan.kind_table} VALUES (NULL, NULL, '')")

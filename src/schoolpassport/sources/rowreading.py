"""The rows of a CSV file that is to be translated, each with the line on which it stands.

A line break within a cell becomes a blank, as in sheets of workbooks: so every row of what is written anew is one line.
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from schoolpassport.kit.columns import Columns
from schoolpassport.sources import reading
from schoolpassport.sources.records import CUT_OFF, Misread, PackageBroken, Problem

_MOST_UNREAD = 1_000  # lines of a file; beyond it, the file is no CSV


@dataclass(frozen=True, kw_only=True)
class Rows:
    """A file, the table to make of it, and by what its cells are parted. ``name``: what a finding calls it."""

    table: str
    name: str
    path: Path
    width: int
    delimiter: str = ","


def read_rows(
    db: Columns, rows: Rows, *, cells: str, misshapen: str, above: int = 1, whole: bool = True
) -> list[Misread]:
    """Make ``rows.table``: line, and ``cells`` (SQL over c0, c1 …) of the rows that can be read. Gives the others.

    ``misshapen``: SQL of what has other cells than it should. ``above``: how many lines of the file as it was sent
    stand above the first row; in the file that is read it is one. ``whole``: the last line is no half of one; else it
    is not taken. Raises ``PackageBroken`` for what is no CSV.
    """
    table = rows.table
    try:
        _try(db, f"CREATE TABLE all_{table} AS SELECT {cells}, {misshapen} AS misshapen, breaks FROM ", rows)
    except duckdb.Error as error:
        sentence = f"{rows.name} cannot be read as CSV. Check its quotes, its line ends and its encoding (UTF-8)."
        raise PackageBroken((Problem(rule="bad csv", file=rows.name, sentence=sentence),)) from error
    # By the number among the rows: where one runs over several lines, those after it stand further down.
    rejected = sorted({int(line) for (line,) in db.execute("SELECT line FROM reject_errors").fetchall()})
    _forget_rejects(db)
    if len(rejected) > _MOST_UNREAD:
        first = rejected[0] - 1 + above
        sentence = f"{len(rejected):,} lines of {rows.name} cannot be read as CSV, the first is line {first:,}."
        raise PackageBroken((Problem(rule="bad csv", file=rows.name, sentence=sentence),))
    count, breaks = db.execute(f"SELECT count(*), coalesce(sum(breaks), 0) FROM all_{table}").fetchone() or (0, 0)
    blank = []
    if reading.physical_lines(rows.path).count != count + breaks + len(rejected) + 1:
        blank = reading.blank_rows(rows.path)[:_MOST_UNREAD]
    # A rejected or blank line is no row: those after it stand one line further down.
    no_rows = sorted({*rejected, *blank})
    before = "".join(f" + (rowid + 2 >= {line - number})::BIGINT" for number, line in enumerate(no_rows))
    broken = []
    if breaks:
        broken = db.execute(f"SELECT rowid + 2{before}, breaks FROM all_{table} WHERE breaks > 0").fetchall()
    unread = [line - 1 + above + sum(more for row, more in broken if row < line) for line in rejected]
    before += " + sum(breaks) OVER (ORDER BY rowid) - breaks" if breaks else ""
    line_ = f"(rowid + {1 + above}{before})::BIGINT"
    db.execute(f"CREATE TABLE {table} AS SELECT {line_} AS line, * EXCLUDE (breaks) FROM all_{table}")
    db.execute(f"DROP TABLE all_{table}")
    lines = [int(line) for (line,) in db.execute(f"SELECT line FROM {table} WHERE misshapen").fetchall()]
    db.execute(f"DELETE FROM {table} WHERE misshapen")
    db.execute(f"ALTER TABLE {table} DROP misshapen")
    sentence = "The line cannot be read: it has other cells than the header, or is no CSV. Check its commas and quotes."
    misread = [Misread(file=rows.name, line=line, sentence=sentence) for line in sorted({*unread, *lines})]
    return misread if whole else [*misread, *_half_line(db, rows, after=max((m.line or 0 for m in misread), default=0))]


def _half_line(db: Columns, rows: Rows, *, after: int) -> list[Misread]:
    """Take the last row out, unless it was not read anyhow."""
    last = f"line > {after} AND line = (SELECT max(line) FROM {rows.table})"
    found = db.execute(f"DELETE FROM {rows.table} WHERE {last} RETURNING line").fetchall()
    return [Misread(file=rows.name, line=int(line), sentence=CUT_OFF) for (line,) in found]


def _try(db: Columns, statement: str, rows: Rows) -> None:
    """In parallel; then in one go, for line breaks within quotes; then with one kind of line ends instead of two."""
    relation = reading.cells_of(rows.path, rows.width, delimiter=rows.delimiter)
    try:
        db.execute(f"{statement} (SELECT *, 0 AS breaks FROM {relation})")
    except duckdb.Error:
        _forget_rejects(db)
    else:
        return
    try:
        db.execute(statement + _on_one_line(rows.path, rows))
    except duckdb.Error:
        _forget_rejects(db)
    else:
        return
    db.execute(statement + _on_one_line(reading.with_one_line_end(rows.path), rows))


def _forget_rejects(db: Columns) -> None:
    for table in ("reject_errors", "reject_scans"):
        db.execute(f"DROP TABLE IF EXISTS {table}")


def _on_one_line(path: Path, rows: Rows) -> str:
    """SQL: the rows with a blank in the place of each line break within a cell, and how many lines more each takes.

    For files that cannot be read in parallel: every line break within a cell forbids that.
    """
    relation = reading.cells_of(path, rows.width, parallel=False, delimiter=rows.delimiter)
    cells = [f"c{place}" for place in range(rows.width + 1)]
    on_one = ", ".join(f"regexp_replace({c}, '\\s*[\\r\\n]+\\s*', ' ', 'g') AS {c}" for c in cells)
    feeds = " + ".join(f"coalesce(length({c}) - length(replace({c}, chr(10), '')), 0)" for c in cells)
    return f"(SELECT {on_one}, {feeds} AS breaks FROM {relation})"

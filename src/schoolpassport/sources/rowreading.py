"""The rows of a CSV file that is to be translated, each with the line on which it stands."""

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
        _try(db, f"CREATE TABLE all_{table} AS SELECT {cells}, {misshapen} AS misshapen FROM ", rows)
    except duckdb.Error as error:
        sentence = f"{rows.name} cannot be read as CSV. Check its quotes, its line ends and its encoding (UTF-8)."
        raise PackageBroken((Problem(rule="bad csv", file=rows.name, sentence=sentence),)) from error
    rejected = sorted({int(line) for (line,) in db.execute("SELECT line FROM reject_errors").fetchall()})
    db.execute("DROP TABLE reject_errors")
    db.execute("DROP TABLE reject_scans")
    if len(rejected) > _MOST_UNREAD:
        first = rejected[0] - 1 + above
        sentence = f"{len(rejected):,} lines of {rows.name} cannot be read as CSV, the first is line {first:,}."
        raise PackageBroken((Problem(rule="bad csv", file=rows.name, sentence=sentence),))
    (count,) = db.execute(f"SELECT count(*) FROM all_{table}").fetchone() or (0,)
    blank = []
    if reading.physical_lines(rows.path).count != count + len(rejected) + 1:
        blank = reading.blank_lines(rows.path)[:_MOST_UNREAD]
    # A rejected or blank line is no row: those after it stand one line further down.
    no_rows = sorted({*rejected, *blank})
    before = "".join(f" + (rowid + 2 >= {line - number})::BIGINT" for number, line in enumerate(no_rows))
    db.execute(f"CREATE TABLE {table} AS SELECT rowid + {1 + above}{before} AS line, * FROM all_{table}")
    db.execute(f"DROP TABLE all_{table}")
    lines = [int(line) for (line,) in db.execute(f"SELECT line FROM {table} WHERE misshapen").fetchall()]
    db.execute(f"DELETE FROM {table} WHERE misshapen")
    db.execute(f"ALTER TABLE {table} DROP misshapen")
    sentence = "The line cannot be read: it has other cells than the header, or is no CSV. Check its commas and quotes."
    misread = [
        Misread(file=rows.name, line=line, sentence=sentence)
        for line in sorted({*(r - 1 + above for r in rejected), *lines})
    ]
    return misread if whole else [*misread, *_half_line(db, rows, after=max((m.line or 0 for m in misread), default=0))]


def _half_line(db: Columns, rows: Rows, *, after: int) -> list[Misread]:
    """Take the last row out, unless it was not read anyhow."""
    last = f"line > {after} AND line = (SELECT max(line) FROM {rows.table})"
    found = db.execute(f"DELETE FROM {rows.table} WHERE {last} RETURNING line").fetchall()
    return [Misread(file=rows.name, line=int(line), sentence=CUT_OFF) for (line,) in found]


def _try(db: Columns, statement: str, rows: Rows) -> None:
    """In parallel; then in one go, for line breaks within quotes; then with one kind of line ends instead of two."""
    for path, parallel in ((rows.path, True), (rows.path, False), (None, False)):
        path_ = path or reading.with_one_line_end(rows.path)
        try:
            db.execute(statement + reading.cells_of(path_, rows.width, parallel=parallel, delimiter=rows.delimiter))
        except duckdb.Error:
            if path is None:
                raise
            for table in ("reject_errors", "reject_scans"):
                db.execute(f"DROP TABLE IF EXISTS {table}")
        else:
            return

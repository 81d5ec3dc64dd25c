"""The DuckDB session in which a day of a district is made, and the way from its tables to files.

Tables that become files hold the file's columns by their OneRoster names and six more: ``ord`` (the order of rows),
``born``, ``gone`` and ``back`` (the days on which the record came, left, and returned), ``edited`` (the day from which
it reads differently) and ``bad`` (this row is invalid on this day).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from schoolpassport.demo.generator.facts import KindChanges

MEMORY = "512MB"
NEVER = 2_147_483_647

# Chance is `pick`: a number under `sides` that follows from the seed, a subject and a record's number alone. MD5 and
# not DuckDB's hash(), which may change with its version. `turn` says every how many records one is affected on a given
# day; `due` says on which day a record's turn comes.
_MACROS = """
CREATE MACRO pick(subject, no, sides) AS
    (md5_number_lower(getvariable('seed') || ':' || subject || ':' || no) % sides::UBIGINT)::BIGINT;
CREATE MACRO choose(list, subject, no) AS list[1 + pick(subject, no, len(list))];
CREATE MACRO choose_another(list, subject, no) AS list[1 + (1 + pick(subject, no, len(list))) % len(list)];
CREATE MACRO never() AS 2147483647;
CREATE MACRO today() AS getvariable('day');
CREATE MACRO present(born, gone, back, day) AS born <= day AND (day < gone OR back <= day);
CREATE MACRO turn(rate, longest) AS
    CASE WHEN rate = 0 THEN never() ELSE greatest(1, least(round(1 / rate)::BIGINT, longest)) END;
CREATE MACRO due(subject, no, every) AS
    CASE WHEN every = never() THEN never() ELSE 2 + (no + pick(subject, 0, every)) % every END;
CREATE MACRO letters(name) AS regexp_replace(lower(strip_accents(name)), '[^a-z]', '', 'g');
CREATE MACRO written(name, otherwise) AS coalesce(nullif(letters(name), ''), otherwise);
CREATE MACRO student_id(no) AS format('stu-{:07d}', no);
CREATE MACRO guardian_id(no) AS format('par-{:07d}', no);
CREATE MACRO teacher_id(no) AS format('tch-{:06d}', no);
CREATE MACRO staff_id(no) AS format('stf-{:05d}', no);
CREATE MACRO school_id(no) AS format('sch-{:03d}', no + 1);
CREATE MACRO class_id(no) AS format('sec-{:07d}', no);
"""

_CHANGES = """
count(*) FILTER (present(born, gone, back, today())) AS rows,
count(*) FILTER (bad AND present(born, gone, back, today())) AS rejected,
count(*) FILTER (NOT bad AND born = today()) AS added,
count(*) FILTER (NOT bad AND edited = today()
                 AND present(born, gone, back, today()) AND present(born, gone, back, today() - 1)) AS updated,
count(*) FILTER (NOT bad AND gone = today()) AS removed,
count(*) FILTER (NOT bad AND back = today()) AS returned
"""


@contextmanager
def session(variables: Mapping[str, object]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory, bounded, that spills into a folder of its own and leaves nothing behind."""
    with TemporaryDirectory(prefix="district-") as spill, bounded(Path(spill)) as db:
        for name, value in variables.items():
            db.execute(f"SET VARIABLE {name} = ?", [value])
        db.execute(_MACROS)
        yield db


def bounded(spill: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": str(spill)})


def write(*, db: duckdb.DuckDBPyConnection, table: str, columns: tuple[str, ...], target: Path) -> None:
    """The rows of today, in order, as RFC 4180 with LF; blank is blank, quotes stand where they must."""
    rows = db.table(table) if table != "enrollments" else db.view(table)
    today = rows.filter("present(born, gone, back, today())").order('ord, "sourcedId"')
    today.project(", ".join(f'"{column}"' for column in columns)).to_csv(str(target), header=True)


def count(*, db: duckdb.DuckDBPyConnection, table: str) -> tuple[int, int, KindChanges]:
    """Rows in today's file, how many of them are to be accepted, and these against the day before."""
    rows = db.table(table) if table != "enrollments" else db.view(table)
    [(total, rejected, added, updated, removed, returned)] = rows.aggregate(_CHANGES).fetchall()
    accepted = total - rejected
    unchanged = accepted - added - updated - returned
    changes = KindChanges(added=added, updated=updated, removed=removed, returned=returned, unchanged=unchanged)
    return total, accepted, changes

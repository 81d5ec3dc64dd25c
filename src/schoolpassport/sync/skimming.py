"""Which rows of a file are worth reading, found without reading the rest.

A nightly file repeats nearly all of the last one. The state of a source knows a hash of every row as it was last taken
without a finding: of its *line* as it stood under its header, and of its *cells* whatever the order of the columns.
Rows whose hash is in the state say what stands. Only the others are read (``raw_<kind>``), and held against the part
of the state that found no row (``base_<kind>``); both together come out as if the whole file had been read.

That holds only for files whose rows are one line each, and whose rows meet the state one by one. Whatever is in the
least unusual (blank or unreadable lines, repeated rows, half of the file new) is read in full instead.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum

import duckdb

from schoolpassport.kit.columns import Columns
from schoolpassport.roster.kinds import KINDS
from schoolpassport.sources import reading, staging
from schoolpassport.sources.manifest import KEY
from schoolpassport.sources.records import FilePlan
from schoolpassport.sources.schemas import Parse

_MOST_NEW = 0.25  # share of a file's rows; beyond it, reading in full is cheaper


class Way(StrEnum):
    """How a file was read. The hash of a skimmed row is in the state's column of that name.

    ``SAME``: not at all, for it is byte by byte the one that said nothing new the last time.
    """

    SAME = "same"
    LINE = "line"
    CELLS = "cells"
    FULL = "full"


@dataclass(frozen=True, kw_only=True)
class Skimmed:
    """``plain``: every row is one line. ``nothing_new``: all of it stands, and nothing that it refers to goes."""

    way: Way
    rows: int
    plain: bool = True
    nothing_new: bool = False


class _Unusual(Exception):
    """The file must be read in full."""


def read(db: Columns, plan: FilePlan, *, ways: tuple[Way, ...], unseen: bool, losing: Collection[str]) -> Skimmed:
    """Make ``raw_<kind>`` and ``base_<kind>`` of a file, by the first way that will do; nothing of one without news.

    ``unseen``: something the file refers to went on a night on which it was not compared. ``losing``: kinds of which
    something goes tonight.
    """
    table = plan.kind_table
    for way in ways:
        try:
            return _skim(db, plan, way, unseen=unseen, losing=losing)
        except (_Unusual, duckdb.Error) as error:
            if _is_ours(error):
                raise
            staging.forget_rejects(db)
            staging.drop(db, table)
            for name in ("seen", "apart", "base", "touched"):
                db.execute(f"DROP TABLE IF EXISTS {name}_{table}")
    staged = staging.stage(db, plan)
    db.execute(f"CREATE VIEW base_{table} AS FROM state_{table}")
    return Skimmed(way=Way.FULL, rows=staged.rows, plain=staged.plain)


def _is_ours(error: Exception) -> bool:
    """Whether it is not the file's fault: DuckDB says that something is no CSV by one of two classes."""
    return isinstance(error, duckdb.ProgrammingError) and not isinstance(error, duckdb.InvalidInputException)


@dataclass(frozen=True, kw_only=True)
class _Apart:
    """Rows of the file that met nothing in the state, and records of the state that stand and met no row."""

    fresh: int
    standing: int


def _skim(db: Columns, plan: FilePlan, way: Way, *, unseen: bool, losing: Collection[str]) -> Skimmed:
    table, kind = plan.kind_table, plan.schema.kind
    rows = _see(db, plan, way)
    touched = _touch(db, plan, _going(plan, losing, unseen=unseen))
    apart = _set_apart(db, plan, way, touched=touched > 0)
    if not (apart.fresh or apart.standing or unseen):
        return Skimmed(way=way, rows=rows, nothing_new=True)
    _take(db, plan, apart)
    if any(r.target == kind.name for r in kind.references):
        here = f"SELECT key FROM raw_{table} WHERE status IS DISTINCT FROM 'tobedeleted'"
        own = f"(SELECT key FROM base_{table} WHERE NOT gone EXCEPT {here})"
        if _touch(db, plan, {kind.name: own + (_gone(table) if unseen else "")}):
            staging.drop(db, table)
            apart = _set_apart(db, plan, way, touched=True)
            _take(db, plan, apart)
    unread = _count(db, f"unread_{table}")
    nothing_new = not (apart.fresh or apart.standing)
    if nothing_new:
        staging.drop(db, table)
    return Skimmed(way=way, rows=rows - unread, nothing_new=nothing_new)


# ------------------------------------------------------------------------------------------ what differs from the state


def _see(db: Columns, plan: FilePlan, way: Way) -> int:
    """Make ``seen_<kind>``: the hash of every row, in the order of the file; and ``touched_<kind>``, of nothing yet.

    Returns how many rows there are.
    """
    table, physical = plan.kind_table, reading.physical_lines(plan.path)
    if not physical.plain or _count(db, f"state_{table} WHERE {way} IS NOT NULL") < (1 - _MOST_NEW) * physical.rows:
        raise _Unusual
    if way is Way.LINE:
        # A blank line may come as nothing, and is missed in the count.
        found = f"SELECT {reading.line_hash(plan)} AS found FROM {reading.lines(plan.path)} WHERE line IS NOT NULL"
    else:
        found = f"SELECT {reading.cells_hash(plan)} AS found FROM {reading.rows(plan)}"
    seen = db.execute(f"CREATE TABLE touched_{table} (key VARCHAR); CREATE TABLE seen_{table} AS {found}").fetchone()
    if (way is Way.CELLS and staging.forget_rejects(db)) or seen != (physical.rows,):
        raise _Unusual
    return physical.rows


def _going(plan: FilePlan, losing: Collection[str], *, unseen: bool) -> dict[str, str]:
    """What is about to go, or went unseen, of the other kinds that the file refers to: kind → SQL of keys."""
    going = {}
    for target in sorted({r.target for r in plan.schema.kind.references} - {plan.schema.kind.name}):
        table = KINDS[target].table
        if target in losing or unseen:
            going[target] = f"SELECT key FROM missing_{table}" + (_gone(table) if unseen else "")
    return going


def _gone(table: str) -> str:
    return f" UNION SELECT key FROM state_{table} WHERE gone"


def _touch(db: Columns, plan: FilePlan, going: dict[str, str]) -> int:
    """Note whose rows refer to something that goes: they are looked at, too. Returns how many were not noted before."""
    table = plan.kind_table
    ways = _ways_to(plan, {kind: keys for kind, keys in going.items() if _count(db, f"(FROM ({keys}) LIMIT 1)")})
    if not ways:
        return 0
    before = _count(db, f"touched_{table}")
    db.execute(f"INSERT INTO touched_{table} ({' UNION '.join(ways)}) EXCEPT FROM touched_{table}")
    if staging.forget_rejects(db):
        raise _Unusual
    return _count(db, f"touched_{table}") - before


def _ways_to(plan: FilePlan, going: dict[str, str]) -> list[str]:
    """SQL: the keys of rows that refer to what goes; one question for all single references, one for each list."""
    key, single, ways = reading.cell(plan, KEY), [], []
    rows = reading.shaped(plan, reading.rows(plan))
    for target, keys in going.items():
        if plan.schema.kind.same_id_as == target:
            single.append(f"{key} IN ({keys})")
        for column in (c for c in plan.schema.columns if c.field.target == target and reading.has(plan, c.header)):
            cell = reading.cell(plan, column.header)
            if column.parse is Parse.LIST:
                each = f"SELECT {key} AS key, trim(unnest(string_split({cell}, ','))) AS ref FROM {rows}"
                ways.append(f"SELECT key FROM ({each} WHERE {cell} IS NOT NULL) WHERE ref IN ({keys})")
            else:
                single.append(f"{cell} IN ({keys})")
    if single:
        ways.append(f"SELECT {key} FROM {rows} WHERE {' OR '.join(single)}")
    return ways


def _take(db: Columns, plan: FilePlan, apart: _Apart) -> None:
    """Read the rows that met nothing in the state, and make ``base_<kind>`` of what met no row."""
    table = plan.kind_table
    db.execute(
        f"CREATE OR REPLACE TABLE base_{table} AS SELECT key, id, hash, gone FROM apart_{table} WHERE place IS NULL"
    )
    if not apart.fresh:
        staging.nothing_read(db, plan)
        return
    staging.stage_part(db, plan, _parsed(db, plan, apart.fresh))
    # A row that met nothing, under the key of one that did: the key stands twice.
    again = f"(FROM (FROM raw_{table} ANTI JOIN base_{table} USING (key)) SEMI JOIN state_{table} USING (key) LIMIT 1)"
    if _count(db, again):
        raise _Unusual


def _set_apart(db: Columns, plan: FilePlan, way: Way, *, touched: bool) -> _Apart:
    """Make ``apart_<kind>``, the rows of file and state that do not meet."""
    table = plan.kind_table
    state = f"SELECT key, id, hash, gone, {way} AS known FROM state_{table}"
    if touched:
        unless = f"CASE WHEN key IN (FROM touched_{table}) THEN NULL ELSE known END"
        state = f"SELECT * REPLACE ({unless} AS known) FROM ({state})"
    db.execute(
        f"CREATE OR REPLACE TABLE apart_{table} AS SELECT f.rowid AS place, f.found, s.* FROM seen_{table} f "
        f"FULL JOIN ({state}) s ON f.found = s.known WHERE f.found IS NULL OR s.known IS NULL"
    )
    counted = db.execute(
        f"SELECT count(place), count(known), count(*) FILTER (place IS NULL AND NOT gone), (SELECT count(known) "
        f"FROM ({state})), (SELECT count(*) FROM seen_{table}) FROM apart_{table}"
    ).fetchone()
    fresh, lapsed, standing, known, rows = counted or (0, 0, 0, 0, 0)
    # As many rows met the state as rows of the state were met: none stands twice.
    if rows - fresh != known - lapsed or fresh > _MOST_NEW * rows:
        raise _Unusual
    return _Apart(fresh=int(fresh), standing=int(standing))


def _parsed(db: Columns, plan: FilePlan, fresh: int) -> str:
    """The lines that met nothing, read as CSV. As many rows must come out, or a quote runs over several of them."""
    table = plan.kind_table
    path = plan.path.with_name(f"part_{table}.csv")
    places = db.execute(f"SELECT place FROM apart_{table} WHERE place IS NOT NULL ORDER BY place").fetchall()
    reading.copy_lines(plan.path, (place for (place,) in places), path)
    parts = db.execute(f"CREATE OR REPLACE TABLE part_{table} AS FROM {reading.rows(replace(plan, path=path))}")
    read = parts.fetchone()
    path.unlink()
    if staging.forget_rejects(db) or read != (fresh,):
        raise _Unusual
    numbers = f"SELECT place, row_number() OVER (ORDER BY place) - 1 AS number FROM apart_{table} WHERE place >= 0"
    return f"(SELECT f.place, p.* FROM part_{table} p JOIN ({numbers}) f ON p.rowid = f.number)"


# ------------------------------------------------------------------------------------------------ for the state to come


def learn(db: Columns, plan: FilePlan) -> None:
    """Make ``learned_<kind>``: rows that were read and say what stands, with the hashes they have now.

    To be called while ``raw_<kind>`` is there.
    """
    table = plan.kind_table
    db.execute(
        f"CREATE TABLE learned_{table} AS SELECT key, cells, place FROM raw_{table} ANTI JOIN cand_{table} USING (key) "
        f"ANTI JOIN twice_{table} USING (key) WHERE status IS DISTINCT FROM 'tobedeleted'"
    )


def learn_lines(db: Columns, plan: FilePlan, way: Way, *, anew: bool) -> None:
    """Make ``lines_<kind>`` (place, line): hashes of lines. ``anew``: of the whole file, because all are new."""
    table = plan.kind_table
    db.execute(f"CREATE TABLE lines_{table} (place BIGINT, line UBIGINT)")
    if way is Way.LINE:
        db.execute(f"INSERT INTO lines_{table} SELECT place, found FROM apart_{table} WHERE place IS NOT NULL")
    if way is Way.CELLS and anew:
        db.execute(
            f"INSERT INTO learned_{table} SELECT s.key, s.cells, f.rowid FROM state_{table} s JOIN seen_{table} f "
            f"ON s.cells = f.found ANTI JOIN learned_{table} l ON s.key = l.key"
        )
    if anew:
        try:
            db.execute(
                f"INSERT INTO lines_{table} SELECT row_number() OVER () - 1, {reading.line_hash(plan)} "
                f"FROM {reading.lines(plan.path)}"
            )
        except duckdb.Error as error:  # a control character: such a file is read in full
            if _is_ours(error):
                raise


def _count(db: Columns, relation: str) -> int:
    (count,) = db.execute(f"SELECT count(*) FROM {relation}").fetchone() or (0,)
    return int(count)

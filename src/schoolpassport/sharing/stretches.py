"""The rows of a view as lines, stretch by stretch along their key: put together by the database, thousands at once.

Copying row by row takes a trip through Python for each; these come as they go into a file.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from schoolpassport.kit import pipeline
from schoolpassport.kit.pipeline import Statement

AT_ONCE = 2_000  # lines; of documents a megabyte or two
_NOBODY = "00000000-0000-0000-0000-000000000000"
# Each stretch follows the key from where the last one ended. Sorting all rows for each of them would never end.
_PLANS = ("enable_seqscan", "enable_bitmapscan", "enable_sort")

Connection = Any  # psycopg's own


class Stretch(NamedTuple):
    """``after``: behind whom it begins. ``more``: the further columns of the statement, texts as bytes."""

    lines: bytes
    rows: int
    after: str
    last: str
    more: tuple[Any, ...]


def statement(line: str, rows: str, columns: str, *more: str) -> str:
    """SQL: ``line`` of each row ``d``, which has these ``columns`` of ``rows`` (SQL of rows ``r``, from the table on).

    ``more``: aggregates of ``d``.
    """
    asked = ", ".join([f"string_agg({line}, '')", "count(*)", 'max(d.id::text COLLATE "C")', *more])
    found = f"SELECT r.id, {columns} FROM {rows} AND r.id > %(after)s::uuid ORDER BY r.id LIMIT %(limit)s::int"
    return f"SELECT {asked} FROM ({found}) d"


def follow(connection: Connection, sql: Callable[[], str], facts: Mapping[str, Any]) -> Iterator[Stretch]:
    """All stretches, in the caller's transaction. ``sql``: the statement of the next one; ``facts``: its parameters."""
    _plan(connection, "off")
    after, rows = _NOBODY, AT_ONCE
    while rows == AT_ONCE:
        found = read(connection, sql(), facts, after)
        if rows := found.rows:
            after = found.last
            yield found
    _plan(connection, "DEFAULT")


def read(connection: Connection, sql: str, facts: Mapping[str, Any], after: str) -> Stretch:
    asked = Statement(sql, {**facts, "after": after, "limit": AT_ONCE}, prepared=True, raw_texts=True)
    lines, rows, last, *more = pipeline.run(connection, asked)[0] or (None, 0, None)
    return Stretch(lines or b"", rows, after, (last or b"").decode(), tuple(more))


def _plan(connection: Connection, value: str) -> None:
    connection.execute("; ".join(f"SET LOCAL {setting} TO {value}" for setting in _PLANS))

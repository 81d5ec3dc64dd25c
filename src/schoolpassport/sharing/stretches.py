"""The rows of a view as lines, stretch by stretch along their key: put together by the database, thousands at once.

Copying row by row takes a trip through Python for each; these come as they go into a file.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from django.db import connection

from schoolpassport.kit import pipeline
from schoolpassport.kit.pipeline import Statement

DOCUMENTS = 2_000  # at once: a megabyte or two; more is dearer, for the memory that it takes
LINES = 8_000  # of files: about the same
_NOBODY = "00000000-0000-0000-0000-000000000000"
_LENGTH = len(_NOBODY)
# Each stretch follows the key from where the last one ended. Sorting all rows for each of them would never end.
_PLANS = ("enable_seqscan", "enable_bitmapscan", "enable_sort")


class Stretch(NamedTuple):
    """``more``: the further columns of the statement, texts as bytes."""

    lines: bytes
    rows: int
    more: tuple[Any, ...]


def statement(line: str, rows: str, columns: str, *more: str) -> str:
    """SQL: ``line`` of each row ``d``, which has these ``columns`` of ``rows`` (SQL of rows ``r``, from the table on).

    ``more``: aggregates of ``d``.
    """
    asked = ", ".join([f"string_agg({line}, '')", "count(*)", *more])
    found = f"SELECT r.id, {columns} FROM {rows} AND r.id > %(after)s::uuid ORDER BY r.id LIMIT %(limit)s::int"
    return f"SELECT {asked} FROM ({found}) d"


def follow(ask: Callable[[str, int], Stretch], *, at_once: int, place: int = 0) -> Iterator[Stretch]:
    """All stretches, in the caller's transaction. ``ask`` reads the one behind an id, of so many lines.

    ``place``: where in a line its id begins.
    """
    _plan("off")
    try:
        after, rows = _NOBODY, at_once
        while rows == at_once:
            found = ask(after, at_once)
            if rows := found.rows:
                after = last(found.lines, place)
                yield found
    finally:
        if not connection.connection.closed:
            _plan("DEFAULT")


def read(sql: str, facts: Mapping[str, Any], after: str, limit: int) -> Stretch:
    """The one behind an id, by such a statement with ``facts`` as its parameters."""
    asked = Statement(sql, {**facts, "after": after, "limit": limit}, prepared=True, raw_texts=True)
    lines, rows, *more = pipeline.run(connection.connection, asked)[0] or (None, 0)
    return Stretch(lines or b"", rows, tuple(more))


def last(lines: bytes, place: int) -> str:
    """The id that stands at this place of the last line: to ask the database for it costs it a comparison per row."""
    begins = lines.rfind(b"\n", 0, -1) + 1 + place
    return lines[begins : begins + _LENGTH].decode()


def _plan(value: str) -> None:
    connection.connection.execute("; ".join(f"SET LOCAL {setting} TO {value}" for setting in _PLANS))

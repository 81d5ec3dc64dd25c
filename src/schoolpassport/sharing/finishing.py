"""A kind that stores no documents as a finished CSV file, whose lines the database writes in the order of GG4L IDs.

Cells and quotes are what the engine of the other files makes of the same rows, byte for byte. No record is taken in
hand on its way: the database puts lines together and gives thousands of them at once.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from schoolpassport.kit.columns import literal, quoted
from schoolpassport.roster.kinds import Kind, Type
from schoolpassport.sharing.catalogue import METADATA, SIS_ID
from schoolpassport.sharing.records import Finished, Layout

_AT_ONCE = 5_000  # lines; about a megabyte
_NOBODY = "00000000-0000-0000-0000-000000000000"
_BARE = {Type.REFERENCE, Type.BOOLEAN, Type.DATE}  # nothing in these needs quotes
_MARKS = ',"#'
_ENDS = "chr(10) || chr(13)"
# Each stretch follows the key from where the last one ended. Sorting all rows for each of them would never end.
_PLANS = ("enable_seqscan", "enable_bitmapscan", "enable_sort")

_Cursor = Any  # psycopg's own


def keys(cursor: _Cursor, rows: str, facts: Mapping[str, Any]) -> list[str] | None:
    """The keys of the metadata of ``rows`` (SQL of rows ``r``, from the table on); None where values are no texts."""
    objects = "CASE jsonb_typeof(r.metadata) WHEN 'object' THEN r.metadata END"
    cursor.execute(
        f"SELECT {literal(SIS_ID)}, true WHERE EXISTS (SELECT FROM {rows} AND r.sis_id IS NOT NULL) UNION ALL "
        f"SELECT m.key, bool_and(jsonb_typeof(m.value) = 'string') FROM (SELECT {objects} AS metadata FROM {rows} "
        "AND r.metadata IS NOT NULL) o, jsonb_each(o.metadata) m GROUP BY m.key",
        facts,
    )
    found = cursor.fetchall()
    return list(dict(found)) if all(texts for _, texts in found) else None


def write(
    cursor: _Cursor,
    kind: Kind,
    layout: Layout,
    keys: list[str],
    *,
    rows: str,
    facts: Mapping[str, Any],
    into: Path,
) -> Finished:
    """``rows``: SQL of rows ``r``, from the table on, with ``facts`` as its parameters."""
    cells = {header: _attribute(kind, name) for header, name in layout.columns.items()}
    cells |= {f"{METADATA}.{key}": (_extension(key), False) for key in layout.shown(keys)}
    written, blank = 0, dict.fromkeys(cells, 0)
    into.unlink(missing_ok=True)
    with into.open("xb") as file:
        file.write((",".join(_in_quotes(header) for header in ("sourcedId", *cells)) + "\n").encode())
        for lines, count, blanks in _stretches(cursor, _statement(rows, list(cells.values())), facts):
            file.write(lines.encode())
            written += count
            blank = {header: blank[header] + more for header, more in zip(cells, blanks, strict=True)}
    return Finished(rows=written, blank=blank)


def _stretches(cursor: _Cursor, statement: str, facts: Mapping[str, Any]) -> Iterator[tuple[str, int, list[int]]]:
    _plan(cursor, "off")
    after, count = _NOBODY, _AT_ONCE
    while count == _AT_ONCE:
        cursor.execute(statement, {**facts, "after": after})
        lines, count, last, *blanks = cursor.fetchone()
        if count:
            after = last
            yield lines, count, blanks
    _plan(cursor, "DEFAULT")


def _plan(cursor: _Cursor, value: str) -> None:
    cursor.execute("; ".join(f"SET LOCAL {setting} TO {value}" for setting in _PLANS))


# ----------------------------------------------------------------------------------------------------------------- SQL


def _attribute(kind: Kind, name: str) -> tuple[str, bool]:
    """SQL: an attribute of a row ``r`` as text, and whether it is bare."""
    if not name:
        return "NULL", True
    field = kind[name]
    return f"r.{quoted(field.column)}::text", bool(field.values) or field.type in _BARE


def _extension(key: str) -> str:
    told = f"r.metadata->>{literal(key).replace('%', '%%')}"
    return f"coalesce(r.sis_id, {told})" if key == SIS_ID else told


def _statement(rows: str, cells: list[tuple[str, bool]]) -> str:
    named = [f"c{place}" for place, _ in enumerate(cells)]
    inner = "".join(f", {sql} AS {name}" for name, (sql, _) in zip(named, cells, strict=True) if sql != "NULL")
    line, blanks, comma = "d.id", [], ","
    for name, (sql, bare) in zip(named, cells, strict=True):
        if sql == "NULL":
            comma += ","
            blanks.append("count(*)")
        else:
            line += f" || {literal(comma)} || coalesce({f'd.{name}' if bare else _cell(f'd.{name}')}, '')"
            told = f"d.{name}" if bare else f"nullif(d.{name}, '')"
            blanks.append(f"count(*) - count({told})")
            comma = ","
    return (
        f"SELECT string_agg({line} || {literal(comma[1:])} || chr(10), ''), count(*), max(d.id COLLATE \"C\"), "
        f"{', '.join(blanks)} FROM (SELECT r.id::text AS id{inner} FROM {rows} AND r.id > %(after)s::uuid "
        f"ORDER BY r.id LIMIT {_AT_ONCE}) d"
    )


def _cell(text: str) -> str:
    """SQL: a text as a cell, in quotes where it must be, line ends as blanks. Most texts have nothing of either."""
    return (
        f"CASE WHEN translate({text}, {literal(_MARKS)} || {_ENDS}, '') = {text} THEN {text} "
        f"WHEN translate({text}, {literal(_MARKS)}, '') = {text} THEN translate({text}, {_ENDS}, '  ') "
        f"ELSE '\"' || replace(translate({text}, {_ENDS}, '  '), '\"', '\"\"') || '\"' END"
    )


def _in_quotes(header: str) -> str:
    needs = any(mark in header for mark in _MARKS)
    return '"' + header.replace('"', '""') + '"' if needs else header

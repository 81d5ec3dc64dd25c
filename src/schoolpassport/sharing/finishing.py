"""A kind that stores no documents as a finished CSV file, whose lines the database writes in the order of GG4L IDs.

Cells and quotes are what the engine of the other files makes of the same rows, byte for byte. No record is taken in
hand on its way: the database puts lines together and gives thousands of them at once.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from schoolpassport.kit.columns import literal, quoted
from schoolpassport.roster.kinds import Kind, Type
from schoolpassport.sharing import stretches
from schoolpassport.sharing.catalogue import METADATA, SIS_ID
from schoolpassport.sharing.records import Finished, Layout
from schoolpassport.sharing.stretches import Stretch

_BARE = {Type.REFERENCE, Type.BOOLEAN, Type.DATE}  # nothing in these needs quotes
_MARKS = ',"#'
_ENDS = "chr(10) || chr(13)"
_ODD = (*(mark.encode() for mark in _MARKS), b"\n", b"\r")

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
    found = _Statements(rows, cells, layout.counted)
    written, blank = 0, dict.fromkeys(layout.counted, 0)
    into.unlink(missing_ok=True)
    with into.open("xb") as file:
        file.write((",".join(_in_quotes(header) for header in ("sourcedId", *cells)) + "\n").encode())
        for stretch in _stretches(cursor.connection, found, facts):
            file.write(stretch.lines)
            written += stretch.rows
            _, *blanks = stretch.more
            blank = {header: blank[header] + more for header, more in zip(blank, blanks, strict=True)}
    return Finished(rows=written, blank=blank)


def _stretches(connection: Any, statements: "_Statements", facts: Mapping[str, Any]) -> Iterator[Stretch]:  # noqa: ANN401 (psycopg's own)
    """Texts are taken for such as need no quotes until one is found that does: hardly any do, and to look is dear."""
    for stretch in stretches.follow(connection, lambda: statements.next, facts):
        texts = stretch.more[0] or b""
        if any(mark in texts for mark in _ODD):
            statements.next = statements.careful
            yield stretches.read(connection, statements.careful, facts, stretch.after)
        else:
            yield stretch


# ----------------------------------------------------------------------------------------------------------------- SQL


def _attribute(kind: Kind, name: str) -> tuple[str, bool]:
    """SQL: an attribute of a row ``r``, "" for none, and whether it is bare. Booleans are words."""
    if not name:
        return "", True
    field = kind[name]
    words = "::text" if field.type is Type.BOOLEAN else ""
    return f"r.{quoted(field.column)}{words}", bool(field.values) or field.type in _BARE


def _extension(key: str) -> str:
    told = f"r.metadata->>{literal(key).replace('%', '%%')}"
    return f"coalesce(r.sis_id, {told})" if key == SIS_ID else told


class _Statements:
    """``next``: at first texts as they are, and once more by themselves. ``careful``: in quotes where they must be."""

    def __init__(self, rows: str, cells: Mapping[str, tuple[str, bool]], counted: Iterable[str]) -> None:
        names = {header: f"d.c{place}" if sql else "" for place, (header, (sql, _)) in enumerate(cells.items())}
        texts = [names[header] for header, (_, bare) in cells.items() if not bare]
        columns = ", ".join(f"{sql} AS {names[header][2:]}" for header, (sql, _) in cells.items() if sql)
        blanks = [f"count(*) - count({names[header]})" for header in counted]
        apart = f"string_agg(concat({', '.join(texts)}), '')" if texts else "NULL::text"
        quoted = {name: _cell(name) for name in texts}
        self.next = _statement(rows, columns, names.values(), apart, *blanks)
        self.careful = _statement(rows, columns, [quoted.get(n, n) for n in names.values()], "NULL::text", *blanks)


def _statement(rows: str, columns: str, cells: Iterable[str], *more: str) -> str:
    parts, commas = ["d.id"], ""
    for cell in cells:
        commas += ","
        if cell:
            parts += [literal(commas), cell]
            commas = ""
    return stretches.statement(f"concat({', '.join(parts)}, {literal(commas)} || chr(10))", rows, columns, *more)


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

"""A kind that stores no documents as a finished CSV file, whose lines the database writes in the order of GG4L IDs.

Cells and quotes are what the engine of the other files makes of the same rows, byte for byte. No record is taken in
hand on its way: the database puts lines together and gives thousands of them at once.
"""

from collections.abc import Iterable, Mapping
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


def write(
    cursor: _Cursor, kind: Kind, layout: Layout, *, rows: str, facts: Mapping[str, Any], into: Path
) -> Finished | None:
    """``rows``: SQL of rows ``r``, from the table on, with ``facts`` as its parameters.

    None where something in the metadata is no text: that is for another engine. Hardly any record has metadata, and to
    look for their keys is a walk of its own, so it is taken where some have been met.
    """
    cursor.execute(f"SELECT EXISTS (SELECT FROM {rows} AND r.sis_id IS NOT NULL)", facts)
    keys = [SIS_ID] if cursor.fetchone()[0] else []
    written = _written(_Asking(_Statements(kind, layout, rows, keys, bare=True), facts), into)
    if written is not None:
        return written
    told = _keys(cursor, rows, facts)
    if told is None:
        into.unlink()
        return None
    statements = _Statements(kind, layout, rows, list({*keys, *told}), bare=False)
    return _written(_Asking(statements, facts), into)


def _keys(cursor: _Cursor, rows: str, facts: Mapping[str, Any]) -> list[str] | None:
    """The keys of metadata; None where values are no texts."""
    objects = "CASE jsonb_typeof(r.metadata) WHEN 'object' THEN r.metadata END"
    cursor.execute(
        f"SELECT m.key, bool_and(jsonb_typeof(m.value) = 'string') FROM (SELECT {objects} AS metadata FROM {rows} "
        "AND r.metadata IS NOT NULL) o, jsonb_each(o.metadata) m GROUP BY m.key",
        facts,
    )
    found = cursor.fetchall()
    return list(dict(found)) if all(texts for _, texts in found) else None


def _written(asking: "_Asking", into: Path) -> Finished | None:
    """None where metadata was met that was not expected."""
    statements = asking.statements
    rows, blank = 0, dict.fromkeys(statements.counted, 0)
    into.unlink(missing_ok=True)
    with into.open("xb") as file:
        file.write((",".join(_in_quotes(header) for header in ("sourcedId", *statements.headers)) + "\n").encode())
        for stretch in stretches.follow(asking.ask, at_once=stretches.LINES):
            bare, *blanks = stretch.more
            if not bare:
                return None
            file.write(stretch.lines)
            rows += stretch.rows
            blank = {header: blank[header] + more for header, more in zip(blank, blanks, strict=True)}
    return Finished(rows=rows, blank=blank)


class _Asking:
    """Rows are taken for such as lack nothing and have no text that needs quotes, until others are met.

    Hardly any do, and to look closely is dear.
    """

    def __init__(self, statements: "_Statements", facts: Mapping[str, Any]) -> None:
        self.statements, self._facts = statements, facts
        self._careful = False

    def ask(self, after: str, limit: int) -> Stretch:
        if not self._careful:
            found = stretches.read(self.statements.hopeful, self._facts, after, limit)
            bare, whole, texts = found.more
            if whole and not any(mark in (texts or b"") for mark in _ODD):
                return found._replace(more=(bare, *([0] * len(self.statements.counted))))
            self._careful = True
        return stretches.read(self.statements.careful, self._facts, after, limit)


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
    """``bare``: no metadata is expected. Both tell first whether there was none that was not expected.

    ``hopeful`` tells then whether nothing lacks that counts, and all texts once more by themselves; ``careful`` puts
    texts in quotes where they must be, and tells how many rows lack what.
    """

    def __init__(self, kind: Kind, layout: Layout, rows: str, keys: list[str], *, bare: bool) -> None:
        cells = {header: _attribute(kind, name) for header, name in layout.columns.items()}
        cells |= {f"{METADATA}.{key}": (_extension(key), False) for key in layout.shown(keys)}
        self.headers, self.counted = tuple(cells), layout.counted
        names = {header: f"d.c{place}" if sql else "" for place, (header, (sql, _)) in enumerate(cells.items())}
        texts = [names[header] for header, (_, plain) in cells.items() if not plain]
        told = [f"{sql} AS {names[header][2:]}" for header, (sql, _) in cells.items() if sql]
        columns = ", ".join([*told, f"{'r.metadata IS NULL' if bare else 'true'} AS bare"])
        flag = "coalesce(bool_and(d.bare), true)"
        there = " AND ".join([f"{names[header]} IS NOT NULL" for header in self.counted] or ["true"])
        apart = texts[0] if len(texts) == 1 else f"concat({', '.join(texts)})"
        checks = (f"coalesce(bool_and({there}), true)", f"string_agg({apart}, '')" if texts else "NULL::text")
        self.hopeful = _statement(rows, columns, names.values(), flag, *checks)
        blanks = [f"count(*) - count({names[header]})" for header in self.counted]
        careful = {name: _cell(name) for name in texts}
        self.careful = _statement(rows, columns, [careful.get(n, n) for n in names.values()], flag, *blanks)


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

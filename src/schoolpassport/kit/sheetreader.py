"""Reads a workbook in a process of its own: a program, run by ``kit.workbook`` and never imported.

The reader lays out a sheet as a rectangle, so a file of 2 KB with one cell in the last row and column asks for half a
terabyte. Here that ends this process, and nothing else. Formulas are read as the results that the file holds.

Called with the workbook, a folder, and JSON: {"sheets": patterns or null, "memory": bytes, "seconds": …}. Writes one
CSV per sheet, a line for each row of the sheet from the first on, and tells of them in JSON.
"""

import csv
import datetime as dt
import fnmatch
import json
import re
import resource
import sys
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path
from typing import Any

import python_calamine as calamine

_MOST_COLUMNS = 1_000
_MOST_SHEETS = 100
_EXACT = 1e15  # beyond it Excel keeps no digit right
_DOCTYPE = re.compile(rb"<!(DOCTYPE|ENTITY)", re.IGNORECASE)
_HEAD = 4096
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_REL = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_CELL = re.compile(rb"<(?:\w+:)?c\s([^>]*?)(?:/>|>(.*?)</(?:\w+:)?c>)", re.DOTALL)
_ODD = re.compile(rb't="e"|<(?:\w+:)?f\b')
_PLACE = re.compile(rb'\br="([A-Z]+)([0-9]+)"')
_VALUE = re.compile(rb"<(?:\w+:)?v>([^<]+)</(?:\w+:)?v>")
_NO_RESULT = "#FORMULA!"


class Refused(Exception):
    """The sentence says why; the caller puts the name of the file before it."""


def main() -> None:
    path, into, told = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_AS, (told["memory"], told["memory"]))
    resource.setrlimit(resource.RLIMIT_CPU, (told["seconds"], told["seconds"]))
    try:
        answer = _read(path, into, told["sheets"])
    except Refused as refused:
        answer = {"refused": str(refused)}
    except calamine.PasswordError:
        answer = {"refused": "is protected by a password. Save it without one."}
    except (calamine.CalamineError, zipfile.BadZipFile, ET.ParseError, KeyError, OSError, ValueError):
        answer = {"refused": "cannot be read as an Excel workbook. Open it in Excel and save it anew as .xlsx."}
    json.dump(answer, sys.stdout)


def _read(path: Path, into: Path, patterns: list[str] | None) -> dict[str, Any]:
    with zipfile.ZipFile(path) as archive:
        _refuse_entities(archive)
        parts, epoch = _parts(archive)
        book = calamine.CalamineWorkbook.from_path(path)
        if len(book.sheets_metadata) > _MOST_SHEETS:
            raise Refused(f"has {len(book.sheets_metadata)} sheets; {_MOST_SHEETS} are allowed. Send only the tables.")
        found = []
        for number, sheet in enumerate(book.sheets_metadata):
            visible = sheet.visible == calamine.SheetVisibleEnum.Visible
            chosen = visible if patterns is None else _is_named(sheet.name, patterns, visible=visible)
            if chosen and sheet.typ == calamine.SheetTypeEnum.WorkSheet:
                odd = _odd_cells(archive.read(parts[sheet.name])) if sheet.name in parts else {}
                found.append(_write(book, number, sheet.name, odd, into / f"{number}.csv"))
        names = [s.name for s in book.sheets_metadata]
    return {"epoch": epoch, "sheets": found, "names": names}


def _is_named(name: str, patterns: list[str], *, visible: bool) -> bool:
    """A hidden sheet is taken only where it is named to the letter."""
    folded = name.casefold()
    return any(folded == p.casefold() or (visible and fnmatch.fnmatchcase(folded, p.casefold())) for p in patterns)


def _refuse_entities(archive: zipfile.ZipFile) -> None:
    """No part of a workbook declares entities, but bombs do."""
    for name in archive.namelist():
        if name.endswith((".xml", ".rels")):
            with archive.open(name) as part:
                if _DOCTYPE.search(part.read(_HEAD)):
                    raise Refused("declares entities in its XML, which no workbook does. It is not read.")


def _parts(archive: zipfile.ZipFile) -> tuple[dict[str, str], int]:
    """Sheet → its part of the archive, and the year from which its days are counted."""
    book = ET.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314 (no entities, in a process with limits)
    links = ET.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314 (the same)
    targets = {link.get("Id"): (link.get("Target") or "").removeprefix("/xl/").lstrip("/") for link in links}
    parts = {
        sheet.get("name") or "": f"xl/{targets[sheet.get(_REL)]}"
        for sheet in book.iter(f"{_MAIN}sheet")
        if sheet.get(_REL) in targets
    }
    there = set(archive.namelist())
    settings = book.find(f"{_MAIN}workbookPr")
    late = settings is not None and settings.get("date1904") in {"1", "true"}
    return {name: part for name, part in parts.items() if part in there}, 1904 if late else 1900


def _odd_cells(xml: bytes) -> dict[int, dict[int, str]]:
    """Row → column → what to write there: errors, and formulas of which the file holds no result."""
    found: dict[int, dict[int, str]] = {}
    if not _ODD.search(xml):
        return found
    for cell in _CELL.finditer(xml):
        attributes, content = cell[1], cell[2] or b""
        value = _VALUE.search(content)
        text = ""
        if b't="e"' in attributes:
            text = value[1].decode(errors="replace") if value else "#VALUE!"
        elif value is None and re.search(rb"<(?:\w+:)?f\b", content):
            text = _NO_RESULT
        place = _PLACE.search(attributes) if text else None
        if place:
            found.setdefault(int(place[2]) - 1, {})[_number(place[1])] = text
    return found


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1


def _write(
    book: calamine.CalamineWorkbook, number: int, name: str, odd: dict[int, dict[int, str]], path: Path
) -> dict[str, Any]:
    sheet = book.get_sheet_by_index(number)
    width = sheet.end[1] + 1 if sheet.end else 0
    width = max(width, *(column + 1 for cells in odd.values() for column in cells), 0)
    if width > _MOST_COLUMNS:
        raise Refused(f"has {width:,} columns in the sheet “{name}”; {_MOST_COLUMNS:,} are allowed. Delete the others.")
    fills: dict[int, dict[int, int]] = {}  # row → column → the last row that it is merged with
    for (row, column), (last, _) in sheet.merged_cell_ranges or ():
        if last > row:
            fills.setdefault(row, {})[column] = last
    running: dict[int, tuple[int, str]] = {}  # column → the last row that it is filled to, and with what
    filled: list[int] = []
    left, rows = (sheet.start or (0, 0))[1], 0
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for line in sheet.iter_rows():
            cells = [_text(cell) for cell in line]
            cells = [""] * left + cells
            cells += [""] * (width - len(cells))
            for column, text in odd.get(rows, {}).items():
                cells[column] = text
            if running:
                filled += [rows + 1] if _fill(cells, running, rows) else []
            for column, last in fills.get(rows, {}).items():
                if column < width:
                    running[column] = (last, cells[column])
            out.writerow(cells)
            rows += 1
    return {"name": name, "file": path.name, "rows": rows, "width": width, "filled": filled[:1], "fills": len(filled)}


def _fill(cells: list[str], running: dict[int, tuple[int, str]], row: int) -> bool:
    """Merged cells say the same for each of their rows."""
    done = False
    for column, (last, text) in list(running.items()):
        if row > last:
            del running[column]
        elif not cells[column]:
            cells[column] = text
            done = bool(text)
    return done


def _text(cell: object) -> str:
    match cell:
        case str():
            return re.sub(r"\s*[\r\n]+\s*", " ", cell) if "\n" in cell or "\r" in cell else cell
        case bool():
            return "true" if cell else "false"
        case float() | int():
            return _digits(float(cell))
        case dt.datetime() if cell.time() == dt.time():
            return cell.date().isoformat()
        case _:
            return str(cell)


def _digits(number: float) -> str:
    """As Excel shows it. A number with more digits than it can hold is written so that it looks like one."""
    if abs(number) >= _EXACT:
        return f"{number:.14E}"
    return str(int(number)) if number.is_integer() else repr(number)


if __name__ == "__main__":
    main()

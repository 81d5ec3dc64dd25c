"""Workbooks become rows of text, and those that would do harm become a sentence."""

import csv
from datetime import date

import pytest

from schoolpassport.kit.refusal import PackageRefused
from schoolpassport.kit.workbook import read_workbook
from tests.support.workbooks import ERROR, FORMULA, NO_RESULT, Book, Raw, Sheet, workbook


def opened(tmp_path, content, **more):
    path = tmp_path / "a.xlsx"
    path.write_bytes(content if isinstance(content, bytes) else workbook(content))
    return read_workbook(path, into=tmp_path / "out", **more)


def rows(sheet):
    with sheet.path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_every_cell_is_text_as_a_person_sees_it(tmp_path):
    day = Raw('s="1"', "<v>41032.5</v>")
    cells = ["Ada", 12345, 12345.0, 1.5, True, date(2012, 5, 3), day, None, "two\nlines", FORMULA, ERROR, NO_RESULT]
    (sheet,) = opened(tmp_path, [cells, [123456789012345678]]).sheets
    assert rows(sheet) == [
        [
            *("Ada", "12345", "12345", "1.5", "true", "2012-05-03", "2012-05-03 12:00:00", "", "two lines", "2"),
            *("#N/A", "#FORMULA!"),
        ],
        ["1.23456789012346E+17", *[""] * 11],
    ]


def test_rows_and_columns_keep_their_places_and_merged_cells_speak_for_their_rows(tmp_path):
    book = Book({"A": Sheet([[], [], [None, "x", "y"], [None, None, "z"], [], [None, "w"]], merged=("B3:B4",))})
    (sheet,) = opened(tmp_path, book).sheets
    assert rows(sheet) == [["", "", ""], ["", "", ""], ["", "x", "y"], ["", "x", "z"], ["", "", ""], ["", "w", ""]]
    assert (sheet.rows, sheet.width, sheet.filled, sheet.first_filled) == (6, 3, 1, 4)


def test_hidden_sheets_are_read_only_by_their_whole_name(tmp_path):
    book = Book({"Seen": Sheet([["a"]]), "Unseen": Sheet([["b"]], state="hidden")})
    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook(book))
    found = {
        asked: [s.name for s in read_workbook(path, into=tmp_path / f"out-{n}", sheets=asked and [asked]).sheets]
        for n, asked in enumerate((None, "*", "*seen", "UNSEEN"))
    }
    assert found == {None: ["Seen"], "*": ["Seen"], "*seen": ["Seen"], "UNSEEN": ["Unseen"]}


def test_a_workbook_says_from_which_day_it_counts(tmp_path):
    book = opened(tmp_path, Book({"A": Sheet([["a"]])}, late=True))
    assert book.epoch == 1904


def sheet(xml):
    begin = '<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    return f"{begin}<sheetData>{xml}</sheetData></worksheet>"


FAR = sheet('<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')
WIDE = sheet('<row r="1"><c r="A1"><v>1</v></c><c r="ZZZ1"><v>1</v></c></row>')
LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData/></worksheet>'
)
HARM = {
    "one cell far away": ({"xl/worksheets/sheet1.xml": FAR}, "asks for more memory or time than a table may"),
    "too many columns": ({"xl/worksheets/sheet1.xml": WIDE}, "has 18,278 columns in the sheet “A”"),
    "entities": ({"xl/worksheets/sheet1.xml": LAUGHS}, "declares entities in its XML"),
    "a zip bomb": ({"xl/media/a.bin": bytes(30_000_000)}, "as in a zip bomb"),
    "a path that leads elsewhere": ({"../../a.xml": "x"}, "is a path that leads elsewhere"),
    "no workbook": ({"xl/workbook.xml": "<a"}, "cannot be read as an Excel workbook"),
}


@pytest.mark.parametrize("harm", HARM.values(), ids=list(HARM))
def test_what_would_do_harm_is_refused_with_a_sentence_and_nobody_dies(tmp_path, harm):
    parts, says = harm
    with pytest.raises(PackageRefused, match=r"^a\.xlsx") as refusal:
        opened(tmp_path, Book({"A": Sheet([["a"]])}, more=parts))
    assert says in refusal.value.sentence


def test_macros_and_links_to_other_files_are_bytes_that_nobody_looks_at(tmp_path):
    more = {"xl/vbaProject.bin": b"macro", "xl/externalLinks/externalLink1.xml": "<externalLink/>"}
    (found,) = opened(tmp_path, Book({"A": Sheet([["a"]])}, more=more)).sheets
    assert rows(found) == [["a"]]

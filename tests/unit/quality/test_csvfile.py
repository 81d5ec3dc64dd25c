"""Findings leave the house as a file that a spreadsheet opens as text, whatever a SIS wrote into its cells."""

import csv
import io

import pytest

from schoolpassport.quality import csvfile

DANGEROUS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\u00a0=HYPERLINK(1)", "\n=1", "=cmd|' /C calc'!A0"]


@pytest.mark.parametrize("text", DANGEROUS)
def test_what_a_spreadsheet_would_calculate_is_led_by_an_apostrophe(text):
    assert csvfile.safe(text) == f"'{text}"


@pytest.mark.parametrize("cell", ["", "a", "a=1", "O'Neil", "07", 7, -7, "“=”", "李"])
def test_other_cells_are_left_as_they_are(cell):
    assert csvfile.safe(cell) == str(cell)


def test_the_file_is_as_rfc_4180_says_with_a_byte_order_mark():
    text = "".join(csvfile.lines(("key", "value"), [["a", 'say "hi", twice\nplease'], [None, "=1"]]))
    assert text == '\ufeffkey,value\r\na,"say ""hi"", twice\nplease"\r\n,\'=1\r\n'
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert rows == [["key", "value"], ["a", 'say "hi", twice\nplease'], ["", "'=1"]]


def test_no_line_of_a_hostile_file_begins_with_a_formula():
    lines = csvfile.lines(("value",), [[text] for text in DANGEROUS])
    cells = [row[0] for row in csv.reader(io.StringIO("".join(lines).removeprefix("\ufeff"), newline=""))]
    assert not [c for c in cells if c[:1] in set("=+-@\t\r")]

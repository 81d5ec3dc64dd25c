"""Findings as a CSV file that a spreadsheet opens as text: what looks like a formula is led by an apostrophe."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from schoolpassport.kit import formulas

BOM = "\ufeff"  # by which spreadsheets know UTF-8


class _Line:
    """What `csv.writer` writes to: the last line."""

    text = ""

    def write(self, text: str) -> int:
        self.text = text
        return len(text)


def lines(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The file line by line, as RFC 4180 asks (CRLF, quotes doubled), with a byte order mark."""
    out = _Line()
    writer = csv.writer(out, lineterminator="\r\n")
    for number, row in enumerate(chain([headers], rows)):
        writer.writerow([safe(cell) for cell in row])
        yield out.text if number else BOM + out.text


def safe(cell: object) -> str:
    """The cell's text; never a formula, also behind white space. A number of ours is left as it is."""
    if cell is None:
        return ""
    text = str(cell)
    if isinstance(cell, int | float):
        return text
    return formulas.safe(text)

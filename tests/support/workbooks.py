"""Excel workbooks as tests write them, part by part: what stands in each cell is in sight, and so is what is wrong."""

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from xml.sax.saxutils import escape, quoteattr

_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_DAYS = date(1899, 12, 30)


@dataclass(frozen=True)
class Raw:
    """A cell as XML: attributes and content of ``<c>``."""

    attributes: str
    content: str


ERROR = Raw('t="e"', "<v>#N/A</v>")
FORMULA = Raw("", "<f>1+1</f><v>2</v>")
NO_RESULT = Raw("", "<f>1+1</f>")

Cell = str | int | float | bool | date | Raw | None


@dataclass(frozen=True)
class Sheet:
    rows: Sequence[Sequence[Cell]]
    state: str = "visible"
    merged: tuple[str, ...] = ()


@dataclass(frozen=True)
class Book:
    sheets: Mapping[str, Sheet]
    more: Mapping[str, str | bytes] = field(default_factory=dict)  # parts to add, or to put in the place of others
    late: bool = False  # counts days from 1904


def letters(column: int) -> str:
    name = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(65 + rest) + name
    return name


def _cell(row: int, column: int, value: Cell) -> str:
    place = f'r="{letters(column)}{row}"'
    match value:
        case None:
            return ""
        case Raw():
            return f"<c {place} {value.attributes}>{value.content}</c>"
        case bool():
            return f'<c {place} t="b"><v>{value:d}</v></c>'
        case date():
            return f'<c {place} s="1"><v>{(value - _DAYS).days}</v></c>'
        case int() | float():
            return f"<c {place}><v>{value!r}</v></c>"
        case _:
            return f'<c {place} t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'


def sheet_xml(rows: Iterable[Sequence[Cell]], merged: Sequence[str] = ()) -> str:
    told = "".join(
        f'<row r="{n}">{"".join(_cell(n, c, value) for c, value in enumerate(row))}</row>'
        for n, row in enumerate(rows, 1)
    )
    merges = "".join(f'<mergeCell ref="{m}"/>' for m in merged)
    merges = f'<mergeCells count="{len(merged)}">{merges}</mergeCells>' if merged else ""
    return f'<?xml version="1.0"?><worksheet xmlns="{_MAIN}"><sheetData>{told}</sheetData>{merges}</worksheet>'


def workbook(book: Book | Sequence[Sequence[Cell]]) -> bytes:
    """The bytes of an .xlsx file; rows alone are those of its one sheet."""
    if not isinstance(book, Book):
        book = Book({"Sheet1": Sheet(book)})
    numbered = list(enumerate(book.sheets.items(), 1))
    listed = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{n}" state="{sheet.state}" r:id="rId{n}"/>'
        for n, (name, sheet) in numbered
    )
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n, _ in numbered
    )
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": f'<?xml version="1.0"?><Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
        f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" '
        f'ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/></Types>',
        "_rels/.rels": f'<?xml version="1.0"?><Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<?xml version="1.0"?><workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">'
        f'<workbookPr date1904="{book.late:d}"/><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<?xml version="1.0"?><Relationships xmlns="{_PACKAGE}/relationships">{links}'
        f'<Relationship Id="rId0" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'<?xml version="1.0"?><styleSheet xmlns="{_MAIN}"><cellXfs count="2"><xf numFmtId="0"/>'
        '<xf numFmtId="14"/></cellXfs></styleSheet>',
        **{f"xl/worksheets/sheet{n}.xml": sheet_xml(sheet.rows, sheet.merged) for n, (_, sheet) in numbered},
        **book.more,
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in parts.items():
            made.writestr(name, content)
    return out.getvalue()

"""Files of any make, read as a district's ``tables`` say: CSV in any usual dress, and sheets of Excel workbooks.

Each becomes a relation ``in_t<number>``: ``place`` (its rows in order, over all files of the table), ``file``,
``line``, ``epoch`` (the day from which a workbook counts; NULL otherwise), and ``v0, v1 …``, a column for each header
that is read. What spreadsheets do to data (digits lost, errors, totals, dates as numbers) is found here, and told in
sentences.
"""

import csv
import fnmatch
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from schoolpassport.kit.columns import Columns, literal
from schoolpassport.kit.plaintext import NoText, as_utf8
from schoolpassport.kit.refusal import PackageRefused
from schoolpassport.kit.workbook import Sheet, Workbook, read_workbook
from schoolpassport.sources import reading, rowreading
from schoolpassport.sources.mapping import DELIMITERS, Table, is_date
from schoolpassport.sources.records import Misread, PackageBroken, Problem
from schoolpassport.sources.schemas import FileSchema

IS_WORKBOOK = re.compile(r"\.xls[xm]$", re.IGNORECASE)
IS_TEXT = re.compile(r"\.(csv|tsv|txt)$", re.IGNORECASE)
BLANKS = "' ' || chr(9) || chr(160) || chr(8239) || chr(65279)"  # what stands around a cell and means nothing
_HEAD_BYTES = 1_000_000
_HEAD_ROWS = 60  # among which the header is looked for
_SEEN = 500  # rows of which the widest says how many cells a row has
_MOST_TOLD = 1_000  # rows of one table that are told one by one
_BAD_SHARE, _BAD_ROWS = 0.1, 5  # beyond both, the file is refused as a whole
_TAIL = 3  # rows among which totals stand
_ERRORS = (
    *("#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!", "#FORMULA!", "#####"),
    *("#NV", "#BEZUG!", "#WERT!", "#ZAHL!", "#¿NOMBRE?", "#¡REF!", "#¡VALOR!", "#¡NUM!", "#NOM?", "#VALEUR!"),
)
_TOTALS = (
    "(grand |sub)?(totals?|sums?|count|summe|gesamt|gesamtsumme|insgesamt|anzahl|suma|somme|nombre|"
    "end of (file|report)|ende der liste)([^a-z].*)?"
)
_SHORTENED = r"[0-9]([.,][0-9]+)?[Ee]\+[0-9]+"


@dataclass(frozen=True, kw_only=True)
class Grid:
    """One file or sheet as rows of text. ``label``: what a finding calls it.

    ``path``: UTF-8 CSV. ``even``: a sheet, of which every row has the same cells, so that none can be out of place.
    """

    label: str
    path: Path
    delimiter: str
    epoch: int = 0
    even: bool = False

    @property
    def ended(self) -> bool:
        """Whether its last row is a whole one."""
        return self.even or reading.ends(self.path)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row near the top: its cells, and the lines on which it begins and ends."""

    first: int
    last: int
    cells: tuple[str, ...]


@dataclass(kw_only=True)
class Opened:
    """The grids of a package, made as they are asked for; ``problems`` gathers what is to be told of them."""

    files: Mapping[str, Path]
    folder: Path
    problems: list[Problem] = field(default_factory=list)
    _books: dict[tuple[str, tuple[str, ...]], Workbook] = field(default_factory=dict)
    _texts: dict[tuple[str, str, str], Grid] = field(default_factory=dict)

    def named(self, pattern: str) -> list[str]:
        return sorted(n for n in self.files if fnmatch.fnmatchcase(_plain(n), _plain(pattern)))

    def text(self, name: str, *, delimiter: str = "", encoding: str = "") -> Grid | None:
        """A text file; None, and a problem, when it is none."""
        asked = (name, delimiter, encoding)
        if asked not in self._texts:
            try:
                found = as_utf8(self.files[name], into=self.folder / f"{len(self._texts)}.utf8", encoding=encoding)
            except NoText as wrong:
                self.problems.append(Problem(rule="bad encoding", file=name, sentence=f"{name} {wrong}"))
                return None
            if found.guessed:
                sentence = (
                    f"{name} is not UTF-8; it was read as Windows-1252. If letters look wrong, export it as UTF-8, or "
                    "say its “encoding” in the setting tables."
                )
                self.problems.append(Problem(rule="encoding guessed", file=name, sentence=sentence, breaks=False))
            sign = delimiter or delimiter_of(found.path)
            self._texts[asked] = Grid(label=name, path=found.path, delimiter=sign)
        return self._texts[asked]

    def sheets(self, name: str, sheet: str = "") -> list[Grid]:
        """The sheets of a workbook that are meant; a problem where that is not clear."""
        asked = (name, (sheet,) if sheet else ())
        if asked not in self._books:
            into = self.folder / f"book-{len(self._books)}"
            try:
                self._books[asked] = read_workbook(self.files[name], into=into, sheets=asked[1] or None)
            except PackageRefused as refused:
                self.problems.append(Problem(rule="bad workbook", file=name, sentence=refused.sentence))
                return []
            self.problems.extend(_merged(name, self._books[asked].sheets))
        book = self._books[asked]
        found = [_of_sheet(name, s, book.epoch) for s in book.sheets]
        if sheet and not found:
            names = ", ".join(f"“{n}”" for n in book.names)
            sentence = f"{name} has no sheet “{sheet}”. It has: {names}. Rename it, or change the setting tables."
            self.problems.append(Problem(rule="missing sheet", file=name, sentence=sentence))
        return found

    def of(self, table: Table) -> list[Grid]:
        """Every grid that a table of the setting means."""
        grids: list[Grid] = []
        for name in self.named(table.file):
            if IS_WORKBOOK.search(name):
                found = self.sheets(name, table.sheet)
                if len(found) > 1 and not table.sheet:
                    names = ", ".join(f"“{g.label.partition(', sheet ')[2]}”" for g in found)
                    sentence = (
                        f"{name} has {len(found)} sheets ({names}). Say in the setting tables which one is meant: "
                        "“sheet”."
                    )
                    self.problems.append(Problem(rule="which sheet", file=name, sentence=sentence))
                    continue
                grids += found
            elif grid := self.text(name, delimiter=table.delimiter, encoding=table.encoding):
                grids.append(grid)
        return grids


def _of_sheet(name: str, sheet: Sheet, epoch: int) -> Grid:
    return Grid(label=f"{name}, sheet {sheet.name}", path=sheet.path, delimiter=",", epoch=epoch, even=True)


def no_table(name: str) -> Problem:
    sentence = f"{name} was not looked at: it is named as no table is (.csv, .tsv, .txt, .xlsx, .xlsm)."
    return Problem(rule="file not read", file=name, sentence=sentence, breaks=False)


def _merged(name: str, sheets: Sequence[Sheet]) -> Iterator[Problem]:
    for sheet in sheets:
        if sheet.filled:
            sentence = (
                f"The sheet “{sheet.name}” of {name} has merged cells, the first over row {sheet.first_filled:,}; "
                "what they say was taken for each of their rows."
            )
            yield Problem(rule="merged cells", file=name, sentence=sentence, breaks=False)


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def folded(header: str) -> str:
    """How headers are compared: without regard to capitals, blanks, hyphens, underscores and ways to write accents."""
    return re.sub(r"[\s_-]+", "", unicodedata.normalize("NFKC", header).casefold())


# --------------------------------------------------------------------------------------------------------- the header


def delimiter_of(path: Path) -> str:
    """Which sign parts the cells: the one by which most rows near the top have the same, and many, cells."""
    lines = _top(path)
    if lines[:4].lower() == "sep=":  # what Excel writes for itself
        return lines[4:5]
    scores = {}
    for sign in DELIMITERS:
        if len(sign) == 1:
            widths = [len(row.cells) for row in _rows(lines, sign) if any(row.cells)]
            usual = max(set(widths), key=lambda w: (widths.count(w) * (w > 1), w), default=1)
            scores[sign] = (widths.count(usual) / max(len(widths), 1) * (usual > 1), usual)
    return max(scores, key=lambda s: scores[s])


def _top(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES).decode("utf-8", errors="replace")


def _rows(text: str, delimiter: str, limit: int = _HEAD_ROWS) -> list[Row]:
    rows: list[Row] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    before = 0
    try:
        for cells in reader:
            rows.append(Row(first=before + 1, last=reader.line_num, cells=tuple(c.strip() for c in cells)))
            before = reader.line_num
            if len(rows) >= limit:
                break
    except csv.Error:
        pass  # what cannot be read is found when all of it is read
    return rows


def head(grid: Grid, limit: int = _HEAD_ROWS) -> list[Row]:
    rows = _rows(_top(grid.path), grid.delimiter, limit)
    return rows[1:] if rows and rows[0].cells[:1] and rows[0].cells[0].lower().startswith("sep=") else rows


@dataclass(frozen=True, kw_only=True)
class Header:
    """``places``: header → the column it stands in. ``last``: the line on which it ends, 0 where there is none."""

    cells: tuple[str, ...]
    last: int
    width: int

    @property
    def places(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for place, cell in enumerate(self.cells):
            if cell:
                found.setdefault(folded(cell), []).append(place)
        return found


def letters(place: int) -> str:
    """What a spreadsheet calls a column."""
    name = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        name = chr(65 + rest) + name
    return name


def header_at(grid: Grid, row: int) -> Header | None:
    """The header that stands on a line (0: none, columns are called by their letters). None: there is no such row."""
    rows = head(grid, max(_SEEN, row + 1))
    width = max((len(r.cells) for r in rows), default=0)
    if row == 0:
        return Header(cells=tuple(letters(n) for n in range(width)), last=0, width=width) if width else None
    return next((Header(cells=r.cells, last=r.last, width=width) for r in rows if r.first == row), None)


def header_with(grid: Grid, wanted: Sequence[str]) -> Header | None:
    """The row near the top that has the most of the wanted headers, the first of several. None: nothing is there."""
    rows = head(grid, _SEEN)
    asked = {folded(w) for w in wanted}
    filled = [r for r in rows[:_HEAD_ROWS] if any(r.cells)]
    if not filled:
        return None
    best = max(filled, key=lambda r: (len(asked & {folded(c) for c in r.cells}), -r.first))
    if not asked & {folded(c) for c in best.cells}:
        best = max(filled[:10], key=lambda r: (sum(map(bool, r.cells)), -r.first))
    return Header(cells=best.cells, last=best.last, width=max(len(r.cells) for r in rows))


# -------------------------------------------------------------------------------------------------------------- rows


def load(
    db: Columns, grid: Grid, header: Header, table: str, columns: Mapping[str, int], *, whole: bool = True
) -> list[Misread]:
    """Make ``table``: line, the named columns (text, NULL when blank), ``first`` (the first cell that is filled).

    Rows without anything are left out. Gives the lines that cannot be read. ``whole``: the last one is no half of one.
    """
    path, above = _body(grid, header)
    cell = [f"nullif(trim(c{n}, {BLANKS}), '')" for n in range(header.width)]
    named = ", ".join(f"{cell[place]} AS {name}" for name, place in columns.items())
    spare = [c for n, c in enumerate(cell) if n >= len(header.cells)]
    misshapen = "false" if grid.even else f"c{header.width} IS NOT NULL OR c{_last_named(header)} IS NULL"
    misshapen += "" if grid.even or not spare else f" OR coalesce({', '.join(spare)}) IS NOT NULL"
    misread = rowreading.read_rows(
        db,
        rowreading.Rows(table=table, name=grid.label, path=path, width=header.width, delimiter=grid.delimiter),
        cells=f"{named}, coalesce({', '.join(cell)}) AS first",
        misshapen=f"coalesce({', '.join(cell)}) IS NOT NULL AND ({misshapen})",
        above=above,
        whole=whole,
    )
    db.execute(f"DELETE FROM {table} WHERE first IS NULL")
    return misread


def _last_named(header: Header) -> int:
    return max((n for n, c in enumerate(header.cells) if c), default=0)


def _body(grid: Grid, header: Header) -> tuple[Path, int]:
    """The rows with one line above them, and how many lines stand above them in the file."""
    if header.last == 1:
        return grid.path, 1
    copy = grid.path.with_name(f"{grid.path.stem}-{header.last}.body")
    if not copy.exists():
        with grid.path.open("rb") as file, copy.open("wb") as out:
            line = b""
            for _ in range(header.last):
                line = file.readline()
            out.write(b"-\r\n" if line.endswith(b"\r\n") else b"-\n")
            while block := file.read(1 << 20):
                out.write(block)
    return copy, header.last


def places_of(table: Table, grid: Grid, header: Header | None) -> tuple[dict[str, int], list[Problem]]:
    """Column of the relation → its place in the grid, and what is wrong with the header."""
    if header is None:
        sentence = f"{grid.label} is empty; it needs at least its header."
        if table.header:
            sentence = f"{grid.label} has no row {table.header}, where its header should be."
        return {}, [Problem(rule="empty file", file=grid.label, sentence=sentence)]
    found, places = {}, header.places
    problems = []
    for number, wanted in enumerate(table.headers):
        at = places.get(folded(wanted), [])
        if len(at) == 1:
            found[f"v{number}"] = at[0]
            continue
        problems.append(_twice(grid, wanted, at) if at else _missing(table, grid, wanted, header))
    return found, problems


def _twice(grid: Grid, wanted: str, at: list[int]) -> Problem:
    where = " and ".join(letters(place) for place in at)
    sentence = (
        f"{grid.label} has the column “{wanted}” {len(at)} times ({where}), so nobody can tell which one is meant. "
        "Rename all but one."
    )
    return Problem(rule="column twice", file=grid.label, column=wanted, sentence=sentence)


def _missing(table: Table, grid: Grid, wanted: str, header: Header) -> Problem:
    feeds = ", ".join(
        dict.fromkeys(
            f"{_attribute(r.file, h)} of {r.file.kind.plural}"
            for r in table.records
            for h, v in r.values.items()
            if wanted in v.headers
        )
    )
    there = ", ".join(f"“{c}”" for c in header.cells if c)
    sentence = (
        f"{grid.label} has no column “{wanted}”, which is mapped to {feeds}. Its header (row {header.last}) "
        f"has: {there}. Call the column “{wanted}” again, or name the new one in the setting tables."
    )
    return Problem(rule="missing column", file=grid.label, column=wanted, sentence=sentence)


def _attribute(file: FileSchema, header: str) -> str:
    return next((a for a, h in file.attributes.items() if h == header), header)


# ----------------------------------------------------------------------------------------- what spreadsheets do to data


@dataclass(frozen=True, kw_only=True)
class Read:
    """``misread``: rows that were left out. ``problems``: what else is to be told."""

    misread: tuple[Misread, ...]
    problems: tuple[Problem, ...]


def read_table(
    db: Columns,
    number: int,
    table: Table,
    grids: Sequence[tuple[Grid, Header, Mapping[str, int]]],
    *,
    whole: bool,
) -> Read:
    """Make ``in_t<number>`` of all grids of a table. Raises ``PackageBroken`` where too much of it is damaged.

    ``whole``: also a file that does not end in a line end.
    """
    misread: list[Misread] = []
    problems: list[Problem] = []
    columns = ", ".join(f"v{n} VARCHAR" for n in range(len(table.headers)))
    db.execute(f"CREATE TABLE in_t{number} (place BIGINT, file VARCHAR, line BIGINT, epoch DATE, {columns})")
    for grid, header, places in grids:
        misread += load(db, grid, header, "grid", places, whole=whole or grid.ended)
        problems += _without_totals(db, grid, len(table.headers))
        (rows,) = db.execute("SELECT count(*) FROM grid").fetchone() or (0,)
        damaged = [*_shortened(db, grid, table), *_errors(db, grid, table, problems)]
        if len(damaged) > max(_BAD_ROWS, _BAD_SHARE * rows):
            sentence = (
                f"{len(damaged):,} of {rows:,} rows of {grid.label} are damaged. Row {damaged[0].line:,}: "
                f"{damaged[0].sentence}"
            )
            raise PackageBroken((Problem(rule=damaged[0].rule, file=grid.label, sentence=sentence),))
        misread += damaged
        problems += _day_numbers(db, grid, table)
        epoch = {0: "NULL", 1900: "DATE '1899-12-30'", 1904: "DATE '1904-01-01'"}[grid.epoch]
        cells = ", ".join(f"regexp_replace(v{n}, '^([0-9]+)[.,]0$', '\\1')" for n in range(len(table.headers)))
        db.execute(
            f"INSERT INTO in_t{number} SELECT (SELECT count(*) FROM in_t{number}) + row_number() OVER (ORDER BY line), "
            f"{literal(grid.label)}, line, {epoch}, {cells} FROM grid ORDER BY line"
        )
        db.execute("DROP TABLE grid")
    return Read(misread=tuple(misread), problems=tuple(problems))


def _ids(table: Table) -> dict[str, str]:
    """The columns that tell who or what is meant: relation → header."""
    named = {
        h
        for r in table.records
        for header, v in r.values.items()
        for h in v.headers
        if header in {"sourcedId", "identifier"}
        or any(c.header == header and c.field.is_reference for c in r.file.columns)
    }
    return {f"v{n}": h for n, h in enumerate(table.headers) if h in named}


def _without_totals(db: Columns, grid: Grid, wanted: int) -> Iterator[Problem]:
    filled = " + ".join(f"(v{n} IS NOT NULL)::INTEGER" for n in range(wanted))
    found = db.execute(
        f"SELECT line, first FROM (SELECT * FROM grid ORDER BY line DESC LIMIT {_TAIL}) "
        f"WHERE regexp_full_match(lower(first), {literal(_TOTALS)}) AND {filled} <= {wanted // 2} ORDER BY line"
    ).fetchall()
    for line, first in found:
        db.execute("DELETE FROM grid WHERE line = ?", [line])
        sentence = f"Row {line:,} of {grid.label} begins with “{first}”: it was taken for a total, and left out."
        yield Problem(rule="row of totals", file=grid.label, sentence=sentence, breaks=False)


def _shortened(db: Columns, grid: Grid, table: Table) -> list[Misread]:
    """Numbers of which Excel has thrown the last digits away: whose they are, nobody can tell any more."""
    found = []
    for column, header in _ids(table).items():
        for line, value in _take_out(db, f"regexp_full_match({column}, {literal(_SHORTENED)})", column):
            sentence = (
                f"“{header}” is “{value}”: a spreadsheet has shortened the number, and digits are lost. Format the "
                "column as text before the numbers are put in, and export again."
            )
            found.append(Misread(file=grid.label, line=line, sentence=sentence, rule="digits lost"))
    return found


def _errors(db: Columns, grid: Grid, table: Table, problems: list[Problem]) -> list[Misread]:
    """Cells in which a formula failed. Where one should be an id, the row cannot be taken; else it counts as blank."""
    words = ", ".join(map(literal, _ERRORS))
    ids, found = _ids(table), []
    for number, header in enumerate(table.headers):
        column = f"v{number}"
        wrong = f"upper({column}) IN ({words})"
        if column in ids:
            for line, value in _take_out(db, wrong, column):
                sentence = f"“{header}” is {_said(value)}, which is no id. Mend the formula, or put the value in."
                found.append(Misread(file=grid.label, line=line, sentence=sentence, rule="error in a cell"))
            continue
        count, line, value = db.execute(
            f"SELECT count(*), min(line), arg_min({column}, line) FROM grid WHERE {wrong}"
        ).fetchone() or (0, 0, "")
        if count:
            db.execute(f"UPDATE grid SET {column} = NULL WHERE {wrong}")
            sentence = (
                f"“{header}” is an error in {count:,} rows of {grid.label}, such as {_said(value)} in row {line:,}; "
                "they count as blank."
            )
            problems.append(
                Problem(rule="error in a cell", file=grid.label, column=header, sentence=sentence, breaks=False)
            )
    return found


def _said(value: str) -> str:
    return "a formula whose result is not in the file" if value == "#FORMULA!" else value


def _take_out(db: Columns, wrong: str, column: str) -> list[tuple[int, str]]:
    """Rows that cannot be taken, out of the grid."""
    found = db.execute(f"SELECT line, {column} FROM grid WHERE {wrong} ORDER BY line").fetchall()
    if found:
        db.execute(f"DELETE FROM grid WHERE {wrong}")
    return [(int(line), str(value)) for line, value in found]


def _day_numbers(db: Columns, grid: Grid, table: Table) -> Iterator[Problem]:
    """Dates that stand as numbers. Where the file says from which day it counts, they can be read."""
    for header in dates_of(table):
        column = f"v{table.headers.index(header)}"
        count, line, value = db.execute(
            f"SELECT count(*), min(line), arg_min({column}, line) FROM grid "
            f"WHERE regexp_full_match({column}, '[0-9]{{5}}')"
        ).fetchone() or (0, 0, "")
        if count:
            then = (
                f"They were read as days since {grid.epoch}; look at some of them."
                if grid.epoch
                else "They cannot be read: format the column as a date, and export again."
            )
            sentence = (
                f"“{header}” is a number instead of a date in {count:,} rows of {grid.label}, such as {value} in row "
                f"{line:,}. {then}"
            )
            yield Problem(rule="date as a number", file=grid.label, column=header, sentence=sentence, breaks=False)


def dates_of(table: Table) -> list[str]:
    """The headers of columns that feed dates."""
    named = [h for r in table.records for header, v in r.values.items() if is_date(r.file, header) for h in v.headers]
    return list(dict.fromkeys(named))

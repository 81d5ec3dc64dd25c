"""A CSV file as DuckDB reads it: its rows by position, its lines as they are; and its lines as an editor counts."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from schoolpassport.kit.columns import is_json, literal, quoted
from schoolpassport.roster.kinds.shape import EXTENDS, STRUCTURED
from schoolpassport.sources.cleaning import cleaned
from schoolpassport.sources.manifest import KEY, STATUS
from schoolpassport.sources.records import FilePlan
from schoolpassport.sources.shaping import layered

MAX_UNREAD = 100_000
_NEVER = "\x02\x1fno cell\x1f\x03"  # stands for a cell that is not there; a blank one is an empty text
_BLOCK = 1 << 20
_LONGEST_LINE = 2_000_000
_LINE_END = re.compile(rb"\r+\n")
_UNIT = "chr(31)"  # the unit separator: no text of a roster holds it (checked by the rule “control character”)


def rows(plan: FilePlan, *, parallel: bool = True) -> str:
    """SQL: the file by position (c0, c1 …), every cell as text; rows that are no CSV go to DuckDB's table of rejects.

    One column more than the header has, and missing cells filled with NULL: so a row with too few or too many cells
    shows (``shape``), also where the one too many is blank, which the reader alone would let pass.
    """
    return cells_of(plan.path, len(plan.headers), parallel=parallel)


def cells_of(path: Path, width: int, *, parallel: bool = True, delimiter: str = ",") -> str:
    """SQL: the same of any file whose header has so many columns."""
    columns = ", ".join(f"c{place}: 'VARCHAR'" for place in range(width + 1))
    return (
        f"read_csv({literal(str(path))}, header = true, auto_detect = false, "
        f"delim = {literal(delimiter)}, quote = '\"', escape = '\"', strict_mode = true, store_rejects = true, "
        f"rejects_limit = {MAX_UNREAD}, null_padding = true, nullstr = '{_NEVER}', parallel = {str(parallel).lower()}, "
        f"max_line_size = {_LONGEST_LINE}, columns = {{{columns}}})"
    )


def lines(path: Path) -> str:
    """SQL: the lines below the header as they are (line). Fails on lines that hold the control character 1."""
    return (
        f"read_csv({literal(str(path))}, header = true, auto_detect = false, delim = chr(1), quote = '', escape = '', "
        f"max_line_size = {_LONGEST_LINE}, columns = {{line: 'VARCHAR'}})"
    )


def shaped(plan: FilePlan, relation: str) -> str:
    """SQL: a relation of cells (c0, c1 …) with what the settings make of them beside; itself where they say nothing."""
    return layered(relation, plan.shaped.layers)


def has(plan: FilePlan, header: str) -> bool:
    """Whether anything may stand in this column of the schema."""
    return header in plan.headers or header in plan.shaped.columns


def cell(plan: FilePlan, header: str) -> str:
    """SQL over ``shaped``: the value of a column of the schema, cleaned; NULL when blank."""
    field = next((c.field for c in plan.schema.columns if c.header == header), None)
    return cleaned(field, plan.shaped.columns.get(header) or _written(plan, header))


def _written(plan: FilePlan, header: str) -> str:
    """By its column's place, since DuckDB tells names by other rules than the standard."""
    return f"nullif(trim({_at(plan, header)}), '')" if header in plan.headers else "NULL"


FAULTS = 'STRUCT("column" VARCHAR, "value" VARCHAR, sentence VARCHAR)[]'


def faults(plan: FilePlan) -> str:
    """SQL over ``shaped``: the values of a row that a transform cannot read; NULL when there are none."""
    found = plan.shaped.faults
    return f"CASE WHEN len({found}) > 0 THEN {found} END" if found else f"NULL::{FAULTS}"


def metadata(plan: FilePlan) -> str:
    """SQL: the metadata.* columns as one JSON object, blanks left out."""
    return _object(plan, [h for h in plan.metadata if h not in plan.schema.asked])


def asked(plan: FilePlan) -> str:
    """SQL: the same of those that are only asked about, and are no part of what a row says."""
    return _object(plan, [h for h in plan.metadata if h in plan.schema.asked])


def _object(plan: FilePlan, headers: list[str]) -> str:
    if not headers:
        return "NULL::VARCHAR"
    parts = ", ".join(f"{literal(h.removeprefix(EXTENDS))}, {_extension(plan, h)}" for h in headers)
    blank = " AND ".join(f"{cell(plan, h)} IS NULL" for h in headers)
    return f"CASE WHEN {blank} THEN NULL ELSE json_merge_patch('{{}}', json_object({parts}))::VARCHAR END"


def _extension(plan: FilePlan, header: str) -> str:
    """SQL: a text; or what is written as JSON because it is none."""
    value = cell(plan, header)
    if header.removeprefix(EXTENDS) not in STRUCTURED:
        return value
    return f"CASE WHEN {is_json(value)} THEN {value}::JSON ELSE to_json({value}) END"


def shape(plan: FilePlan) -> str:
    """SQL: what is wrong with the number of cells; NULL when nothing is."""
    last = len(plan.headers) - 1
    return (
        f"CASE WHEN c{last + 1} IS NOT NULL THEN 'It has more cells than the header.' "
        f"WHEN c{last} IS NULL THEN 'It has fewer cells than the header.' END"
    )


def said(plan: FilePlan) -> str:
    """SQL over a raw table: 128 bits over everything a row says, not over status and dateLastModified.

    Stable across versions. The settings that say what the row means go with it.
    """
    headers = ("key", *sorted(c.header for c in plan.schema.columns), "metadata")
    cells = [f"coalesce({quoted(h)}, '')" for h in headers]
    # A row whose value cannot be read says something else than one in which it is as it should be.
    cells += ["faults::VARCHAR"] if plan.shaped.faults else []
    return f"md5_number(concat_ws({_UNIT}, {', '.join(cells + ([literal(plan.meant)] if plan.meant else []))}))"


def cells_hash(plan: FilePlan) -> str:
    """SQL: 64 bits over the cells of a row as they are written, whatever the order of the columns.

    Two rows of which one has another status, or another number of cells, differ. Quick, and the same only within one
    version of DuckDB: for caches.
    """
    headers = (KEY, *sorted(c.header for c in plan.schema.columns))
    values = [_at(plan, h) if h in plan.headers else "NULL" for h in headers]
    status = f"nullif(trim({_at(plan, STATUS)}), 'active')" if STATUS in plan.headers else "''"
    own = (*(h for h in plan.metadata if h in plan.headers), *_strangers(plan))
    named = [part for h in own for part in (literal(h), _at(plan, h))]
    last = len(plan.headers) - 1
    under = [literal(_settings(plan))] if _settings(plan) else []
    parts = [*values, f"coalesce({status}, '')", *named, f"c{last} IS NULL", f"c{last + 1}", *under]
    return f"hash({', '.join(parts)})"


def line_hash(plan: FilePlan) -> str:
    """SQL: 64 bits over a line below this header. Quick, and the same only within one version of DuckDB."""
    return f"xor(hash(line), hash({literal(chr(31).join(plan.headers) + _settings(plan))}))"


def _strangers(plan: FilePlan) -> list[str]:
    """Columns that the schema does not know and a mapping reads."""
    known = {KEY, STATUS, *(c.header for c in plan.schema.columns), *plan.metadata}
    return [h for h in plan.shaped.read if h not in known]


def _settings(plan: FilePlan) -> str:
    return plan.meant + plan.chosen


def _at(plan: FilePlan, header: str) -> str:
    return f"c{plan.headers.index(header)}"


@dataclass(frozen=True, kw_only=True)
class Physical:
    """The lines of a file as an editor counts. ``plain``: they end in a line feed, or all in a return and a feed."""

    count: int
    plain: bool

    @property
    def rows(self) -> int:
        """How many rows there are if each is one line, and none is blank."""
        return self.count - 1


def physical_lines(path: Path) -> Physical:
    feeds, returns, pairs, last = 0, 0, 0, b"\n"
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            feeds += block.count(b"\n")
            if b"\r" in block:
                returns += block.count(b"\r")
                pairs += block.count(b"\r\n")
            pairs += last == b"\r" and block[:1] == b"\n"
            last = block[-1:]
    return Physical(count=feeds + (last != b"\n"), plain=returns == pairs and pairs in {0, feeds})


def ends(path: Path) -> bool:
    """Whether the last line of a file is a whole one; of an empty file it is."""
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) in b"\r\n"


def blank_lines(path: Path) -> list[int]:
    """The numbers of lines with nothing in them. Dear: to be asked when the count of rows says that there are some."""
    with path.open("rb") as file:
        return [n for n, line in enumerate(file, 1) if not line.strip()]


def blank_rows(path: Path) -> list[int]:
    """The same of lines that are no part of a cell, by their number among the rows. A quote parts cells from lines."""
    numbers, row, within = [], 0, False
    with path.open("rb") as file:
        for line in file:
            row += not within
            if not within and not line.strip():
                numbers.append(row)
            within ^= line.count(b'"') % 2 == 1
    return numbers


def lines_of_bytes(path: Path, positions: Iterable[int]) -> list[int]:
    """The numbers of the lines in which these bytes stand; ``positions`` ascend from 1."""
    numbers, line, at = [], 1, 0
    with path.open("rb") as file:
        for position in positions:
            while at < position and (block := file.read(min(_BLOCK, position - at))):
                line += block.count(b"\n")
                at += len(block)
            numbers.append(line)
    return numbers


def with_one_line_end(path: Path) -> Path:
    """A copy beside the file in which every line ends in a line feed alone; the lines keep their numbers."""
    copy = path.with_name(f"{path.stem}.lf{path.suffix}")
    held = b""  # returns at the end of a block may belong to a line feed at the beginning of the next
    with path.open("rb") as file, copy.open("wb") as out:
        while block := file.read(_BLOCK):
            block = held + block
            kept = len(block.rstrip(b"\r"))
            held = block[kept:]
            out.write(_LINE_END.sub(b"\n", block[:kept]))
        out.write(held)
    return copy


def copy_lines(path: Path, places: Iterable[int], into: Path) -> None:
    """Copy the header and some of the lines below it; ``places`` ascend from 0. A block without any costs one count."""
    wanted = iter(places)
    place, first, rest = next(wanted, None), 0, b""  # ``first``: the place of the first line of the block in hand
    with path.open("rb") as file, into.open("wb") as copy:
        copy.write(file.readline())
        while place is not None and (block := file.read(_BLOCK)):
            text = rest + block
            after = first + text.count(b"\n")
            if place < after:
                split = text.split(b"\n")
                while place is not None and place < after:
                    copy.write(split[place - first] + b"\n")
                    place = next(wanted, None)
            first, rest = after, text[text.rfind(b"\n") + 1 :]
        if place is not None:
            copy.write(rest + b"\n")

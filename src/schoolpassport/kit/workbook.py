"""Excel workbooks as CSV files: a sheet each, a line for every row. Nothing in a workbook is ever executed.

The zip rules of ``kit.archive`` bound what is unpacked; what unpacked XML makes of memory and time is bounded by a
process of its own (``sheetreader``), which may die of a bad file without anybody else noticing.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from schoolpassport.kit.archive import check_workbook
from schoolpassport.kit.refusal import Code, PackageRefused

_READER: Final = Path(__file__).with_name("sheetreader.py")
_MEMORY = 3 * 1024**3
_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """``path``: CSV in UTF-8, all of its lines of ``width`` cells. ``filled``: rows that merged cells speak for."""

    name: str
    path: Path
    rows: int
    width: int
    filled: int
    first_filled: int


@dataclass(frozen=True, kw_only=True)
class Workbook:
    """``epoch``: 1900 or 1904, from which day it counts. ``names``: of all sheets, the hidden ones among them."""

    sheets: tuple[Sheet, ...]
    names: tuple[str, ...]
    epoch: int


def read_workbook(path: Path, *, into: Path, sheets: Sequence[str] | None = None, memory: int = _MEMORY) -> Workbook:
    """Write the sheets that one of the patterns names, or all that are not hidden. Raises ``PackageRefused``."""
    check_workbook(path)
    into.mkdir(mode=0o700, parents=True)
    wanted = {"sheets": None if sheets is None else list(sheets), "memory": memory, "seconds": _SECONDS}
    done = subprocess.run(  # noqa: S603 (our own interpreter, isolated, with limits)
        [sys.executable, "-I", str(_READER), str(path), str(into), json.dumps(wanted)],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        raise PackageRefused(
            Code.TOO_LARGE,
            f"{path.name} asks for more memory or time than a table may. Often single cells are filled far below or "
            "far right of it: delete those rows and columns, or save the sheet as CSV.",
        )
    said = json.loads(done.stdout)
    if "refused" in said:
        raise PackageRefused(Code.DAMAGED, f"{path.name} {said['refused']}")
    return Workbook(
        sheets=tuple(
            Sheet(
                name=s["name"],
                path=into / s["file"],
                rows=s["rows"],
                width=s["width"],
                filled=s["fills"],
                first_filled=next(iter(s["filled"]), 0),
            )
            for s in said["sheets"]
        ),
        names=tuple(said["names"]),
        epoch=said["epoch"],
    )

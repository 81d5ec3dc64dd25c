"""How things look in a terminal: tables, progress, and JSON for scripts."""

import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import click

from schoolpassport.kit import readable
from schoolpassport.kit.instants import iso
from schoolpassport.roster.kinds import KINDS
from schoolpassport.sync.contract import STEPS, Progress

_PATIENCE = 2.0  # seconds before a bar is worth showing
_WIDTH = 24


def as_json(value: object) -> None:
    """One line, for whoever reads by program."""
    click.echo(json.dumps(value, default=_plain, ensure_ascii=False))


def _plain(value: object) -> str:
    return iso(value) if isinstance(value, datetime) else str(value)


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A plain table; numbers to the right."""
    texts = [[_text(cell) for cell in row] for row in rows]
    widths = [max(len(h), *(len(r[i]) for r in texts), 0) for i, h in enumerate(headers)]
    numeric = [all(_is_number(r[i]) for r in texts) and bool(texts) for i in range(len(headers))]

    def line(cells: Sequence[str]) -> str:
        padded = (c.rjust(w) if n else c.ljust(w) for c, w, n in zip(cells, widths, numeric, strict=True))
        return "  ".join(padded).rstrip()

    click.secho(line(headers), bold=True)
    for row in texts:
        click.echo(line(row))


def _text(cell: object) -> str:
    return f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else readable.shown(cell)


def change(kind: str, column: str, was: object, now: object) -> str:
    """An attribute before and after."""
    return f"{attribute(kind, column)}: {readable.shown(was)} → {readable.shown(now)}"


def attribute(kind: str, column: str) -> str:
    """What an attribute is called where its column is."""
    return next((f.name for f in KINDS[kind].fields if f.column == column), column)


def _is_number(text: str) -> bool:
    return text.replace(",", "").replace(".", "").isdigit() or text == "–"


def chance(probability: float) -> str:
    """How probable something is. Never all of it: whoever reads 100 % does not look."""
    return f"{min(probability, 0.999):.1%}"


def of_many(values: Iterable[object]) -> str | None:
    """Several values of one cell; none are a dash."""
    return ", ".join(str(value) for value in values) or None


def how_far(progress: Progress) -> str:
    """The step, what is done in it, how fast, and how long it will take as far as that is known."""
    parts = [f"{progress.step} {progress.doing}".rstrip()]
    if progress.rows_per_second:
        parts.append(f"{progress.rows_per_second:,} rows/s")
    if progress.remaining is not None:
        parts.append(f"{progress.remaining:.0f} s left")
    return ", ".join(parts)


@dataclass
class Bar:
    """A bar on standard error for work that takes longer than a moment; silent where nobody watches."""

    begun: float = field(default_factory=time.monotonic)
    watched: bool = field(default_factory=sys.stderr.isatty)

    def __call__(self, progress: Progress) -> None:
        if not self.watched or time.monotonic() - self.begun < _PATIENCE:
            return
        done = STEPS.index(progress.step) / len(STEPS) if progress.step in STEPS else 0.0
        filled = int(done * _WIDTH)
        seconds = time.monotonic() - self.begun
        text = f"[{'#' * filled}{'·' * (_WIDTH - filled)}] {how_far(progress)}, {seconds:.0f} s"
        click.echo(f"\r{text:<78}", nl=False, err=True)

    def clear(self) -> None:
        if self.watched:
            click.echo(f"\r{'':<78}\r", nl=False, err=True)


@contextmanager
def bar() -> Iterator[Bar]:
    made = Bar()
    try:
        yield made
    finally:
        made.clear()

"""What a bench says: one figure beside its floor, and whether the goal was met."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Self


@dataclass(frozen=True)
class Goal:
    """A bound for the ratio of figure to floor, or for the figure itself. Without a number, everything meets it."""

    text: str
    most: float | None = None
    least: float | None = None
    of: str = "ratio"

    def met(self, *, figure: float, ratio: float | None) -> bool:
        judged = figure if self.of == "figure" else ratio
        if judged is None:
            return self.most is None and self.least is None
        return (self.most is None or judged <= self.most) and (self.least is None or judged >= self.least)


def at_most(times: float, *, extra: str = "") -> Goal:
    return Goal(text=f"≤ {times:g} × floor{extra}", most=times)


def at_least(times: float, *, extra: str = "") -> Goal:
    return Goal(text=f"≥ {times:g} × floor{extra}", least=times)


def no_more_than(figure: float, unit: str) -> Goal:
    return Goal(text=f"≤ {figure:g} {unit}", most=figure, of="figure")


NO_GOAL = Goal(text="–")


@dataclass(frozen=True)
class Figure:
    job: str
    figure: float
    floor: float | None
    unit: str
    ratio: float | None
    goal: str
    met: bool

    @classmethod
    def of(cls, job: str, *, runs: Sequence[float], floors: Sequence[float] | None, unit: str, goal: Goal) -> Self:
        """Medians of both; the ratio is that of the medians."""
        figure, floor = median(runs), median(floors) if floors else None
        ratio = figure / floor if floor else None
        met = goal.met(figure=figure, ratio=ratio)
        return cls(job=job, figure=figure, floor=floor, unit=unit, ratio=ratio, goal=goal.text, met=met)


def table(figures: Sequence[Figure]) -> str:
    rows = [("job", "figure", "floor", "unit", "ratio", "goal", "met")]
    rows += [
        (f.job, _number(f.figure), _number(f.floor), f.unit, _number(f.ratio), f.goal, "yes" if f.met else "NO")
        for f in figures
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    right = {1, 2, 4}
    lines = [
        "  ".join(
            cell.rjust(w) if i in right else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join([lines[0], "  ".join("-" * w for w in widths), *lines[1:]])


def write(figures: Sequence[Figure], path: Path) -> None:
    path.write_text(json.dumps([_rounded(f) for f in figures], indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _rounded(figure: Figure) -> dict[str, object]:
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(figure).items()}


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"

"""`make simulate YEARS=10`: school years one after the other, with progress; what fails is written into seeds.txt."""

import argparse
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support import database, network

if TYPE_CHECKING:
    from tests.faults.support.children import Children
    from tests.simulator.years import Course

LONGEST = 10  # years of one district, at most; then another begins, from the next seed
NIGHT = " night "  # how `calendar.Year` begins what it tells of one


@dataclass
class Progress:
    """What has been lived through so far, as one line that is written over, or as one line per year."""

    nights: int
    begun: float = field(default_factory=time.monotonic)
    done: int = 0
    failed: int = 0

    def night(self, line: str) -> None:
        self.done += 1
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{self} {line[:60]}")
            sys.stderr.flush()

    def __str__(self) -> str:
        rate = self.done / max(1e-9, time.monotonic() - self.begun)
        left = (self.nights - self.done) / max(1e-9, rate)
        return f"{self.done:,} of {self.nights:,} nights, {rate:.2f} a second, {left / 60:,.0f} min left, {self.failed} failed"


def main() -> int:
    asked = _asked()
    if asked.jobs > 1 and asked.years > 1:
        return _side_by_side(asked)
    network.stay_here()
    database.forget_settings(os.environ)
    started, folder = database.start(), Path(tempfile.mkdtemp(prefix="sp-years-"))
    try:
        return _live(asked, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        database.stop(started)


def _side_by_side(asked: argparse.Namespace) -> int:
    """Several processes, each with a database and seeds of its own; together they live as many years."""
    longest = min(LONGEST, math.ceil(asked.years / asked.jobs))
    districts = math.ceil(asked.years / longest)
    each, begun, left = math.ceil(districts / asked.jobs), list[subprocess.Popen[bytes]](), asked.years
    for first in range(0, districts, each):
        years = min(left, each * longest)
        left -= years
        told = {"years": years, "seed": asked.seed + first, "nights": asked.nights, "pupils": asked.pupils}
        words = [f"--{name}={number}" for name, number in {**told, "longest": longest}.items()]
        begun.append(
            subprocess.Popen([sys.executable, "-m", "tests.simulator", *words, *(["--tell"] if asked.tell else [])])
        )
    return max(process.wait() for process in begun)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    usual = {"years": 1, "nights": 180, "pupils": 300, "seed": 1, "jobs": 1, "longest": LONGEST}
    for name, number in usual.items():
        parser.add_argument(f"--{name}", type=int, default=number)
    parser.add_argument("--tell", action="store_true", help="say what happens on every night")
    return parser.parse_args()


def _live(asked: argparse.Namespace, folder: Path) -> int:
    from tests.faults.support.children import children  # its processes share the database that was just started
    from tests.simulator.years import Course

    progress = Progress(nights=asked.years * asked.nights)
    with children() as others:
        for first in range(0, asked.years, asked.longest):
            course = Course(
                seed=asked.seed + first // asked.longest,
                years=min(asked.longest, asked.years - first),
                nights=asked.nights,
                pupils=asked.pupils,
            )
            _history(course, progress, folder / str(course.seed), others, tell=asked.tell)
    say(f"\n{progress}")
    return 1 if progress.failed else 0


def _history(course: "Course", progress: Progress, folder: Path, others: "Children", *, tell: bool) -> None:
    """One district from its first night to its last, or to the one on which something is found."""
    from tests.simulator import years

    before = progress.done

    def hear(line: str) -> None:
        if tell:
            say(line)
        if NIGHT in line:
            progress.night(line)
            lived = progress.done - before
            if lived % course.nights == 0:
                say(f"seed {course.seed}, year {lived // course.nights}: {progress}")

    try:
        years.live(course, folder=folder, others=others, tell=hear)
    except Exception as trouble:  # noqa: BLE001 (whatever it is, it was found, and the next seed may find another)
        found = replace(course, years=1 + (progress.done - before) // course.nights)
        traceback.print_exception(trouble, limit=-3)
        say(f"again by: make simulate {found}; it is noted in {years.SEEDS.name}")
        years.keep(found, str(trouble))
        progress.failed += 1
    progress.done = before + course.years * course.nights
    shutil.rmtree(folder, ignore_errors=True)


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 (a report for a terminal)


if __name__ == "__main__":
    sys.exit(main())

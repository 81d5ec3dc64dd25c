"""Many small districts whose packages are due at the same minute: how long they wait, by the number of workers."""

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import quantiles
from uuid import UUID

from bench.figures import NO_GOAL, Figure
from bench.place import BY, District, Packages, Place, a_district, write_packages
from bench.progress import say
from schoolpassport.demo.generator import Size
from schoolpassport.kit import clock

_WORKERS = (1, 2, 4)


def measure(_place: Place, *, folder: Path, districts: int, seed: int) -> list[Figure]:
    """A load for each district first; then a night of all of them at once, for each number of workers."""
    packages = write_packages(folder, size=Size.of(users=500, classes=50, enrollments=3000), seed=seed, shuffled=False)
    made = [a_district() for _ in range(districts)]
    _night(made, packages.day1, workers=2)
    found = []
    for number, workers in enumerate(_WORKERS):
        waits = _night(made, _another(packages, number), workers=workers)
        p95 = quantiles(waits, n=20)[-1]
        say(f"{districts} districts, {workers} workers: p95 {p95:.1f} s, all done after {max(waits):.1f} s")
        name = f"{districts} districts at once, {workers} worker{'s' if workers > 1 else ''}: p95 from due to done"
        found.append(Figure.of(name, runs=[p95], floors=[max(waits) / districts], unit="s wall", goal=NO_GOAL))
    return found


def _another(packages: Packages, number: int) -> Path:
    """Day two and day one in turns: each is a night of changes after the other."""
    return packages.day1 if number % 2 else packages.day2


def _night(made: list[District], package: Path, *, workers: int) -> list[float]:
    """Seconds from falling due until the views are published, of each district."""
    from schoolpassport.sync import actions, queries  # noqa: PLC0415 (Django is set up by now)
    from schoolpassport.tenancy import scope  # noqa: PLC0415 (not before Django is set up)

    asked: dict[UUID, UUID] = {}
    due = clock.now()
    for district in made:
        run = actions.ask_worker(
            district_id=district.id, source_id=district.source_id, origin=package, by=BY, now=clock.now()
        )
        asked[district.id] = run.id
    begun = time.perf_counter()
    command = [sys.executable, "-m", "schoolpassport.cli.main", "worker", "--once"]
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL, env=dict(os.environ)) for _ in range(workers)]
    if any(process.wait() for process in running):
        raise RuntimeError("a worker could not walk all of its runs")
    waits = []
    for district_id, run_id in asked.items():
        with scope.inside(district_id):
            (run,) = (r for r in queries.runs(district_id=district_id, limit=20) if r.id == run_id)
        if run.state not in {"done", "unchanged"}:
            raise RuntimeError(f"a night came out as {run.state}: {run.message}")
        waits.append((run.finished_at - due).total_seconds())
    say(f"{len(made)} districts in {time.perf_counter() - begun:.1f} s with {workers} workers, start included")
    return waits

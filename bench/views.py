"""The row about many views: what a night costs that must reach fifty applications, and what that cost grows with."""

import time
from collections.abc import Mapping
from pathlib import Path

from bench.figures import Figure, at_most, no_more_than
from bench.place import DISTRICT, District, Packages, Place, an_integration
from bench.progress import say
from bench.syncs import Measured, rest, sync
from schoolpassport.demo.generator import Size, write_changed, write_day

_SMALLER = 4  # times smaller, with as many changes
_SECONDS = 60
_CHANGED = 0.01


def write_quarter(folder: Path, *, size: Size, seed: int) -> Packages:
    """Two days of a district of a quarter, of which four times the share changes: as much as in the whole one."""
    quarter = Size.of(
        users=size.users // _SMALLER, classes=size.classes // _SMALLER, enrollments=size.enrollments // _SMALLER
    )
    made = Packages(day1=folder / "day1", day2=folder / "day2", shuffled=folder / "day2")
    folder.mkdir()
    write_day(folder=made.day1, seed=seed, size=quarter, trouble=False, district_name=DISTRICT)
    write_changed(
        folder=made.day2,
        seed=seed,
        size=quarter,
        changed_share=_CHANGED * _SMALLER,
        trouble=False,
        district_name=DISTRICT,
    )
    return made


def measure(place: Place, districts: Mapping[District, Packages], *, views: int, rounds: int) -> list[Figure]:
    """``districts``: the whole one and the quarter, at day one. Each gets so many applications that see everything."""
    measured = Measured()
    for name, district in zip(("whole", "quarter"), districts, strict=True):
        begun = time.perf_counter()
        for _ in range(views - 1):
            an_integration(district.id)
        say(f"{name} district: {views} views after {time.perf_counter() - begun:.1f} s")
    for number in range(1, rounds + 1):
        for name, (district, packages) in zip(("whole", "quarter"), districts.items(), strict=True):
            rest(place)
            cost = sync(place, district, packages.day2 if number % 2 else packages.day1, wants="done")
            seconds = cost.said["steps"]["publish"]
            measured.add(name, seconds)
            say(
                f"{name} district, night {number} of {rounds}: {views} views published in {seconds:.1f} s; the whole "
                f"run wall {cost.said['wall']:.1f}, cpu {cost.said['cpu']:.1f} + database {cost.server_cpu:.1f}"
            )
    return [
        Figure.of(
            f"{views} views, 1 % changed: publishing",
            runs=measured["whole"],
            floors=None,
            unit="s wall",
            goal=no_more_than(_SECONDS, "s"),
        ),
        Figure.of(
            f"{views} views, beside a district of a quarter with as many changes",
            runs=measured["whole"],
            floors=measured["quarter"],
            unit="s wall",
            goal=at_most(1.5),
        ),
    ]

"""What a worker holds while it syncs: bounded by its setting, whatever the size of the district."""

from pathlib import Path

from bench.figures import Figure, Goal
from bench.place import Packages, Place, a_district, write_packages
from bench.progress import say
from bench.syncs import rest, sync
from schoolpassport.config import environment
from schoolpassport.demo.generator import Size

TIMES = 5
BESIDE_COLUMNS = 500  # MB that everything else of a worker may take


def measure(place: Place, packages: Packages, *, folder: Path, size: Size, seed: int) -> list[Figure]:
    """A first load and a night, at the bench's size and at five times of it, each in a district of its own."""
    larger = Size.of(users=TIMES * size.users, classes=TIMES * size.classes, enrollments=TIMES * size.enrollments)
    setting = environment.read().sync_memory_mb
    goal = Goal(text=f"≤ setting + {BESIDE_COLUMNS} MB", most=setting + BESIDE_COLUMNS, of="figure")
    peaks = {"1 ×": _peak(place, packages, "1 ×")}
    peaks[f"{TIMES} ×"] = _peak(place, write_packages(folder, size=larger, seed=seed, shuffled=False), f"{TIMES} ×")
    return [
        Figure.of(
            f"memory of a worker while syncing, {name} (floor: its setting)",
            runs=[peak],
            floors=[setting],
            unit="MB",
            goal=goal,
        )
        for name, peak in peaks.items()
    ]


def _peak(place: Place, packages: Packages, name: str) -> float:
    district = a_district()
    loaded = sync(place, district, packages.day1, wants="done")
    say(f"memory at {name}: first load {loaded.said['wall']:.0f} s, peak {loaded.said['peak_mb']:.0f} MB")
    rest(place)
    night = sync(place, district, packages.day2, wants="done")
    say(f"memory at {name}: night {night.said['wall']:.0f} s, peak {night.said['peak_mb']:.0f} MB")
    return float(max(loaded.said["peak_mb"], night.said["peak_mb"]))

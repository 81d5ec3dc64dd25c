"""The rows about syncing: first load, nightly re-sync, identical package, shuffled package; each beside its floor."""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from bench import processes
from bench.figures import NO_GOAL, Figure, at_most, no_more_than
from bench.place import District, Packages, Place, a_district
from bench.processes import Cost
from bench.progress import say

LOADED, DONE, UNCHANGED = "first load", "done", "unchanged"


@dataclass
class Measured:
    """What the rounds gave: for each name, one number per round."""

    numbers: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, name: str, value: float) -> None:
        self.numbers[name].append(value)

    def __getitem__(self, name: str) -> list[float]:
        return self.numbers[name]


def measure(place: Place, packages: Packages, *, rounds: int, profile: Path | None) -> tuple[list[Figure], District]:
    """Each round takes a new district through its life. Returns the figures and the last district."""
    measured = Measured()
    district = a_district()
    for number in range(1, rounds + 1):
        if number > 1:
            district = a_district()
        _round(place, packages, district, measured, f"round {number} of {rounds}", profile if number == 1 else None)
    return _figures(measured), district


def _round(
    place: Place, packages: Packages, district: District, measured: Measured, title: str, profile: Path | None
) -> None:
    rest(place)
    copied, copied_cpu = copy_floor(place, packages.day1)
    loaded = sync(place, district, packages.day1, wants="done", profile=profile and profile / "first-load.txt")
    measured.add("load wall", loaded.said["wall"])
    measured.add("load cpu", loaded.said["cpu"] + loaded.server_cpu)
    measured.add("copy wall", copied)
    measured.add("copy cpu", copied_cpu)
    _tell(f"{title}: first load", loaded, f"COPY {copied:.1f} s, cpu {copied_cpu:.1f}")
    # A day lies between a load and the night: autovacuum has long been there.
    rest(place)
    _against_reading(place, packages.day2, district, measured, f"{title}: night, 1 % changed", "nightly", profile)
    hashed = processes.run("bench.reading", {"reader": "SHA-256", "paths": _all(packages.day2)})
    same = sync(place, district, packages.day2, wants="unchanged", profile=profile and profile / "identical.txt")
    measured.add("identical", same.said["cpu"] + same.server_cpu)
    measured.add("hashing", hashed.said["cpu"])
    _tell(f"{title}: identical package", same, f"hashing {hashed.said['cpu']:.2f} s")
    _against_reading(place, packages.shuffled, district, measured, f"{title}: shuffled package", "shuffled", profile)


def _against_reading(
    place: Place, folder: Path, district: District, measured: Measured, title: str, name: str, profile: Path | None
) -> None:
    """A sync beside the engines that only read the same files."""
    floors = {
        reader: processes.run("bench.reading", {"reader": reader, "paths": Packages.files(folder)})
        for reader in ("DuckDB", "Polars")
    }
    cost = sync(
        place,
        district,
        folder,
        wants="done" if name == "nightly" else "unchanged",
        profile=profile and profile / f"{name}.txt",
    )
    measured.add(f"{name} cpu", cost.said["cpu"] + cost.server_cpu)
    measured.add(f"{name} whole cpu", cost.cpu + cost.server_cpu)
    measured.add(f"{name} wall", cost.said["wall"])
    measured.add(f"{name} peak", cost.said["peak_mb"])
    measured.add(f"{name} reading", min(f.said["cpu"] for f in floors.values()))
    measured.add(f"{name} whole reading", min(f.cpu for f in floors.values()))
    measured.add(f"{name} reading wall", min(f.said["wall"] for f in floors.values()))
    beside = ", ".join(f"{r} {f.said['cpu']:.2f} cpu {f.said['wall']:.2f} wall" for r, f in floors.items())
    _tell(title, cost, beside)


def _figures(m: Measured) -> list[Figure]:
    wall = "s wall"
    if not processes.HAS_PROC:
        say("no /proc here: the database's processor time is not known, and the syncs' is judged without it")
    cpu = "s cpu"
    return [
        Figure.of(
            "nightly re-sync, 1 % changed",
            runs=m["nightly cpu"],
            floors=m["nightly reading"],
            unit=cpu,
            goal=at_most(5),
        ),
        Figure.of(
            "nightly re-sync, with the start of the interpreters",
            runs=m["nightly whole cpu"],
            floors=m["nightly whole reading"],
            unit=cpu,
            goal=NO_GOAL,
        ),
        Figure.of(
            "nightly re-sync, wall", runs=m["nightly wall"], floors=m["nightly reading wall"], unit=wall, goal=NO_GOAL
        ),
        Figure.of(
            "nightly re-sync, peak memory of the worker",
            runs=m["nightly peak"],
            floors=None,
            unit="MB",
            goal=no_more_than(900, "MB"),
        ),
        Figure.of(
            "shuffled package: no revision",
            runs=m["shuffled cpu"],
            floors=m["shuffled reading"],
            unit=cpu,
            goal=at_most(2.5),
        ),
        Figure.of("identical package", runs=m["identical"], floors=m["hashing"], unit=cpu, goal=at_most(2)),
        Figure.of("first load incl. one view", runs=m["load wall"], floors=m["copy wall"], unit=wall, goal=at_most(12)),
        Figure.of("first load, processor time", runs=m["load cpu"], floors=m["copy cpu"], unit=cpu, goal=NO_GOAL),
    ]


# ------------------------------------------------------------------------------------------------------------- one run


def sync(place: Place, district: District, origin: Path, *, wants: str, profile: Path | None = None) -> Cost:
    """Walk a package in a process of its own. It must come out as wanted, or the figure is about something else."""
    return night(place, [(district, origin)], wants=wants, profile=profile)


def night(place: Place, packages: Sequence[tuple[District, Path]], *, wants: str, profile: Path | None = None) -> Cost:
    """Walk packages of several sources of one district, one after the other, in one process."""
    task: dict[str, object] = {
        "district": str(packages[0][0].id),
        "packages": [[str(district.source_id), str(origin)] for district, origin in packages],
    }
    if profile is not None:
        profile.parent.mkdir(parents=True, exist_ok=True)
        task["profile"] = str(profile)
    cost = processes.run("bench.syncing", task, server=place.server)
    if set(cost.said["states"]) != {wants}:
        raise RuntimeError(f"It came out as {cost.said['states']}, not {wants}: {cost.said['message']}")
    return cost


def copy_floor(place: Place, folder: Path) -> tuple[float, float]:
    """Wall and processor time to COPY the same files into plain tables of text, without an index, as the owner."""
    with psycopg.connect(place.owner_url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA bench_floor")
        for path in map(Path, Packages.files(folder)):
            cursor.execute(f'CREATE TABLE bench_floor."{path.stem}" ({_columns(path)})')
        connection.commit()
        begun, cpu = time.perf_counter(), time.process_time() + place.server.cpu()
        for path in map(Path, Packages.files(folder)):
            statement = f'COPY bench_floor."{path.stem}" FROM STDIN (FORMAT csv, HEADER true)'
            with path.open("rb") as file, cursor.copy(statement) as copy:
                while block := file.read(1 << 20):
                    copy.write(block)
        connection.commit()
        taken = time.perf_counter() - begun, time.process_time() + place.server.cpu() - cpu
        cursor.execute("DROP SCHEMA bench_floor CASCADE")
    return taken


def _columns(path: Path) -> str:
    with path.open(encoding="utf-8-sig") as file:
        names = file.readline().strip().split(",")
    return ", ".join(f'"{name}" text' for name in names)


def rest(place: Place, *tables: str) -> None:
    """What a server has done by the next night: vacuumed, analysed, and written to disk. All tables unless some."""
    with psycopg.connect(place.superuser_url, autocommit=True) as connection:
        connection.execute(f"VACUUM (ANALYZE) {', '.join(tables)}")
        connection.execute("CHECKPOINT")


def _all(folder: Path) -> Sequence[str]:
    return [str(p) for p in sorted(folder.glob("*.csv"))]


def _tell(title: str, cost: Cost, beside: str) -> None:
    s = cost.said
    steps = ", ".join(f"{name} {seconds:.1f}" for name, seconds in s["steps"].items())
    say(
        f"{title}: wall {s['wall']:.2f}, cpu {s['cpu']:.2f} + database {cost.server_cpu:.2f}, "
        f"peak {s['peak_mb']:.0f} MB ({steps}); {beside}"
    )

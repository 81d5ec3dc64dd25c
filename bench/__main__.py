"""Generate a district, measure, print each figure beside its floor, and write bench/results.json."""

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from bench import alike, api, beside, figures, files, many, memory, pulling, several, single, syncs, views
from bench.figures import Figure
from bench.place import District, Packages, Place, a_district, a_place, write_packages
from bench.progress import say
from bench.serving import PRODUCT, serving
from schoolpassport.demo.generator import Size

SIZES = {
    "tiny": Size.of(users=10_000, classes=1_000, enrollments=60_000),
    "small": Size.of(users=20_000, classes=2_000, enrollments=120_000),
    "full": Size.of(users=200_000, classes=20_000, enrollments=1_200_000),
}
JOBS = {
    "sync": "first load, nightly re-sync, identical and shuffled package",
    "api": "walks, fields=, deep pages, totals",
    "control": "the walk by Django REST framework",
    "alike": "probable duplicates among 100,000 and a million people",
    "several": "a night of a SIS and a directory, merged",
    "many": "200 small districts at the same minute, with 1, 2 and 4 workers",
    "masked": "a pull behind Privacy Shield beside one without",
    "export": "all of a view as NDJSON beside COPY",
    "files": "a OneRoster zip beside DuckDB's CSV",
    "sftp": "a push beside OpenSSH's client",
    "single": "one record, and filters, beside a bare SELECT",
    "beside": "four pulls while a sync runs",
    "views": "a night that must reach fifty views, in two sizes of district",
    "memory": "a worker at the size and at five times of it (part of --size full only)",
}
SERVED = {"single", "export", "masked"}
OUTLETS = {*SERVED, "files", "beside"}
_MEGABYTES = {"tiny": 20, "small": 50, "full": 300}  # of the file that is pushed
RESULTS = Path(__file__).with_name("results.json")


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # a polite stop clears up like any other end
    asked = _asked()
    jobs = set(asked.only or JOBS) - ({"memory"} if asked.size != "full" and not asked.only else set())
    size = _size(asked)
    say(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, seed {asked.seed}: {', '.join(sorted(jobs))}")
    found: list[Figure] = []
    try:
        with a_place(asked.data_dir, keep=asked.keep) as place:
            for some in _measure(place, asked, size, jobs):
                found += some
    finally:  # what was measured before something broke was measured
        print("\n" + figures.table(found))
        if asked.only:
            say(f"{RESULTS.name} is left as it was: this was not the whole bench")
        else:
            figures.write(found, RESULTS)
            say(f"written: {RESULTS}")


def _measure(place: Place, asked: argparse.Namespace, size: Size, jobs: set[str]) -> Iterator[list[Figure]]:
    packages = write_packages(place.data_dir.parent / "packages", size=size, seed=asked.seed, shuffled="sync" in jobs)
    district = None
    if "sync" in jobs:
        found, district = syncs.measure(place, packages, rounds=asked.rounds, profile=asked.profile)
        yield found
    if jobs & {"api", "control", *OUTLETS}:
        district = district or loaded(place, packages.day1, packages.day2)
        if jobs & {"api", "control"}:
            yield api.measure(place, district, rounds=asked.rounds, seed=asked.seed, jobs=jobs)
        yield from outlets(place, asked, district, packages, jobs)
    yield from _by_themselves(place, asked, size, packages, jobs)


def _by_themselves(
    place: Place, asked: argparse.Namespace, size: Size, packages: Packages, jobs: set[str]
) -> Iterator[list[Figure]]:
    """The rows that need no district of the others."""
    folder = place.data_dir.parent
    if "sftp" in jobs:
        yield files.measure_push(
            folder=folder / "push", rounds=asked.rounds, megabytes=_MEGABYTES[asked.size], seed=asked.seed
        )
    if "alike" in jobs:
        yield alike.measure(folder=folder / "alike", size=asked.size)
    if "several" in jobs:
        yield several.measure(place, packages, folder=folder, rounds=asked.rounds, profile=asked.profile)
    if "many" in jobs:
        yield many.measure(
            place, folder=folder / "small", districts=200 if asked.size == "full" else 20, seed=asked.seed
        )
    if "views" in jobs:
        quarter = views.write_quarter(folder / "quarter", size=size, seed=asked.seed)
        made = [loaded(place, p.day1) for p in (packages, quarter)]
        yield views.measure(
            place, dict(zip(made, (packages, quarter), strict=True)), views=asked.views, rounds=asked.rounds
        )
    if "memory" in jobs:
        yield memory.measure(place, packages, folder=folder / "larger", size=size, seed=asked.seed)


def outlets(
    place: Place, asked: argparse.Namespace, district: District, packages: Packages, jobs: set[str]
) -> Iterator[list[Figure]]:
    """The rows about one district and its applications; the last one moves it on."""
    folder, rounds = place.data_dir.parent, asked.rounds
    if jobs & SERVED:
        with serving(PRODUCT) as ours:
            if "single" in jobs:
                yield single.measure(place, district, ours, rounds=rounds, requests=asked.requests, seed=asked.seed)
            if "export" in jobs:
                yield pulling.measure_export(place, district, ours, folder=folder, rounds=rounds)
            if "masked" in jobs:
                yield pulling.measure_masked(place, district, ours, rounds=rounds)
    if "files" in jobs:
        yield files.measure_files(place, district, folder=folder / "unpacked", rounds=rounds)
    if "beside" in jobs:
        yield beside.measure(place, packages, district, rounds=rounds)


def loaded(place: Place, *days: Path) -> District:
    """A new district that has lived through these days."""
    district = a_district()
    for day in days:
        say(f"loading {day.name}")
        syncs.sync(place, district, day, wants="done")
    return district


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--size", choices=SIZES, default="full", help="full is 200,000 users, small a tenth, tiny a twentieth"
    )
    parser.add_argument("--users", type=int, help="instead of the size's")
    parser.add_argument("--classes", type=int, help="instead of the size's")
    parser.add_argument("--enrollments", type=int, help="instead of the size's")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rounds", type=int, default=3, help="runs of which the median counts")
    parser.add_argument("--requests", type=int, default=2000, help="how often “single” asks each small question")
    parser.add_argument("--views", type=int, default=50, help="how many applications the district of “views” has")
    parser.add_argument(
        "--only", action="append", choices=JOBS, help="; ".join(f"{name}: {what}" for name, what in JOBS.items())
    )
    parser.add_argument("--data-dir", type=Path, help="work here instead of in a temporary directory")
    parser.add_argument("--keep", action="store_true", help="leave the data directory and its server behind")
    parser.add_argument("--profile", type=Path, metavar="FOLDER", help="write where the syncs of round 1 spend time")
    return parser.parse_args()


def _size(asked: argparse.Namespace) -> Size:
    base = SIZES[asked.size]
    return Size.of(
        users=asked.users or base.users,
        classes=asked.classes or base.classes,
        enrollments=asked.enrollments or base.enrollments,
    )


if __name__ == "__main__":
    main()

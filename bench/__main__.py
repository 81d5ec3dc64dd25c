"""``python -m bench``: generate a district, measure, print the table, write bench/results.json."""

import argparse
import os
from pathlib import Path

from bench import api, figures, syncs
from bench.place import a_place, write_packages
from bench.progress import say
from schoolpassport.demo.generator import Size

SIZES = {
    "small": Size.of(users=10_000, classes=1_000, enrollments=60_000),
    "full": Size.of(users=200_000, classes=20_000, enrollments=1_200_000),
}
HERE = Path(__file__).parent


def main() -> None:
    asked = _asked()
    size = _size(asked)
    say(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; seed {asked.seed}")
    with a_place(asked.data_dir, keep=asked.keep) as place:
        packages = write_packages(place.data_dir.parent / "packages", size=size, seed=asked.seed)
        found, district = syncs.measure(place, packages, rounds=asked.rounds, profile=asked.profile)
        found += api.measure(place, district, rounds=asked.rounds, seed=asked.seed, control=True)
    print(figures.table(found))
    figures.write(found, HERE / "results.json")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--users", type=int)
    parser.add_argument("--classes", type=int)
    parser.add_argument("--enrollments", type=int)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data-dir", type=Path, help="work here instead of in a temporary directory")
    parser.add_argument("--keep", action="store_true", help="leave the data directory and its server behind")
    parser.add_argument("--profile", type=Path, metavar="FOLDER", help="write where the syncs of round 1 spend their time")
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

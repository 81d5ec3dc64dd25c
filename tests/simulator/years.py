"""A number of school years from one seed, on a district of their own."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from tests.faults.support.children import Children
from tests.simulator import stage as stages
from tests.simulator.calendar import Year
from tests.simulator.outlets import OUTLETS
from tests.support.clockwork import ticking

FIRST = datetime(2026, 9, 1, 2, tzinfo=UTC)
SEEDS = Path(__file__).with_name("seeds.txt")


@dataclass(frozen=True)
class Course:
    """A history: the same course is the same history."""

    seed: int
    years: int = 1
    nights: int = 180
    pupils: int = 300

    @property
    def directory(self) -> Random | None:
        """The chance of a second source, in every other world. It has one of its own, so that it moves no other's."""
        return Random(f"directory {self.seed}") if self.seed % 2 == 0 else None

    @property
    def outlets(self) -> dict[str, Random]:
        """Three applications in two worlds of three, by other outlets in odd worlds and in even ones."""
        names = sorted(OUTLETS)[self.seed % 2 :: 2] if self.seed % 3 else []
        return {name: Random(f"{name} {self.seed}") for name in names}

    def __str__(self) -> str:
        return f"SEED={self.seed} YEARS={self.years} NIGHTS={self.nights} PUPILS={self.pupils}"


def kept() -> list[Course]:
    """The courses of the seeds file."""
    lines = [line.partition("#")[0].split() for line in SEEDS.read_text(encoding="utf-8").splitlines()]
    told = [
        {name.lower(): int(number) for name, _, number in (w.partition("=") for w in line)} for line in lines if line
    ]
    return [Course(**facts) for facts in told]


def keep(course: Course, why: str) -> None:
    with SEEDS.open("a", encoding="utf-8") as file:
        file.write(f"{course}  # {' '.join(why.split())[:200]}\n")


def live(course: Course, *, folder: Path, others: Children, tell: Callable[[str], None] = lambda _: None) -> int:
    """Every night of it. Returns how many packages were walked; what goes wrong says how to see it again."""
    random, told = Random(course.seed), list[str]()

    def hear(line: str) -> None:
        told.append(line)
        tell(line)

    with ticking(FIRST) as clock:
        stage = stages.begin(
            random,
            pupils=course.pupils,
            folder=folder,
            clock=clock,
            others=others,
            beside=course.directory,
            outlets=course.outlets,
        )
        stage.first(stage.export())
        stage.agree_at_first()
        year = Year(stage, random, course.nights, hear)
        try:
            for number in range(course.years):
                if number:
                    year.turn()
                year.live()
        except Exception as trouble:
            last = "\n  ".join([*told[-5:], "; ".join(year.told)])
            trouble.add_note(f"the nights before, and that one:\n  {last}\nagain by: make simulate {course}")
            raise
        return stage.nights

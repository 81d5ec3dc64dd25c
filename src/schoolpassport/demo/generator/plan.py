"""Who goes where: schools, their grades, and how many students, classes and teachers each has.

A few rows per school, made in plain Python; everything that grows with the district is made from them in SQL.
Students, classes and teachers are numbered through the district, school by school, so each place owns a range.
"""

from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise

from schoolpassport.demo.generator.names import SCHOOL_NAMES, SCHOOL_PLACES
from schoolpassport.demo.generator.size import Size

LEVELS = ("elementary", "middle", "high", "elementary")  # and round again: small schools are twice as many
GRADES = {
    "elementary": ("KG", "01", "02", "03", "04", "05"),
    "middle": ("06", "07", "08"),
    "high": ("09", "10", "11", "12"),
}
ALL_GRADES = sum(GRADES.values(), ())
TITLES = {"elementary": "Elementary School", "middle": "Middle School", "high": "High School"}


@dataclass(frozen=True, kw_only=True)
class School:
    no: int
    level: str
    name: str
    first_student: int
    first_class: int
    classes: int
    first_teacher: int
    teachers: int


@dataclass(frozen=True, kw_only=True)
class Band:
    """Grades of a school that are taught together: one grade, or several where there are few classes."""

    no: int
    school: int
    grades: tuple[str, ...]
    first_student: int
    students: int
    first_class: int
    classes: int


@dataclass(frozen=True, kw_only=True)
class Cell:
    """The students of one grade in one school."""

    band: int
    grade: str
    first_student: int
    students: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    schools: tuple[School, ...]
    bands: tuple[Band, ...]
    cells: tuple[Cell, ...]


def plan(*, size: Size) -> Plan:
    levels = [LEVELS[no % len(LEVELS)] for no in range(size.schools)]
    groups = _bands_of(levels, size)
    cells = _cells(levels, groups, size)
    bands = _bands(groups, cells, size)
    return Plan(schools=_schools(levels, bands, size), bands=bands, cells=cells)


def spread(total: int, weights: list[Fraction], *, least: int) -> list[int]:
    """``total`` in whole parts, in proportion to ``weights``, none under ``least``; exact in sum."""
    rest = total - least * len(weights)
    sums = list(accumulate(weights, initial=Fraction(0)))
    return [least + int(rest * b / sums[-1]) - int(rest * a / sums[-1]) for a, b in pairwise(sums)]


def _bands_of(levels: list[str], size: Size) -> list[tuple[int, tuple[str, ...]]]:
    """School and grades of each band, as many bands as there are classes to fill every period of each."""
    for most in range(6, 0, -1):
        bands = [(school, grades) for school, level in enumerate(levels) for grades in _folded(GRADES[level], most)]
        if len(bands) * size.periods <= size.classes:
            return bands
    raise AssertionError("Size promises classes for one band in each school.")


def _folded(grades: tuple[str, ...], most: int) -> list[tuple[str, ...]]:
    parts = min(most, len(grades))
    cuts = [i * len(grades) // parts for i in range(parts + 1)]
    return [grades[a:b] for a, b in pairwise(cuts)]


def _cells(levels: list[str], groups: list[tuple[int, tuple[str, ...]]], size: Size) -> tuple[Cell, ...]:
    places = [(band, levels[school], grade) for band, (school, grades) in enumerate(groups) for grade in grades]
    counts = spread(size.students, [Fraction(1, levels.count(level)) for _, level, _ in places], least=1)
    firsts = accumulate(counts, initial=0)
    return tuple(
        Cell(band=band, grade=grade, first_student=first, students=students)
        for (band, _, grade), students, first in zip(places, counts, firsts, strict=False)
    )


def _bands(groups: list[tuple[int, tuple[str, ...]]], cells: tuple[Cell, ...], size: Size) -> tuple[Band, ...]:
    students = [0] * len(groups)
    for cell in cells:
        students[cell.band] += cell.students
    classes = spread(size.classes, [Fraction(many) for many in students], least=size.periods)
    first_student, first_class = list(accumulate(students, initial=0)), list(accumulate(classes, initial=0))
    return tuple(
        Band(
            no=no,
            school=school,
            grades=grades,
            first_student=first_student[no],
            students=students[no],
            first_class=first_class[no],
            classes=classes[no],
        )
        for no, (school, grades) in enumerate(groups)
    )


def _schools(levels: list[str], bands: tuple[Band, ...], size: Size) -> tuple[School, ...]:
    classes = [0] * len(levels)
    first_student, first_class = [size.students] * len(levels), [size.classes] * len(levels)
    for band in bands:
        classes[band.school] += band.classes
        first_student[band.school] = min(first_student[band.school], band.first_student)
        first_class[band.school] = min(first_class[band.school], band.first_class)
    teachers = spread(size.teachers, [Fraction(many) for many in classes], least=1)
    first_teacher = list(accumulate(teachers, initial=0))
    return tuple(
        School(
            no=no,
            level=level,
            name=_name(no, level),
            first_student=first_student[no],
            first_class=first_class[no],
            classes=classes[no],
            first_teacher=first_teacher[no],
            teachers=teachers[no],
        )
        for no, level in enumerate(levels)
    )


def _name(no: int, level: str) -> str:
    """Different for each school up to the product of the two lists, then with a number."""
    round_, place = divmod(no, len(SCHOOL_NAMES) * len(SCHOOL_PLACES))
    name = SCHOOL_NAMES[place % len(SCHOOL_NAMES)]
    ground = SCHOOL_PLACES[sum(divmod(place, len(SCHOOL_NAMES))) % len(SCHOOL_PLACES)]
    return " ".join((name, ground, *([str(round_ + 1)] if round_ else []), TITLES[level]))

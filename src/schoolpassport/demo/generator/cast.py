"""Who plays which part in a district with trouble: numbers of records that exist on every day and never change."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from schoolpassport.demo.generator.plan import Plan
from schoolpassport.demo.generator.size import Size

_FEWEST_STUDENTS = 200
_WIDE = 3  # students in a grade that has a middle
_STUDENTS, _FAMILIES, _STEP = 41, 13, 11  # more than are needed; primes, so that steps of any length meet all


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """A pupil who takes one class at another school."""

    student: int
    school: int
    class_: int


@dataclass(frozen=True, kw_only=True)
class Cast:
    twins: tuple[tuple[int, int], ...]
    visitors: tuple[Visitor, ...]
    students_without_email: tuple[int, ...]  # the first two get one on day two
    guardians_without_email: tuple[int, ...]
    students_sharing_email: tuple[int, int]
    guardians_sharing_email: tuple[int, int]
    staff_parents: tuple[tuple[int, int], ...]  # teacher, guardian
    co_taught: tuple[int, ...]  # classes
    long_name: int
    formula_names: tuple[int, int]
    quoted_name: int
    bad_birthdays: tuple[int, int]  # the first is repaired on day two
    spoiled_birthday: int  # valid, except on day two
    lost: tuple[int, int]  # their enrollments name a class that does not exist

    @property
    def spared(self) -> list[tuple[str, int]]:
        """Role and number of those whom the everyday changes must leave alone."""
        students = chain(
            *self.twins,
            (visitor.student for visitor in self.visitors),
            self.students_without_email,
            self.students_sharing_email,
            self.formula_names,
            self.bad_birthdays,
            self.lost,
            (self.long_name, self.quoted_name, self.spoiled_birthday),
        )
        guardians = chain(
            self.guardians_without_email, self.guardians_sharing_email, (g for _, g in self.staff_parents)
        )
        return [
            *(("student", no) for no in students),
            *(("guardian", no) for no in guardians),
            *(("teacher", teacher) for teacher, _ in self.staff_parents),
        ]


def cast(*, size: Size, plan: Plan) -> Cast:
    if min(size.students, 2 * size.users // 3) < _FEWEST_STUDENTS or size.guardians < 3 * _FAMILIES:
        raise ValueError(
            "Trouble must stay under two rows in a hundred: 300 users, 200 of them students, 39 guardians."
        )
    if size.teachers < 2 * size.schools:
        raise ValueError("Co-teachers need a second teacher in every school.")
    twins, visitors = _twins(plan), _visitors(plan, size)
    taken = {*chain(*twins), *(visitor.student for visitor in visitors)}
    student = (no for no in _apart(size.students, _STUDENTS) if no not in taken)
    couple = (3 * no for no in _apart(size.guardians // 3, _FAMILIES))
    first_parent = next(couple)
    return Cast(
        twins=twins,
        visitors=visitors,
        students_without_email=_take(student, 4),
        guardians_without_email=(next(couple), next(couple)),
        students_sharing_email=(next(student), next(student)),
        guardians_sharing_email=(first_parent, first_parent + 1),
        staff_parents=((1, next(couple) + 2), (size.teachers // 2, next(couple) + 2)),
        co_taught=tuple(school.first_class + 1 for school in plan.schools[:3]),
        long_name=next(student),
        formula_names=(next(student), next(student)),
        quoted_name=next(student),
        bad_birthdays=(next(student), next(student)),
        spoiled_birthday=next(student),
        lost=(next(student), next(student)),
    )


def _apart(many: int, parts: int) -> list[int]:
    """Numbers that lie evenly, in an order that does not begin with the youngest school."""
    return [(2 * (part * _STEP % parts) + 1) * many // (2 * parts) for part in range(parts)]


def _take(numbers: Iterator[int], many: int) -> tuple[int, ...]:
    return tuple(next(numbers) for _ in range(many))


def _twins(plan: Plan) -> tuple[tuple[int, int], ...]:
    """Two pairs, each in the middle of a grade, so that both are in the same one."""
    wide = [cell for cell in plan.cells if cell.students >= _WIDE]
    elders = [cell.first_student + cell.students // 2 - 1 for cell in (wide[len(wide) // 3], wide[2 * len(wide) // 3])]
    return tuple((elder, elder + 1) for elder in elders)


def _visitors(plan: Plan, size: Size) -> tuple[Visitor, ...]:
    """The last two of the first middle school's top grade take a class at the first high school."""
    middle = next(school for school in plan.schools if school.level == "middle")
    high = next(school for school in plan.schools if school.level == "high")
    last = max(c.first_student + c.students for c in plan.cells if plan.bands[c.band].school == middle.no) - 1
    class_ = high.first_class + min(2, size.periods - 1)
    return tuple(Visitor(student=student, school=high.no, class_=class_) for student in (last - 1, last))

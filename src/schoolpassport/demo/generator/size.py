from dataclasses import dataclass
from typing import Self

FEWEST_SCHOOLS = 3  # one of each level


@dataclass(frozen=True, kw_only=True)
class Size:
    """How many valid records of each kind the first day has, before trouble adds its handful.

    ``enrollments`` counts the one of each class's teacher too. Courses, sessions and demographics follow from these.
    """

    schools: int
    students: int
    teachers: int
    staff: int  # administrators and aides; the first works for the district, the next ones lead a school each
    guardians: int
    classes: int
    enrollments: int

    def __post_init__(self) -> None:
        if self.schools < FEWEST_SCHOOLS:
            raise ValueError("A district needs 3 schools: one for the small, one for the middle, one for the big.")
        if self.students < 10 * self.schools:
            raise ValueError("A school needs at least 10 students.")
        if min(self.teachers, self.staff) < self.schools:
            raise ValueError("A school needs at least one teacher and one other member of staff.")
        if not 0 <= self.guardians <= self.students:
            raise ValueError("There may be no more guardians than students.")
        if self.enrollments < self.classes + self.students:
            raise ValueError("Every class needs its teacher's enrollment and every student at least one.")
        if self.classes < self.schools * self.periods:
            raise ValueError(
                f"{self.periods} classes a day for each student need {self.schools * self.periods} classes."
            )

    @classmethod
    def small(cls) -> Self:
        """3 schools and 600 people, for tests."""
        return cls(schools=3, students=390, teachers=30, staff=6, guardians=174, classes=100, enrollments=2_830)

    @classmethod
    def demo(cls) -> Self:
        """5 schools and 2,500 people."""
        return cls(schools=5, students=1_560, teachers=110, staff=20, guardians=810, classes=420, enrollments=11_340)

    @classmethod
    def of(cls, *, users: int, classes: int, enrollments: int) -> Self:
        """A bench shape: the counts asked for, exactly, and a plausible mix of people behind them."""
        schools = max(FEWEST_SCHOOLS, users // 2_500)
        teachers, staff, guardians = max(2 * schools, users // 20), max(schools + 1, users // 100), users * 15 // 100
        return cls(
            schools=schools,
            students=users - teachers - staff - guardians,
            teachers=teachers,
            staff=staff,
            guardians=guardians,
            classes=classes,
            enrollments=enrollments,
        )

    @property
    def users(self) -> int:
        return self.students + self.teachers + self.staff + self.guardians

    @property
    def seats(self) -> int:
        """Enrollments of students."""
        return self.enrollments - self.classes

    @property
    def periods(self) -> int:
        """Classes on the day of the busiest student."""
        return -(-self.seats // self.students)

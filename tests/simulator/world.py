"""A district in which the truth is known: who everybody really is, and what happens to them in the course of the years.

Nothing here knows the product. `rows` is what the student information system would export tonight; `truths` says who
is behind each user's key, which no system outside can know.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from tests.support.packages import Row

GRADES = ("05", "06", "07", "08")
SUBJECTS = ("math", "art", "lit")
_GIVEN = (
    "Ada Ben Cleo Dov Esma Finn Gwen Hugo Iris Jon Kaya Leo Mina Noor Otto Pia Quinn Rui Sana Tom Uma Vik Wren Xia Yara "
    "Zeno Zoë José Łucja Søren Чарли 美咲 عمر Nguyễn -Dash =Sum"
)
_FAMILY = (
    "Abel Baker Castle Drake Elm Frost Grove Hale Ives Jute Kerr Lark Moss Nash Orchard Pike Quill Reed Stone Thorn "
    "Underhill Vale West Yew Zell O’Hara D'Arcy Müller Peña Šimić Иванова 田中 حداد Đặng"
)
GIVEN = tuple(_GIVEN.split())
FAMILY = (*_FAMILY.split(), "van den Berg", 'Quo"te', "Comma, Jr")


@dataclass(eq=False)
class Person:
    """`truth` is who they are; `key` is what the system calls them today, and may be another's tomorrow."""

    truth: int
    key: str
    role: str
    given: str
    family: str
    born: date
    school: str
    grade: str = ""
    email: str = ""
    guardian: "Person | None" = None
    there: bool = True
    gone_for: int = 0


@dataclass(eq=False)
class Group:
    key: str
    subject: str
    grade: str
    school: str
    teachers: list[Person] = field(default_factory=list)
    pupils: list[Person] = field(default_factory=list)


class World:
    def __init__(
        self, random: Random, *, pupils: int, schools: int = 6, year: int = 2026, forgetful: bool = False
    ) -> None:
        self.random, self.year, self.forgetful = random, year, forgetful
        self.series, self._numbers = "a", 0
        self.schools = {f"s{n}": f"School {n}" for n in range(1, schools + 1)}
        self.people: list[Person] = []
        self.groups: list[Group] = []
        self._seats: dict[tuple[str, int], str] = {}
        for school in self.schools:
            for _ in range(4):
                self._appear("teacher", school, born=date(1980, 1, 1) + timedelta(self.random.randrange(6000)))
        for n in range(pupils):
            self._pupil(list(self.schools)[n % schools], GRADES[n // schools % len(GRADES)])
        self._timetable()

    # ------------------------------------------------------------------------------------------------ who comes to be

    def _key(self) -> str:
        self._numbers += 1
        return f"{self.series}{self._numbers:05d}"

    def _appear(self, role: str, school: str, *, born: date, grade: str = "", family: str = "") -> Person:
        truth = len(self.people) + 1
        made = Person(
            truth=truth,
            key=self._key(),
            role=role,
            given=self.random.choice(GIVEN),
            family=family or self.random.choice(FAMILY),
            born=born,
            school=school,
            grade=grade,
            email=f"u{truth}@amber.example",
        )
        self.people.append(made)
        return made

    def _pupil(self, school: str, grade: str) -> Person:
        age = 10 + GRADES.index(grade)
        born = date(self.year - age, 1, 1) + timedelta(self.random.randrange(365))
        child = self._appear("student", school, born=born, grade=grade)
        if self.random.random() < 0.5:
            child.guardian = self._guardian(child)
        return child

    def _guardian(self, child: Person) -> Person:
        return self._appear("guardian", child.school, born=date(1975, 5, 5), family=child.family)

    # -------------------------------------------------------------------------------------------------- who sits where

    def _timetable(self) -> None:
        self.groups = []
        for school in self.schools:
            staff = [p for p in self.present("teacher") if p.school == school]
            for grade in GRADES:
                for subject in SUBJECTS:
                    group = Group(f"k{self.year}-{self._key()}", subject, grade, school)
                    group.teachers = [self.random.choice(staff)]
                    self.groups.append(group)
        for child in self.present("student"):
            self._seat(child)

    def _seat(self, child: Person) -> None:
        for group in self.groups:
            if child in group.pupils:
                group.pupils.remove(child)
        for subject in SUBJECTS:
            fitting = [g for g in self.groups if (g.school, g.grade, g.subject) == (child.school, child.grade, subject)]
            if fitting:
                self.random.choice(fitting).pupils.append(child)

    def present(self, role: str) -> list[Person]:
        return [p for p in self.people if p.role == role and p.there]

    def absent(self, role: str = "student") -> list[Person]:
        return [p for p in self.people if p.role == role and not p.there]

    # ------------------------------------------------------------------------------------------------ what happens

    def newcomer(self) -> str:
        child = self._pupil(self.random.choice(list(self.schools)), self.random.choice(GRADES))
        self._seat(child)
        return f"{child.key} comes"

    def twins(self) -> str:
        """Same surname, same birthday, same guardian, same address: two people."""
        one = self._pupil(self.random.choice(list(self.schools)), self.random.choice(GRADES))
        one.guardian = one.guardian or self._guardian(one)
        other = self._appear("student", one.school, born=one.born, grade=one.grade, family=one.family)
        other.guardian = one.guardian
        if other.given == one.given:
            other.given = f"{one.given}-Two"
        for child in (one, other):
            self._seat(child)
        return f"{one.key} and {other.key}, twins, come"

    def move(self) -> str:
        child = self.random.choice(self.present("student"))
        child.school = self.random.choice([s for s in self.schools if s != child.school])
        self._seat(child)
        return f"{child.key} moves to {child.school}"

    def withdrawal(self) -> str:
        child = self.random.choice(self.present("student"))
        self._leave(child)
        return f"{child.key} leaves"

    def _leave(self, child: Person) -> None:
        child.there, child.gone_for = False, 0
        for group in self.groups:
            if child in group.pupils:
                group.pupils.remove(child)

    def back(self) -> str:
        """A pupil returns. Where the key has another owner by now, or the system is another, under a new one."""
        away = [p for p in self.absent() if p.gone_for > 3 and p.grade in GRADES]
        if not away:
            return ""
        child = self.random.choice(away)
        if not child.key or not child.key.startswith(self.series):
            child.key = self._key()
        child.there = True
        self._seat(child)
        return f"{child.key} is back"

    def reuse(self) -> str:
        """The system gives the id of a pupil who left to a new one."""
        old = [p for p in self.absent() if p.gone_for > 3 and p.key.startswith(self.series)]
        if not old:
            return ""
        left = self.random.choice(old)
        grade = self.random.choice([g for g in GRADES if g != left.grade])
        child = self._pupil(self.random.choice(list(self.schools)), grade)
        child.key, left.key = left.key, ""
        while child.given.casefold() == left.given.casefold():
            child.given = self.random.choice(GIVEN)
        while child.family.casefold() == left.family.casefold():
            child.family = self.random.choice(FAMILY)
        while child.born == left.born:
            child.born += timedelta(1)
        self._seat(child)
        return f"{child.key} is given to another pupil"

    def marriage(self) -> str:
        person = self.random.choice(self.present("teacher") + self.present("student"))
        person.family = f"{self.random.choice(FAMILY)}-{person.family}"[:60]
        person.email = f"u{person.truth}.{self.random.randrange(1000)}@amber.example"
        return f"{person.key} has another surname"

    def mail(self) -> str:
        person = self.random.choice(self.present("teacher") + self.present("student"))
        person.email = f"u{person.truth}.{self.random.randrange(1000)}@amber.example"
        return f"{person.key} has another address"

    def colleague(self) -> str:
        """A second teacher joins a class, or one of two leaves it."""
        group = self.random.choice(self.groups)
        staff = [p for p in self.present("teacher") if p.school == group.school and p not in group.teachers]
        if len(group.teachers) > 1:
            group.teachers.pop(0)
        elif staff:
            group.teachers.append(self.random.choice(staff))
        return f"{group.key} is taught by {len(group.teachers)}"

    def split(self) -> str:
        """A class becomes two."""
        group = self.random.choice([g for g in self.groups if len(g.pupils) > 3] or self.groups)
        half = Group(f"k{self.year}-{self._key()}", group.subject, group.grade, group.school, group.teachers[:])
        half.pupils, group.pupils = group.pupils[::2], group.pupils[1::2]
        self.groups.append(half)
        return f"{group.key} is split"

    def rename(self) -> str:
        school = self.random.choice(list(self.schools))
        self.schools[school] = f"School {school} {self.random.randrange(1000)}"
        return f"{school} has another name"

    def year_turns(self) -> str:
        """Who is in the last grade goes, everybody else goes up, new ones come, and all classes are new."""
        self.year += 1
        for child in self.people:
            if child.role == "student" and child.grade:
                rises = GRADES.index(child.grade) + 1
                if rises == len(GRADES) and child.there:
                    self._leave(child)
                child.grade = GRADES[rises] if rises < len(GRADES) else ""
        leavers = sum(1 for p in self.people if p.role == "student" and not p.grade and p.gone_for == 0)
        for n in range(leavers):
            self._pupil(list(self.schools)[n % len(self.schools)], GRADES[0])
        self._timetable()
        return f"the year {self.year} begins"

    def migration(self) -> str:
        """Another system: the same people and classes, and other keys for them all."""
        self.series = chr(ord(self.series) + 1)
        for person in self.people:
            if person.there:
                person.key = self._key()
        for group in self.groups:
            group.key = f"k{self.year}-{self._key()}"
        return f"another system, whose keys begin with {self.series}"

    def a_night_passes(self) -> None:
        for person in self.people:
            if not person.there:
                person.gone_for += 1

    # --------------------------------------------------------------------------------------------------- the export

    def rows(self) -> dict[str, list[Row]]:
        exported = [p for p in self.people if p.role != "guardian" and p.there]
        guardians = {p.guardian.truth: p.guardian for p in exported if p.guardian}
        users = [*exported, *guardians.values()]
        return {
            "orgs": [
                {"sourcedId": "d1", "name": "Amber Valley", "type": "district"},
                *(
                    {"sourcedId": key, "name": name, "type": "school", "parentSourcedId": "d1"}
                    for key, name in self.schools.items()
                ),
            ],
            "academicSessions": [
                self._session("schoolYear", "y"),
                self._session("term", "t", parentSourcedId=f"y{self.year}"),
            ],
            "courses": [
                {"sourcedId": f"c-{s}-{g}", "title": f"{s} {g}", "orgSourcedId": "d1", "grades": g}
                for s in SUBJECTS
                for g in GRADES
            ],
            "users": [self._user(p) for p in users],
            "classes": [self._class(g) for g in self.groups],
            "enrollments": [row for g in self.groups for row in self._enrollments(g)],
            "demographics": [
                {"sourcedId": p.key, "birthDate": str(p.born), "sex": "female" if p.truth % 2 else "male"}
                for p in exported
                if p.role == "student"
            ],
        }

    def truths(self) -> dict[str, int]:
        """Who is behind each user's key tonight."""
        return {p.key: p.truth for p in self.people if p.key and (p.there or p.role == "guardian")}

    def _session(self, type_: str, letter: str, **cells: str) -> Row:
        dates = {"startDate": f"{self.year}-08-15", "endDate": f"{self.year + 1}-06-30"}
        head = {"sourcedId": f"{letter}{self.year}", "title": f"{type_} {self.year}", "type": type_}
        return {**head, **dates, "schoolYear": str(self.year + 1), **cells}

    def _user(self, p: Person) -> Row:
        return {
            "sourcedId": p.key,
            "enabledUser": "true",
            "orgSourcedIds": p.school,
            "role": p.role,
            "username": f"n{p.truth}",
            "givenName": p.given,
            "familyName": p.family,
            "identifier": f"N-{p.truth:06d}",
            "email": "" if self.forgetful and p.truth % 6 == 0 else p.email,
            "grades": p.grade,
            "agentSourcedIds": p.guardian.key if p.guardian else "",
        }

    def _class(self, g: Group) -> Row:
        return {
            "sourcedId": g.key,
            "title": f"{g.subject} {g.grade}",
            "grades": g.grade,
            "courseSourcedId": f"c-{g.subject}-{g.grade}",
            "classType": "scheduled",
            "schoolSourcedId": g.school,
            "termSourcedIds": f"t{self.year}",
        }

    def _enrollments(self, g: Group) -> list[Row]:
        both = [(p, "teacher") for p in g.teachers] + [(p, "student") for p in g.pupils]
        return [
            {
                "sourcedId": self._seat_of(g, p),
                "classSourcedId": g.key,
                "schoolSourcedId": g.school,
                "userSourcedId": p.key,
                "role": role,
                "primary": "true" if role == "teacher" and p is g.teachers[0] else "",
            }
            for p, role in both
        ]

    def _seat_of(self, g: Group, p: Person) -> str:
        """Whoever comes back to a class has the seat of before, by the same id."""
        seat = (g.key, p.truth)
        if seat not in self._seats:
            self._seats[seat] = f"e{self._key()}"
        return self._seats[seat]

"""A directory beside the SIS: accounts with ids of their own, for some people, some of them late, some of them wrong.

What the SIS knows of a person and what the directory knows of their account are told by two systems that never speak to
each other. Like the world, nothing here knows the product.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from tests.simulator import exporter
from tests.simulator.exporter import PLAIN, Export, Style
from tests.simulator.world import Person, World
from tests.support.packages import Row

LATE = 0.4  # how likely it is that somebody without an account gets one tonight


@dataclass(eq=False)
class Account:
    """``of`` is nobody where a machine has it, or a driver whom no SIS knows."""

    key: str
    given: str
    family: str
    email: str
    identifier: str = ""
    phone: str = ""
    of: Person | None = None
    there: bool = True
    role: str = "aide"  # where it is nobody's


@dataclass
class Directory:
    random: Random
    world: World
    accounts: list[Account] = field(default_factory=list)
    free: list[Account] = field(default_factory=list)  # that were deleted, and whose addresses may be given away
    series: str = "acc"
    _numbers: int = 0

    def __post_init__(self) -> None:
        for person in self._entitled():
            self._open(person)
        for _ in range(3):
            self.stranger()

    # ------------------------------------------------------------------------------------------------ what happens

    def live(self) -> list[str]:
        """One night of it, said in words."""
        told = [*self._late(), *self._closed(), *self._surnames()]
        if self.random.random() < 0.10:
            told.append(self.stranger())
        if self.random.random() < 0.40:
            told.append(self.another_address())
        if self.random.random() < 0.04:
            told.append(self.hired())
        return told

    def _entitled(self) -> list[Person]:
        """Every ninth never gets an account."""
        return [p for p in self.world.people if p.there and p.role != "guardian" and p.truth % 9]

    def _late(self) -> list[str]:
        having = {a.of.truth: a for a in self.accounts if a.of}
        told = []
        for person in self._entitled():
            account = having.get(person.truth)
            if (account is None or not account.there) and self.random.random() < LATE:
                told.append(f"{self._open(person, account).key} is opened")
        return told

    def _open(self, person: Person, old: Account | None = None) -> Account:
        """Whoever had an account has that one again."""
        if old is not None:
            old.there = True
            return old
        email = person.email or f"d{person.truth}@amber.example"
        given_away = next((a for a in self.free if self._may_get(person, a)), None)
        if given_away is not None and self.random.random() < 0.5:
            self.free.remove(given_away)
            email = given_away.email
        made = Account(
            key=self._key(),
            given=person.given,
            family=person.family,
            email=email,
            identifier="" if person.truth % 7 == 0 else self._written(person),
            phone=f"+1202555{person.truth % 10000:04}" if person.truth % 2 else "",
            of=person,
        )
        self.accounts.append(made)
        return made

    def _may_get(self, person: Person, account: Account) -> bool:
        return account.of is not person and account.given.casefold() != person.given.casefold()

    def _written(self, person: Person) -> str:
        """A number is a number, whoever wrote it down."""
        number = f"N-{person.truth:06d}"
        return {3: f" {number} ", 4: number.lower()}.get(person.truth % 5, number)

    def _key(self) -> str:
        self._numbers += 1
        return f"{self.series}-{self._numbers}"

    def _closed(self) -> list[str]:
        told = []
        for account in self.accounts:
            gone = account.of is not None and not account.of.there and account.of.gone_for > 3
            if account.there and gone and self.random.random() < 0.2:
                account.there = False
                self.free.append(account)
                told.append(f"{account.key} is closed")
        return told

    def _surnames(self) -> list[str]:
        """What the SIS has known for some nights."""
        told = []
        for account in self.accounts:
            if account.of and account.there and account.family != account.of.family and self.random.random() < 0.3:
                account.family = account.of.family
                told.append(f"{account.key} has another surname")
        return told

    def stranger(self) -> str:
        """Somebody whom only the directory knows."""
        made = Account(self._key(), "Driver", f"Of Bus {self._numbers}", f"bus{self._numbers}@amber.example")
        made.identifier = f"B-{self._numbers}" if self._numbers % 2 else ""
        self.accounts.append(made)
        return f"{made.key} is opened for a driver"

    def another_address(self) -> str:
        account = self.random.choice([a for a in self.accounts if a.there])
        account.email = f"{account.key}.{self.random.randrange(1000)}@amber.example"
        return f"{account.key} has another address"

    def hired(self) -> str:
        """A teacher who is known to the directory some nights before the SIS has heard of her."""
        coming = [p for p in self.world.absent("teacher") if p.gone_for > 2]
        if coming:
            coming[0].there = True
            return f"{coming[0].key} teaches"
        school = self.random.choice(list(self.world.schools))
        born = date(1985, 1, 1) + timedelta(self.random.randrange(3000))
        teacher = self.world._appear("teacher", school, born=born)
        account = self._open(teacher)
        teacher.there = False
        return f"{account.key} is opened for {teacher.key}, who has not come"

    def migration(self) -> str:
        """Another directory: the same accounts, and other ids for them all."""
        self.series = f"{self.series}x"
        for account in self.accounts:
            account.key = self._key()
        return f"another directory, whose ids begin with {self.series}"

    # --------------------------------------------------------------------------------------------------- the export

    def rows(self) -> list[Row]:
        return [
            {
                "sourcedId": a.key,
                "enabledUser": "true",
                "role": a.of.role if a.of else a.role,
                "username": f"{a.key}@amber",
                "givenName": a.given,
                "familyName": a.family,
                "identifier": a.identifier,
                "email": a.email,
                "phone": a.phone,
            }
            for a in self.accounts
            if a.there
        ]

    def export(self, style: Style = PLAIN) -> Export:
        return exporter.export({"users": self.rows()}, style)


# ------------------------------------------------------------------------------------------------------------- faults

FAULTS: dict[str, Callable[[Export, Random], Export]] = {
    name: exporter.FAULTS[name]
    for name in ("other_encoding", "twice_the_same_id", "upper_case_headers", "half_a_zip_file", "one_column_more")
}


def fault(made: Callable[[Export, Random], Export]) -> Callable[[Export, Random], Export]:
    FAULTS[made.__name__] = made
    return made


def _of(rows: list[Row], style: Style) -> Export:
    return exporter.export({"users": rows}, style)


@fault
def some_accounts_are_missing(made: Export, random: Random) -> Export:
    rows = made.rows["users"]
    return _of(rows[: -max(1, int(len(rows) * random.choice((0.01, 0.04, 0.12, 0.5))))], made.style)


@fault
def no_accounts(made: Export, random: Random) -> Export:
    return _of([], made.style).again(broken="empty file")


@fault
def other_ids_for_all(made: Export, random: Random) -> Export:
    """Somebody exported another column as the id."""
    return _of([{**row, "sourcedId": f"cn={row['sourcedId']}"} for row in made.rows["users"]], made.style)


@fault
def numbers_are_not_told(made: Export, random: Random) -> Export:
    """Who was found stays found; whoever is new is told by the address alone."""
    return _of([{**row, "identifier": ""} for row in made.rows["users"]], made.style)

"""What a directory adds to the people of the SIS, worked out with plain dicts from docs/operators.md (“Several sources”)
and the decision record 0012. It is asked beside the oracle of the SIS, and as simple.

A person is told here by the number that the SIS writes beside them: it never changes, and nobody else gets it.
"""

import unicodedata
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date

from tests.simulator import oracle
from tests.simulator.oracle import Absence, File, Oracle, Record, Records, Said, Verdict
from tests.support.packages import Row

ADDED = ("username", "email", "phone")
_FILE = File("account")  # of which nothing is required
Number = str


@dataclass
class _Draft:
    """One night's work before anybody decides about it."""

    means: dict[str, Number]
    says: dict[str, Row]
    absences: dict[str, Absence]
    fresh: int = 0
    updated: int = 0
    bad: int = 0
    told: int = 0


@dataclass
class Accounts:
    """``masters``: the attributes of which the directory is master; of the others it fills in what the SIS lacks.

    ``means``: whom an account was found to be, for ever; ``says``: what is said of those that are not gone.
    """

    masters: frozenset[str]
    sis: Oracle
    means: dict[str, Number] = field(default_factory=dict)
    says: dict[str, Row] = field(default_factory=dict)
    absences: dict[str, Absence] = field(default_factory=dict)
    columns: frozenset[str] | None = None
    settled: str = ""
    waiting: str = ""

    def __post_init__(self) -> None:
        self.sis.merged = self.merged

    # ------------------------------------------------------------------------------------------- what it comes to

    def merged(self, records: Records) -> Records:
        """What the SIS tells, and what the directory adds to it."""
        rows = {self.means[key]: row for key, row in self.says.items()}
        people = {
            key: self._merged(record, row) if (row := rows.get(str(record.get("identifier", "")))) else record
            for key, record in records["user"].items()
        }
        return {**records, "user": people}

    def people(self) -> dict[str, Record]:
        return self.merged(self.sis.records)["user"]

    def _merged(self, record: Record, row: Row) -> Record:
        made = dict(record)
        for name in ADDED:
            theirs, ours = record.get(name, ""), row.get(name, "")
            value = (ours or theirs) if name in self.masters else (theirs or ours)
            if value:
                made[name] = value
        return made

    # ------------------------------------------------------------------------------------------------------ a night

    def night(self, said: Said, *, today: date, approved: bool = False) -> Verdict:
        if self.sis.calendar.rests("imports", today) and not approved:
            return Verdict("suspended")
        if said.broken in oracle._UNSAFE:
            return Verdict("refused", refused=said.broken)
        if not approved and said.digest in {self.settled, self.waiting}:
            self.waiting = "" if said.digest == self.settled else self.waiting
            return Verdict("unchanged")
        if said.broken:
            return Verdict("refused", refused=said.broken)
        before = self.people()
        draft = self._draft(said, today=today, approved=approved)
        if draft.bad > oracle.BAD * draft.told:
            return Verdict("refused", refused="too many bad rows")
        causes = frozenset() if approved else self._whole(draft, today)
        if causes:
            self.waiting = said.digest
            return Verdict("held", causes)
        self.means, self.says, self.absences = draft.means, draft.says, draft.absences
        self.columns, self.settled, self.waiting = said.columns["users"], said.digest, ""
        return Verdict("done" if self._shown(before) != self._shown(self.people()) else "unchanged")

    def _shown(self, people: dict[str, Record]) -> list[Record]:
        return [record for record in people.values() if record["status"] == "active"]

    def _whole(self, draft: _Draft, today: date) -> frozenset[str]:
        standing = len(self.says)
        if standing < oracle.BASE or self.sis.calendar.expects("user", today):
            return frozenset()
        causes = set()
        if draft.fresh > (1 - oracle.OVERLAP) * standing:
            causes.add("other ids: user")
        if draft.updated > oracle.UPDATED * standing:
            causes.add("too many updates: user")
        return frozenset(causes)

    def _draft(self, said: Said, *, today: date, approved: bool) -> _Draft:
        draft = _Draft(dict(self.means), dict(self.says), deepcopy(self.absences))
        good, draft.bad = oracle._readable(said.rows["users"], _FILE)
        draft.told = len(said.rows["users"])
        named = {row["sourcedId"] for row in said.rows["users"]}
        missing = self.says.keys() - named
        for key in named & draft.absences.keys():
            del draft.absences[key]
        for key in self._weigh(draft, missing, said, today=today, approved=approved):
            del draft.says[key], draft.absences[key]
        known = {key: row for key, row in good.items() if key in draft.means}
        draft.updated = sum(self.says[k] != row for k, row in known.items() if k in self.says)
        new = {key: row for key, row in good.items() if key not in draft.means}
        taken = {self.means[key] for key in (self.says.keys() - missing) | known.keys()}
        draft.means |= self._found(new, taken)
        draft.says |= {key: row for key, row in good.items() if key in draft.means}
        return draft

    # ------------------------------------------------------------------------------------------------- who is who

    def _found(self, new: dict[str, Row], taken: set[Number]) -> dict[str, Number]:
        """By number and both names, then by address and given name; only where values are nobody else's."""
        people = {str(r["identifier"]): r for r in self.people().values() if r["status"] == "active"}
        found: dict[str, Number] = {}
        for domain, beside in ((("identifier", "givenName", "familyName"), ()), (("email",), ("givenName",))):
            having: dict[tuple[str, ...], list[Number]] = {}
            for number, record in people.items():
                having.setdefault(_values(record, domain), []).append(number)
            asking: dict[tuple[str, ...], list[str]] = {}
            for key in new.keys() - found.keys():
                asking.setdefault(_values(new[key], domain), []).append(key)
            for values, keys in asking.items():
                numbers = having.get(values, [])
                if not all(values) or len(keys) != 1 or len(numbers) != 1:
                    continue
                row, record = new[keys[0]], people[numbers[0]]
                alike = _values(row, beside) == _values(record, beside) and _kin(row) == _kin(record)
                if alike and numbers[0] not in taken and numbers[0] not in found.values():
                    found[keys[0]] = numbers[0]
        return found

    # ------------------------------------------------------------------------------------------------------ removals

    def _weigh(self, draft: _Draft, missing: set[str], said: Said, *, today: date, approved: bool) -> set[str]:
        """The accounts that go tonight; of the others it is written down how far they are."""
        known = draft.absences
        draft.fresh = sum(k not in known or known[k].state == "witness" for k in missing)
        doubtful = self.columns is not None and self.columns != said.columns["users"]
        for key in missing:
            absence = known.setdefault(key, Absence())
            if not doubtful:
                absence.witnesses.add(said.digest)
        kept = {k for k in missing if known[k].state == "kept"}
        if approved:
            return missing - kept
        if self.sis.calendar.rests("removals", today):
            return set()
        ready = {k for k in missing if len(known[k].witnesses) >= self.sis.witnesses}
        held = {k for k in missing if known[k].state == "held"}
        if self.sis.calendar.expects("user", today):
            return ready - kept
        suspicious = self._suspicious((ready | held) - kept)
        for key in suspicious - held:
            known[key].state = "held"
        return ready - kept - held - suspicious

    def _suspicious(self, asked: set[str]) -> set[str]:
        """What a school loses too much of; then the rest, where it is too much for the source."""
        records = {str(r["identifier"]): r for r in self.sis.records["user"].values() if "identifier" in r}
        people = [r for r in self.sis.records["user"].values() if r["status"] == "active"]
        at = {key: _schools(records.get(self.means[key], {})) for key in asked}
        found: set[str] = set()
        for school in {s for schools in at.values() for s in schools}:
            lost = {key for key in asked if school in at[key]}
            here = sum(school in _schools(r) for r in people)
            everybody = len(lost) >= here >= oracle.SMALLEST_SCHOOL
            too_many = len(lost) > oracle.SCHOOL_SHARE * here or len(lost) > oracle.COUNT
            if everybody or (here >= oracle.BASE and too_many):
                found |= lost
        for place in {(s, _grade(records, self.means[key])) for key in asked - found for s in at[key]}:
            school, grade = place
            of_grade = {k for k in asked if school in at[k] and _grade(records, self.means[k]) == grade}
            standing = sum(school in _schools(r) and oracle._grade(r) == grade for r in people)
            if grade and len(of_grade) >= standing >= oracle.SMALLEST_SCHOOL:
                found |= of_grade
        left, standing = asked - found, len(self.says)
        if standing >= oracle.BASE and (len(left) > oracle.SHARE * standing or len(left) > oracle.COUNT):
            found |= left
        return found

    def release(self) -> int:
        gone = [key for key, absence in self.absences.items() if absence.state == "held"]
        for key in gone:
            del self.says[key], self.absences[key]
        return len(gone)

    def keep(self) -> int:
        held = [a for a in self.absences.values() if a.state == "held"]
        for absence in held:
            absence.state = "kept"
        return len(held)


def _values(said: Row | Record, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_folded(str(said.get(name, ""))) for name in names)


def _kin(said: Row | Record) -> str:
    """Nobody is taken for a student here and a teacher there."""
    return "student" if said["role"] == "student" else "staff"


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text.strip()).upper().lower()


def _schools(record: Record) -> list[str]:
    schools = record.get("orgs", [])
    return schools if isinstance(schools, list) else []


def _grade(records: dict[Number, Record], number: Number) -> str:
    return oracle._grade(records.get(number, {}))

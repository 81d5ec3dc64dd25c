"""What must be after each night, worked out with plain dicts from the documents: docs/package-checks.md,
docs/operators.md and the decision records 0005, 0012 and 0016.

Slow and simple on purpose. It knows nothing of the product but those pages, and nothing of the world but what is
exported; that a key was given to another pupil it sees as the documents say it is seen.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date

from tests.support.packages import Row

Value = str | bool | list[str]
Record = dict[str, Value]
Records = dict[str, dict[str, Record]]


@dataclass(frozen=True)
class File:
    """`lists` and `one`: columns that refer, to which kind; `binding`: those without which a row makes no sense."""

    kind: str
    one: Mapping[str, str] = field(default_factory=dict)
    many: Mapping[str, str] = field(default_factory=dict)
    binding: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)


# In this order: what is referred to before what refers to it.
FILES: dict[str, File] = {
    "orgs": File("org", {"parentSourcedId": "org"}, required=("name", "type"), names={"parentSourcedId": "parent"}),
    "academicSessions": File(
        "academicSession",
        {"parentSourcedId": "academicSession"},
        required=("title", "type", "startDate", "endDate", "schoolYear"),
        names={"parentSourcedId": "parent"},
    ),
    "courses": File(
        "course",
        {"orgSourcedId": "org", "schoolYearSourcedId": "academicSession"},
        binding=("orgSourcedId",),
        required=("title",),
        names={"orgSourcedId": "org", "schoolYearSourcedId": "schoolYear"},
    ),
    "users": File(
        "user",
        many={"orgSourcedIds": "org", "agentSourcedIds": "user"},
        binding=("orgSourcedIds",),
        required=("username", "givenName", "familyName", "enabledUser", "role"),
        names={"orgSourcedIds": "orgs", "agentSourcedIds": "agents"},
    ),
    "classes": File(
        "class",
        {"courseSourcedId": "course", "schoolSourcedId": "org"},
        many={"termSourcedIds": "academicSession"},
        binding=("courseSourcedId", "schoolSourcedId", "termSourcedIds"),
        required=("title", "classType"),
        names={"courseSourcedId": "course", "schoolSourcedId": "school", "termSourcedIds": "terms"},
    ),
    "enrollments": File(
        "enrollment",
        {"classSourcedId": "class", "schoolSourcedId": "org", "userSourcedId": "user"},
        binding=("classSourcedId", "schoolSourcedId", "userSourcedId"),
        required=("role",),
        names={"classSourcedId": "class", "schoolSourcedId": "school", "userSourcedId": "user"},
    ),
    "demographics": File("demographics", {"sourcedId": "user"}, binding=("sourcedId",)),
}
KINDS = {file.kind: file for file in FILES.values()}
_LISTS = {"grades", "subjects", "subjectCodes", "periods"}
_BOOLEANS = {"enabledUser", "primary"}
_ROLES = {"administrator", "aide", "guardian", "parent", "proctor", "relative", "student", "teacher"}
_HEADS = {"sourcedId", "status", "dateLastModified"}

# The limits of a district at first, as docs/operators.md tells them.
WITNESSES, SHARE, SCHOOL_SHARE, COUNT, BASE = 2, 0.05, 0.10, 200, 50
ADDED, UPDATED, OVERLAP, BAD = 0.50, 0.75, 0.80, 0.02
SMALLEST_SCHOOL = 10


@dataclass
class Said:
    """A package as its maker knows it. `broken`: the documented name of what makes it unfit, if anything does."""

    rows: dict[str, list[Row]]
    digest: str
    modes: dict[str, str] = field(default_factory=dict)
    broken: str = ""
    torn: frozenset[str] = frozenset()  # files that do not end in a line end
    unreadable: dict[str, list[str]] = field(default_factory=dict)  # keys of lines that cannot be read
    columns: dict[str, frozenset[str]] = field(default_factory=dict)

    def mode(self, file: str) -> str:
        return self.modes.get(file, "bulk") if file in self.rows else "absent"


@dataclass
class Absence:
    witnesses: set[str] = field(default_factory=set)
    state: str = "witness"
    explicit: bool = False


@dataclass(frozen=True)
class Verdict:
    """How the night ends, and why: the kinds and rules for which it waits, or the name of the check that refused."""

    state: str
    causes: frozenset[str] = frozenset()
    refused: str = ""


@dataclass(frozen=True)
class Calendar:
    """What the district announced (docs/operators.md, “The change of the year”): first and last day of each."""

    imports: tuple[tuple[date, date], ...] = ()
    removals: tuple[tuple[date, date], ...] = ()
    announced: tuple[tuple[str, date, date], ...] = ()

    def rests(self, what: str, today: date) -> bool:
        return any(first <= today <= last for first, last in getattr(self, what))

    def expects(self, kind: str, today: date) -> bool:
        return any(k == kind and first <= today <= last for k, first, last in self.announced)


@dataclass
class Draft:
    """One night's work before anybody decides about it."""

    records: dict[str, dict[str, Record]]
    absences: dict[str, dict[str, Absence]]
    owners: dict[str, int]
    added: dict[str, int] = field(default_factory=dict)
    updated: dict[str, int] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)
    bad: dict[str, int] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)
    held: dict[str, set[str]] = field(default_factory=dict)
    withheld: set[str] = field(default_factory=set)  # users' keys that seem to mean somebody else
    matched: dict[str, str] = field(default_factory=dict)  # users' new keys → the keys that the same people had
    there: dict[str, set[str]] = field(default_factory=dict)


class Oracle:
    """`records`: by kind and key, each with its `status`. `owners`: who is behind a user's key, as far as taken."""

    def __init__(self, *, witnesses: int = WITNESSES) -> None:
        self.witnesses = witnesses
        self.calendar = Calendar()
        self.records: dict[str, dict[str, Record]] = {kind: {} for kind in KINDS}
        self.absences: dict[str, dict[str, Absence]] = {kind: {} for kind in KINDS}
        self.owners: dict[str, int] = {}
        self.questions: set[str] = set()
        self.others: set[str] = set()  # keys of which a person said that they mean another
        self.columns: dict[str, frozenset[str]] = {}
        self.torn: frozenset[str] = frozenset()
        self.settled, self.waiting = "", ""
        self.merged: Callable[[Records], Records] = lambda records: records  # with what other sources add

    def standing(self, kind: str) -> set[str]:
        return {key for key, record in self.records[kind].items() if record["status"] == "active"}

    # ------------------------------------------------------------------------------------------------------ a night

    def night(self, said: Said, truths: Mapping[str, int], *, today: date, approved: bool = False) -> Verdict:
        if self.calendar.rests("imports", today) and not approved:
            return Verdict("suspended")
        if said.broken in _UNSAFE:
            return Verdict("refused", refused=said.broken)
        if not approved and said.digest == self.settled:
            self.waiting = ""
            return Verdict("unchanged")
        if not approved and said.digest == self.waiting:
            return Verdict("unchanged")
        if said.broken:
            return Verdict("refused", refused=said.broken)
        draft = self._draft(said, truths, today=today, approved=approved)
        if _too_bad(draft):
            return Verdict("refused", refused="too many bad rows")
        causes = frozenset() if approved else self._whole(draft, today)
        if causes:
            self.waiting = said.digest
            return Verdict("held", causes)
        return self._take(said, draft)

    def _take(self, said: Said, draft: Draft) -> Verdict:
        changed = draft.records != self.records and self.merged(draft.records) != self.merged(self.records)
        self.records, self.absences, self.owners = draft.records, draft.absences, draft.owners
        self.questions = draft.withheld
        self.others -= draft.owners.keys() & {r["sourcedId"] for r in said.rows.get("users", [])}
        self.columns |= {f: c for f, c in said.columns.items() if f in said.rows}
        self.torn = frozenset(said.torn)
        self.settled, self.waiting = said.digest, ""
        return Verdict("done" if changed else "unchanged")

    def _draft(self, said: Said, truths: Mapping[str, int], *, today: date, approved: bool) -> Draft:
        # Records are replaced and never changed, so it is enough to copy what holds them.
        records = {kind: dict(held) for kind, held in self.records.items()}
        draft = Draft(records, deepcopy(self.absences), dict(self.owners))
        draft.there = {kind: self.standing(kind) for kind in KINDS}
        for name, file in FILES.items():
            if said.mode(name) != "absent":
                self._file(draft, said, name, file, today=today, approved=approved)
        for row in said.rows.get("users", []):
            key = row["sourcedId"]
            if key in draft.there["user"] and key not in draft.withheld and key in truths:
                draft.owners[key] = truths[key]
        return draft

    def _file(self, draft: Draft, said: Said, name: str, file: File, *, today: date, approved: bool) -> None:
        rows, kind = said.rows[name], file.kind
        unreadable = said.unreadable.get(name, [])
        named = {r["sourcedId"] for r in rows} | set(unreadable)
        deleted = {r["sourcedId"] for r in rows if r.get("status") == "tobedeleted"}
        missing = self._missing(draft, kind, named, deleted, whole=said.mode(name) == "bulk", blind="" in named)
        goes = self._weigh(draft, kind, missing, deleted, said, name, today=today, approved=approved)
        for key in goes:
            draft.records[kind][key] = draft.records[kind][key] | {"status": "tobedeleted"}
        draft.there[kind] -= goes
        good, bad = _readable(rows, file)
        if kind == "user":
            draft.withheld = {k for k, r in good.items() if self._is_another(k, r, said)}
            new = {k: r for k, r in good.items() if k not in draft.records[kind]}
            draft.matched = self._matched(new, named - draft.withheld)  # a key that waits speaks of nobody
        waits = {k for k, r in good.items() if _names(r, file, draft.withheld)} if kind != "user" else draft.withheld
        told = {k: r for k, r in good.items() if k not in deleted and k not in waits}
        fallen = {
            k for k, r in told.items() if any(not (_cells(r, c) & draft.there[_target(file, c)]) for c in file.binding)
        }
        draft.bad[kind], draft.told[kind] = bad + len(unreadable) + len(fallen), len(rows) + len(unreadable)
        self._write(draft, file, {k: r for k, r in told.items() if k not in fallen})

    def _write(self, draft: Draft, file: File, told: dict[str, Row]) -> None:
        held = draft.records[file.kind]
        draft.there[file.kind] |= told.keys()
        added = updated = 0
        for key, row in told.items():
            record, old = _record(file, row, draft.there), held.get(key)
            was = draft.matched.get(key, "") if file.kind in {"user", "demographics"} else ""
            added += old is None and was not in held
            if was not in draft.withheld:
                held.pop(was, None)
            updated += old is not None and old != record
            if old != record:
                held[key] = record
        draft.added[file.kind], draft.updated[file.kind] = added, updated

    # ------------------------------------------------------------------------------------------------------ removals

    def _missing(
        self, draft: Draft, kind: str, named: set[str], deleted: set[str], *, whole: bool, blind: bool
    ) -> set[str]:
        """Who is not there any more, as far as the file can say so. Whoever is there again starts anew."""
        known, standing = draft.absences[kind], draft.there[kind]
        for key in (named - deleted) & known.keys():
            del known[key]
        if blind:
            return standing & deleted
        if whole:
            return (standing - named) | (standing & deleted)
        return (standing & deleted) | {k for k, a in known.items() if a.explicit}

    def _weigh(
        self,
        draft: Draft,
        kind: str,
        missing: set[str],
        deleted: set[str],
        said: Said,
        name: str,
        *,
        today: date,
        approved: bool,
    ) -> set[str]:
        known = draft.absences[kind]
        fresh = {k for k in missing if k not in known or known[k].state == "witness"}
        draft.missing[kind] = len(fresh)
        doubtful = self._doubtful(said, name)
        for key in missing:
            absence = known.setdefault(key, Absence())
            absence.explicit |= key in deleted
            if not doubtful:
                absence.witnesses.add(said.digest)
        ready = {k for k in missing if known[k].explicit or len(known[k].witnesses) >= self.witnesses}
        kept = {k for k in missing if known[k].state == "kept"}
        held = {k for k in missing if known[k].state == "held"}
        if approved:
            goes = missing - kept
        elif self.calendar.rests("removals", today):
            goes = set()
        else:
            asked = (ready | held) - kept
            suspicious = set() if self.calendar.expects(kind, today) else self._suspicious(draft, kind, asked)
            for key in suspicious - held:
                known[key].state = "held"
            if self.calendar.expects(kind, today):
                held = set()
            draft.held[kind] = {k for k in missing if known[k].state == "held"}
            goes = ready - kept - held - suspicious
        for key in goes:
            del known[key]
        return goes

    def _doubtful(self, said: Said, name: str) -> bool:
        before = self.columns.get(name)
        return (name in said.torn and name not in self.torn) or (before is not None and before != said.columns[name])

    def _suspicious(self, draft: Draft, kind: str, asked: set[str]) -> set[str]:
        """Schools and grades first; what is left as a whole; and what is bound to what is held."""
        found: set[str] = set()
        records = {k: r for k, r in self.records[kind].items() if r["status"] == "active"}
        if kind == "org":
            return {k for k in asked if records[k]["type"] == "school"}
        places = {key: self._places(kind, key, record) for key, record in records.items()}
        for school in sorted({s for p in places.values() for s in p}):
            here = {k for k, p in places.items() if school in p}
            lost = here & asked
            everybody = kind in {"user", "enrollment"} and lost == here and len(here) >= SMALLEST_SCHOOL
            if everybody or (len(here) >= BASE and (len(lost) > SCHOOL_SHARE * len(here) or len(lost) > COUNT)):
                found |= lost
            if kind == "user":
                for grade in {_grade(records[k]) for k in here} - {""}:
                    of_grade = {k for k in here if _grade(records[k]) == grade}
                    if of_grade <= asked and len(of_grade) >= SMALLEST_SCHOOL:
                        found |= of_grade
        left = asked - found
        if len(records) >= BASE and (len(left) > SHARE * len(records) or len(left) > COUNT):
            found |= left
        for key in asked - found:
            if _is_bound(KINDS[kind], key, records[key], draft.held):
                found.add(key)
        return found

    def _places(self, kind: str, key: str, record: Record) -> set[str]:
        if kind == "demographics":
            record = self.records["user"].get(key, {})
        if kind in {"user", "demographics"}:
            return set(record.get("orgs", []))
        return {str(record.get("school") or record.get("org") or "")} - {""}

    # ------------------------------------------------------------------------------------------- the run as a whole

    def _whole(self, draft: Draft, today: date) -> frozenset[str]:
        causes = set()
        for kind in draft.told:
            standing = len(self.standing(kind))
            if standing < BASE or self.calendar.expects(kind, today):
                continue
            if draft.missing[kind] > (1 - OVERLAP) * standing:
                causes.add(f"other ids: {kind}")
            if draft.added[kind] > ADDED * standing:
                causes.add(f"too many additions: {kind}")
            if draft.updated[kind] > UPDATED * standing:
                causes.add(f"too many updates: {kind}")
        return frozenset(causes)

    # ------------------------------------------------------------------------------------------------- what people do

    def release(self) -> int:
        """All that is held goes, and what waits and is bound to it goes with it."""
        gone = {kind: {k for k, a in known.items() if a.state == "held"} for kind, known in self.absences.items()}
        for kind, file in KINDS.items():
            for key, absence in self.absences[kind].items():
                if absence.state != "kept" and _is_bound(file, key, self.records[kind][key], gone):
                    gone[kind].add(key)
        for kind, keys in gone.items():
            for key in keys:
                self.records[kind][key] = self.records[kind][key] | {"status": "tobedeleted"}
                del self.absences[kind][key]
        return sum(map(len, gone.values()))

    def keep(self) -> int:
        held = [a for known in self.absences.values() for a in known.values() if a.state == "held"]
        for absence in held:
            absence.state = "kept"
        return len(held)

    def answer_other(self, key: str) -> None:
        """The record that had the key stays what it was, without it; the key means somebody new."""
        self.questions.discard(key)
        self.others.add(key)
        self.settled = ""
        for kind in ("user", "demographics"):
            self.records[kind].pop(key, None)
            self.absences[kind].pop(key, None)
        self.owners.pop(key, None)

    def _is_another(self, key: str, row: Row, said: Said) -> bool:
        """Both names differ, and so does the birth date as far as it is known; and the grade, of who had not left."""
        old = self.records["user"].get(key)
        if old is None or key in self.others:
            return False
        born = next((r["birthDate"] for r in said.rows.get("demographics", []) if r["sourcedId"] == key), "")
        was = str(self.records["demographics"].get(key, {}).get("birthDate", ""))
        names = all(_fold(row[n]) != _fold(str(old.get(n, ""))) for n in ("givenName", "familyName"))
        grades = not row.get("grades") or not _grade(old) or row["grades"] != _grade(old)
        left = old["status"] == "tobedeleted"
        return names and (left or grades) and (not born or not was or born != was)

    def _matched(self, new: dict[str, Row], named: set[str]) -> dict[str, str]:
        """By identifier and both names, of records whose key is not in the package; and only where nobody else is."""
        known: dict[tuple[str, ...], list[str]] = {}
        for key, record in self.records["user"].items():
            if key not in named:
                known.setdefault(_identity(record), []).append(key)
        wanted: dict[tuple[str, ...], list[str]] = {}
        for key, row in new.items():
            if row.get("identifier"):
                wanted.setdefault(_identity(row), []).append(key)
        return {
            keys[0]: known[who][0] for who, keys in wanted.items() if len(keys) == 1 and len(known.get(who, ())) == 1
        }


def _identity(said: Mapping[str, object]) -> tuple[str, ...]:
    kin = "student" if said.get("role") == "student" else "staff"
    return (kin, *(_fold(str(said.get(name, ""))) for name in ("identifier", "givenName", "familyName")))


_UNSAFE = {"missing", "damaged", "not_a_package"}  # told before anything is read


def _too_bad(draft: Draft) -> bool:
    if any(n > BAD * draft.told[k] for k, n in draft.bad.items() if draft.told[k] >= BASE):
        return True
    return sum(draft.bad.values()) > BAD * sum(draft.told.values())


def _readable(rows: list[Row], file: File) -> tuple[dict[str, Row], int]:
    """The rows without an error in themselves, by key; and how many had one."""
    by_key: dict[str, list[Row]] = {}
    for row in rows:
        by_key.setdefault(row["sourcedId"], []).append(row)
    good, bad = {}, 0
    for key, same in by_key.items():
        if all(row == same[0] for row in same) and key and _is_good(same[0], file):
            good[key] = same[0]
        else:
            bad += len(same)
    return good, bad


def _is_good(row: Row, file: File) -> bool:
    if row.get("status") == "tobedeleted":
        return True
    filled = all(row.get(column) for column in file.required)
    return filled and (file.kind != "user" or row["role"] in _ROLES)


def _target(file: File, column: str) -> str:
    return file.one.get(column) or file.many[column]


def _cells(row: Row, column: str) -> set[str]:
    return {part.strip() for part in row.get(column, "").split(",")} - {""}


def _names(row: Row, file: File, users: set[str]) -> bool:
    return any(row.get(column) in users for column in file.binding if file.one.get(column) == "user")


def _is_bound(file: File, key: str, record: Record, held: Mapping[str, set[str]]) -> bool:
    for column in file.binding:
        if column in file.one:
            named = key if column == "sourcedId" else record.get(file.names[column])
            if named in held.get(file.one[column], set()):
                return True
    return False


def _grade(record: Record) -> str:
    grades = record.get("grades")
    return grades[0] if isinstance(grades, list) and grades and record.get("role") == "student" else ""


def _fold(text: str) -> str:
    return text.strip().casefold()


def _record(file: File, row: Row, there: Mapping[str, set[str]]) -> Record:
    record: Record = {"status": "active"}
    for column, cell in row.items():
        name = file.names.get(column, column)
        if column in file.many:
            found = [part for part in cell.split(",") if part in there[file.many[column]]]
            record |= {name: found} if found else {}
        elif column in file.one and column not in _HEADS:
            record |= {name: cell} if cell in there[file.one[column]] else {}
        elif cell and column not in _HEADS:
            record[name] = _value(column, cell)
    return record


def _value(column: str, cell: str) -> Value:
    if column in _BOOLEANS:
        return cell == "true"
    return cell.split(",") if column in _LISTS else cell

"""What a roster must hold after each night, worked out row by row with plain dicts, from the standard's rules alone.

Slow and simple on purpose: no hashes, no memory of the night before but the records themselves.
"""

from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from tests.support.packages import Package, Row

Record = dict[str, Any]


@dataclass(frozen=True)
class Reference:
    name: str
    target: str
    required: bool = False
    many: bool = False


@dataclass(frozen=True)
class File:
    kind: str
    references: dict[str, Reference]  # by column


# In this order: what is referred to before what refers to it.
FILES: dict[str, File] = {
    "orgs": File("org", {"parentSourcedId": Reference("parent", "org")}),
    "academicSessions": File("academicSession", {"parentSourcedId": Reference("parent", "academicSession")}),
    "courses": File(
        "course",
        {
            "schoolYearSourcedId": Reference("schoolYear", "academicSession"),
            "orgSourcedId": Reference("org", "org", required=True),
        },
    ),
    "users": File(
        "user",
        {
            "orgSourcedIds": Reference("orgs", "org", required=True, many=True),
            "agentSourcedIds": Reference("agents", "user", many=True),
        },
    ),
    "classes": File(
        "class",
        {
            "courseSourcedId": Reference("course", "course", required=True),
            "schoolSourcedId": Reference("school", "org", required=True),
            "termSourcedIds": Reference("terms", "academicSession", required=True, many=True),
        },
    ),
    "enrollments": File(
        "enrollment",
        {
            "classSourcedId": Reference("class", "class", required=True),
            "schoolSourcedId": Reference("school", "org", required=True),
            "userSourcedId": Reference("user", "user", required=True),
        },
    ),
    "demographics": File("demographics", {"sourcedId": Reference("", "user", required=True)}),
}
LISTS = {"grades", "subjects", "subjectCodes", "periods"}
BOOLEANS = {"enabledUser", "primary", "asian"}
FIRST = {"sourcedId", "status", "dateLastModified"}


@dataclass
class Oracle:
    """The records by kind and by the source's own id; blank values and empty lists are left away."""

    records: dict[str, dict[str, Record]] = field(default_factory=lambda: {f.kind: {} for f in FILES.values()})
    counts: dict[str, Counter[str]] = field(default_factory=dict)  # of the last night: kind → what happened → how often

    def night(self, package: Package) -> bool:
        """What the package does. Says whether anything changed."""
        before = deepcopy(self.records)
        self.counts = {}
        there: dict[str, set[str]] = {kind: self._active(kind) for kind in self.records}
        for name, file in FILES.items():
            if name in package.rows:
                mode = package.modes.get(name, "bulk")
                self._file(file, package.rows[name], there, whole=mode == "bulk")
        return self.records != before

    def _active(self, kind: str) -> set[str]:
        return {key for key, record in self.records[kind].items() if record["status"] == "active"}

    def _file(self, file: File, rows: tuple[Row, ...], there: dict[str, set[str]], *, whole: bool) -> None:
        """``there``: what can be referred to, kind by kind; that of this file's kind is brought up to date."""
        active = self._active(file.kind)
        good, named = self._readable(rows)
        deleted = {key for key, row in good.items() if row.get("status") == "tobedeleted"}
        removed = active & deleted
        if whole:
            nameless = any(not row["sourcedId"] for row in rows)
            removed = set() if nameless else active - named
        told = {key: row for key, row in good.items() if key not in deleted}
        fallen = {key for key, row in told.items() if self._falls(file, row, there)}
        there[file.kind] = (active - removed) | (told.keys() - fallen)
        self._write(file, {k: r for k, r in told.items() if k not in fallen}, removed, there)

    def _readable(self, rows: tuple[Row, ...]) -> tuple[dict[str, Row], set[str]]:
        """Rows without an error in themselves, and every id that is spoken of at all."""
        named = {row["sourcedId"] for row in rows} - {""}
        by_key = {key: [row for row in rows if row["sourcedId"] == key] for key in named}
        good = {key: same[0] for key, same in by_key.items() if all(row == same[0] for row in same)}
        return {key: row for key, row in good.items() if row.get("role") != "wizard"}, named

    def _falls(self, file: File, row: Row, there: dict[str, set[str]]) -> bool:
        """A required reference leads nowhere; of a list, every one."""
        required = ((c, r) for c, r in file.references.items() if r.required)
        return any(not (_named(row, column, r) & there[r.target]) for column, r in required)

    def _write(self, file: File, told: dict[str, Row], removed: set[str], there: dict[str, set[str]]) -> None:
        held, counts = self.records[file.kind], self.counts.setdefault(file.kind, Counter())
        for key in removed:
            held[key] = {**held[key], "status": "tobedeleted"}
            counts["archived"] += 1
        for key, row in told.items():
            record, old = _record(file, row, there), held.get(key)
            if old is None:
                counts["added"] += 1
            elif old["status"] == "tobedeleted":
                counts["restored"] += 1
            elif old != record:
                counts["updated"] += 1
            held[key] = record


def _named(row: Row, column: str, reference: Reference) -> set[str]:
    cell = row.get(column, "")
    return {name.strip() for name in (cell.split(",") if reference.many else [cell])} - {""}


def _record(file: File, row: Row, there: dict[str, set[str]]) -> Record:
    record: Record = {"status": "active"}
    for column, cell in row.items():
        if column in file.references and file.references[column].name:
            reference = file.references[column]
            found = [n for n in cell.split(",") if n in there[reference.target]]
            record[reference.name] = found if reference.many else "".join(found)
        elif column.startswith("metadata."):
            record["metadata"] = {column.removeprefix("metadata."): cell} if cell else {}
        elif column not in FIRST:
            record[column] = _value(column, cell)
    return said(record)


def _value(column: str, cell: str) -> Any:
    if column in BOOLEANS:
        return {"true": True, "false": False}.get(cell)
    return [part for part in cell.split(",") if part] if column in LISTS else cell


def said(record: Record) -> Record:
    """Without what is blank."""
    return {name: value for name, value in record.items() if value not in (None, "", [], {})}

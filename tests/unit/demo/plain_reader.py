"""A slow, plain reader of packages, written from the standard and not from the generator: the second opinion."""

import csv
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

Row = dict[str, str]
FILES = ("orgs", "academicSessions", "courses", "classes", "users", "enrollments", "demographics")

USER_ROLES = {"administrator", "aide", "guardian", "parent", "proctor", "relative", "student", "teacher"}
BOOLEAN = {"true", "false"}
RACES = (
    "americanIndianOrAlaskaNative",
    "asian",
    "blackOrAfricanAmerican",
    "nativeHawaiianOrOtherPacificIslander",
    "white",
    "demographicRaceTwoOrMoreRaces",
    "hispanicOrLatinoEthnicity",
)
REQUIRED = {
    "orgs": "name type",
    "academicSessions": "title type startDate endDate schoolYear",
    "courses": "title orgSourcedId",
    "classes": "title courseSourcedId classType schoolSourcedId termSourcedIds",
    "users": "enabledUser orgSourcedIds role username givenName familyName",
    "enrollments": "classSourcedId schoolSourcedId userSourcedId role",
    "demographics": "",
}
VALUES = {
    ("orgs", "type"): {"department", "school", "district", "local", "state", "national"},
    ("academicSessions", "type"): {"gradingPeriod", "semester", "schoolYear", "term"},
    ("classes", "classType"): {"homeroom", "scheduled"},
    ("users", "role"): USER_ROLES,
    ("users", "enabledUser"): BOOLEAN,
    ("enrollments", "role"): {"administrator", "proctor", "student", "teacher"},
    ("enrollments", "primary"): BOOLEAN,
    ("demographics", "sex"): {"male", "female"},
    **{("demographics", column): BOOLEAN for column in RACES},
}
DATES = {
    ("academicSessions", "startDate"),
    ("academicSessions", "endDate"),
    ("enrollments", "beginDate"),
    ("enrollments", "endDate"),
    ("demographics", "birthDate"),
}
# In the order in which they can be followed: a row that is rejected takes along those that name it.
REFERENCES = (
    ("academicSessions", "parentSourcedId", "academicSessions"),
    ("orgs", "parentSourcedId", "orgs"),
    ("courses", "schoolYearSourcedId", "academicSessions"),
    ("courses", "orgSourcedId", "orgs"),
    ("classes", "courseSourcedId", "courses"),
    ("classes", "schoolSourcedId", "orgs"),
    ("classes", "termSourcedIds", "academicSessions"),
    ("users", "orgSourcedIds", "orgs"),
    ("users", "agentSourcedIds", "users"),
    ("enrollments", "classSourcedId", "classes"),
    ("enrollments", "schoolSourcedId", "orgs"),
    ("enrollments", "userSourcedId", "users"),
    ("demographics", "sourcedId", "users"),
)


def read(folder: Path, file: str) -> list[Row]:
    with (folder / f"{file}.csv").open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines, strict=True))


def header(folder: Path, file: str) -> str:
    return (folder / f"{file}.csv").read_text(encoding="utf-8").split("\n", 1)[0]


def many(text: str) -> list[str]:
    return text.split(",") if text else []


@dataclass
class Package:
    """All rows of a package, and what a careful reader finds wrong: file, id, column, reason, once per row."""

    rows: dict[str, list[Row]]
    findings: list[tuple[str, str, str, str]] = field(default_factory=list)

    def accepted(self, file: str) -> dict[str, Row]:
        bad = {source_id for where, source_id, _, _ in self.findings if where == file}
        return {row["sourcedId"]: row for row in self.rows[file] if row["sourcedId"] not in bad}

    def ids(self, file: str) -> set[str]:
        return {row["sourcedId"] for row in self.rows[file]}


def inspect(folder: Path) -> Package:
    package = Package({file: read(folder, file) for file in FILES})
    for file, rows in package.rows.items():
        package.findings += _wrong_by_itself(file, rows)
    for file, column, target in REFERENCES:
        package.findings += list(_dangling(package, file, column, target))
    return package


def _wrong_by_itself(file: str, rows: list[Row]) -> Iterable[tuple[str, str, str, str]]:
    seen = Counter(row["sourcedId"] for row in rows)
    for row in rows:
        wrong = [("sourcedId", "duplicate_id")] if seen[row["sourcedId"]] > 1 else []
        wrong += [(column, "missing_value") for column in REQUIRED[file].split() if not row[column]]
        wrong += [(c, _reason(v)) for (f, c), v in VALUES.items() if f == file and row[c] and row[c] not in v]
        wrong += [(c, "bad_date") for f, c in DATES if f == file and row[c] and not _is_date(row[c])]
        if wrong:
            yield (file, row["sourcedId"], *wrong[0])


def _reason(values: set[str]) -> str:
    return "bad_boolean" if values is BOOLEAN else "bad_enumeration"


def _is_date(text: str) -> bool:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _dangling(package: Package, file: str, column: str, target: str) -> Iterable[tuple[str, str, str, str]]:
    there = set(package.accepted(target))
    for source_id, row in package.accepted(file).items():
        if set(many(row[column])) - there:
            yield (file, source_id, column, "dangling_reference")


@dataclass
class Memory:
    """What a reader of every day so far holds: accepted rows that are here, and those that are gone."""

    here: dict[str, dict[str, Row]] = field(default_factory=lambda: {file: {} for file in FILES})
    gone: dict[str, set[str]] = field(default_factory=lambda: {file: set() for file in FILES})

    def take(self, package: Package) -> dict[str, dict[str, int]]:
        """Move to the next day; say per file what changed."""
        return {file: self._take(file, package) for file in FILES}

    def _take(self, file: str, package: Package) -> dict[str, int]:
        here, gone, rows = self.here[file], self.gone[file], package.accepted(file)
        new = rows.keys() - here.keys()
        removed = here.keys() - package.ids(file)
        counts = {
            "added": len(new - gone),
            "updated": sum(1 for key in rows.keys() & here.keys() if rows[key] != here[key]),
            "removed": len(removed),
            "returned": len(new & gone),
            "unchanged": sum(1 for key in rows.keys() & here.keys() if rows[key] == here[key]),
        }
        gone -= new
        gone |= removed
        self.here[file] = {**{key: row for key, row in here.items() if key not in removed}, **rows}
        return counts

"""What standard files say of people, classes, enrollments and schools, in the words of ``test_one_truth``."""

from collections.abc import Mapping
from typing import Any

from tests.support.files import Rows

Truth = dict[str, Any]
Files = Mapping[str, Rows]
STAFF = ("aide", "proctor", "administrator", "siteAdministrator", "districtAdministrator", "principal")
CALLED = {
    **{role: role for role in ("student", "teacher")},
    **dict.fromkeys(("guardian", "parent", "relative"), "contact"),
    **dict.fromkeys(("aide", "proctor"), "staff"),
    **dict.fromkeys(("administrator", "siteAdministrator", "districtAdministrator", "principal"), "administrator"),
}
TEACHERS = ("Teacher_id", *(f"Teacher_{number}_id" for number in range(2, 11)))


PREFERRED = {
    "first": ("preferredGivenName", "metadata.gg4l.preferredFirstName"),
    "middle": ("preferredMiddleName", "metadata.gg4l.preferredMiddleName"),
    "last": ("preferredFamilyName", "metadata.gg4l.preferredLastName"),
}


def kept(**values: Any) -> Truth:
    return {name: value for name, value in values.items() if value}


def oneroster(files: Files) -> Truth:
    """Of either version: in 1.2 roles have a file of their own."""
    listed = sorted(files.get("roles.csv", []), key=lambda row: row["roleType"] != "primary")
    roles = {row["userSourcedId"]: row["role"] for row in reversed(listed)}
    births = {row["sourcedId"]: row["birthDate"] for row in files.get("demographics.csv", [])}
    people = {}
    for row in files.get("users.csv", []):
        role = CALLED.get(row["role"] if "role" in row else roles.get(row["sourcedId"], ""))
        people[row["sourcedId"]] = kept(
            first=row["givenName"],
            middle=row["middleName"],
            last=row["familyName"],
            email=row["email"],
            role=role,
            preferred=kept(**{part: said(row, *headers) for part, headers in PREFERRED.items()})
            if role == "student"
            else None,
            grade=grade(said(row, "metadata.gg4l.primaryGrade") or row["grades"]) if role == "student" else None,
            born=births.get(row["sourcedId"]) if role == "student" else None,
        )
    classes = {
        row["sourcedId"]: kept(name=row["title"], school=row["schoolSourcedId"], course=row["courseSourcedId"])
        for row in files.get("classes.csv", [])
    }
    return {
        "people": people,
        "classes": classes,
        "enrolled": {
            (row["classSourcedId"], row["userSourcedId"], row["role"])
            for row in files.get("enrollments.csv", [])
            if row["classSourcedId"] in classes and row["userSourcedId"] and row["role"] in {"student", "teacher"}
        },
        "schools": {row["sourcedId"]: kept(name=row["name"]) for row in files.get("orgs.csv", []) if is_school(row)},
    }


def said(row: Mapping[str, str], *headers: str) -> str:
    """By the first of the columns that there is."""
    return next((row[header] for header in headers if header in row), "")


def grade(cell: str) -> str:
    return cell.partition(",")[0].lstrip("0")


def is_school(row: Mapping[str, str]) -> bool:
    return row["type"] == "school"


def basic_roster(files: Files) -> Truth:
    people = {}
    for file, word, role in (
        ("students.csv", "Student", "student"),
        ("teachers.csv", "Teacher", "teacher"),
        ("staff.csv", "Staff", "staff"),
    ):
        for row in files.get(file, []):
            month, day, year = (row.get("DOB") or "//").split("/")
            people[row[f"{word}_id"]] = kept(
                first=row["First_name"],
                middle=row.get("Middle_name"),
                last=row["Last_name"],
                email=row[f"{word}_email"],
                role=role,
                grade=grade(row.get("Grade", "")),
                born=f"{year}-{month}-{day}" if year else None,
            )
    sections = files.get("sections.csv", [])
    return {
        "people": people,
        "classes": {row["Section_id"]: kept(name=row["Name"], school=row["School_id"]) for row in sections},
        "enrolled": {(row["Section_id"], row["Student_id"], "student") for row in files.get("enrollments.csv", [])}
        | {(row["Section_id"], row[each], "teacher") for row in sections for each in TEACHERS if row[each]},
        "schools": {row["School_id"]: kept(name=row["School_name"]) for row in files.get("schools.csv", [])},
    }


def told(truth: Truth) -> Truth:
    """Files do not say at which school somebody is first of all."""
    people = {key: {n: v for n, v in each.items() if n != "at"} for key, each in truth["people"].items()}
    return {**truth, "people": people}


def as_basic(truth: Truth, places: Mapping[str, set[str]]) -> Truth:
    """What Basic Roster tells of it. ``places``: of each person the schools; who has none is in no file of it."""
    people = {}
    for key, each in truth["people"].items():
        role = "staff" if each.get("role") == "administrator" else each.get("role")
        if places[key] and role in {"student", "teacher", "staff"}:
            people[key] = {**{n: v for n, v in each.items() if n != "preferred"}, "role": role}
            if role == "staff":
                people[key].pop("middle", None)
    classes = {
        key: {name: value for name, value in each.items() if name != "course"} for key, each in truth["classes"].items()
    }
    return {**truth, "people": people, "classes": classes}


def places(files: Files) -> dict[str, set[str]]:
    """Of each person of OneRoster 1.1's files the schools among the orgs."""
    schools = {row["sourcedId"] for row in files.get("orgs.csv", []) if is_school(row)}
    return {row["sourcedId"]: schools & set(row["orgSourcedIds"].split(",")) for row in files.get("users.csv", [])}


def followed(held: Files, changes: Files) -> dict[str, Rows]:
    """A copy after a delta, as who takes deltas would have it."""
    found = {}
    for file in held.keys() | changes.keys():
        rows = {row["sourcedId"]: row for row in held.get(file, [])}
        for row in changes.get(file, []):
            if row["status"] == "active":
                rows[row["sourcedId"]] = row
            else:
                rows.pop(row["sourcedId"], None)
        found[file] = list(rows.values())
    return found

"""OneRoster 1.1 CSV packages as tests write them: a few rows, every one of them in sight.

Headers and their order are written down here from the standard's tables, not taken from the product.
"""

import csv
import io
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

FIRST = "sourcedId status dateLastModified"
HEADERS: dict[str, list[str]] = {
    name: f"{FIRST} {rest}".split()
    for name, rest in {
        "academicSessions": "title type startDate endDate parentSourcedId schoolYear",
        "categories": "title",
        "classes": "title grades courseSourcedId classCode classType location schoolSourcedId termSourcedIds subjects "
        "subjectCodes periods",
        "classResources": "title classSourcedId resourceSourcedId",
        "courses": "schoolYearSourcedId title courseCode grades orgSourcedId subjects subjectCodes",
        "courseResources": "title courseSourcedId resourceSourcedId",
        "demographics": "birthDate sex americanIndianOrAlaskaNative asian blackOrAfricanAmerican "
        "nativeHawaiianOrOtherPacificIslander white demographicRaceTwoOrMoreRaces hispanicOrLatinoEthnicity "
        "countryOfBirthCode stateOfBirthAbbreviation cityOfBirth publicSchoolResidenceStatus",
        "enrollments": "classSourcedId schoolSourcedId userSourcedId role primary beginDate endDate",
        "lineItems": "title description assignDate dueDate classSourcedId categorySourcedId gradingPeriodSourcedId "
        "resultValueMin resultValueMax",
        "orgs": "name type identifier parentSourcedId",
        "resources": "vendorResourceId title roles importance vendorId applicationId",
        "results": "lineItemSourcedId studentSourcedId scoreStatus score scoreDate comment",
        "users": "enabledUser orgSourcedIds role username userIds givenName familyName middleName identifier email "
        "sms phone agentSourcedIds grades password",
    }.items()
}
STAMP = "2026-09-01T05:00:00.000Z"

Row = dict[str, str]


@dataclass(frozen=True)
class Package:
    """What a district says: rows by file. Every change makes a new package, so tests can name them all."""

    rows: Mapping[str, tuple[Row, ...]]
    modes: Mapping[str, str] = field(default_factory=dict)  # where the manifest says something else than bulk

    def with_rows(self, file: str, *rows: Row) -> "Package":
        return replace(self, rows={**self.rows, file: (*self.rows.get(file, ()), *rows)})

    def without(self, file: str, *keys: str) -> "Package":
        kept = tuple(r for r in self.rows[file] if r["sourcedId"] not in keys)
        assert len(kept) + len(keys) == len(self.rows[file]), f"no such rows in {file}: {keys}"
        return replace(self, rows={**self.rows, file: kept})

    def changed(self, file: str, key: str, **cells: str) -> "Package":
        assert key in {r["sourcedId"] for r in self.rows[file]}, f"no {key} in {file}"
        rows = tuple({**r, **cells} if r["sourcedId"] == key else r for r in self.rows[file])
        return replace(self, rows={**self.rows, file: rows})

    def only(self, *files: str) -> "Package":
        return replace(self, rows={f: self.rows[f] for f in files})

    def declared(self, **modes: str) -> "Package":
        """As it is, but the manifest says so about these files."""
        return replace(self, modes={**self.modes, **modes})

    def __str__(self) -> str:
        return "".join(
            f"\n  {self.modes.get(file, 'bulk')} {file}" + "".join(f"\n    {_brief(row)}" for row in rows)
            for file, rows in self.rows.items()
        )

    def texts(self) -> dict[str, str]:
        """The files, as a spreadsheet would write them: plain, LF, in the standard's order of columns."""
        files = {f"{name}.csv": table(rows, HEADERS[name]) for name, rows in self.rows.items()}
        return {"manifest.csv": manifest(dict.fromkeys(self.rows, "bulk") | dict(self.modes)), **files}


def _brief(row: Row) -> str:
    return " ".join([row["sourcedId"], *(f"{c}={v}" for c, v in row.items() if v and c != "sourcedId")])


def manifest(modes: Mapping[str, str], *, version: str = "1.1") -> str:
    facts = {"manifest.version": "1.0", "oneroster.version": version}
    facts |= {f"file.{name}": modes.get(name, "absent") for name in HEADERS}
    return "propertyName,value\n" + "".join(f"{name},{value}\n" for name, value in facts.items())


def table(rows: Iterable[Row], headers: Iterable[str]) -> str:
    """CSV text; columns that only the rows know, as metadata.*, come last."""
    rows = list(rows)
    columns = list(dict.fromkeys([*headers, *(c for r in rows for c in r)]))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def folder(path: Path, files: Package | Mapping[str, str | bytes]) -> Path:
    texts = files.texts() if isinstance(files, Package) else files
    path.mkdir(parents=True)
    for name, text in texts.items():
        (path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def zipped(path: Path, files: Package | Mapping[str, str | bytes]) -> Path:
    texts = files.texts() if isinstance(files, Package) else files
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in texts.items():
            made.writestr(name, text)
    return path


# ------------------------------------------------------------------------------------------------------ rows with sense


def org(key: str, **cells: str) -> Row:
    return {"sourcedId": key, "name": f"School {key}", "type": "school", "parentSourcedId": "d1", **cells}


def session(key: str, **cells: str) -> Row:
    dates = {"startDate": "2026-08-15", "endDate": "2027-06-30", "schoolYear": "2027"}
    return {"sourcedId": key, "title": f"Session {key}", "type": "term", **dates, **cells}


def course(key: str, **cells: str) -> Row:
    return {"sourcedId": key, "title": f"Course {key}", "orgSourcedId": "s1", "schoolYearSourcedId": "year", **cells}


def class_(key: str, **cells: str) -> Row:
    refers = {"courseSourcedId": "alg", "schoolSourcedId": "s1", "termSourcedIds": "autumn"}
    return {"sourcedId": key, "title": f"Class {key}", "classType": "scheduled", **refers, **cells}


def user(key: str, **cells: str) -> Row:
    names = {"username": key, "givenName": f"Given-{key}", "familyName": f"Family-{key}"}
    return {"sourcedId": key, "enabledUser": "true", "orgSourcedIds": "s1", "role": "student", **names, **cells}


def enrollment(key: str, **cells: str) -> Row:
    refers = {"classSourcedId": "k1", "schoolSourcedId": "s1", "userSourcedId": "p1"}
    return {"sourcedId": key, "role": "student", **refers, **cells}


def demographics(key: str, **cells: str) -> Row:
    return {"sourcedId": key, "birthDate": "2012-05-17", "sex": "female", **cells}


def small() -> Package:
    """A district office, two schools, a teacher in each, four pupils and a guardian."""
    return Package(
        {
            "orgs": (org("d1", name="Amber Valley", type="district", parentSourcedId=""), org("s1"), org("s2")),
            "academicSessions": (
                session("year", type="schoolYear"),
                session("autumn", parentSourcedId="year", endDate="2026-12-20"),
            ),
            "courses": (course("alg"), course("lit", orgSourcedId="s2")),
            "users": (
                user("t1", role="teacher", email="t1@amber.example"),
                user("t2", role="teacher", orgSourcedIds="s2"),
                user("g1", role="guardian"),
                user("p1", agentSourcedIds="g1", grades="07"),
                user("p2"),
                user("p3", orgSourcedIds="s1,s2"),
                user("p4", orgSourcedIds="s2"),
            ),
            "classes": (
                class_("k1"),
                class_("k2", courseSourcedId="lit", schoolSourcedId="s2"),
            ),
            "enrollments": (
                enrollment("e1", userSourcedId="t1", role="teacher", primary="true"),
                enrollment("e2"),
                enrollment("e3", userSourcedId="p2"),
                enrollment("e4", userSourcedId="p3", beginDate="2026-08-15"),
                enrollment("e5", userSourcedId="p4", classSourcedId="k2", schoolSourcedId="s2"),
                enrollment("e6", userSourcedId="t2", classSourcedId="k2", schoolSourcedId="s2", role="teacher"),
            ),
            "demographics": (demographics("p1"), demographics("p4", sex="male", asian="true")),
        }
    )


def crowd(pupils: int = 60) -> Package:
    """The small district with a crowd of pupils in the first school: large enough for the guard to look."""
    base = small()
    people = tuple(user(f"c{n:03d}") for n in range(pupils))
    seats = tuple(enrollment(f"ce{n:03d}", userSourcedId=f"c{n:03d}") for n in range(pupils))
    return base.with_rows("users", *people).with_rows("enrollments", *seats)

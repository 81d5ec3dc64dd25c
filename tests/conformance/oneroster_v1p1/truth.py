"""The roster as its CSV files tell it, and the answers that follow from them.

Everything is keyed by the source's own ids; `documents` puts the GG4L IDs in, once a provider has told them.
"""

import csv
import io
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

Row = dict[str, str]
Ids = Mapping[str, Mapping[str, str]]  # collection → source id → GG4L ID

COLLECTIONS = ("orgs", "academicSessions", "courses", "classes", "users", "enrollments", "demographics")
BASE_TYPE = {
    "orgs": "org",
    "academicSessions": "academicSession",
    "courses": "course",
    "classes": "class",
    "users": "user",
}

PLAIN = {
    "orgs": ["name", "type", "identifier"],
    "academicSessions": ["title", "type", "startDate", "endDate", "schoolYear"],
    "courses": ["title", "courseCode"],
    "classes": ["title", "classCode", "classType", "location"],
    "users": [
        *("enabledUser", "role", "username", "givenName", "familyName", "middleName"),
        *("identifier", "email", "sms", "phone"),
    ],
    "enrollments": ["role", "primary", "beginDate", "endDate"],
    "demographics": [
        *("birthDate", "sex", "americanIndianOrAlaskaNative", "asian", "blackOrAfricanAmerican"),
        *("nativeHawaiianOrOtherPacificIslander", "white", "demographicRaceTwoOrMoreRaces"),
        *("hispanicOrLatinoEthnicity", "countryOfBirthCode", "stateOfBirthAbbreviation", "cityOfBirth"),
        "publicSchoolResidenceStatus",
    ],
}
LISTS = {
    "courses": ["grades", "subjects", "subjectCodes"],
    "classes": ["grades", "subjects", "subjectCodes", "periods"],
    "users": ["grades"],
}
ONE = {  # column → (property, collection pointed at)
    "orgs": {"parentSourcedId": ("parent", "orgs")},
    "academicSessions": {"parentSourcedId": ("parent", "academicSessions")},
    "courses": {"schoolYearSourcedId": ("schoolYear", "academicSessions"), "orgSourcedId": ("org", "orgs")},
    "classes": {"courseSourcedId": ("course", "courses"), "schoolSourcedId": ("school", "orgs")},
    "enrollments": {
        "classSourcedId": ("class", "classes"),
        "schoolSourcedId": ("school", "orgs"),
        "userSourcedId": ("user", "users"),
    },
}
MANY = {
    "classes": {"termSourcedIds": ("terms", "academicSessions")},
    "users": {"orgSourcedIds": ("orgs", "orgs"), "agentSourcedIds": ("agents", "users")},
}
TREES = ("orgs", "academicSessions")


def listed(value: str) -> list[str]:
    return value.split(",") if value else []


@dataclass(frozen=True)
class Roster:
    tables: dict[str, dict[str, Row]]

    @classmethod
    def read(cls, package: Path) -> "Roster":
        tables = {}
        with zipfile.ZipFile(package) as archive:
            for name in COLLECTIONS:
                text = archive.read(f"{name}.csv").decode("utf-8-sig")
                rows = list(csv.DictReader(io.StringIO(text, newline="")))
                tables[name] = {row["sourcedId"]: row for row in rows}
                assert len(tables[name]) == len(rows), f"{name}.csv names an id twice"
        return cls(tables)

    def rows(self, collection: str) -> list[Row]:
        return list(self.tables[collection].values())

    def where(self, collection: str, **values: str) -> set[str]:
        """The ids of the rows with exactly these values."""
        return {r["sourcedId"] for r in self.rows(collection) if all(r[k] == v for k, v in values.items())}

    @cached_property
    def children(self) -> dict[str, dict[str, list[str]]]:
        found: dict[str, dict[str, list[str]]] = {name: {} for name in TREES}
        for name in TREES:
            for row in self.rows(name):
                if row["parentSourcedId"]:
                    found[name].setdefault(row["parentSourcedId"], []).append(row["sourcedId"])
        return found

    # The subset endpoints.

    def subset(self, word: str) -> set[str]:
        """The ids behind a collection path: /terms, /students and the like, or a whole collection."""
        only = {
            "schools": ("orgs", {"type": "school"}),
            "terms": ("academicSessions", {"type": "term"}),
            "gradingPeriods": ("academicSessions", {"type": "gradingPeriod"}),
            "students": ("users", {"role": "student"}),
            "teachers": ("users", {"role": "teacher"}),
        }
        collection, values = only.get(word, (word, {}))
        return self.where(collection, **values)

    # The relations.

    def _of_classes(self, enrollments: Iterable[str]) -> set[str]:
        return {self.tables["enrollments"][each]["classSourcedId"] for each in enrollments}

    def _of_users(self, enrollments: Iterable[str]) -> set[str]:
        return {self.tables["enrollments"][each]["userSourcedId"] for each in enrollments}

    def _people_of_school(self, school: str, role: str) -> set[str]:
        people = self.where("users", role=role)
        return {each for each in people if school in listed(self.tables["users"][each]["orgSourcedIds"])}

    def _terms_of_school(self, school: str) -> set[str]:
        used = (listed(each["termSourcedIds"]) for each in self.rows("classes") if each["schoolSourcedId"] == school)
        return {term for terms in used for term in terms} & self.subset("terms")

    def _classes_of_term(self, term: str) -> set[str]:
        return {each["sourcedId"] for each in self.rows("classes") if term in listed(each["termSourcedIds"])}

    def related(self, parent: str, child: str, key: str) -> set[str]:
        """The ids that `/{parent}/{key}/{child}` must list."""
        enrolled = partial(self.where, "enrollments")
        relations = {
            "schools/courses": lambda: self.where("courses", orgSourcedId=key),
            "schools/classes": lambda: self.where("classes", schoolSourcedId=key),
            "schools/enrollments": lambda: enrolled(schoolSourcedId=key),
            "schools/students": lambda: self._people_of_school(key, "student"),
            "schools/teachers": lambda: self._people_of_school(key, "teacher"),
            "schools/terms": lambda: self._terms_of_school(key),
            "terms/classes": lambda: self._classes_of_term(key),
            "terms/gradingPeriods": lambda: self.where("academicSessions", type="gradingPeriod", parentSourcedId=key),
            "courses/classes": lambda: self.where("classes", courseSourcedId=key),
            "students/classes": lambda: self._of_classes(enrolled(userSourcedId=key, role="student")),
            "teachers/classes": lambda: self._of_classes(enrolled(userSourcedId=key, role="teacher")),
            "users/classes": lambda: self._of_classes(enrolled(userSourcedId=key)),
            "classes/enrollments": lambda: enrolled(classSourcedId=key),
            "classes/students": lambda: self._of_users(enrolled(classSourcedId=key, role="student")),
            "classes/teachers": lambda: self._of_users(enrolled(classSourcedId=key, role="teacher")),
        }
        return relations[f"{parent}/{child}"]()

    # The documents.

    def documents(self, collection: str, *, ids: Ids, base: str) -> dict[str, dict[str, Any]]:
        """What the API must say of each record, by source id, without `dateLastModified` (which the view decides)."""
        own = "users" if collection == "demographics" else collection
        return {
            key: {"sourcedId": ids[own][key]} | self._document(collection, row, ids=ids, base=base)
            for key, row in self.tables[collection].items()
        }

    def _document(self, collection: str, row: Row, *, ids: Ids, base: str) -> dict[str, Any]:
        def ref(target: str, key: str) -> dict[str, str]:
            gg4l_id = ids[target][key]
            return {"href": f"{base}/{target}/{gg4l_id}", "sourcedId": gg4l_id, "type": BASE_TYPE[target]}

        def refs(target: str, keys: Iterable[str]) -> list[dict[str, str]]:
            return sorted((ref(target, key) for key in keys), key=lambda each: each["sourcedId"])

        key = row["sourcedId"]
        document: dict[str, Any] = {"status": "active"}
        document |= {name: row[name] for name in PLAIN[collection]}
        document |= {name: listed(row[name]) for name in LISTS.get(collection, [])}
        document |= {name: ref(to, row[c]) for c, (name, to) in ONE.get(collection, {}).items() if row[c]}
        document |= {name: refs(to, listed(row[c])) for c, (name, to) in MANY.get(collection, {}).items()}
        if collection in TREES:
            document["children"] = refs(collection, self.children[collection].get(key, []))
        if collection == "users":
            document["userIds"] = user_ids(row["userIds"])
            schools = [each for each in listed(row["orgSourcedIds"]) if self.tables["orgs"][each]["type"] == "school"]
            if row["role"] in {"student", "teacher"} and schools:  # an extension of School Passport
                document["primarySchool"] = ref("orgs", schools[0])
        document["metadata"] = {"gg4l.sisId": key} | {
            name.removeprefix("metadata."): value
            for name, value in row.items()
            if name.startswith("metadata.") and value
        }
        return {name: value for name, value in document.items() if value not in ("", [])}


def user_ids(value: str) -> list[dict[str, str]]:
    pairs = (each.strip("{}").split(":", 1) for each in listed(value))
    return [{"type": kind, "identifier": identifier} for kind, identifier in pairs]


def comparable(document: Mapping[str, Any]) -> dict[str, Any]:
    """A served document without what the CSV cannot know: time, the platform's other metadata, order of references."""
    found = {name: value for name, value in document.items() if name != "dateLastModified" and value != []}
    found["metadata"] = {
        name: value
        for name, value in document.get("metadata", {}).items()
        if name == "gg4l.sisId" or not name.startswith("gg4l.")
    }
    for name, value in found.items():
        if isinstance(value, list) and isinstance(value[0], dict) and "sourcedId" in value[0]:
            found[name] = sorted(value, key=lambda each: each["sourcedId"])
    return found

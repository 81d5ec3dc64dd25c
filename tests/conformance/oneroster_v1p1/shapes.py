"""Clause 1.6 as tables: which properties each object has, which it must have, and what a value may look like."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

Check = Callable[[Any], bool]

INSTANT = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z")
DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _matches(pattern: re.Pattern[str]) -> Check:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _one_of(*words: str) -> Check:
    return lambda value: isinstance(value, str) and value in words


def is_gg4l_id(value: Any) -> bool:
    try:
        return isinstance(value, str) and str(UUID(value)) == value
    except ValueError:
        return False


def _ref(kind: str) -> Check:
    def check(value: Any) -> bool:
        return (
            isinstance(value, dict)
            and set(value) == {"href", "sourcedId", "type"}
            and value["type"] == kind
            and is_gg4l_id(value["sourcedId"])
            and isinstance(value["href"], str)
            and value["href"].startswith(("http://", "https://"))
        )

    return check


def _list(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(check(each) for each in value)


def _filled(check: Check) -> Check:
    return lambda value: bool(value) and _list(check)(value)


def _user_id(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"type", "identifier"} and all(map(_text, value.values()))


DAY = _matches(DATE)
YEAR = _matches(re.compile(r"\d{4}"))
TRUTH = _one_of("true", "false")
ORG, SESSION, USER = _ref("org"), _ref("academicSession"), _ref("user")

EVERY: dict[str, Check] = {
    "sourcedId": is_gg4l_id,
    "status": _one_of("active", "tobedeleted"),
    "dateLastModified": _matches(INSTANT),
}
REQUIRED: dict[str, dict[str, Check]] = {
    "academicSessions": {
        "title": _text,
        "startDate": DAY,
        "endDate": DAY,
        "type": _one_of("gradingPeriod", "semester", "schoolYear", "term"),
        "schoolYear": YEAR,
    },
    "orgs": {"name": _text, "type": _one_of("department", "school", "district", "local", "state", "national")},
    "courses": {"title": _text, "courseCode": _text},
    "classes": {"title": _text, "course": _ref("course"), "school": ORG, "terms": _filled(SESSION)},
    "enrollments": {
        "user": USER,
        "class": _ref("class"),
        "school": ORG,
        "role": _one_of("administrator", "proctor", "student", "teacher"),
    },
    "users": {
        "username": _text,
        "enabledUser": TRUTH,
        "givenName": _text,
        "familyName": _text,
        "role": _one_of(
            *("administrator", "aide", "guardian", "parent", "proctor", "relative", "student", "teacher"),
        ),
        "orgs": _filled(ORG),
    },
    "demographics": {},
}
OPTIONAL: dict[str, dict[str, Check]] = {
    "academicSessions": {"parent": SESSION, "children": _list(SESSION)},
    "orgs": {"identifier": _text, "parent": ORG, "children": _list(ORG)},
    "courses": {
        "schoolYear": SESSION,
        "grades": _list(_text),
        "subjects": _list(_text),
        "subjectCodes": _list(_text),
        "org": ORG,
        "resources": _list(_ref("resource")),
    },
    "classes": {
        "classCode": _text,
        "classType": _one_of("homeroom", "scheduled"),
        "location": _text,
        "grades": _list(_text),
        "subjects": _list(_text),
        "subjectCodes": _list(_text),
        "periods": _list(_text),
        "resources": _list(_ref("resource")),
    },
    "enrollments": {"primary": TRUTH, "beginDate": DAY, "endDate": DAY},
    "users": {
        "userIds": _list(_user_id),
        **dict.fromkeys(("middleName", "identifier", "email", "sms", "phone"), _text),
        "agents": _list(USER),
        "grades": _list(_text),
        "primarySchool": ORG,  # an extension of School Passport
    },
    "demographics": {
        "birthDate": DAY,
        "sex": _one_of("male", "female"),
        **dict.fromkeys(
            (
                *("americanIndianOrAlaskaNative", "asian", "blackOrAfricanAmerican"),
                *("nativeHawaiianOrOtherPacificIslander", "white", "demographicRaceTwoOrMoreRaces"),
                "hispanicOrLatinoEthnicity",
            ),
            TRUTH,
        ),
        **dict.fromkeys(
            ("countryOfBirthCode", "stateOfBirthAbbreviation", "cityOfBirth", "publicSchoolResidenceStatus"), _text
        ),
    },
}


def _nulls(value: Any, where: str) -> list[str]:
    if value is None:
        return [f"{where} is null"]
    if isinstance(value, dict):
        return [each for name, v in value.items() for each in _nulls(v, f"{where}.{name}")]
    if isinstance(value, list):
        return [each for i, v in enumerate(value) for each in _nulls(v, f"{where}[{i}]")]
    return []


def faults(collection: str, document: Any) -> list[str]:
    """Everything about the document that clause 1.6 does not allow. An empty list is praise."""
    if not isinstance(document, dict):
        return [f"{document!r} is no object"]
    required = EVERY | REQUIRED[collection]
    allowed = required | OPTIONAL[collection] | {"metadata": lambda value: isinstance(value, dict)}
    found = _nulls(document, collection)
    found += [f"{name} is missing" for name in required if name not in document]
    found += [f"{name} is not a property of {collection}" for name in document if name not in allowed]
    found += [
        f"{name} is {value!r}" for name, value in document.items() if name in allowed and not allowed[name](value)
    ]
    return found

"""Sixty invented people whose properties are there, absent, equal, equal but for case, and full of odd letters."""

import random
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from tests.support.plain_views import FIRST_MORNING

_random = random.Random(11)
IDS = sorted(UUID(int=_random.getrandbits(128), version=4) for _ in range(60))
_ORGS = [str(UUID(int=_random.getrandbits(128), version=4)) for _ in range(4)]
_FAMILIES = [
    "Jones",
    "jones",
    "O'Neil",
    "o'neil",
    "Ångström",
    "ÅNGSTRÖM",
    "李",
    "Black AND White",
    "100%",
    "a_b",
    "De,Lo",
    "",
]
_GIVEN = ["Ada", "ada", "Bo", "Zoë", "ZOË", "Émile", "Σίσυφος"]
_ROLES = ["student", "teacher", "aide"]
_GRADES = ["09", "10", "KG", "kg", "UG"]
_METADATA = [
    {"house": "Red"},
    {"house": "red", "x.y": "1"},
    {"gg4l.sisId": "S1"},
    {"house": "Blue", "gg4l.sisId": "s1"},
]

PATHS = (
    *("sourcedId", "status", "dateLastModified", "username", "familyName", "givenName", "middleName", "role"),
    *("enabledUser", "identifier", "email", "sms", "grades", "orgs.sourcedId", "orgs.type", "agents.sourcedId"),
    *("userIds.type", "userIds.identifier", "metadata.house", "metadata.x.y", "metadata.gg4l.sisId"),
)


def documents() -> list[dict[str, Any]]:
    """The same people each time, by id."""
    luck = random.Random(12)
    return [_person(luck, number, str(key)) for number, key in enumerate(IDS)]


def _person(luck: random.Random, number: int, key: str) -> dict[str, Any]:
    whole = {
        "sourcedId": key,
        "username": f"user.{number % 40}",
        "userIds": [{"type": t, "identifier": f"{t}{number % 7}"} for t in luck.sample(["LDAP", "ldap", "SIS"], 2)],
        "enabledUser": luck.choice(["true", "false"]),
        "givenName": luck.choice(_GIVEN),
        "familyName": luck.choice(_FAMILIES),
        "middleName": luck.choice(["Mae", "mae", "M'ae"]),
        "role": luck.choice(_ROLES),
        "identifier": str(number % 13),
        "email": f"User{number % 20}@School.example",
        "sms": "555-01" + str(number % 10),
        "agents": [{"sourcedId": str(each)} for each in luck.sample(IDS, 2)],
        "orgs": [{"sourcedId": each} for each in luck.sample(_ORGS, luck.randint(1, 3))],
        "grades": luck.sample(_GRADES, luck.randint(1, 3)),
        "metadata": luck.choice(_METADATA),
    }
    optional = ["userIds", "middleName", "identifier", "email", "sms", "agents", "grades", "metadata"]
    absent = {name for name in optional if luck.random() < 0.3}
    return {name: value for name, value in whole.items() if name not in absent}


_VALUES: dict[str, list[str]] = {
    "sourcedId": [*map(str, IDS[:8]), str(IDS[3]).upper(), "8", "f"],
    "status": ["active", "ACTIVE", "tobedeleted", "act"],
    "username": ["user.1", "USER.12", "user", "user.39"],
    "familyName": [*_FAMILIES, "neil", "AND", "%", "_", "ö"],
    "givenName": [*_GIVEN, "o", "Ë", "φ"],
    "middleName": ["mae", "later", "'", "m'"],
    "role": [*_ROLES, "Student", "t"],
    "enabledUser": ["true", "FALSE", "False"],
    "identifier": ["0", "1", "12", "7"],
    "email": ["user1@school.example", "@", "USER19"],
    "sms": ["555-011", "9"],
    "grades": ["09", "kg", "09,10", "KG, kg", "10,UG,09", "", "1"],
    "orgs.sourcedId": [*_ORGS, ",".join(_ORGS[:2]), _ORGS[0].upper(), "x", f"x,{_ORGS[1]}"],
    "orgs.type": ["org", "ORG", "user"],
    "agents.sourcedId": [str(IDS[0]), f"{IDS[1]},{IDS[2]}"],
    "userIds.type": ["LDAP", "sis", "LDAP,SIS"],
    "userIds.identifier": ["LDAP1", "sis6", "ldap0,SIS0"],
    "metadata.house": ["red", "RED", "bl"],
    "metadata.x.y": ["1", "2"],
    "metadata.gg4l.sisId": ["S1", "s1", "1"],
}
_INSTANTS = [
    *("2026-09-01", "2026-09-02", "2026-09-01T06:00:00.123Z", "2026-09-02T08:00:00.123+02:00"),
    *("2026-09-01T06:00:00.122Z", "2026-09-02T06:00:00Z", FIRST_MORNING.isoformat()),
    *("2026-09-01T06:00:00.123001Z", "2026-09-01T06:00:00.122999Z", "2026-09-02T06:00:00.123000Z"),
    *("1970-01-01", "2026-09-01T18:30:00Z", "2026-09-02T06:00:00.124Z", "2999-12-31"),
]


def literals(path: str) -> st.SearchStrategy[str]:
    """Values to compare with: some that are there, some nearly so; of texts also any text at all."""
    if path == "dateLastModified":
        return st.sampled_from(_INSTANTS)
    likely = st.sampled_from(_VALUES[path])
    free = path in {"familyName", "givenName", "middleName", "metadata.house", "grades", "sourcedId"}
    letters = st.characters(exclude_categories=("Cs",), exclude_characters="\0", max_codepoint=0x24FF)
    return st.one_of(likely, likely, likely, st.text(letters, max_size=5)) if free else likely

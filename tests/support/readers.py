"""An application that reads a little district through whichever outlet, by the door that production uses."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID

from django.core.handlers.wsgi import WSGIHandler

from schoolpassport.kit import clock
from schoolpassport.partners import actions as partners
from schoolpassport.partners.contract import READING
from schoolpassport.rosterapi import wsgi as shortcut
from tests.support import wsgi
from tests.support.partners import HOUR, Integrated, integrated
from tests.support.plain_views import PlainView, a_plain_view

APPLICATION = shortcut.before(WSGIHandler())
_IDS = Random(2001)

Json = dict[str, Any]


@dataclass(frozen=True)
class Reading:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reader:
    """An application with a token, and the view it reads."""

    integrated: Integrated
    view: PlainView
    token: str

    def get(self, path: str, *, method: str = "GET", body: bytes | None = None, **headers: str) -> Reading:
        sent = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"} | headers
        answer = wsgi.call(APPLICATION, path, method=method, body=body, **sent)
        return Reading(answer.status, answer.headers, answer.body)

    def post(self, path: str, body: bytes, **headers: str) -> Reading:
        return self.get(path, method="POST", body=body, **headers)

    def json(self, path: str) -> Any:
        answer = self.get(path)
        assert answer.status == 200, (path, answer)
        return answer.json

    def pages(self, path: str) -> Iterator[Json]:
        """The pages of a list whose ``links`` lead on, as clients walk them."""
        while path:
            page = self.json(path)
            yield page
            path = next((link["uri"] for link in page["links"] if link["rel"] == "next"), "")

    def all(self, path: str) -> list[Json]:
        return [element["data"] for page in self.pages(path) for element in page["data"]]


def a_reader(
    district_id: UUID, *, attributes: dict[str, list[str]] | None = None, scopes: frozenset[str] = frozenset()
) -> Reader:
    now = clock.now()
    made = integrated(district_id, now)
    view = a_plain_view(district_id, integration_id=made.integration.id, attributes=attributes)
    new = partners.grant_token(client=made.client(now), asked=scopes, may=READING, lifetime=HOUR, by="test", now=now)
    return Reader(made, view, new.token)


def made() -> str:
    """An id of version 7 of the first school mornings, the same in each process."""
    instant = 1_788_246_000_000 + _IDS.getrandbits(20)
    return str(UUID(int=instant << 80 | 7 << 76 | _IDS.getrandbits(12) << 64 | 2 << 62 | _IDS.getrandbits(62)))


def ref(key: str) -> dict[str, str]:
    return {"sourcedId": key}


SCHOOL, OTHER_SCHOOL, OFFICE, TERM, COURSE, CLASS, OTHER_CLASS = (made() for _ in range(7))
PUPIL, SIBLING, TEACHER, AIDE, HEAD, CHIEF, PARENT, BOOK = (made() for _ in range(8))


def person(key: str, name: str, role: str, *orgs: str, **more: Any) -> Json:
    return {
        "sourcedId": key,
        "username": name.lower(),
        "enabledUser": "true",
        "givenName": name,
        "familyName": "Quill",
        "role": role,
        "email": f"{name.lower()}@school.example",
        "orgs": [ref(org) for org in orgs],
        "metadata": {"gg4l.sisId": f"sis-{name}"},
        **more,
    }


def enrolled(key: str, role: str, class_: str = CLASS, **more: Any) -> Json:
    return {"sourcedId": made(), "user": ref(key), "class": ref(class_), "school": ref(SCHOOL), "role": role, **more}


LITTLE: dict[str, list[Json]] = {
    "org": [
        {"sourcedId": OFFICE, "name": "Amber Valley", "type": "district"},
        {"sourcedId": SCHOOL, "name": "Brook School", "type": "school", "identifier": "17", "parent": ref(OFFICE)},
        {"sourcedId": OTHER_SCHOOL, "name": "Cliff School", "type": "school", "parent": ref(OFFICE)},
    ],
    "academicSession": [
        {
            "sourcedId": TERM,
            "title": "Autumn",
            "type": "term",
            "startDate": "2026-08-15",
            "endDate": "2026-12-20",
            "schoolYear": "2027",
        }
    ],
    "course": [
        {"sourcedId": COURSE, "title": "Choir", "courseCode": "MUS-1", "org": ref(OFFICE), "resources": [ref(BOOK)]}
    ],
    "class": [
        {
            "sourcedId": CLASS,
            "title": "Choir A",
            "classCode": "A",
            "classType": "scheduled",
            "grades": ["07"],
            "subjects": ["Music"],
            "periods": ["2"],
            "course": ref(COURSE),
            "school": ref(SCHOOL),
            "terms": [ref(TERM)],
            "resources": [ref(BOOK)],
        },
        {
            "sourcedId": OTHER_CLASS,
            "title": "Choir B",
            "classType": "scheduled",
            "course": ref(COURSE),
            "school": ref(OTHER_SCHOOL),
            "terms": [ref(TERM)],
        },
    ],
    "user": [
        person(PUPIL, "Pia", "student", SCHOOL, identifier="4711", grades=["07"], agents=[ref(PARENT)])
        | {"resources": [ref(BOOK)]},
        person(SIBLING, "Sid", "student", OTHER_SCHOOL, SCHOOL, grades=["KG"], agents=[ref(PARENT)]),
        person(TEACHER, "Tom", "teacher", SCHOOL, OTHER_SCHOOL, resources=[ref(BOOK)]),
        person(AIDE, "Ada", "aide", OTHER_SCHOOL, resources=[ref(BOOK)]),
        person(HEAD, "Hal", "administrator", SCHOOL),
        person(CHIEF, "Cleo", "administrator", OFFICE),
        person(PARENT, "Pat", "parent", SCHOOL, phone="555-0100"),
    ],
    "enrollment": [
        enrolled(PUPIL, "student"),
        enrolled(SIBLING, "student", OTHER_CLASS),
        enrolled(AIDE, "teacher"),
        enrolled(TEACHER, "teacher", primary="true"),
        enrolled(TEACHER, "teacher", OTHER_CLASS),
    ],
    "demographics": [
        {"sourcedId": PUPIL, "birthDate": "2012-02-09", "sex": "female", "asian": "true", "white": "true"}
    ],
    "resource": [{"sourcedId": BOOK, "title": "Songs", "vendorResourceId": "songs-7", "roles": ["student", "aide"]}],
}

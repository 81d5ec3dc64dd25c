"""An application reads a district by the native Data API: flat objects under GG4L IDs, in the envelope it knows."""

from datetime import timedelta

import pytest

from schoolpassport.sharing.catalogue import everything
from tests.support.plain_views import FIRST_MORNING
from tests.support.readers import (
    AIDE,
    CHIEF,
    CLASS,
    COURSE,
    HEAD,
    LITTLE,
    OFFICE,
    OTHER_CLASS,
    OTHER_SCHOOL,
    PARENT,
    PUPIL,
    SCHOOL,
    SIBLING,
    TEACHER,
    Reader,
    a_reader,
    made,
    person,
)

BASE = "/datahub/services"


class Client(Reader):
    """Addresses in answers stand on the services' base."""

    def get(self, path, **more):
        return super().get(BASE + path, **more)


@pytest.fixture
def app(district) -> Client:
    found = a_reader(district.id)
    found.view.publish(LITTLE)
    return Client(found.integrated, found.view, found.token)


def ids(app: Client, path: str) -> list[str]:
    return sorted(each["id"] for each in app.all(path))


LISTS = [
    ("schools", [SCHOOL, OTHER_SCHOOL]),
    ("students", [PUPIL, SIBLING]),
    ("teachers", [TEACHER]),
    ("sections", [CLASS, OTHER_CLASS]),
    ("groups", [CLASS, OTHER_CLASS]),
    ("admins", [HEAD, CHIEF]),
    ("school_admins", [HEAD]),
    ("district_admins", [CHIEF]),
    ("contacts", [PARENT]),
    (f"schools/{SCHOOL}/students", [PUPIL, SIBLING]),
    (f"schools/{OTHER_SCHOOL}/teachers", [TEACHER]),
    (f"schools/{SCHOOL}/sections", [CLASS]),
    (f"schools/{SCHOOL}/school_admins", [HEAD]),
    (f"teachers/{TEACHER}/sections", [CLASS, OTHER_CLASS]),
    (f"teachers/{TEACHER}/students", [PUPIL, SIBLING]),
    (f"students/{SIBLING}/schools", [SCHOOL, OTHER_SCHOOL]),
    (f"students/{PUPIL}/contacts", [PARENT]),
    (f"students/{PUPIL}/teachers", [TEACHER]),
    (f"sections/{CLASS}/teachers", [TEACHER, AIDE]),
    (f"sections/{CLASS}/students", [PUPIL]),
    (f"contacts/{PARENT}/students", [PUPIL, SIBLING]),
]


def test_lists_hold_who_belongs_there(app, district):
    for path, expected in LISTS:
        assert ids(app, f"/v1/{path}?limit=1") == sorted(expected), path
    for word in ("schools", "teachers", "students", "sections", "groups", "admins"):
        assert ids(app, f"/v1/districts/{district.id}/{word}") == ids(app, f"/v1/{word}"), word


def test_a_number_in_the_place_of_an_id_is_a_time_on_every_page(app):
    assert app.view.publish({"user": [*LITTLE["user"], person(new := made(), "New", "student", SCHOOL)]}) is None
    first, second = (int((FIRST_MORNING + timedelta(days=day)).timestamp()) for day in (0, 1))
    exactly = second * 1000 + 123  # when the view changed, to the millisecond
    changed = app.all(f"/v1/students?after={first}&limit=1")
    assert sorted(each["id"] for each in changed) == sorted([PUPIL, SIBLING, new])
    assert ids(app, f"/v1/students?after={second}&limit=1") == [new]
    assert ids(app, f"/v1/students?after={exactly - 1}") == [new]
    assert ids(app, f"/v1/students?after={exactly}") == []
    assert ids(app, f"/v1/students?before={second}&limit=1") == sorted([PUPIL, SIBLING])
    assert ids(app, f"/v1/schools/{SCHOOL}/students?after={second}&before={second + 86_400}") == [new]
    page = app.json(f"/v1/students?after={first}&limit=2")
    assert (page["paging"]["count"], page["paging"]["total"]) == (3, 2)
    assert app.json(f"/v1/students?modified_after={second}")["paging"]["count"] == 1
    for path in (f"/v1/events?after={second}", "/v1/students?after=7", "/v1/students?modified_after=x"):
        assert app.get(path).status == 400, path


def test_objects_are_flat_and_keyed_by_gg4l_ids(app, district):
    pupil = app.json(f"/v1/students/{PUPIL}")
    assert pupil["links"] == [{"rel": "self", "uri": f"/v1/students/{PUPIL}"}]
    assert pupil["data"] == {
        "id": PUPIL,
        "district": str(district.id),
        "sis_id": "sis-Pia",
        "student_number": "4711",
        "grade": "7",
        "school": SCHOOL,
        "schools": [SCHOOL],
        "enrollments": [{"school": SCHOOL}],
        "credentials": {"district_username": "pia"},
        "dob": "2/9/2012",
        "gender": "F",
        "race": "Two or More Races",
        "name": {"first": "Pia", "last": "Quill"},
        "email": "pia@school.example",
        "created": pupil["data"]["created"],
        "last_modified": "2026-09-01T06:00:00.123Z",
    }
    section = app.json(f"/v1/sections/{CLASS}")["data"]
    assert (section["teacher"], section["teachers"]) == (TEACHER, [TEACHER, AIDE])
    assert (section["course"], section["course_name"], section["course_number"]) == (COURSE, "Choir", "MUS-1")
    assert section["term"] == {"name": "Autumn", "start_date": "2026-08-15", "end_date": "2026-12-20"}
    group = app.json(f"/v1/groups/{CLASS}")["data"]
    assert (group["name"], group["type"]) == ("Choir A", "scheduled")
    assert sorted(each["user"] for each in group["members"]) == sorted([PUPIL, TEACHER, AIDE])
    head = app.json(f"/v1/school_admins/{HEAD}")["data"]
    assert (head["schools"], head["name"]["first"]) == ([SCHOOL], "Hal")


def test_the_district_tells_how_it_stands(app, district):
    (found,) = app.json("/v1/districts")["data"]
    assert found == {"data": {"id": str(district.id), "name": district.name}, "uri": f"/v1/districts/{district.id}"}
    status = app.json(f"/v1/districts/{district.id}/status")["data"]
    assert (status["state"], status["last_sync"]) == ("running", None)
    assert app.json(f"/v1/districts/{district.id}")["data"]["name"] == district.name
    for path in (
        f"districts/{OFFICE}",
        f"districts/{district.id}/wizards",
        f"schools/{OFFICE}",
        "students/x",
        "wizards",
    ):
        assert app.get(f"/v1/{path}").status == 404, path


def test_a_client_follows_next_as_often_as_paging_says(app):
    page = app.json("/v1/students?limit=1")
    app.view.publish({**LITTLE, "user": [*LITTLE["user"], *(person(made(), f"New{n}", "student") for n in range(3))]})
    met = [page["data"][0]["data"]["id"]]
    for _ in range(page["paging"]["total"] - 1):
        (following,) = [link["uri"] for link in page["links"] if link["rel"] == "next"]
        page = app.json(following)
        met += [each["data"]["id"] for each in page["data"]]
    assert sorted(met) == sorted([PUPIL, SIBLING]), "one pull is of one revision"
    assert [link["rel"] for link in page["links"]] == ["self", "prev"]
    fourth = app.json("/v1/students?limit=2&offset=4")
    assert (fourth["paging"], len(fourth["data"])) == ({"current": 3, "total": 3, "count": 5}, 1)
    third = app.json(f"/v1/students?limit=2&before={fourth['data'][0]['data']['id']}")
    assert ids(app, f"/v1/students?after={third['data'][1]['data']['id']}") == [fourth["data"][0]["data"]["id"]]
    for query, status in (
        ("limit=10001", 413),
        ("offset=-1", 400),
        (f"offset={'9' * 18}", 200),
        ("after=x", 400),
        (f"after={PUPIL}&before={PUPIL}", 400),
    ):
        assert app.get(f"/v1/students?{query}").status == status, query


def test_a_revision_that_cannot_be_read_is_refused_and_never_replaced(app):
    def refused(path: str, revision: int) -> bool:
        sentence = f"Revision {revision} cannot be read (any more); begin again without a revision."
        answer = app.get(path)
        return (answer.status, answer.json) == (400, {"error": sentence})

    begun = app.json("/v1/students?limit=1")
    (following,) = [link["uri"] for link in begun["links"] if link["rel"] == "next"]
    app.view.publish({**LITTLE, "user": [*LITTLE["user"], person(made(), "New", "student")]})
    assert app.json("/v1/students?revision=2")["paging"]["count"] == 3, "also who was last seen at an older one"
    for number in (0, 3, 10**17):
        for path in ("students", "groups", f"sections/{CLASS}/students", f"districts/{app.view.district_id}/schools"):
            assert refused(f"/v1/{path}?revision={number}", number), path
    assert app.json(following)["paging"]["count"] == 2
    app.view.narrow()
    assert refused(following, 1)
    assert app.json("/v1/students?revision=2")["paging"]["count"] == 3
    assert len(app.all("/v1/students?limit=1")) == 3


def test_whoever_follows_every_event_holds_what_a_full_pull_gives(app):
    kept = [each for each in LITTLE["user"] if each["sourcedId"] not in {SIBLING, TEACHER, HEAD, AIDE}]
    head, aide = person(HEAD, "Hal", "administrator", OFFICE), person(AIDE, "Ada", "teacher", SCHOOL)
    app.view.publish({"user": [*kept, head, aide], "enrollment": LITTLE["enrollment"][:1]})
    app.view.publish({"user": [*kept, head, aide, person(TEACHER, "Tom", "aide", SCHOOL)]})
    app.view.publish({"enrollment": [LITTLE["enrollment"][0] | {"class": {"sourcedId": OTHER_CLASS}}]})
    held: dict[str, dict] = {}
    for event in app.all("/v1/events?limit=2"):
        word, verb = event["type"].split(".")
        if verb == "deleted":
            held.pop(f"{word}/{event['data']['object']['id']}")
        else:
            held[f"{word}/{event['data']['object']['id']}"] = event["data"]["object"]
    words = ("schools", "students", "teachers", "sections", "contacts", "school_admins", "district_admins")
    assert held == {f"{word}/{each['id']}": each for word in words for each in app.all(f"/v1/{word}")}
    assert f"district_admins/{HEAD}" in held
    assert f"teachers/{TEACHER}" not in held
    assert ids(app, f"/v1/districts/{app.view.district_id}/events?record_type=contacts")


def test_only_what_the_consent_shares_is_told(district):
    found = a_reader(district.id, attributes={**everything(kinds=("class", "enrollment")), "user": ["role"]})
    found.view.publish({"user": [{"sourcedId": PUPIL, "role": "student"}]})
    app = Client(found.integrated, found.view, found.token)
    (pupil,) = app.all("/v1/students")
    assert sorted(pupil) == ["created", "district", "enrollments", "id", "last_modified", "schools"]
    assert Client(found.integrated, found.view, "spt_nobody").get("/v1/students?limit=x").status == 401

"""An application reads rostering, gradebook and resources by OneRoster 1.2."""

import json

import pytest

from schoolpassport.partners.contract import PREFIX_1P2, ROSTER
from tests.journey.test_gradebook import ESSAY, GRADED, HOMEWORK, MARKS, QUIZ, SONGS
from tests.support import wsgi
from tests.support.readers import (
    AIDE,
    APPLICATION,
    BOOK,
    CHIEF,
    CLASS,
    HEAD,
    LITTLE,
    OFFICE,
    OTHER_SCHOOL,
    PARENT,
    PUPIL,
    SCHOOL,
    SIBLING,
    TEACHER,
    TERM,
    Reader,
    a_reader,
    made,
)

HOST = "http://testserver"
ROSTERING, GRADES, MATERIALS = (f"/ims/oneroster/{each}/v1p2" for each in ("rostering", "gradebook", "resources"))


@pytest.fixture
def app(district) -> Reader:
    found = a_reader(district.id)
    found.view.publish(GRADED)
    return found


def reference(kind: str, plural: str, key: str, base: str = ROSTERING) -> dict[str, str]:
    return {"href": f"{HOST}{base}/{plural}/{key}", "sourcedId": key, "type": kind}


def test_a_user_has_a_role_at_each_org_the_first_being_primary(app):
    sibling = app.json(f"{ROSTERING}/users/{SIBLING}")["user"]
    assert sibling["roles"] == [
        {"roleType": "primary", "role": "student", "org": reference("org", "orgs", OTHER_SCHOOL)},
        {"roleType": "secondary", "role": "student", "org": reference("org", "orgs", SCHOOL)},
    ]
    assert not {"role", "orgs"} & set(sibling)
    assert (sibling["givenName"], sibling["enabledUser"], sibling["grades"]) == ("Sid", "true", ["KG"])
    assert sibling["agents"] == [reference("user", "users", PARENT)]
    roles = {
        user["sourcedId"]: user["roles"][0]["role"]
        for user in app.json(f"{ROSTERING}/users?filter=roles.role='administrator'")["users"]
    }
    assert roles == {HEAD: "siteAdministrator", CHIEF: "districtAdministrator"}
    at = app.json(f"{ROSTERING}/users?filter=roles.org.sourcedId='{OFFICE}'&fields=sourcedId,roles")["users"]
    assert [sorted(user) for user in at] == [["roles", "sourcedId"]]


def test_the_same_paths_lead_to_the_same_records_as_by_1_1(app):
    for path in ("orgs", "schools", "students", "terms", f"schools/{SCHOOL}/classes", f"classes/{CLASS}/teachers"):
        first = app.get(f"/ims/oneroster/v1p1/{path}?limit=1")
        second = app.get(f"{ROSTERING}/{path}?limit=1")
        assert second.status == 200, (path, second)
        ((name, one),), ((same, other),) = first.json.items(), second.json.items()
        assert (name, [each["sourcedId"] for each in one]) == (same, [each["sourcedId"] for each in other]), path
        assert first.headers["X-Total-Count"] == second.headers["X-Total-Count"]
        assert f"{HOST}{ROSTERING}/{path}?limit=1&revision=1&offset=" in second.headers["Link"]
    enrollments = app.json(f"{ROSTERING}/enrollments")["enrollments"]
    assert sorted(each["primary"] for each in enrollments) == ["false"] * 4 + ["true"]


def test_grades_name_their_class_and_its_school(app):
    essay = app.json(f"{GRADES}/lineItems/{ESSAY}")["lineItem"]
    assert essay["school"] == reference("org", "orgs", SCHOOL)
    assert essay["academicSession"] == essay["gradingPeriod"] == reference("academicSession", "academicSessions", TERM)
    assert essay["category"] == reference("category", "categories", HOMEWORK, GRADES)
    results = app.json(f"{GRADES}/classes/{CLASS}/lineItems/{QUIZ}/results")["results"]
    assert [each["class"] for each in results] == [reference("class", "classes", CLASS)] * 2
    assert results[0]["lineItem"] == reference("lineItem", "lineItems", QUIZ, GRADES)
    assert len(app.json(f"{GRADES}/classes/{CLASS}/categories")["categories"]) == 2
    assert app.json(f"{MATERIALS}/classes/{CLASS}/resources")["resources"][0]["sourcedId"] == SONGS
    class_ = app.json(f"{ROSTERING}/classes/{CLASS}")["class"]
    assert class_["resources"] == [reference("resource", "resources", SONGS, MATERIALS)]


def test_the_resources_of_a_user_are_there_in_1_2_alone(district):
    app, path = a_reader(district.id), f"users/{PUPIL}/resources"
    app.view.publish(LITTLE)
    (book,) = app.json(f"{MATERIALS}/{path}")["resources"]
    assert (book["sourcedId"], book["title"]) == (BOOK, "Songs")
    assert app.json(f"{ROSTERING}/users/{PUPIL}")["user"]["resources"] == [
        reference("resource", "resources", BOOK, MATERIALS)
    ]
    named = f"users?filter=resources.sourcedId='{BOOK}'&fields=sourcedId,resources"
    assert {each["sourcedId"] for each in app.json(f"{ROSTERING}/{named}")["users"]} == {AIDE, PUPIL, TEACHER}
    assert app.json(f"{MATERIALS}/users/{SIBLING}/resources")["resources"] == []
    assert app.get(f"{MATERIALS}/users/{made()}/resources").status == 404
    assert {app.get(f"{base}/{path}").status for base in (ROSTERING, GRADES, "/ims/oneroster/v1p1")} == {404}
    assert app.get(f"{MATERIALS}/students/{PUPIL}/resources").status == 404


@pytest.mark.parametrize(
    ("path", "status", "minor"),
    [
        (f"{ROSTERING}/users/{MARKS[0]}", 404, "unknownobject"),
        (f"{ROSTERING}/lineItems", 404, "unknownobject"),
        (f"{GRADES}/users", 404, "unknownobject"),
        (f"{ROSTERING}/users?filter=wizard='a'", 400, "invalid_filter_field"),
        (f"{ROSTERING}/users?fields=sourcedId,role", 400, "invalid_selection_field"),
        (f"{ROSTERING}/users?fields=", 400, "invalid_selection_field"),
        (f"{ROSTERING}/users?limit=0", 400, "invaliddata"),
    ],
)
def test_a_failure_is_one_object_of_the_status(app, path, status, minor):
    answer = app.get(path)
    assert answer.status == status
    (field,) = answer.json["imsx_CodeMinor"]["imsx_codeMinorField"]
    assert (answer.json["imsx_codeMajor"], field["imsx_codeMinorFieldValue"]) == ("failure", minor)
    assert "statusInfoSet" not in answer.json


def test_each_service_has_its_scope_in_the_words_of_either_version(district):
    for scope, opened in ((PREFIX_1P2 + "roster.readonly", [200, 403, 403]), (ROSTER, [200, 403, 403])):
        app = a_reader(district.id, scopes=frozenset({scope}))
        paths = (f"{ROSTERING}/users", f"{GRADES}/results", f"{MATERIALS}/resources")
        assert [app.get(path).status for path in paths] == opened, scope
        assert app.get("/v3.0/users").status == 200
        assert app.get(f"{ROSTERING}/demographics").status == 403
    assert Reader(app.integrated, app.view, "spt_nobody").get(f"{ROSTERING}/users?limit=0").status == 401


def test_nothing_changed_is_told_as_by_1_1(app):
    tag = app.get(f"{ROSTERING}/users").headers["ETag"]
    assert app.get(f"{ROSTERING}/users", **{"If-None-Match": tag}).status == 304
    assert app.get(f"{ROSTERING}/users", method="HEAD").body == b""


WRITTEN = {
    **{f"/{word}/{{sourcedId}}": {"put", "delete"} for word in ("categories", "lineItems", "results")},
    **{
        f"/{word}/{{sourcedId}}": {"put", "delete"}
        for word in ("scoreScales", "assessmentLineItems", "assessmentResults")
    },
    "/lineItems/{lineItemSourcedId}/results": {"post"},
    "/classes/{classSourcedId}/lineItems": {"post"},
    "/schools/{schoolSourcedId}/lineItems": {"post"},
    "/classes/{classSourcedId}/academicSessions/{academicSessionSourcedId}/results": {"post"},
}


def test_each_service_describes_itself_without_a_token(app):
    for base, name, path in (
        (ROSTERING, "rosters", "/users/{sourcedId}"),
        (GRADES, "gradebook", "/classes/{classSourcedId}/categories"),
        (MATERIALS, "resources", "/users/{userSourcedId}/resources"),
    ):
        answer = wsgi.call(APPLICATION, f"{base}/discovery/onerosterv1p2{name}service_openapi3_v1p0.json")
        document = json.loads(answer.body)
        assert path in document["paths"]
        assert document["servers"] == [{"url": HOST + base}]
        scopes = document["components"]["securitySchemes"]["bearer"]["flows"]["clientCredentials"]["scopes"]
        assert all(scope.startswith(PREFIX_1P2) for scope in scopes)
        for reference_ in _references(document):
            place = document
            for step in reference_.removeprefix("#/").split("/"):
                place = place[step]
        known = set(document["components"]["schemas"])
        assert {"Failure", "Status"} <= known
        written = {path: set(item) - {"get"} for path, item in document["paths"].items() if set(item) != {"get"}}
        assert written == (WRITTEN if base == GRADES else {})
    rostering = wsgi.call(APPLICATION, f"{ROSTERING}/discovery/onerosterv1p2rostersservice_openapi3_v1p0.json")
    user = json.loads(rostering.body)["components"]["schemas"]["UserProperties"]["properties"]
    assert "roles" in user
    assert not {"role", "orgs"} & set(user)
    served = app.json(f"{ROSTERING}/users/{PUPIL}")["user"]
    assert set(served) <= set(user)


def _references(value):
    if isinstance(value, dict):
        yield from (each for name, each in value.items() if name == "$ref")
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _references(each)

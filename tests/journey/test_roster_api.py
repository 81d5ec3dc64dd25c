"""A roster read over HTTP, from the token to the last page, by the door that production uses."""

import io
import json
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import UUID, uuid4

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import OperationalError, connection
from django.test import Client
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256
from oauthlib.oauth1 import Client as SigningClient

from schoolpassport.kit import clock
from schoolpassport.partners import actions as partners
from schoolpassport.partners.contract import ROSTER, ROSTER_CORE, ROSTERING
from schoolpassport.rosterapi import wsgi
from schoolpassport.rosterapi.urls import PREFIXES
from schoolpassport.sharing.catalogue import everything
from schoolpassport.tenancy import scope
from tests.support.partners import HOUR, Integrated, integrated
from tests.support.plain_views import PlainView, a_plain_view, served

BASE = PREFIXES[0]
HOST = "http://testserver"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def minor(self) -> str:
        return self.json["statusInfoSet"][0]["imsx_codeMinor"]


@dataclass(frozen=True)
class App:
    """An application with a token, and the view it reads."""

    integrated: Integrated
    view: PlainView
    token: str

    def get(self, path: str, *, prefix: str = BASE, method: str = "GET", **headers: str) -> Answer:
        return call(prefix + path, method=method, **({"Authorization": f"Bearer {self.token}"} | headers))

    def follow(self, address: str) -> Answer:
        return self.get(address.removeprefix(HOST + BASE))


def call(path: str, *, method: str = "GET", **headers: str) -> Answer:
    """One request to the WSGI application as the server makes it."""
    parts, started = urlsplit(path), []
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": parts.path,
        "QUERY_STRING": parts.query,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "HTTP_HOST": "testserver",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
    }
    body = b"".join(APPLICATION(environ, lambda status, found: started.append((status, dict(found)))))
    ((status, found),) = started
    return Answer(int(status.split()[0]), found, body)


APPLICATION = wsgi.before(WSGIHandler())


def app_of(
    district_id: UUID, attributes: dict[str, list[str]] | None = None, asked: frozenset[str] = frozenset()
) -> App:
    now = clock.now()
    made = integrated(district_id, now)
    view = a_plain_view(district_id, integration_id=made.integration.id, attributes=attributes)
    new = partners.grant_token(client=made.client(now), asked=asked, may=ROSTERING, lifetime=HOUR, by="test", now=now)
    return App(made, view, new.token)


_IDS = Random(93)


def made() -> str:
    """An id that is the same in each process that collects these tests."""
    return str(UUID(int=_IDS.getrandbits(128), version=4))


SCHOOL, OTHER_SCHOOL, OFFICE = (made() for _ in range(3))
TERM, PERIOD, COURSE, CLASS, OTHER_CLASS = (made() for _ in range(5))
PUPIL, TEACHER, AIDE = (made() for _ in range(3))


def ref(key: str) -> dict[str, str]:
    return {"sourcedId": key}


def user(key: str, name: str, role: str, *schools: str) -> dict[str, Any]:
    return {
        "sourcedId": key,
        "username": name.lower(),
        "enabledUser": "true",
        "givenName": name,
        "familyName": "Quill",
        "role": role,
        "email": f"{name.lower()}@pupils.example",
        "orgs": [ref(school) for school in schools],
        "metadata": {"gg4l.sisId": f"sis-{name}"},
    }


def enrolled(key: str, role: str, class_: str = CLASS) -> dict[str, Any]:
    return {"sourcedId": str(uuid4()), "user": ref(key), "class": ref(class_), "school": ref(SCHOOL), "role": role}


ROSTER_OF_FIVE = {
    "org": [
        {"sourcedId": OFFICE, "name": "Amber Valley", "type": "district"},
        {"sourcedId": SCHOOL, "name": "Brook School", "type": "school", "parent": ref(OFFICE)},
        {"sourcedId": OTHER_SCHOOL, "name": "Cliff School", "type": "school", "parent": ref(OFFICE)},
    ],
    "academicSession": [
        {"sourcedId": TERM, "title": "Autumn", "type": "term"},
        {"sourcedId": PERIOD, "title": "Q1", "type": "gradingPeriod", "parent": ref(TERM)},
    ],
    "course": [{"sourcedId": COURSE, "title": "Choir", "org": ref(OFFICE)}],
    "class": [
        {"sourcedId": key, "title": title, "course": ref(COURSE), "school": ref(school), "terms": [ref(TERM)]}
        for key, title, school in ((CLASS, "Choir A", SCHOOL), (OTHER_CLASS, "Choir B", OTHER_SCHOOL))
    ],
    "user": [
        user(PUPIL, "Pia", "student", SCHOOL),
        user(TEACHER, "Tom", "teacher", SCHOOL, OTHER_SCHOOL),
        user(AIDE, "Ada", "aide", OTHER_SCHOOL),
    ],
    "enrollment": [enrolled(PUPIL, "student"), enrolled(TEACHER, "teacher"), enrolled(TEACHER, "teacher", OTHER_CLASS)],
    "demographics": [{"sourcedId": PUPIL, "birthDate": "2012-02-29", "sex": "female"}],
}


@pytest.fixture
def app(district) -> App:
    made = app_of(district.id)
    made.view.publish(ROSTER_OF_FIVE)
    return made


def ids(answer: Answer) -> list[str]:
    assert answer.status == 200, answer
    (documents,) = (value for name, value in answer.json.items() if name != "statusInfoSet")
    return [each["sourcedId"] for each in documents]


def test_a_record_comes_whole_under_the_base_that_was_asked(app):
    for prefix in PREFIXES:
        answer = app.get(f"/users/{PUPIL}", prefix=prefix)
        assert answer.json == {"user": served("user", app.view.shown("user")[PUPIL], HOST + prefix)}
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Type"] == "application/json"


def test_every_kind_of_collection_comes_whole(app):
    for path, kind in (
        *(("orgs", "org"), ("academicSessions", "academicSession"), ("courses", "course"), ("classes", "class")),
        *(("users", "user"), ("enrollments", "enrollment"), ("demographics", "demographics")),
    ):
        shown = app.view.shown(kind)
        answer = app.get(f"/{path}")
        assert answer.json == {path: [served(kind, shown[key], HOST + BASE) for key in sorted(shown)]}
        assert answer.headers["X-Total-Count"] == str(len(shown))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"/schools/{SCHOOL}/courses", [COURSE]),
        (f"/schools/{SCHOOL}/terms", [TERM]),
        (f"/schools/{OTHER_SCHOOL}/students", []),
        (f"/schools/{OTHER_SCHOOL}/teachers", [TEACHER]),
        (f"/terms/{TERM}/gradingPeriods", [PERIOD]),
        (f"/terms/{TERM}/classes", sorted([CLASS, OTHER_CLASS])),
        (f"/schools/{SCHOOL}/classes/{CLASS}/students", [PUPIL]),
        (f"/classes/{CLASS}/teachers", [TEACHER]),
        (f"/teachers/{TEACHER}/classes", sorted([CLASS, OTHER_CLASS])),
        (f"/users/{AIDE}/classes", []),
    ],
)
def test_relations_list_who_belongs_to_whom(app, path, expected):
    assert ids(app.get(path)) == expected


@pytest.mark.parametrize(
    "path",
    [
        *(f"/users/{made()}", f"/students/{TEACHER}", f"/schools/{OFFICE}/classes", f"/terms/{PERIOD}/classes"),
        *(f"/students/{AIDE}/classes", f"/schools/{SCHOOL}/classes/{OTHER_CLASS}/students", "/users/x", "/users/"),
        *(f"/schools/{made()}/classes/{CLASS}/students", f"/users/{PUPIL.upper()}", f"/classes/{made()}/students"),
    ],
)
def test_what_the_view_does_not_have_is_an_unknown_object(app, path):
    answer = app.get(path)
    assert (answer.status, answer.minor) == (404, "unknown object")


def test_an_enrollment_that_ended_ties_nobody_and_a_class_that_ended_is_still_a_parent(app):
    gone = {**ROSTER_OF_FIVE, "enrollment": ROSTER_OF_FIVE["enrollment"][1:], "class": ROSTER_OF_FIVE["class"][1:]}
    app.view.publish(gone)
    assert ids(app.get(f"/classes/{CLASS}/students")) == []
    assert ids(app.get(f"/classes/{CLASS}/teachers")) == [TEACHER]
    assert app.get(f"/classes/{CLASS}").json["class"]["status"] == "tobedeleted"
    assert ids(app.get(f"/schools/{SCHOOL}/terms")) == []


def test_pages_are_of_one_revision_whatever_is_published_meanwhile(app):
    first = app.get("/users?limit=1")
    app.view.publish({"user": [user(str(uuid4()), f"New{n}", "student", SCHOOL) for n in range(5)]})
    met = ids(first)
    answer = first
    while 'rel="next"' in answer.headers["Link"]:
        links = dict(reversed(part.strip().split("; ")) for part in answer.headers["Link"].split(","))
        answer = app.follow(links['rel="next"'].strip("<>"))
        assert answer.headers["X-Total-Count"] == "3"
        met += ids(answer)
    assert met == sorted([PUPIL, TEACHER, AIDE])
    counted = [ids(app.get(f"/users?limit=1&offset={offset}"))[0] for offset in (1, 2)]
    assert [met[0], *counted] == met, "a client that only counts stays on its revision, too"
    assert app.get("/users").headers["X-Total-Count"] == "8"


def test_a_revision_that_never_was_is_refused_as_one_that_cannot_be_read_any_more(district):
    app = app_of(district.id)
    empty = app.get("/users")
    first = empty.headers["Link"].partition(">")[0].strip("<")
    assert (ids(empty), ids(app.follow(first))) == ([], []), "before the first publication its own links work"
    app.view.publish(ROSTER_OF_FIVE)
    for number in (0, 2, 10**20):
        answer = app.get(f"/users?revision={number}")
        assert (answer.status, answer.minor) == (400, "invalid data"), number
        assert answer.json["imsx_description"].endswith("begin again at offset 0 without a revision."), number
    assert app.follow(first).status == 400
    assert app.get("/users?revision=1").headers["X-Total-Count"] == "3"


def test_a_path_that_the_standard_does_not_have_says_so(app):
    for path in ("/line_items", f"/users/{PUPIL}/resources", f"/lineItems/{CLASS}/results"):
        answer = app.get(path)
        assert (answer.status, answer.minor) == (404, "unknown object")
        assert answer.json["imsx_description"] == "OneRoster 1.1 has no such path."


def test_a_filter_reaches_only_what_is_shared(district):
    shared = {kind: [n for n in names if n != "email"] for kind, names in everything().items() if kind != "course"}
    app = app_of(district.id, shared)
    app.view.publish({"user": [{k: v for k, v in u.items() if k != "email"} for u in ROSTER_OF_FIVE["user"]]})
    refusals = [app.get(f"/users?filter={quote(text)}") for text in ("email~'a'", "nosuch~'a'")]
    assert [(r.status, r.minor) for r in refusals] == [(400, "invalid_filter_field")] * 2
    texts = [r.json["imsx_description"] for r in refusals]
    assert texts[0].replace("email", "nosuch") == texts[1]
    for hidden, unknown in (("sort=email", "sort=nosuch"), ("fields=email", "fields=nosuch")):
        answers = [app.get(f"/users?{query}").json for query in (hidden, unknown)]
        assert answers[0]["users"] == answers[1]["users"]
        assert [s["imsx_codeMinor"] for s in answers[0]["statusInfoSet"]] == [
            s["imsx_codeMinor"] for s in answers[1]["statusInfoSet"]
        ]
    assert ids(app.get("/courses")) == []
    assert app.get(f"/courses/{COURSE}").status == 404
    assert ids(app.get("/demographics")) == []


def test_of_a_kind_that_is_not_shared_any_more_only_the_heads_of_tombstones_are_told(district):
    app = app_of(district.id, everything(kinds=("org",)))
    app.view.publish({"user": ROSTER_OF_FIVE["user"]})
    app.view.publish({"user": []})
    for answer in (app.get("/users"), app.get("/users?fields=familyName,status,sourcedId,dateLastModified")):
        for each in answer.json["users"]:
            assert set(each) == {"sourcedId", "status", "dateLastModified"}
            assert each["status"] == "tobedeleted"


def test_two_districts_and_two_apps_see_nothing_of_each_other(app, other_district, district):
    neighbour, sibling = app_of(other_district.id), app_of(district.id, everything(kinds=("org",)))
    neighbour.view.publish({"user": [user(str(uuid4()), "Nora", "student", SCHOOL)]})
    assert b"Nora" not in app.get("/users").body
    assert ids(sibling.get("/users")) == []
    for stranger in (neighbour, sibling):
        for path in (f"/users/{PUPIL}", f"/schools/{SCHOOL}/classes", f"/classes/{CLASS}/students"):
            assert stranger.get(path).status == 404, path


def test_a_token_opens_its_scopes_and_nothing_after_it_is_revoked(app, district):
    core = app_of(district.id, asked=frozenset({ROSTER_CORE}))
    assert core.get("/users").status == 200
    assert (core.get(f"/schools/{SCHOOL}/classes").status, core.get("/demographics").status) == (403, 403)
    whole = app_of(district.id, asked=frozenset({ROSTER}))
    assert whole.get("/orgs").status == 200
    assert whole.get("/demographics").minor == "forbidden"
    assert app.get("/users").status == 200
    partners.revoke_token(token=app.token, by="test", now=clock.now())
    answer = app.get("/users")
    assert (answer.status, answer.minor) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_who_is_not_let_in_hears_nothing_else(app):
    partners.revoke_token(token=app.token, by="test", now=clock.now())
    for path in ("/nosuch", "/users?limit=x", "/users?filter=nosuch", f"/users/{uuid4()}", "/users?revision=9"):
        assert app.get(path).status == 401, path
        assert call(BASE + path).status == 401, path


def test_an_application_without_a_consent_is_told_so(district):
    now = clock.now()
    made = integrated(district.id, now)
    answer = call(BASE + "/users", Authorization=f"Bearer {made.token(now)}")
    assert (answer.status, answer.minor) == (403, "forbidden")


def test_a_signed_request_reads_the_same(app):
    client = SigningClient(
        app.integrated.credential.client_id,
        client_secret=app.integrated.credential.client_secret,
        signature_method=SIGNATURE_HMAC_SHA256,
        timestamp=str(int(clock.now().timestamp())),
    )
    address = f"{BASE}/users?limit=2&filter=familyName%3D%27Quill%27"
    signed = client.sign(HOST + address)[1]["Authorization"]
    answer = call(address, Authorization=signed)
    assert answer.json == app.get("/users?limit=2&filter=familyName%3D%27Quill%27").json
    assert call(address, Authorization=signed).status == 401, "a signature is good for one request"


def test_head_has_the_headers_and_no_body_and_other_methods_are_refused(app):
    whole, head = app.get("/users?limit=2"), app.get("/users?limit=2", method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.headers == whole.headers
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = app.get("/users", method=method)
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD"), method


def test_the_short_way_and_django_s_way_answer_the_same(app):
    for path in ("/users", f"/users/{PUPIL}?fields=role", "/users?limit=0", "/nosuch", "", "/", "/users?sort=nosuch"):
        other = Client().get(BASE + path, headers={"Authorization": f"Bearer {app.token}"})
        answer = app.get(path)
        assert (answer.status, _same(answer.body)) == (other.status_code, _same(other.content)), path
        assert answer.headers == dict(other.headers), path


def _same(body: bytes) -> dict[str, Any]:
    """Without what differs from one answer to the next."""
    told = json.loads(body)
    for status in (told, *told.get("statusInfoSet", [])):
        status.pop("imsx_messageRefIdentifier", None)
    return told


def test_what_breaks_is_answered_with_a_reference_and_nothing_else(app, caplog):
    """A document that is no JSON cannot be; if it were, nobody would see its text or ours."""
    app.view.publish({"user": [user(str(uuid4()), "Zed", "student", SCHOOL)]})
    with scope.inside(app.view.district_id), connection.cursor() as rows:
        rows.execute("UPDATE sharing_user SET doc = 'no json' WHERE view = %s", [app.view.number])
    answer = app.get("/users?fields=role")
    with scope.inside(app.view.district_id), connection.cursor() as rows:
        rows.execute("UPDATE sharing_user SET doc = %s WHERE view = %s", ['{"sourcedId":"mended"}', app.view.number])
    assert answer.status == 500
    told = answer.json
    assert told["imsx_messageRefIdentifier"] in told["imsx_description"]
    assert told["imsx_messageRefIdentifier"] in caplog.text
    assert b"no json" not in answer.body
    assert b"Traceback" not in answer.body
    assert app.get("/orgs").status == 200, "the next request is none the worse for it"


def test_a_connection_that_was_cut_is_opened_anew(app):
    """The token that was seen before is proved in the trip of its page, another one before it."""
    unseen = app.integrated.token(clock.now())
    assert app.get("/users").status == 200
    for token in (app.token, unseen):
        with pytest.raises(OperationalError), connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        assert call(BASE + "/users", Authorization=f"Bearer {token}").status == 200


def test_the_description_needs_no_token():
    for prefix in PREFIXES:
        answer = call(f"{prefix}/openapi.json")
        assert answer.status == 200
        assert answer.json["servers"] == [{"url": HOST + prefix}]


def test_an_address_that_is_nowhere_is_404_in_json():
    answer = call("/nowhere")
    assert (answer.status, answer.minor) == (404, "unknown object")

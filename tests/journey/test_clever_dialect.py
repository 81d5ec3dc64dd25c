"""A client of the Clever API reads a district here, by the requests that such clients make.

The vendor's own Python client cannot be run: `clever-python` imports on no Python 3. What is sent here is what it sends:
a bearer token, `Accept: application/json`, `limit`, `starting_after`, `ending_before`, `record_type`.
"""

import base64
import json
import re
from random import Random
from uuid import UUID

import pytest

from schoolpassport.kit import clock
from schoolpassport.partners import actions
from schoolpassport.partners.contract import ROSTER
from schoolpassport.sharing import shortids
from schoolpassport.sharing.catalogue import everything
from tests.support import wsgi
from tests.support.partners import a_partner_token, integrated
from tests.support.readers import (
    AIDE,
    APPLICATION,
    BOOK,
    CHIEF,
    CLASS,
    COURSE,
    LITTLE,
    OFFICE,
    OTHER_CLASS,
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
    person,
)

SHORT = re.compile(r"[0-9a-f]{24}")


@pytest.fixture
def app(district) -> Reader:
    found = a_reader(district.id)
    found.view.publish(LITTLE)
    return found


def called(app: Reader, key: str) -> str:
    return shortids.short_of([UUID(key)], district_id=app.view.district_id)[UUID(key)]


def names(app: Reader, path: str) -> list[str]:
    return [each["name"]["first"] if isinstance(each["name"], dict) else each["name"] for each in app.all(path)]


def tokens(client_id: str, secret: str, query: str = "owner_type=district"):
    basic = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    return wsgi.call(APPLICATION, f"/oauth/tokens?{query}", Authorization=f"Basic {basic}")


def test_a_client_finds_its_district_with_a_token_and_reads_who_it_is(app, district):
    listed = tokens(app.integrated.credential.client_id, app.integrated.credential.client_secret)
    (token,) = json.loads(listed.body)["data"]
    client = Reader(app.integrated, app.view, token["access_token"])
    me = client.json("/v3.0/me")
    (found,) = client.json("/v3.0/districts?count=true")["data"]
    assert token["owner"] == {"type": "district", "id": called(app, str(district.id))}
    assert (me["type"], me["data"]["id"]) == ("district", token["owner"]["id"])
    assert (found["data"]["name"], found["uri"]) == (district.name, f"/v3.0/districts/{token['owner']['id']}")
    assert client.json(found["uri"])["data"]["id"] == token["owner"]["id"]
    assert client.json(f"/v3.0/users/{called(app, PUPIL)}/district")["data"]["name"] == district.name
    oneroster = client.json(f"/ims/oneroster/v1p1/users/{PUPIL}")
    assert oneroster["user"]["givenName"] == "Pia", "the token works in the other dialect, too"


def test_a_partners_own_id_lists_all_its_districts(app, other_district):
    now = clock.now()
    integrated(other_district.id, now, app.integrated.partner)

    own = actions.issue_partner_credential(partner_id=app.integrated.partner.id, by="test", now=now)
    listed = json.loads(tokens(own.client_id, own.client_secret).body)["data"]
    assert len({each["owner"]["id"] for each in listed}) == 2
    one = tokens(own.client_id, own.client_secret, f"owner_type=district&district={listed[0]['owner']['id']}")
    assert [each["owner"] for each in json.loads(one.body)["data"]] == [listed[0]["owner"]]
    assert tokens(own.client_id, "wrong").status == 401
    assert tokens(own.client_id, own.client_secret, "").status == 400


def test_people_come_with_what_they_are(app):
    pupil = app.json(f"/v3.0/users/{called(app, PUPIL)}")
    school, district_id = called(app, SCHOOL), called(app, str(app.view.district_id))
    facet = pupil["data"]["roles"].pop("student")
    assert pupil["data"] == {
        "id": called(app, PUPIL),
        "district": district_id,
        "email": "pia@school.example",
        "name": {"first": "Pia", "last": "Quill"},
        "roles": {},
        "created": pupil["data"]["created"],
        "last_modified": "2026-09-01T06:00:00.123Z",
    }
    assert pupil["data"]["created"].startswith("2026-09-01T")
    assert facet == {
        "sis_id": "sis-Pia",
        "student_number": "4711",
        "grade": "7",
        "school": school,
        "schools": [school],
        "enrollments": [{"school": school}],
        "credentials": {"district_username": "pia"},
        "dob": "2/9/2012",
        "gender": "F",
        "race": "Two or More Races",
    }
    assert {"rel": "self", "uri": f"/v3.0/users/{called(app, PUPIL)}"} in pupil["links"]
    parent = app.json(f"/v3.1/users/{called(app, PARENT)}")["data"]["roles"]["contact"]
    students = [each["student"] for each in parent["student_relationships"]]
    assert (parent["phone"], sorted(students)) == ("555-0100", sorted([called(app, PUPIL), called(app, SIBLING)]))


def test_sections_name_their_people_the_primary_teacher_first(app):
    found = app.json(f"/v3.0/sections/{called(app, CLASS)}")["data"]
    assert found == {
        "id": called(app, CLASS),
        "district": called(app, str(app.view.district_id)),
        "school": called(app, SCHOOL),
        "course": called(app, COURSE),
        "term_id": called(app, TERM),
        "name": "Choir A",
        "section_number": "A",
        "period": "2",
        "subject": "arts and music",
        "grade": "7",
        "teacher": called(app, TEACHER),
        "teachers": [called(app, TEACHER), called(app, AIDE)],
        "students": [called(app, PUPIL)],
        "created": found["created"],
        "last_modified": "2026-09-01T06:00:00.123Z",
    }


LISTS = [
    ("users?role=student", ["Pia", "Sid"]),
    ("users?role=teacher", ["Tom"]),
    ("users?role=staff", ["Ada", "Hal"]),
    ("users?role=district_admin", ["Cleo"]),
    ("users?role=contact", ["Pat"]),
    ("schools", ["Brook School", "Cliff School"]),
    ("terms", ["Autumn"]),
    ("courses", ["Choir"]),
    (f"schools/{SCHOOL}/users?role=student", ["Pia", "Sid"]),
    (f"schools/{SCHOOL}/users?role=student&primary=true", ["Pia"]),
    (f"schools/{SCHOOL}/users?role=staff", ["Hal"]),
    (f"schools/{SCHOOL}/sections", ["Choir A"]),
    (f"schools/{OTHER_SCHOOL}/courses", ["Choir"]),
    (f"schools/{OTHER_SCHOOL}/terms", ["Autumn"]),
    (f"sections/{CLASS}/users", ["Ada", "Pia", "Tom"]),
    (f"sections/{CLASS}/users?role=teacher", ["Ada", "Tom"]),
    (f"courses/{COURSE}/schools", ["Brook School", "Cliff School"]),
    (f"courses/{COURSE}/sections", ["Choir A", "Choir B"]),
    (f"terms/{TERM}/schools", ["Brook School", "Cliff School"]),
    (f"terms/{TERM}/sections", ["Choir A", "Choir B"]),
    (f"users/{PUPIL}/mycontacts", ["Pat"]),
    (f"users/{PARENT}/mystudents", ["Pia", "Sid"]),
    (f"users/{TEACHER}/mystudents", ["Pia", "Sid"]),
    (f"users/{PUPIL}/myteachers", ["Ada", "Tom"]),
    (f"users/{TEACHER}/sections", ["Choir A", "Choir B"]),
    (f"users/{SIBLING}/schools", ["Brook School", "Cliff School"]),
    (f"users/{SIBLING}/schools?primary=true", ["Cliff School"]),
    (f"users/{AIDE}/mycontacts", []),
    (f"resources/{BOOK}/courses", ["Choir"]),
    (f"resources/{BOOK}/sections", ["Choir A"]),
    (f"resources/{BOOK}/users", ["Ada", "Pia", "Tom"]),
    (f"resources/{BOOK}/users?role=teacher", ["Tom"]),
    (f"resources/{BOOK}/users?role=student", ["Pia"]),
]


def test_lists_hold_who_belongs_there(app):
    for path, expected in LISTS:
        words = [called(app, word) if "-" in word else word for word in re.split(r"(?<=/)|(?=[/?])", path)]
        assert sorted(names(app, "/v3.0/" + "".join(words))) == sorted(expected), path


def test_one_of_a_section_is_a_record_and_not_a_list(app):
    section = f"/v3.0/sections/{called(app, OTHER_CLASS)}"
    assert app.json(f"{section}/school")["data"]["id"] == called(app, OTHER_SCHOOL)
    assert app.json(f"{section}/course")["data"]["number"] == "MUS-1"
    term = app.json(f"{section}/term")["data"]
    assert (term["start_date"], term["end_date"]) == ("2026-08-15", "2026-12-20")
    (listed,) = app.all(f"{section.replace(called(app, OTHER_CLASS), called(app, CLASS))}/resources")
    assert app.all(f"/v3.0/users/{called(app, SIBLING)}/resources") == []
    assert [listed] == app.all(f"/v3.0/users/{called(app, PUPIL)}/resources")
    book = app.json(f"/v3.0/resources/{called(app, BOOK)}")["data"]
    assert [listed] == app.all(f"/v3.0/courses/{called(app, COURSE)}/resources") == [book]
    assert (book["resource_id"], book["title"], book["roles"]) == ("songs-7", "Songs", ["student"])


def test_pages_go_on_from_a_record_forwards_and_backwards_at_one_revision(app):
    first = app.json("/v3.0/users?limit=2&count=true")
    app.view.publish({**LITTLE, "user": [*LITTLE["user"], *(person(made(), f"New{n}", "teacher") for n in range(3))]})
    pages = list(app.pages("/v3.0/users?limit=2"))
    assert (len(first["data"]), first["count"]) == (2, 7)
    assert len([1 for page in pages for _ in page["data"]]) == 10
    (after,) = [link["uri"] for link in first["links"] if link["rel"] == "next"]
    rest = app.all(after)
    whole = [each["data"]["id"] for each in first["data"]] + [each["id"] for each in rest]
    assert sorted(whole) == sorted(called(app, each["sourcedId"]) for each in LITTLE["user"])
    last = pages[-1]
    (before,) = [link["uri"] for link in last["links"] if link["rel"] == "prev"]
    assert app.json(before)["data"] == pages[-2]["data"]
    assert [link["rel"] for link in pages[0]["links"]] == ["self", "next"]
    assert [link["rel"] for link in last["links"]] == ["self", "prev"]


def test_a_revision_that_cannot_be_read_is_refused_and_never_replaced(app):
    def refused(path: str, revision: int) -> bool:
        sentence = f"Revision {revision} cannot be read (any more); begin again without a revision."
        answer = app.get(path)
        return (answer.status, answer.json) == (400, {"message": sentence})

    begun = app.json("/v3.1/users?limit=2")
    (following,) = [link["uri"] for link in begun["links"] if link["rel"] == "next"]
    app.view.publish({**LITTLE, "user": [*LITTLE["user"], person(made(), "New", "teacher")]})
    assert len(app.json("/v3.1/users?revision=2")["data"]) == 8, "also who was last seen at an older one"
    for number in (0, 3, 10**17):
        for path in ("users", "sections", f"sections/{called(app, CLASS)}/users"):
            assert refused(f"/v3.1/{path}?revision={number}", number), path
    assert app.get(following).status == 200
    app.view.narrow()
    assert refused(following, 1)
    assert len(app.all("/v3.1/users?limit=2")) == 8
    assert len(app.json("/v3.1/users?revision=2")["data"]) == 8


def test_records_that_left_and_addresses_that_never_were_are_not_found(app):
    gone = f"/v3.0/users/{called(app, CHIEF)}"
    assert app.get(gone).status == 200
    app.view.publish({"user": [each for each in LITTLE["user"] if each["sourcedId"] != CHIEF]})
    strangers = [f"/v3.0/schools/{called(app, OFFICE)}", "/v3.0/users/x", "/v3.0/nothing", f"/v3.0/users/{PUPIL}"]
    for path in (gone, f"{gone}/sections", *strangers, f"/v3.0/districts/{called(app, PUPIL)}"):
        answer = app.get(path)
        assert (answer.status, list(answer.json)) == (404, ["message"]), path
    assert "Cleo" not in names(app, "/v3.0/users")


def test_what_cannot_be_read_is_refused_with_a_message(app):
    stranger = Reader(app.integrated, app.view, "spt_nobody")
    for query, status in (
        ("limit=10001", 413),
        ("limit=0", 400),
        ("limit=ten", 400),
        ("starting_after=5f0000000000000000000000", 400),
        ("role=wizard", 400),
        ("count=perhaps", 400),
        ("revision=-1", 400),
    ):
        answer = app.get(f"/v3.0/users?{query}")
        assert (answer.status, list(answer.json)) == (status, ["message"]), query
        assert stranger.get(f"/v3.0/users?{query}").status == 401, "who is not let in hears nothing else"


def test_nothing_is_written_and_nobody_reads_without_a_token(app):
    assert app.get("/v3.0/users", method="POST").status == 405
    assert app.get("/v3.0/users", Authorization="").status == 401
    partner = a_partner_token(app.integrated.partner, clock.now())
    assert Reader(app.integrated, app.view, partner).get("/v3.0/me").status == 401


def test_only_what_the_consent_shares_is_told(district):
    app = a_reader(district.id, attributes={"user": ["givenName", "role"]})
    app.view.publish({"user": [{"sourcedId": PUPIL, "givenName": "Pia", "role": "student"}]})
    (found,) = app.all("/v3.0/users")
    assert (found["name"], found["roles"]) == ({"first": "Pia"}, {"student": {"schools": [], "enrollments": []}})
    assert app.all("/v3.0/sections") == []


def test_demographics_need_their_scope_as_everywhere(district):
    app = a_reader(
        district.id, attributes=everything(kinds=("user", "demographics", "org")), scopes=frozenset({ROSTER})
    )
    app.view.publish({kind: LITTLE[kind] for kind in ("org", "user", "demographics")})
    facet = app.json(f"/v3.0/users/{called(app, PUPIL)}")["data"]["roles"]["student"]
    assert "dob" not in facet
    assert facet["grade"] == "7"


def test_short_ids_are_given_once_and_never_twice(district, other_district):
    chance = Random(5)
    first = UUID(int=chance.getrandbits(128))
    twins = [
        UUID(int=first.int ^ (1 << place)) for place in (0, 1)
    ]  # the same but for a bit that the choice leaves out
    assert len({shortids.draw(each, 0) for each in (first, *twins)}) == 1
    given = shortids.short_of([first], district_id=district.id) | shortids.short_of(twins, district_id=district.id)
    assert len(set(given.values())) == 3
    assert all(SHORT.fullmatch(short) for short in given.values())
    shortids._known._kept.clear()
    assert shortids.short_of([*twins, first], district_id=district.id) == given, "asked for again, in another order"
    assert {shortids.meant_by(short, district_id=district.id) for short in given.values()} == {first, *twins}
    assert shortids.meant_by(given[first], district_id=other_district.id) is None


# ------------------------------------------------------------------------------------------------------------- events


def replayed(app: Reader, start: str = "") -> dict[str, dict]:
    """What a client holds that began with nothing and followed every event."""
    held: dict[str, dict] = {}
    path = f"/v3.0/events?limit=3{start}"
    for event in app.all(path):
        word, verb = event["type"].split(".")
        key = f"{word}/{event['data']['object']['id']}"
        if verb == "deleted":
            held.pop(key, None)
        else:
            held[key] = event["data"]["object"]
    return held


def pulled(app: Reader) -> dict[str, dict]:
    words = ("schools", "terms", "courses", "sections", "users", "resources")
    return {f"{word}/{each['id']}": each for word in words for each in app.all(f"/v3.0/{word}?limit=2")}


def without(kind: str, *keys: str) -> list[dict]:
    return [each for each in LITTLE[kind] if each["sourcedId"] not in keys]


def test_whoever_follows_every_event_holds_what_a_full_pull_gives(app):
    app.view.publish({"enrollment": LITTLE["enrollment"][1:], "resource": []})
    app.view.publish({"user": without("user", SIBLING), "enrollment": LITTLE["enrollment"][2:]})
    app.view.publish({"user": [*without("user", SIBLING, TEACHER), person(TEACHER, "Tim", "teacher", SCHOOL)]})
    app.view.publish({"demographics": [{"sourcedId": PUPIL, "birthDate": "2012-02-10"}]})
    held, whole = replayed(app), pulled(app)
    assert held == whole
    assert f"users/{called(app, SIBLING)}" not in held
    assert held[f"users/{called(app, PUPIL)}"]["roles"]["student"]["dob"] == "2/10/2012"


def test_an_event_tells_what_was_before(app):
    start = app.json("/v3.0/events?ending_before=last&limit=1")["data"][0]["data"]["id"]
    app.view.publish({"user": [*without("user", TEACHER), person(TEACHER, "Tim", "teacher", SCHOOL)]})
    (event,) = app.all(f"/v3.1/events?starting_after={start}")
    changed = event["data"]["previous_attributes"]
    assert (event["type"], event["created"]) == ("users.updated", "2026-09-02T06:00:00.123Z")
    assert event["previous_attributes"] == changed
    assert (sorted(changed), changed["name"]) == (["email", "name", "roles"], {"first": "Tom", "last": "Quill"})
    assert app.json(f"/v3.1/events/{event['id']}")["data"] == event
    assert app.get(f"/v3.1/events/{'f' * 24}").status == 404
    assert app.get("/v3.1/events?starting_after=x").status == 400


def test_events_can_be_had_of_some_types_or_of_one_school(app):
    kinds = {event["type"] for event in app.all("/v3.0/events?record_type=terms&record_type=courses")}
    school = app.all(f"/v3.0/events?record_type=users&school={called(app, OTHER_SCHOOL)}")
    assert kinds == {"terms.created", "courses.created"}
    assert sorted(event["data"]["object"]["name"]["first"] for event in school) == ["Ada", "Pat", "Sid", "Tom"]
    assert app.get("/v3.0/events?record_type=wizards").status == 400


def test_after_narrower_terms_no_event_tells_what_was_shared_before(app):
    secret = person(AIDE, "Secretaide", "aide", OTHER_SCHOOL)
    app.view.publish({"user": [*without("user", AIDE), secret]})
    app.view.agree({"user": ["role"]})
    app.view.publish({"user": [{"sourcedId": each["sourcedId"], "role": each["role"]} for each in LITTLE["user"]]})
    app.view.narrow()
    told = app.get("/v3.0/events?limit=1000")
    assert b"Secretaide" not in told.body
    assert b"Pia" not in told.body
    assert len(told.json["data"]) >= len(LITTLE["user"]), "whoever is behind still learns of everybody"


def test_nothing_is_updated_before_it_is_created_though_what_is_inside_of_it_changed_before(app):
    """Demographics that went are no event of their own; on small pages they come long before their pupil is back."""
    known, seen, path = set[str](), [], "/v3.0/events?limit=1"
    for users in (None, [], LITTLE["user"]):
        if users is not None:
            app.view.publish({"user": users, "demographics": []})
            app.view.narrow()
        for event in app.all(path):
            word, verb = event["type"].split(".")
            key = f"{word}/{event['data']['object']['id']}"
            seen.append((event["type"], (verb == "created") is (key not in known) or verb == "deleted"))
            (known.discard if verb == "deleted" else known.add)(key)
            path = f"/v3.0/events?limit=1&starting_after={event['id']}"
    assert [event for event, right in seen if not right] == []
    assert known == pulled(app).keys()

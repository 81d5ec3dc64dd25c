"""One truth, many dialects: under random consents, every outlet tells of the same people, classes and enrollments.

``TRUTHS=300`` tries more consents than every run of the tests affords.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from schoolpassport.delivery.formats import FORMATS
from schoolpassport.kit import clock
from schoolpassport.roster.kinds import KINDS, Version
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import catalogue
from schoolpassport.sharing.records import Contents
from schoolpassport.sharing.shortids import meant_by
from schoolpassport.tenancy.actions import register_district
from tests.property import zips
from tests.support import partner_code, random_consents
from tests.support.amount import amount
from tests.support.files import Desk, Rows, of, together
from tests.support.modern import modern, profile, role, used
from tests.support.nights import BY, Nights
from tests.support.packages import Package, enrollment, small, user
from tests.support.partners import integrated
from tests.support.readers import Reader

NOW = datetime(2026, 9, 1, 6, tzinfo=UTC)
KINDS_HERE = ("org", "academicSession", "course", "user", "class", "enrollment", "demographics", "resource")
HOW_MANY = amount("TRUTHS", 6)
FILED = range(1, HOW_MANY, 2)  # files take as long as all else
NATIVE = "/datahub/services"
digest = partner_code.of("manifest.md").digest
V1P1, V1P2 = "/ims/oneroster/v1p1", "/ims/oneroster/rostering/v1p2"
MATERIALS = "/ims/oneroster/resources/v1p2"

Truth = dict[str, Any]


def first_night() -> Package:
    """People of every role, some with everything that can be said of them."""
    return (
        small()
        .with_rows(
            "users",
            user("a1", role="aide", identifier="A-1", pronouns="they/them", preferredGivenName="Al"),
            user("h1", role="administrator", email="h1@amber.example"),
            user("c1", role="administrator", orgSourcedIds="d1"),
            user("g2", role="parent", phone="+12025550143", middleName="Quill"),
            user(
                "p5",
                agentSourcedIds="t1,t2,a1,h1,g1,g2",
                orgSourcedIds="s2,s1",
                identifier="P-5",
                email="p5@amber.example",
            )
            | {"preferredGivenName": "Pip", "preferredFamilyName": "Pell", "pronouns": "she/her", "grades": "08,07"}
            | {"primaryOrgSourcedId": "s1", "userMasterIdentifier": "M-5"},
        )
        .changed("users", "p1", preferredMiddleName="Wren", primaryOrgSourcedId="d1", grades="07")
        .with_rows("userProfiles", profile("https://lms.example/p5", "p5", username="pip", credentialType="ldap"))
        .with_rows(
            "roles",
            role("r1", "a1", "s1", "counselor", roleType="secondary", beginDate="2026-09-01"),
            role("r2", "p5", "s1", "aide", roleType="secondary", endDate="2027-06-30")
            | {"userProfileSourcedId": "https://lms.example/p5"},
        )
        .with_rows("resources", *({"sourcedId": b, "vendorResourceId": f"v-{b}"} for b in ("b1", "b2")))
        .with_rows("userResources", used("u1", "p5", "b1"), used("u2", "p5", "b2"), used("u3", "a1", "b1"))
        .with_rows(
            "enrollments",
            enrollment("e7", userSourcedId="p5", classSourcedId="k2", schoolSourcedId="s2"),
            enrollment("e8", userSourcedId="a1", role="teacher"),
            enrollment("e9", userSourcedId="h1", role="administrator"),
        )
    )


def second_night() -> Package:
    return (
        first_night()
        .changed("users", "p5", givenName="Ada", agentSourcedIds="g2", role="teacher")
        .changed("users", "t1", email="other@amber.example", orgSourcedIds="s1,s2")
        .changed("classes", "k1", title="Renamed")
        .without("enrollments", "e3", "e8")
        .without("userResources", "u1")
        .with_rows("userResources", used("u4", "t1", "b1"))
    )


@pytest.fixture(scope="module")
def sis(tmp_path_factory) -> Nights:
    district = register_district(name=f"Amber Valley {uuid4()}", now=NOW)
    made = modern(district_id=district.id, folder=tmp_path_factory.mktemp("truth"), now=NOW)
    made.done(first_night())
    return made


def agreed(sis: Nights, dice: random.Random) -> Reader:
    app, wanted = (
        integrated(sis.district_id, clock.now()),
        random_consents.contents(dice, kinds=KINDS_HERE, schools=list(sis.ids("org").values())),
    )
    sharing.agree(district_id=sis.district_id, integration_id=app.integration.id, contents=wanted, by=BY, now=sis.now)
    return Reader(app, None, app.token(clock.now()))


# ------------------------------------------------------------------------------------------------- what each one tells


def kept(**values: Any) -> Truth:
    return {name: value for name, value in values.items() if value is not None}


def oneroster(app: Reader, base: str, role_of: Callable[[Truth], str | None]) -> Truth:
    """By either version: everything is found in collections of its own."""

    def every(collection: str) -> Iterator[Truth]:
        path = f"{base}/{collection}?limit=4&filter=status='active'&offset="
        first = app.get(path + "0")
        total = int(first.headers["X-Total-Count"])
        pages = [first.json, *(app.json(f"{path}{offset}") for offset in range(4, total, 4))]
        return (record for page in pages for record in page[collection])

    schools = {each["sourcedId"]: kept(name=each.get("name")) for each in every("orgs") if each["type"] == "school"}
    births = {each["sourcedId"]: each.get("birthDate") for each in every("demographics")}
    people = {
        each["sourcedId"]: kept(
            first=each.get("givenName"),
            middle=each.get("middleName"),
            last=each.get("familyName"),
            email=each.get("email"),
            role=role_of(each),
            preferred=_preferred(each) if role_of(each) == "student" else None,
            grade=_grade(each) if role_of(each) == "student" else None,
            at=_at(each, schools) if role_of(each) in {"student", "teacher"} else None,
            born=births.get(each["sourcedId"]) if role_of(each) == "student" else None,
        )
        for each in every("users")
    }
    classes = {
        each["sourcedId"]: kept(name=each.get("title"), school=_ref(each, "school"), course=_ref(each, "course"))
        for each in every("classes")
    }
    enrolled = {
        (_ref(each, "class"), _ref(each, "user"), each["role"])
        for each in every("enrollments")
        if _ref(each, "class") in classes and _ref(each, "user") and each["role"] in {"student", "teacher"}
    }
    return {"people": people, "classes": classes, "enrolled": enrolled, "schools": schools}


def _ref(record: Truth, name: str) -> str | None:
    return record[name]["sourcedId"] if name in record else None


def _extension(record: Truth, name: str) -> Any:
    return record.get(name, record.get("metadata", {}).get(f"gg4l.{name}"))


def _preferred(record: Truth) -> Truth | None:
    parts = {part: _extension(record, f"preferred{part.title()}Name") for part in ("first", "middle", "last")}
    return kept(**parts) or None


def _grade(record: Truth) -> str | None:
    grade = _extension(record, "primaryGrade") or next(iter(record.get("grades", ())), None)
    return None if grade is None else grade.lstrip("0")


def _at(record: Truth, schools: Truth) -> str | None:
    """The school where somebody is first of all."""
    named = _ref(record, "primarySchool") or _ref(record, "primaryOrg")
    orgs = [each["sourcedId"] for each in record.get("orgs", ())]
    orgs += [each["org"]["sourcedId"] for each in record.get("roles", ())]
    return named or next((org for org in orgs if org in schools), None)


MORE = ("userMasterIdentifier", "preferredFirstName", "preferredMiddleName", "preferredLastName", "pronouns")


def more(app: Reader, base: str) -> Truth:
    """What 1.2 has properties for and 1.1 has not, and whose accounts are told."""
    people = app.json(f"{base}/users?limit=1000&filter=status='active'")["users"]
    return {
        each["sourcedId"]: kept(
            **{name: _extension(each, name) for name in MORE},
            school=_ref(each, "primarySchool") or _ref(each, "primaryOrg"),
            accounts=[
                (told["profileId"], told.get("username", (told.get("credentials") or [{}])[0].get("username")))
                for told in _extension(each, "userProfiles") or ()
            ],
        )
        for each in people
    }


def every_role(app: Reader) -> tuple[Truth, Truth]:
    """Who is what where and since when, by 1.1 of those of whom it is told, and by 1.2 of everybody."""
    older, newer = (app.json(f"{base}/users?limit=1000&filter=status='active'")["users"] for base in (V1P1, V1P2))
    told = {each["sourcedId"]: _extension(each, "roles") for each in older}
    found = {
        each["sourcedId"]: [{**role, "org": role["org"]["sourcedId"]} for role in each.get("roles", ())]
        for each in newer
    }
    return {key: roles for key, roles in told.items() if roles}, found


def carried(app: Reader) -> set[tuple[str, str]]:
    """Who uses which resource: by what people show, and by what is asked of one of them, or of one resource."""
    found = {
        base: {
            (person["sourcedId"], book["sourcedId"])
            for person in app.json(f"{base}/users?limit=1000&filter=status='active'")["users"]
            for book in person.get("resources", ())
        }
        for base in (V1P1, V1P2)
    }
    named = by_short_ids(app)
    people, books = (app.all(f"/v3.0/{word}") for word in ("users", "resources"))
    asked = {
        "1.2, one by one": {
            (named(person["id"]), book["sourcedId"])
            for person in people
            for book in app.json(f"{MATERIALS}/users/{named(person['id'])}/resources")["resources"]
        },
        "of users": {
            (named(person["id"]), named(book["id"]))
            for person in people
            for book in app.all(f"/v3.0/users/{person['id']}/resources")
        },
        "of resources": {
            (named(person["id"]), named(book["id"]))
            for book in books
            for person in app.all(f"/v3.0/resources/{book['id']}/users")
        },
    }
    assert {name: pairs for name, pairs in asked.items() if pairs != found[V1P1]} == {}
    assert found[V1P1] == found[V1P2]
    return found[V1P1]


def belonging(app: Reader) -> set[tuple[str, str]]:
    """Who is whose contact: by what people show, and by what contacts do. And who is at which school, likewise."""
    everybody = app.json(f"{V1P1}/users?limit=1000&filter=status='active'")["users"]
    roles = {each["sourcedId"]: role_of_1p1(each) for each in everybody}
    cared = {
        (agent["sourcedId"], each["sourcedId"])
        for each in everybody
        for agent in each.get("agents", ())
        if (roles[each["sourcedId"]], roles[agent["sourcedId"]]) == ("student", "contact")
    }
    places = {(org["sourcedId"], each["sourcedId"]) for each in everybody for org in each.get("orgs", ())}
    named, services = by_short_ids(app), Native(app.integrated, app.view, app.token)
    contacts, schools = services.all("/v1/contacts?limit=1"), app.all("/v3.0/schools")
    short = app.all("/v3.0/users?role=contact")
    told = {
        "native": {(each["id"], of["student"]) for each in contacts for of in each["student_relationships"]},
        "native, one by one": {
            (each["id"], pupil["id"])
            for each in contacts
            for pupil in services.all(f"/v1/contacts/{each['id']}/students?limit=1")
        },
        "clever": {
            (named(each["id"]), named(of["student"]))
            for each in short
            for of in each["roles"]["contact"]["student_relationships"]
        },
    }
    assert {name: pairs for name, pairs in told.items() if pairs != cared} == {}
    known = {named(each["id"]): each["id"] for each in schools}
    asked = {
        (school, named(person["id"]))
        for school, its in known.items()
        for person in app.all(f"/v3.0/schools/{its}/users?limit=3")
    }
    assert asked == {(org, person) for org, person in places if org in known}
    return cared


ROLES = {"student": "student", "teacher": "teacher", "aide": "staff", "proctor": "staff"}
CONTACTS = dict.fromkeys(("guardian", "parent", "relative"), "contact")
ADMINISTRATORS = dict.fromkeys(("siteAdministrator", "districtAdministrator", "principal"), "administrator")


def role_of_1p1(record: Truth) -> str | None:
    return {**ROLES, **CONTACTS, "administrator": "administrator"}.get(record.get("role", ""))


def role_of_1p2(record: Truth) -> str | None:
    role = record["roles"][0]["role"] if "roles" in record else ""
    return {**ROLES, **CONTACTS, **ADMINISTRATORS}.get(role)


def objects(people: list[Truth], sections: list[Truth], schools: list[Truth], named: Callable[[str], str]) -> Truth:
    """By either of the other two, whose people have names inside and whose sections list their people."""
    return {
        "people": {named(each["id"]): _person(each, named) for each in people},
        "classes": {
            named(each["id"]): kept(
                name=each.get("name"),
                school=named(each["school"]) if "school" in each else None,
                course=named(each["course"]) if "course" in each else None,
            )
            for each in sections
        },
        "enrolled": {
            (named(each["id"]), named(person), role)
            for each in sections
            for role in ("student", "teacher")
            for person in each[f"{role}s"]
        },
        "schools": {named(each["id"]): kept(name=each.get("name")) for each in schools},
    }


def _person(each: Truth, named: Callable[[str], str]) -> Truth:
    name = each.get("name", {})
    about = each if "role" in each else next(iter(each["roles"].values()), {})
    born = about.get("dob")
    if born is not None:
        month, day, year = born.split("/")
        born = f"{year}-{int(month):02}-{int(day):02}"
    role = each["role"] if "role" in each else next(iter(each["roles"]), None)
    role = {"district_admin": "administrator"}.get(role, role)
    return kept(
        first=name.get("first"),
        middle=name.get("middle"),
        last=name.get("last"),
        email=each.get("email"),
        role=role,
        preferred=about.get("preferred_name") if role == "student" else None,
        grade=about.get("grade") if role == "student" else None,
        at=named(about["school"]) if "school" in about and role in {"student", "teacher"} else None,
        born=born,
    )


def by_short_ids(app: Reader) -> Callable[[str], str]:
    return lambda short: str(meant_by(short, district_id=app.integrated.district_id))


def clever(app: Reader) -> Truth:
    lists = (app.all(f"/v3.0/{word}?limit=3") for word in ("users", "sections", "schools"))
    return objects(*lists, by_short_ids(app))


def clever_events(app: Reader) -> Truth:
    held: dict[str, dict[str, Truth]] = {word: {} for word in ("users", "sections", "schools")}
    for event in app.all("/v3.1/events?limit=5"):
        word, verb = event["type"].split(".")
        if word in held and verb == "deleted":
            held[word].pop(event["data"]["object"]["id"], None)
        elif word in held:
            held[word][event["data"]["object"]["id"]] = event["data"]["object"]
    return objects(*(list(found.values()) for found in held.values()), by_short_ids(app))


PEOPLE = {
    "students": "student",
    "teachers": "teacher",
    "contacts": "contact",
    "school_admins": "administrator",
    "district_admins": "administrator",
}


class Native(Reader):
    def get(self, path: str, **more: str):
        return super().get(NATIVE + path, **more)


def native(app: Reader) -> Truth:
    services = Native(app.integrated, app.view, app.token)
    people = [{**each, "role": role} for word, role in PEOPLE.items() for each in services.all(f"/v1/{word}?limit=3")]
    return objects(people, services.all("/v1/sections?limit=1"), services.all("/v1/schools"), str)


def native_events(app: Reader) -> Truth:
    held: dict[str, dict[str, Truth]] = {word: {} for word in (*PEOPLE, "sections", "schools")}
    for event in Native(app.integrated, app.view, app.token).all("/v1/events?limit=6"):
        word, verb = event["type"].split(".")
        if verb == "deleted":
            held[word].pop(event["data"]["object"]["id"], None)
        else:
            held[word][event["data"]["object"]["id"]] = event["data"]["object"]
    people = [{**each, "role": role} for word, role in PEOPLE.items() for each in held[word].values()]
    return objects(people, *(list(held[word].values()) for word in ("sections", "schools")), str)


def coarse(truth: Truth) -> Truth:
    """A dialect that knows school administrators as staff cannot tell them from aides; one has no staff at all."""
    people = {
        key: {**each, "role": "staff" if each.get("role") == "administrator" else each.get("role")}
        for key, each in truth["people"].items()
    }
    return {**truth, "people": people}


def without_staff(truth: Truth) -> Truth:
    people = {key: each for key, each in truth["people"].items() if each.get("role") in PEOPLE.values()}
    return {**truth, "people": people}


def copied(app: Reader) -> Truth:
    """By the stream of the whole, by the feed of changes and by the events of 1.1, from the beginning: each makes a copy."""
    lines = app.get("/datahub/services/view/export").body.splitlines()
    streamed = {
        (kind, each["sourcedId"]): each for line in lines for kind, each in json.loads(line).items() if kind != "end"
    }
    followed, page = {}, {"next": "/datahub/services/view/changes?limit=7", "more": True}
    while page["more"]:
        page = app.json(page["next"])
        for line in page["changes"]:
            ((kind, each),) = [(name, value) for name, value in line.items() if isinstance(value, dict)]
            if each["status"] == "active":
                followed[kind, each["sourcedId"]] = each
    assert followed == streamed
    assert happened(app) == {key: each for key, each in streamed.items() if Version.V1P1 in KINDS[key[0]].versions}
    return streamed


def happened(app: Reader) -> Truth:
    held, after = {}, "0" * 24
    while events := app.json(f"/ims/oneroster/v1p1/events?limit=50&after={after}")["events"]:
        after = events[-1]["sourcedId"]
        for event in events:
            ((kind, each),) = event["object"].items()
            held[kind, each["sourcedId"]] = each
            if event["type"].endswith(".deleted"):
                del held[kind, each["sourcedId"]]
    return held


def signed_for(app: Reader) -> Truth:
    """What the manifest says that each kind adds up to."""
    found = app.json("/datahub/services/view/manifest")["collections"]
    return {kind: found[KINDS[kind].plural] for kind in KINDS_HERE}


def added_up(held: Truth) -> Truth:
    """The same of a copy, by what our page tells partners to write."""
    kinds = {kind: [each for (name, _), each in held.items() if name == kind] for kind in KINDS_HERE}
    return {kind: {"records": len(each), "digest": digest(each)} for kind, each in kinds.items()}


def reconciled(app: Reader) -> Truth:
    """What is sent of people to whom holds none."""
    *lines, _ = app.post("/datahub/services/view/reconcile?collection=users", b"").body.splitlines()
    return {(kind, each["sourcedId"]): each for line in lines for kind, each in json.loads(line).items()}


def collected(app: Reader) -> Truth:
    """The same by the collections of OneRoster."""
    return {
        (kind.name, each["sourcedId"]): each
        for kind in KINDS.values()
        if kind.name in KINDS_HERE
        for each in app.json(f"{V1P1}/{kind.plural}?limit=1000&filter=status='active'")[kind.plural]
    }


FOR_A_ROLE = ("role", "born", "preferred", "grade", "at")


def with_roles(second: Truth, truth: Truth) -> Truth:
    """In 1.2 a role is one at an org: without an org there is none."""
    people = {
        key: each
        if "role" in each
        else {**each, **{n: v for n, v in truth["people"].get(key, {}).items() if n in FOR_A_ROLE}}
        for key, each in second["people"].items()
    }
    return {**second, "people": people}


@dataclass
class Files:
    """What one application has by files: in full, and in a copy that follows the changes."""

    desk: Desk
    held: dict[str, dict[str, Rows]] = field(default_factory=dict)
    revision: int = 0

    def check(self, app: Reader, truth: Truth, uses: set[tuple[str, str]], what: str) -> None:
        full = self.desk.texts(EVERY_FILE)
        if self.revision:
            delta = self.desk.texts(DELTAS, since=self.revision)
            self.held = {name: zips.followed(held, of(name, delta)) for name, held in self.held.items()}
        else:
            self.held = {format_.name: of(format_.name, full) for format_ in ONEROSTER}
        self.revision = int(app.get(f"{V1P1}/orgs?limit=1").headers["X-Revision"])
        told = zips.told(truth)
        for format_ in ONEROSTER:
            for files in (of(format_.name, full), self.held[format_.name]):
                assert with_roles(zips.oneroster(files), told) == told, (what, format_.name)
        for files in (of("oneroster-1.2", full), self.held["oneroster-1.2"]):
            rows = files.get("userResources.csv", [])
            assert {(row["userSourcedId"], row["resourceSourcedId"]) for row in rows} == uses, what
        basic = zips.as_basic(told, zips.places(of("oneroster-1.1", full)))
        assert zips.basic_roster(of("basic-roster", full)) == basic, what


ONEROSTER = (FORMATS["oneroster-1.1"], FORMATS["oneroster-1.2"])
EVERY_FILE, DELTAS = together(*FORMATS.values()), together(*ONEROSTER)


def check(app: Reader, files: Files | None, what: str) -> Truth:
    truth, uses = oneroster(app, V1P1, role_of_1p1), carried(app)
    assert with_roles(oneroster(app, V1P2, role_of_1p2), truth) == truth, what
    assert more(app, V1P2) == more(app, V1P1), what
    told, listed = every_role(app)
    assert {key: (roles, listed[key]) for key, roles in told.items() if listed[key] != roles} == {}, what
    assert coarse(clever(app)) == coarse(truth), what
    assert coarse(clever_events(app)) == coarse(truth), what
    assert native(app) == native_events(app) == without_staff(truth), what
    copy = copied(app)
    assert copy == collected(app), what
    assert added_up(copy) == signed_for(app), what
    assert reconciled(app) == {key: each for key, each in copy.items() if key[0] == "user"}, what
    if files is not None:
        files.check(app, truth, uses, what)
    return truth | {"carried": uses, "cared": belonging(app)}


def test_every_outlet_tells_the_same_under_random_consents_and_after_a_night(sis, tmp_path):
    dice = random.Random("one truth")
    apps: list[tuple[Reader, Files | None]] = []
    for number in range(HOW_MANY):
        app = agreed(sis, dice)
        desk = Desk(sis.district_id, app.integrated.integration.id, tmp_path / str(number))
        apps.append((app, Files(desk) if number in FILED else None))
    before = [check(*app, f"consent {number}, first night") for number, app in enumerate(apps)]
    sis.done(second_night())
    sis.done(second_night().changed("users", "p1", middleName="Rue"))  # what is missing twice is gone
    after = [check(*app, f"consent {number}, later") for number, app in enumerate(apps)]
    assert any(truth["enrolled"] for truth in before), "there is something to compare"
    assert before != after, "and it changes"
    assert any(len(truth["cared"]) > 2 for truth in before), "also behind the first places of a list"
    with_files = [
        {name: truths[n]["carried"] for name, truths in (("before", before), ("after", after))} for n in FILED
    ]
    assert any(each["before"] and each["before"] - each["after"] and each["after"] for each in with_files)
    told = {name for truth in after for each in truth["people"].values() for name in each}
    assert told >= {"preferred", "grade", "at"}
    assert all(UUID(key) for truth in after for key in truth["people"])


def test_events_tell_who_is_not_shared_any_more_when_a_consent_is_narrowed(sis):
    """What a consent withdrew is reduced to its id; that it is gone is told under the name by which it was known."""
    app = integrated(sis.district_id, clock.now())
    reader = Reader(app, None, app.token(clock.now()))
    facts = {"district_id": sis.district_id, "integration_id": app.integration.id, "by": BY, "now": sis.now}
    everything = catalogue.everything(kinds=KINDS_HERE)
    sharing.agree(contents=Contents(attributes=everything), **facts)
    dialects = {"/v3.1/events?limit=3": "starting_after", f"{NATIVE}/v1/events?limit=3": "after"}
    clients = {f"{NATIVE}/v1/events?limit=3": Native(reader.integrated, None, reader.token)}
    before = {path: _followed(clients.get(path, reader), path, {}) for path in dialects}
    sharing.agree(contents=Contents(attributes=everything, schools=[sis.ids("org")["s2"]]), **facts)
    for path, cursor in dialects.items():
        client, (held, last) = clients.get(path, reader), before[path]
        after, _ = _followed(client, f"{path}&{cursor}={last}", held)
        afresh, _ = _followed(client, path, {})
        assert after == afresh, path
        assert {word.rstrip("s") for word, _ in held.keys() - after} >= {"school", "section"}, (
            "there is something to lose"
        )


def _followed(client: Reader, path: str, held: dict[tuple[str, str], str]) -> tuple[dict[tuple[str, str], str], str]:
    """Whom a client that follows events has, of those that it had; and the last event."""
    known, last = dict(held), ""
    for event in client.all(path.removeprefix(NATIVE)):
        word, verb = event["type"].split(".")
        known[word, event["data"]["object"]["id"]] = verb
        last = event["id"]
    return {key: "there" for key, verb in known.items() if verb != "deleted"}, last

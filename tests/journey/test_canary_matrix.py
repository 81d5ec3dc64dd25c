"""The canary matrix: every string of one tenant carries that tenant's mark, and no answer to another holds it.

Every route × two districts × two applications × own, foreign and guessed ids. Routes are found by looking, and a route
that this file does not know how to ask fails the test. What keeps tenants apart is asked three times: with both locks, and
with each of them alone.
"""

import itertools
import json
import re
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.urls import get_resolver

from schoolpassport.delivery import custom
from schoolpassport.delivery.formats import FORMATS
from schoolpassport.gradebook import actions as gradebook
from schoolpassport.kit import clock
from schoolpassport.roster.kinds import KINDS, SHARED
from schoolpassport.rosterapi import keys, tokens, views, wsgi
from schoolpassport.rosterapi.clever import tokens as clever_tokens
from schoolpassport.rosterapi.oneroster_1p2.services import GRADES, SERVICES
from schoolpassport.rosterapi.operations import OF_1P1, OPERATIONS, Operation
from schoolpassport.rosterapi.urls import PREFIXES
from schoolpassport.rosterapi.vendor import description as vendor
from schoolpassport.rosterapi.vendor import discovery, webhooks
from schoolpassport.rosterapi.whole import exporting, reconciling
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import catalogue
from schoolpassport.sharing.models import Manifest, View
from schoolpassport.sharing.records import Contents
from schoolpassport.tenancy import scope
from schoolpassport.tenancy.actions import register_district
from tests.journey.locks import without_both, without_conditions, without_row_security
from tests.support import packages, partner_code
from tests.support.files import Desk, together
from tests.support.gradebooks import writing
from tests.support.modern import HEADERS_1P2, modern, used
from tests.support.partners import Integrated, a_partner_token, integrated
from tests.support.plain_views import PlainView
from tests.support.readers import Reader
from tests.support.wsgi import Answer, call

digest, held = partner_code.of("manifest.md").digest, partner_code.of("manifest.md").held
APPLICATION = wsgi.before(WSGIHandler())
NOT_TEXT = {
    *("sourcedId", "status", "dateLastModified", "type", "role", "classType", "enabledUser", "primary", "sex"),
    *("startDate", "endDate", "beginDate", "birthDate", "schoolYear", "userIds"),
    *(name for name, kind in ((f.name, f.type) for k in KINDS.values() for f in k.fields) if kind == "boolean"),
}
FAR = "qfarq"  # marks what belongs to the first school only, which the narrow application may not see
MARKS = ("qalphaq", "qbravoq")  # one for each district
WROTE = {"whole": "qwroteq", "narrow": "qnotedq"}  # marks what each application wrote, which only it may see
MAIL = "qmailq"  # marks e-mails, which the narrow application may not see


def marked(mark: str) -> packages.Package:
    """The small district, with the mark in every key and every text; blank texts of people are filled with it."""
    base = (
        packages.small()
        .with_rows("resources", *({"sourcedId": b, "vendorResourceId": b, "title": b} for b in ("b1", "b2")))
        .with_rows("classResources", {"sourcedId": "x1", "classSourcedId": "k2", "resourceSourcedId": "b1"})
        .with_rows("userResources", used("u1", "p1", "b1"), used("u2", "p4", "b2"), used("u3", "t1", "b2"))
    )
    texts = {"phone", "sms", "middleName", "identifier", "cityOfBirth", "location", "courseCode", "classCode"}
    rows = {}
    for file, old in base.rows.items():
        rows[file] = tuple(_marked(row, mark, sorted(texts & set(HEADERS_1P2[file]))) for row in old)
    return packages.Package(rows)


def _marked(row: packages.Row, mark: str, blanks: list[str]) -> packages.Row:
    far = FAR if row.get("orgSourcedIds", row.get("schoolSourcedId", row.get("orgSourcedId"))) == "s1" else ""
    new = {"metadata.note": f"{mark}{far}", "sourcedId": f"{row['sourcedId']}-{mark}"}
    new |= dict.fromkeys(blanks, f"{mark}{far}")
    for name, value in row.items():
        if name == "sourcedId" or not value:
            continue
        if name.endswith(("SourcedId", "SourcedIds")):
            new[name] = ",".join(f"{part}-{mark}" for part in value.split(","))
        else:
            new[name] = value if name in NOT_TEXT else f"{value} {mark}{far}"
    if "username" in row:
        new["email"] = f"{row['sourcedId']}{MAIL}@{mark}.example"
    return new


@dataclass(frozen=True)
class App:
    district: UUID
    integration: UUID
    name: str
    mark: str
    token: str
    partner_token: str
    ids: dict[str, list[str]]  # by plural of the kind, as the application's own collections show them

    def get(self, path: str) -> Answer:
        return call(APPLICATION, path, Authorization=f"Bearer {self.token}")

    def post(self, path: str, body: bytes) -> Answer:
        return call(APPLICATION, path, method="POST", body=body, Authorization=f"Bearer {self.token}")


def _app(district_id: UUID, name: str, mark: str, attributes, schools) -> App:
    now = clock.now()
    made = integrated(district_id, now)
    sharing.agree(
        district_id=district_id,
        integration_id=made.integration.id,
        contents=Contents(attributes=attributes, schools=schools),
        by="test",
        now=now,
    )
    app = App(district_id, made.integration.id, name, mark, made.token(now), a_partner_token(made.partner, now), {})
    _write(made, f"{name}-{mark}", f"{mark} {WROTE[name]}")
    for operation in (o for o in OPERATIONS if not o.single and len(o.words) == 1):
        answer = app.get(f"{_base(operation)}/{operation.words[0]}?limit=1000")
        app.ids[operation.words[0]] = [r["sourcedId"] for r in json.loads(answer.body)[operation.envelope]]
    return app


@pytest.fixture(scope="module")
def matrix(database, tmp_path_factory):
    """Two districts of one shape, two applications in each: one sees everything, one a school and no e-mail."""
    apps = []
    for mark in MARKS:
        now = clock.now()
        district = register_district(name=f"District {mark} {uuid4().hex[:8]}", now=now)
        world = modern(district_id=district.id, folder=tmp_path_factory.mktemp(mark), now=now)
        world.done(marked(mark))
        whole = catalogue.everything(kinds=tuple(SHARED))
        narrow = {kind: [n for n in names if n != "email"] for kind, names in catalogue.everything().items()}
        second = world.ids("org")[f"s2-{mark}"]
        apps.append(_app(district.id, "whole", mark, whole, None))
        apps.append(_app(district.id, "narrow", mark, narrow, [second]))
    return apps


def _write(made: Integrated, name: str, title: str) -> None:
    """Each writes into its gradebook, which nobody else is shown."""
    integration = made.integration.id
    gradebook.allow(district_id=made.district_id, integration_id=integration, by="test", now=clock.now())
    writer = writing(Reader(made, PlainView(made.district_id, integration, 0), ""))
    answer = writer.put(f"{PREFIXES[0]}/categories/{name}", {"category": {"title": title}})
    assert answer.status == 201, answer
    answer = writer.put(f"{GRADES.base}/assessmentLineItems/{name}", {"assessmentLineItem": {"title": title}})
    assert answer.status == 201, answer


LOCKS = {
    "both": lambda _: nullcontext(),
    "conditions alone": without_row_security,
    "row-level security alone": lambda _: without_conditions(),
}


@pytest.fixture(params=LOCKS)
def locks(request, database, matrix):
    """The matrix is made with both locks, and read with these."""
    with LOCKS[request.param](database):
        yield request.param


def _base(operation: Operation, prefix: str = PREFIXES[0]) -> str:
    """Where it is: by 1.1, or by 1.2 alone."""
    return prefix if operation in OF_1P1 else next(s.base for s in SERVICES.values() if operation in s.operations)


def _addresses(ids: dict[str, list[str]]):
    """Every address of every operation, filled with ids of one view (one, where there are many) and a guessed one."""
    for operation in OPERATIONS:
        words = operation.words
        slots = len(words) if operation.single else len(words) - 1
        choices = [[*ids[word][:3], *ids[word][-1:], str(uuid4())] for word in words[:slots]]
        for chosen in itertools.product(*choices):
            parts = [part for pair in itertools.zip_longest(words, chosen) for part in pair if part]
            yield operation, "/" + "/".join(parts)


def _forbidden(app: App) -> list[str]:
    (other,) = set(MARKS) - {app.mark}
    written = [mark for name, mark in WROTE.items() if name != app.name]
    return [other, *written] + ([FAR, MAIL] if app.name == "narrow" else [])


def _said(answer: Answer) -> str:
    return " ".join([str(answer.status), *(f"{k}: {v}" for k, v in answer.headers.items()), answer.body.decode()])


def _nameless(answer: Answer, path: str) -> str:
    """An answer without what is new in each: its own id, and the address that was asked for."""
    text = _said(answer).replace(path, "PATH")
    return re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "ID", text)


def test_no_answer_about_own_ids_holds_a_foreign_mark(matrix, locks):
    for app in matrix:
        seen = False
        for prefix in PREFIXES:
            for operation, path in _addresses(app.ids):
                for query in ("", "?sort=familyName", "?filter=status='active'", "?fields=sourcedId,metadata"):
                    if query and operation.single and "fields" not in query:
                        continue
                    said = _said(app.get(_base(operation, prefix) + path + query))
                    seen = seen or app.mark in said
                    assert not [m for m in _forbidden(app) if m in said], (app.name, app.mark, path, query)
        assert seen, "the matrix must hold what could be seen"


OTHER_DIALECTS = (
    *(
        f"/v3.0/{word}?limit=1000"
        for word in ("districts", "schools", "users", "courses", "sections", "terms", "events")
    ),
    *(
        f"/datahub/services/v1/{word}?limit=1000"
        for word in (
            "districts",
            "schools",
            "students",
            "teachers",
            "contacts",
            "admins",
            "sections",
            "groups",
            "events",
        )
    ),
    "/ims/oneroster/v1p1/events?limit=1000",
    *(f"/ims/oneroster/rostering/v1p2/{word}?limit=1000" for word in ("orgs", "users", "classes", "enrollments")),
    "/ims/oneroster/gradebook/v1p2/lineItems",
    *(f"/ims/oneroster/gradebook/v1p2/{word}" for word in ("categories", "assessmentLineItems", "scoreScales")),
    "/ims/oneroster/resources/v1p2/resources",
    "/datahub/services/view/changes?limit=1000",
    "/datahub/services/view/export",
)


def test_no_other_dialect_holds_a_foreign_mark(matrix, locks):
    for app in matrix:
        seen = 0
        for path in OTHER_DIALECTS:
            answer = app.get(path)
            said = _said(answer)
            assert answer.status == 200, (app.name, app.mark, path, said)
            seen += app.mark in said
            assert not [m for m in _forbidden(app) if m in said], (app.name, app.mark, path)
        assert seen > len(OTHER_DIALECTS) / 2, "the matrix must hold what could be seen"


def _export(app: App) -> list[tuple[str, dict]]:
    lines = (json.loads(line) for line in app.get("/datahub/services/view/export").body.splitlines()[:-1])
    return [item for line in lines for item in line.items()]


def _adds_up(app: App) -> bool:
    """Whether the manifest is that of the records that the application may see, and of no others."""
    answer = app.get("/datahub/services/view/manifest?buckets=true")
    assert answer.status == 200
    assert not [m for m in _forbidden(app) if m in _said(answer)], (app.name, app.mark)
    told, seen = json.loads(answer.body)["collections"], _export(app)
    mine = {word: [record for kind, record in seen if KINDS[kind].plural == word] for word in told}
    return told == {word: {"records": len(each), "digest": digest(each)} for word, each in mine.items()}


OWN_FORMAT = """
files:
  - file: own.csv
    rows: enrollment
    columns:
      - {header: Who, from: user.givenName}
      - {header: Mail, from: user.email}
      - {header: Note, from: user.metadata.note}
      - {header: Teachers, from: class.teachers.email}
      - {header: School, from: class.school.name}
"""
EVERY_FILE = together(*FORMATS.values(), custom.read(OWN_FORMAT, name="own", today=date(2026, 9, 1)))


def _files(app: App, folder: Path) -> dict[str, str]:
    return Desk(app.district, app.integration, folder / f"{app.mark} {app.name}").texts(EVERY_FILE)


def test_no_file_holds_a_foreign_mark(matrix, locks, tmp_path):
    for app in matrix:
        files = _files(app, tmp_path)
        seen = [name for name, text in files.items() if app.mark in text]
        assert {"oneroster-1.1 users.csv", "oneroster-1.2 classes.csv", "basic-roster students.csv", "own own.csv"} <= {
            *seen
        }
        for name, text in files.items():
            assert not [m for m in _forbidden(app) if m in text], (app.name, app.mark, name)


def test_no_foreign_record_is_added_up_in_a_manifest(matrix, locks):
    """Sums show no mark, so they are compared with those of the marks that may be seen."""
    for app in matrix:
        with scope.inside(app.district):
            Manifest.objects.filter(district_id=app.district).delete()  # with these locks, from nothing
        assert _adds_up(app), (app.name, app.mark)
        assert any(app.mark in json.dumps(record) for _, record in _export(app))


def test_what_others_hold_is_answered_like_what_nobody_holds(matrix, locks):
    """Ids of another view with their right hashes: reconciling gives nothing for them but that they are none of one's own."""
    people = [[record for kind, record in _export(app) if kind == "user"] for app in matrix]
    for (app, own), (_, others) in itertools.permutations(zip(matrix, people, strict=True), 2):
        mine = {record["sourcedId"] for record in own}
        theirs = [record for record in others if record["sourcedId"] not in mine]
        answer = app.post("/datahub/services/view/reconcile?collection=users", held(theirs))
        said = _said(answer)
        assert answer.status == 200
        assert not [m for m in _forbidden(app) if m in said], (app.name, app.mark)
        assert app.mark in said, "the matrix must hold what could be seen"
        *_, end = answer.body.splitlines()
        assert json.loads(end)["end"] | {"revision": 0} == {
            "revision": 0,
            "records": len(own),
            "deleted": len(theirs),
            "same": 0,
        }


def test_ids_of_others_are_answered_like_ids_that_nobody_has(matrix, locks):
    asked = 0
    for app, other in itertools.permutations(matrix, 2):
        mine = {i for ids in app.ids.values() for i in ids}
        for operation, path in _addresses(other.ids):
            ids = path.split("/")[2::2]
            if not ids or any(i in mine for i in ids):
                continue
            base, guessed = _base(operation), path
            answer = app.get(base + path)
            for i in ids:
                guessed = guessed.replace(i, str(uuid4()))
            assert answer.status == 404, path
            assert _nameless(answer, path) == _nameless(app.get(base + guessed), guessed), path
            asked += operation is not None
    assert asked > 500


def test_a_field_that_is_not_shared_cannot_be_asked_about(matrix):
    """Filtering by a hidden field answers as for a field that does not exist, whatever the value."""
    (app,) = (a for a in matrix if (a.name, a.mark) == ("narrow", "qalphaq"))
    right = app.get(f"{PREFIXES[0]}/users?filter=email~'{MAIL}'")
    nothing = app.get(f"{PREFIXES[0]}/users?filter=emajl~'{MAIL}'")
    assert (right.status, nothing.status) == (400, 400)
    assert _nameless(right, "email").replace("email", "X") == _nameless(nothing, "emajl").replace("emajl", "X")


def test_discovery_names_the_partners_own_district_only(matrix, locks):
    for app in matrix:
        assert _discovered(app, "onboarding/credentials") == [app.mark]
        assert set(_discovered(app, "applications")) == {app.mark}


def test_webhooks_of_another_partner_are_not_there(matrix, locks):
    def status(app: App, of: App) -> int:
        path = f"/datahub/services/vendor/integrations/{of.integration}/webhooks"
        return call(APPLICATION, path, Authorization=f"Bearer {app.partner_token}").status

    for app in matrix:
        assert {of.mark: status(app, of) for of in matrix} == {of.mark: 200 if of is app else 404 for of in matrix}


def _discovered(app: App, path: str) -> list[str]:
    """The marks of the districts that the application's partner is told about."""
    answer = call(APPLICATION, f"/datahub/services/vendor/{path}", Authorization=f"Bearer {app.partner_token}")
    assert answer.status == 200
    return sorted(re.findall(r'"districtName": "[^"]*(q\w+q)', answer.body.decode()))


def test_every_route_is_in_this_matrix():
    """A new address fails here until the matrix knows how to ask it."""
    known = {
        views.description,
        views.roster,
        tokens.token,
        clever_tokens.districts,
        *(discovery.credentials, discovery.applications, vendor.described),
        *(webhooks.webhooks, webhooks.webhook, webhooks.secret, webhooks.trial, webhooks.messages, webhooks.replay),
        keys.key_set,
        exporting.export,
        reconciling.reconcile,
    }
    found = {pattern.callback for pattern in get_resolver().url_patterns}
    assert found == known


def test_published_keys_name_nobody(matrix):
    """There is at least one: each view here began with a receipt."""
    answer = call(APPLICATION, "/.well-known/jwks.json")
    assert (answer.status, len(json.loads(answer.body)["keys"]) > 0) == (200, True)
    assert not [mark for mark in (*MARKS, FAR, MAIL) if mark in _said(answer)]


def test_the_matrix_would_catch_a_leak(matrix):
    """The control: with the token of another, the marks that are looked for do appear."""
    for app, other in itertools.permutations(matrix, 2):
        if _forbidden(app)[0] == other.mark or (app.name, other.name) == ("narrow", "whole"):
            said = _said(other.get(f"{PREFIXES[0]}/users?limit=1000"))
            assert [m for m in _forbidden(app) if m in said]


def _pages(app: App, word: str) -> Iterator[str]:
    """All of a collection: with the locks off, it holds what every test before this one left in the database."""
    for offset in itertools.count(0, 1000):
        answer = app.get(f"{PREFIXES[0]}/{word}?limit=1000&offset={offset}")
        yield _said(answer)
        if offset + 1000 >= int(answer.headers["X-Total-Count"]):
            return


def test_with_both_locks_off_the_matrix_finds_foreign_marks_everywhere(matrix, database):
    """The other control: each lock can be taken off, and what the three rounds above do not find would be found."""
    with without_both(database):
        for app in matrix:
            other = _forbidden(app)[0]
            for word in ("orgs", "users", "classes", "enrollments", "demographics"):
                if app.name == "whole" or word != "demographics":
                    assert any(other in page for page in _pages(app, word)), (app.name, word)
            foreign = next(a for a in matrix if (a.name, a.mark) == (app.name, other))
            stranger = next(i for i in foreign.ids["users"])
            assert other in _said(app.get(f"{PREFIXES[0]}/users/{stranger}"))


def test_with_both_locks_off_files_would_be_made_of_foreign_rows(matrix, database, tmp_path):
    """As far as the locks go: files are not made of whatever other tests left in this database."""
    app = matrix[0]
    desk = Desk(app.district, app.integration, tmp_path / "unlocked")
    assert _forbidden(app)[0] not in desk.copied(EVERY_FILE)["user"]
    with without_both(database):
        assert _forbidden(app)[0] in desk.copied(EVERY_FILE)["user"]


def test_with_both_locks_off_manifests_add_foreign_records_up(matrix, database):
    """The control: compared with what was added up with the locks on; and what reconciling brings is foreign, too."""
    app = matrix[0]
    own = json.loads(app.get("/datahub/services/view/manifest?collections=users").body)["collections"]["users"]
    with without_both(database):
        Manifest.objects.all().delete()
        added = json.loads(app.get("/datahub/services/view/manifest?collections=users").body)["collections"]["users"]
        Manifest.objects.all().delete()
        brought = _said(app.post("/datahub/services/view/reconcile?collection=users", b""))
    assert added["records"] > own["records"]
    assert _forbidden(app)[0] in brought


def test_the_locks_are_taken_off_one_at_a_time(matrix, database):
    """Asked in my scope for my views, and for the other district's: what each lock by itself lets pass."""
    mine, other = (next(a.district for a in matrix if a.mark == mark) for mark in MARKS)

    def seen(asked: UUID) -> set[UUID]:
        with scope.inside(mine):
            return {mine, other} & set(View.objects.filter(district_id=asked).values_list("district_id", flat=True))

    found = {}
    for name, locks in {**LOCKS, "none": without_both}.items():
        with locks(database):
            found[name] = (seen(mine), seen(other))
    assert found == {
        "both": ({mine}, set()),
        "conditions alone": ({mine}, {other}),
        "row-level security alone": ({mine}, {mine}),
        "none": ({mine, other}, {mine, other}),
    }

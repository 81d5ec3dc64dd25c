"""Writing into gradebooks by OneRoster 1.1: by PUT and DELETE, read back at once beside what the district has."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from django.conf import settings
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256
from oauthlib.oauth1 import Client as SigningClient

from schoolpassport.gradebook import actions as gradebook
from schoolpassport.kit import clock
from schoolpassport.sharing import catalogue
from schoolpassport.sharing import writing as sharing_writing
from tests.support import wsgi
from tests.support.clockwork import ticking
from tests.support.gradebooks import V1P1 as BASE
from tests.support.gradebooks import Writer, a_writer, mark, task, writing
from tests.support.readers import APPLICATION, CLASS, LITTLE, PUPIL, TEACHER, a_reader, made, ref

HOMEWORK = made()


@pytest.fixture
def app(district) -> Writer:
    found = a_writer(district.id)
    found.view.publish({**LITTLE, "category": [{"sourcedId": HOMEWORK, "title": "Homework"}]})
    return found


def test_what_is_put_is_read_back_at_once_under_the_clients_own_names(app):
    category = app.put(f"{BASE}/categories/quizzes", {"category": {"sourcedId": "quizzes", "title": "Quizzes"}})
    item = app.put(f"{BASE}/lineItems/quiz-1", task("quiz-1", category=ref("quizzes")))
    result = app.put(f"{BASE}/results/pia@1", mark("pia@1", "quiz-1", score=300))
    assert [each.status for each in (category, item, result)] == [201, 201, 201], (category, item, result)
    whole = app.json(f"{BASE}/results/pia@1")["result"]
    assert whole == result.json["result"]
    at = f"http://testserver{BASE}"
    assert whole == {
        "sourcedId": "pia@1",
        "status": "active",
        "dateLastModified": whole["dateLastModified"],
        "lineItem": {"href": f"{at}/lineItems/quiz-1", "sourcedId": "quiz-1", "type": "lineItem"},
        "student": {"href": f"{at}/users/{PUPIL}", "sourcedId": PUPIL, "type": "user"},
        "scoreStatus": "fully graded",
        "score": 300,
        "scoreDate": "2026-09-09",
    }
    for path, expected in (
        ("categories", {HOMEWORK, "quizzes"}),
        ("categories?filter=sourcedId='quizzes'", {"quizzes"}),
        (f"categories?filter=sourcedId='{HOMEWORK}'", {HOMEWORK}),
        ("lineItems?filter=category.sourcedId='quizzes'", {"quiz-1"}),
        ("results?filter=lineItem.sourcedId='quiz-1'", {"pia@1"}),
        ("results?filter=lineItem.sourcedId!='quiz-1'", set()),
        (f"classes/{CLASS}/lineItems", {"quiz-1"}),
        (f"classes/{CLASS}/categories", {"quizzes"}),
        (f"classes/{CLASS}/lineItems/quiz-1/results", {"pia@1"}),
        (f"classes/{CLASS}/students/{PUPIL}/results", {"pia@1"}),
    ):
        (found,) = app.json(f"{BASE}/{path}").values()
        assert {each["sourcedId"] for each in found} == expected, path


def test_a_put_replaces_the_whole_record_and_may_be_repeated(app):
    path = f"{BASE}/lineItems/quiz"
    first = app.put(path, task("quiz", description="Long"))
    same = app.put(path, task("quiz", description="Long"))
    other = app.put(path, task("quiz"))
    assert [each.status for each in (first, same, other)] == [201, 200, 200]
    assert same.json == first.json, "nothing changed, and no new date says so"
    changed = other.json["lineItem"]
    assert "description" not in changed
    assert changed["dateLastModified"] > first.json["lineItem"]["dateLastModified"]


def test_what_is_deleted_is_told_in_deltas_and_can_come_back(app):
    app.put(f"{BASE}/lineItems/quiz", task("quiz"))
    app.put(f"{BASE}/results/pia", mark("pia", "quiz"))
    before = app.json(f"{BASE}/results/pia")["result"]["dateLastModified"]
    first, again = (app.delete(f"{BASE}/lineItems/quiz") for _ in range(2))
    assert [(each.status, each.body) for each in (first, again)] == [(204, b""), (204, b"")]
    delta = app.json(f"{BASE}/results?filter=dateLastModified>'{before}'")["results"]
    assert [(each["sourcedId"], each["status"]) for each in delta] == [("pia", "tobedeleted")], "no result without task"
    assert app.put(f"{BASE}/results/sid", mark("sid", "quiz")).status == 400, "a deleted line item is none"
    assert app.put(f"{BASE}/lineItems/quiz", task("quiz")).status == 201
    assert app.json(f"{BASE}/results/pia")["result"]["status"] == "active"
    assert app.delete(f"{BASE}/results/nobody").status == 404


def test_only_what_an_application_wrote_can_it_change(app):
    path = f"{BASE}/categories/{HOMEWORK}"
    body = {"category": {"sourcedId": HOMEWORK, "title": "Mine"}}
    assert app.put(path, body).status == 409
    guessed = made()
    assert app.put(f"{BASE}/categories/{guessed}", {"category": {"sourcedId": guessed, "title": "Mine"}}).status == 409
    assert app.delete(path).status == 403
    assert app.delete(f"{BASE}/categories/{guessed}").status == 404
    assert app.json(path)["category"]["title"] == "Homework"


WRONG = [
    ("class", {"class": ref(made())}, "lineItem.class of quiz is unknown: there is no such class"),
    ("class", {"class": ref("anything")}, "lineItem.class of quiz is unknown"),
    ("class", {"class": "anything"}, "lineItem.class is an object"),
    ("category", {"category": ref("nothing")}, "lineItem.category of quiz is unknown"),
    ("dates", {"dueDate": "2026-08-08"}, "lineItem.dueDate"),
    ("no date", {"dueDate": "soon"}, "lineItem.dueDate is a date-time"),
    ("far date", {"dueDate": "9999-12-31T23:59:59+14:00"}, "lineItem.dueDate is a date-time"),
    ("range", {"resultValueMin": 11}, "lineItem.resultValueMin 11 is greater than resultValueMax 10"),
    ("number", {"resultValueMax": "10"}, "lineItem.resultValueMax is a number"),
    ("title", {"title": None}, "lineItem.title is missing"),
    ("length", {"title": "x" * 2001}, "lineItem.title has 2001 characters"),
    ("unknown", {"titel": "Task"}, 'lineItem has no property "titel"'),
    ("status", {"status": "tobedeleted"}, "lineItem.status"),
    ("id", {"sourcedId": "other"}, 'lineItem.sourcedId is "other" in the body, and "quiz" in the path'),
    ("reserved", {"metadata": {"gg4l.sisId": "4711"}}, "gg4l.sisId"),
]


@pytest.mark.parametrize(("change", "sentence"), [each[1:] for each in WRONG], ids=[each[0] for each in WRONG])
def test_a_line_item_that_makes_no_sense_is_refused_by_the_name_of_its_field(app, change, sentence):
    answer = app.put(f"{BASE}/lineItems/quiz", task("quiz", **change))
    assert (answer.status, answer.json["statusInfoSet"][0]["imsx_codeMinor"]) == (400, "invalid data"), answer
    assert sentence in answer.json["imsx_description"]
    assert app.json(f"{BASE}/lineItems")["lineItems"] == []


def test_a_result_needs_a_student_that_is_seen_a_score_in_range_and_a_word_that_there_is(app):
    app.put(f"{BASE}/lineItems/quiz", task("quiz"))
    for change, sentence in (
        ({"student": TEACHER}, "result.student of pia is unknown: there is no such student"),
        ({"student": made()}, "result.student of pia is unknown: there is no such student"),
        ({"lineItem": ref("quit")}, "result.lineItem of pia is unknown: there is no such line item"),
        ({"score": -1}, "result.score -1 of pia is less than the line item's resultValueMin 0"),
        ({"score": True}, "result.score is a number"),
        ({"score": 1e300}, "result.score"),
        ({"score": None}, "result.score is missing; a result that is fully graded has one"),
        ({"scoreStatus": "graded"}, "result.scoreStatus is one of: exempt, fully graded"),
        ({"scoreDate": "2026-02-30"}, "result.scoreDate is a date"),
    ):
        answer = app.put(f"{BASE}/results/pia", mark("pia", "quiz", **change))
        assert answer.status == 400, change
        assert sentence in answer.json["imsx_description"]
    exempt = mark("pia", "quiz", score=None, scoreStatus="exempt", scoreDate="2026-09-09T23:30:00-05:00")
    answer = app.put(f"{BASE}/results/pia", exempt)
    assert (answer.status, answer.json["result"]["scoreDate"]) == (201, "2026-09-10")


BODIES = [
    (b"", 400, "no JSON"),
    (b"{", 400, "no JSON"),
    (b"\xff", 400, "no JSON"),
    (b"[]", 400, "no JSON object"),
    (b'"category"', 400, "no JSON object"),
    (b'{"lineItem": {}}', 400, "this has lineItem"),
    (b'{"category": {"title": "A"}, "more": 1}', 400, "this has category, more"),
    (b'{"category": []}', 400, "category is a JSON object"),
    (b'{"category": {"title": NaN}}', 400, "no JSON"),
    (b'{"category": {"title": "\\u0000"}}', 400, "NUL"),
    (b'{"category": {"title": "\\ud800"}}', 400, "no JSON"),
    (b'{"category": {"title": "A", "metadata": {"a": ' + b"[" * 60 + b"]" * 60 + b"}}}", 400, "deeper"),
    (b"[" * 100_000, 400, "no JSON"),
    (b" " * (1 << 20) + b"{}", 413, "1048576 are allowed"),
]


def test_bodies_that_cannot_be_read_are_refused(app):
    for body, status, sentence in BODIES:
        answer = app.send("PUT", f"{BASE}/categories/a", body, **({} if body else {"Content-Length": "0"}))
        assert answer.status == status, (body[:60], answer)
        assert sentence in answer.json["imsx_description"] or not body, body[:60]
    for name in ("a%20b", "a'b", "a" * 256):
        assert app.put(f"{BASE}/categories/{name}", {"category": {"title": "A"}}).status == 400, name
    assert app.json(f"{BASE}/categories/{HOMEWORK}")


def test_without_the_districts_permission_or_the_scope_nothing_is_written(district):
    reader = a_reader(district.id)
    reader.view.publish(LITTLE)
    body = {"category": {"sourcedId": "a", "title": "A"}}
    assert Writer(reader.integrated, reader.view, reader.token).put(f"{BASE}/categories/a", body).status == 403
    app = writing(reader)
    refused = app.put(f"{BASE}/categories/a", body)
    assert (refused.status, "has not allowed" in refused.json["imsx_description"]) == (403, True)
    integration = reader.integrated.integration.id
    gradebook.allow(district_id=district.id, integration_id=integration, by="test", now=clock.now())
    assert app.put(f"{BASE}/categories/a", body).status == 201
    gradebook.forbid(district_id=district.id, integration_id=integration, by="test", now=clock.now())
    assert app.delete(f"{BASE}/categories/a").status == 403
    assert app.json(f"{BASE}/categories/a")["category"]["status"] == "active"


def test_what_a_consent_does_not_share_is_not_written_either(district):
    shared = catalogue.everything(kinds=("category", "lineItem", "class", "org", "academicSession", "course"))
    narrow = shared | {"lineItem": [name for name in shared["lineItem"] if name != "description"]}
    app = a_writer(district.id, attributes=narrow)
    app.view.publish({kind: LITTLE[kind] for kind in ("org", "academicSession", "course", "class")})
    refused = app.put(f"{BASE}/lineItems/quiz", task("quiz", description="Long"))
    assert (refused.status, "lineItem.description is not among" in refused.json["imsx_description"]) == (400, True)
    assert app.put(f"{BASE}/lineItems/quiz", task("quiz")).status == 201
    assert app.put(f"{BASE}/results/pia", mark("pia", "quiz")).status == 403, "results are not shared at all"


def test_two_applications_use_the_same_names_and_meet_only_where_the_district_shows_them(district):
    one, two = (a_writer(district.id) for _ in range(2))
    for app, title in ((one, "One"), (two, "Two")):
        app.view.publish(LITTLE)
        assert app.put(f"{BASE}/categories/a", {"category": {"title": title}}).status == 201
    assert _titles(one) == {"a": "One"}
    assert _titles(two) == {"a": "Two"}
    pair = {"writer_id": one.view.integration_id, "reader_id": two.view.integration_id}
    gradebook.show(district_id=district.id, **pair, by="test", now=clock.now())
    one.put(f"{BASE}/categories/b", {"category": {"title": "More"}})
    seen = _titles(two)
    (foreign,) = set(seen) - {"a"}
    assert (seen[foreign], _titles(one)) == ("More", {"a": "One", "b": "More"})
    assert two.delete(f"{BASE}/categories/{foreign}").status == 403
    assert two.put(f"{BASE}/categories/{foreign}", {"category": {"title": "Mine"}}).status == 409
    assert two.put(f"{BASE}/lineItems/quiz", task("quiz", category=ref(foreign))).status == 201
    assert one.delete(f"{BASE}/categories/b").status == 204
    assert two.json(f"{BASE}/categories/{foreign}")["category"]["status"] == "tobedeleted"
    assert "category" not in two.json(f"{BASE}/lineItems/quiz")["lineItem"]


def _titles(app: Writer) -> dict[str, str]:
    return {each["sourcedId"]: each["title"] for each in app.json(f"{BASE}/categories")["categories"]}


def test_who_writes_too_often_is_told_when_to_go_on_and_can_read_meanwhile(app, monkeypatch):
    monkeypatch.setattr(settings, "ENVIRONMENT", replace(settings.ENVIRONMENT, writes_per_minute=2))
    with ticking(datetime(2026, 9, 1, 12, tzinfo=UTC)):
        fresh = writing(app)
        answers = [fresh.put(f"{BASE}/categories/{name}", {"category": {"title": "A"}}) for name in "abc"]
        reading = fresh.get(f"{BASE}/categories/a")
    assert [each.status for each in (*answers, reading)] == [201, 201, 429, 200]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert "More than 2 writing requests" in answers[-1].json["imsx_description"]


def test_a_view_that_is_being_published_keeps_no_writer_waiting_for_long(app, database, monkeypatch):
    monkeypatch.setattr(sharing_writing, "_PATIENCE", "50ms")
    with database.as_owner() as owner:
        owner.execute("SELECT set_config('sp.district', %s, true)", [str(app.view.district_id)])
        assert owner.execute("SELECT number FROM sharing_view FOR UPDATE").fetchall() == [(1,)]
        busy = app.put(f"{BASE}/categories/a", {"category": {"title": "A"}})
        owner.rollback()
    assert (busy.status, busy.headers["Retry-After"]) == (429, "5"), busy
    assert app.put(f"{BASE}/categories/a", {"category": {"title": "A"}}).status == 201


def test_a_signed_request_writes_too_where_the_district_allows_it(app):
    path, body = f"{BASE}/categories/signed", json.dumps({"category": {"title": "Signed"}}).encode()
    credential = app.integrated.credential
    client = SigningClient(
        credential.client_id, client_secret=credential.client_secret, signature_method=SIGNATURE_HMAC_SHA256
    )
    header = client.sign(f"http://testserver{path}", http_method="PUT")[1]["Authorization"]
    answer = wsgi.call(APPLICATION, path, method="PUT", body=body, Authorization=header)
    assert (answer.status, json.loads(answer.body)["category"]["title"]) == (201, "Signed"), answer
    again = wsgi.call(APPLICATION, path, method="PUT", body=body, Authorization=header)
    assert again.status == 401, "the same request once more is a replay"

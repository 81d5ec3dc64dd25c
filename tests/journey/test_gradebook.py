"""Resources, categories, line items and results by OneRoster 1.1, and how a client learns cheaply that nothing changed."""

import pytest

from schoolpassport.partners.contract import PREFIX_1P2, ROSTER
from tests.support.readers import CLASS, COURSE, LITTLE, OTHER_CLASS, PUPIL, SIBLING, TERM, Reader, a_reader, made, ref

BASE = "/ims/oneroster/v1p1"
HOMEWORK, TESTS, ESSAY, QUIZ, OTHER_QUIZ, SONGS, ATLAS = (made() for _ in range(7))
MARKS = [made() for _ in range(4)]


def line_item(key: str, category: str, class_: str = CLASS) -> dict:
    dates = {"assignDate": "2026-09-01T08:00:00.000Z", "dueDate": "2026-09-08T08:00:00.000Z"}
    refers = {"class": ref(class_), "category": ref(category), "gradingPeriod": ref(TERM)}
    return {"sourcedId": key, "title": "Task", **dates, **refers, "resultValueMin": 0.0, "resultValueMax": 10.0}


def mark(key: str, item: str, student: str) -> dict:
    facts = {"scoreStatus": "fully graded", "score": 9.5, "scoreDate": "2026-09-09"}
    return {"sourcedId": key, "lineItem": ref(item), "student": ref(student), **facts}


GRADED = {
    **LITTLE,
    "resource": [{"sourcedId": key, "title": "Book", "vendorResourceId": key[:4]} for key in (SONGS, ATLAS)],
    "course": [{**LITTLE["course"][0], "resources": [ref(SONGS), ref(ATLAS)]}],
    "class": [{**LITTLE["class"][0], "resources": [ref(SONGS)]}, LITTLE["class"][1]],
    "category": [{"sourcedId": HOMEWORK, "title": "Homework"}, {"sourcedId": TESTS, "title": "Tests"}],
    "lineItem": [line_item(ESSAY, HOMEWORK), line_item(QUIZ, TESTS), line_item(OTHER_QUIZ, TESTS, OTHER_CLASS)],
    "result": [
        mark(MARKS[0], ESSAY, PUPIL),
        mark(MARKS[1], QUIZ, PUPIL),
        mark(MARKS[2], QUIZ, SIBLING),
        mark(MARKS[3], OTHER_QUIZ, PUPIL),
    ],
}


@pytest.fixture
def app(district) -> Reader:
    found = a_reader(district.id)
    found.view.publish(GRADED)
    return found


LISTS = [
    ("categories", [HOMEWORK, TESTS]),
    ("lineItems", [ESSAY, QUIZ, OTHER_QUIZ]),
    ("results", MARKS),
    ("resources", [SONGS, ATLAS]),
    (f"courses/{COURSE}/resources", [SONGS, ATLAS]),
    (f"classes/{CLASS}/resources", [SONGS]),
    (f"classes/{OTHER_CLASS}/resources", []),
    (f"classes/{CLASS}/categories", [HOMEWORK, TESTS]),
    (f"classes/{OTHER_CLASS}/categories", [TESTS]),
    (f"classes/{CLASS}/lineItems", [ESSAY, QUIZ]),
    (f"classes/{CLASS}/results", MARKS[:3]),
    (f"classes/{CLASS}/lineItems/{QUIZ}/results", MARKS[1:3]),
    (f"classes/{CLASS}/students/{PUPIL}/results", MARKS[:2]),
    (f"results?filter=student.sourcedId='{SIBLING}'", [MARKS[2]]),
]


def test_lists_hold_what_belongs_there(app):
    for path, expected in LISTS:
        (found,) = app.json(f"{BASE}/{path}").values()
        assert sorted(each["sourcedId"] for each in found) == sorted(expected), path
    result = app.json(f"{BASE}/results/{MARKS[0]}")["result"]
    assert (result["score"], result["lineItem"]["sourcedId"], result["lineItem"]["type"]) == (9.5, ESSAY, "lineItem")
    assert app.get(f"{BASE}/classes/{OTHER_CLASS}/lineItems/{QUIZ}/results").status == 404


def test_a_deleted_line_item_brings_no_category_and_deleted_results_are_told(app):
    app.view.publish({"lineItem": GRADED["lineItem"][1:], "result": GRADED["result"][1:]})
    (categories,) = app.json(f"{BASE}/classes/{CLASS}/categories").values()
    assert [each["sourcedId"] for each in categories] == [TESTS]
    changed = app.json(f"{BASE}/results?filter=dateLastModified>'2026-09-02T00:00:00Z'")["results"]
    assert [(each["sourcedId"], each["status"]) for each in changed] == [(MARKS[0], "tobedeleted")]


def test_each_service_has_its_scope_and_those_of_the_next_version_mean_the_same(district):
    rostering = a_reader(district.id, scopes=frozenset({ROSTER}))
    assert [rostering.get(f"{BASE}/{path}").status for path in ("users", "results", "resources")] == [200, 403, 403]
    grades = a_reader(district.id, scopes=frozenset({PREFIX_1P2 + "gradebook-core.readonly"}))
    assert [grades.get(f"{BASE}/{path}").status for path in ("users", "results", "resources")] == [403, 200, 403]


def test_a_collection_answers_304_until_something_changes_in_the_view(app):
    first = app.get(f"{BASE}/users?limit=2")
    tag = first.headers["ETag"]
    again = app.get(f"{BASE}/users?limit=2", **{"If-None-Match": f'"other", W/{tag}'})
    assert (first.headers["X-Revision"], again.status, again.body) == ("1", 304, b"")
    pinned = app.get(f"{BASE}/users?limit=2&revision=1", **{"If-None-Match": tag})
    app.view.publish({"category": []})
    changed = app.get(f"{BASE}/users?limit=2", **{"If-None-Match": tag})
    assert (pinned.status, changed.status, changed.headers["X-Revision"]) == (304, 200, "2")
    assert changed.headers["ETag"] != tag
    assert app.get(f"{BASE}/users?revision=1", **{"If-None-Match": tag}).status == 304, "what stood, stands"
    app.view.narrow()
    assert app.get(f"{BASE}/users?revision=1", **{"If-None-Match": tag}).status == 400
    stranger = Reader(app.integrated, app.view, "spt_nobody")
    assert stranger.get(f"{BASE}/users", **{"If-None-Match": tag}).status == 401


def test_a_delta_tells_of_whatever_left_the_view(app):
    since = app.json(f"{BASE}/users")["users"][0]["dateLastModified"]
    app.view.publish({"user": [each for each in LITTLE["user"] if each["sourcedId"] != SIBLING]})
    delta = app.json(f"{BASE}/users?filter=dateLastModified>'{since}'")["users"]
    assert [(each["sourcedId"], each["status"]) for each in delta] == [(SIBLING, "tobedeleted")]

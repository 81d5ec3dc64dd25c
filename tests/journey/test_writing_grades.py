"""Writing into gradebooks by OneRoster 1.1: by PUT and DELETE, read back at once beside what the district has."""

import pytest

from tests.support.gradebooks import V1P1 as BASE
from tests.support.gradebooks import Writer, a_writer, mark, task
from tests.support.readers import CLASS, LITTLE, PUPIL, made, ref

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

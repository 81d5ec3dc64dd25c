"""Writing into gradebooks by OneRoster 1.2: PUT, DELETE, and POST of several into what they belong to."""

import pytest

from schoolpassport.partners.contract import CREATEPOST, CREATEPUT, GRADEBOOK
from tests.support.gradebooks import V1P1, Writer, a_writer, mark, task, writing
from tests.support.gradebooks import V1P2 as BASE
from tests.support.readers import CLASS, LITTLE, OTHER_SCHOOL, PUPIL, SCHOOL, SIBLING, TERM, made, ref

HOMEWORK = made()


@pytest.fixture
def app(district) -> Writer:
    found = a_writer(district.id)
    found.view.publish({**LITTLE, "category": [{"sourcedId": HOMEWORK, "title": "Homework"}]})
    return found


def item(name: str, **more) -> dict:
    whole = task(name)["lineItem"]
    del whole["gradingPeriod"]
    return {"lineItem": {**whole, "academicSession": ref(TERM), "school": ref(SCHOOL), **more}}


def test_what_this_version_adds_comes_back_and_is_metadata_for_the_other(app):
    first, again = (app.put(f"{BASE}/lineItems/essay", item("essay")) for _ in range(2))
    assert (first.status, again.status) == (201, 201), first
    body = mark("pia", "essay", late=True, textScore="B+", **{"class": ref(CLASS)})
    answer = app.put(f"{BASE}/results/pia", body)
    assert answer.status == 201, answer
    result = app.json(f"{BASE}/results/pia")["result"]
    assert (result["late"], result["textScore"], result["class"]["sourcedId"]) == ("true", "B+", CLASS)
    assert result["lineItem"]["href"] == f"http://testserver{BASE}/lineItems/essay"
    assert "metadata" not in result
    other = app.json(f"{V1P1}/results/pia")["result"]
    assert other["metadata"] == {"oneroster.1p2.late": "true", "oneroster.1p2.textScore": "B+"}
    (found,) = app.json(f"{BASE}/results?filter=late='true'").values()
    assert [each["sourcedId"] for each in found] == ["pia"]
    whole = app.json(f"{BASE}/lineItems/essay")["lineItem"]
    assert (whole["academicSession"]["sourcedId"], whole["school"]["sourcedId"]) == (TERM, SCHOOL)


def test_several_are_posted_at_once_and_each_hears_what_it_is_called(app):
    tasks = [item("1")["lineItem"], item("2", title="Two")["lineItem"], {**item("")["lineItem"], "sourcedId": HOMEWORK}]
    posted = app.send("POST", f"{BASE}/classes/{CLASS}/lineItems", {"lineItems": tasks})
    pairs = posted.json["sourcedIdPairs"]
    assert (posted.status, [pair["suppliedSourcedId"] for pair in pairs]) == (201, ["1", "2", HOMEWORK])
    names = [pair["allocatedSourcedId"] for pair in pairs]
    assert names[:2] == ["1", "2"]
    assert names[2] not in ("", HOMEWORK)
    again = app.send("POST", f"{BASE}/schools/{SCHOOL}/lineItems", {"lineItems": tasks[:1]}).json["sourcedIdPairs"]
    assert again[0]["allocatedSourcedId"] not in names, "what another POST brought is not overwritten"
    marks = [mark("", "1", student)["result"] for student in (PUPIL, SIBLING)]
    for path, count in (("lineItems/1/results", 2), (f"classes/{CLASS}/academicSessions/{TERM}/results", 4)):
        assert app.send("POST", f"{BASE}/{path}", {"results": marks}).status == 201
        assert len(app.json(f"{BASE}/classes/{CLASS}/lineItems/1/results")["results"]) == count


def test_a_post_is_whole_or_not_at_all_and_stays_where_its_path_says(app):
    app.put(f"{BASE}/lineItems/1", item("1"))
    bad = [mark("a", "1")["result"], mark("b", "1", made())["result"]]
    path = f"{BASE}/lineItems/1/results"
    assert app.send("POST", path, {"results": bad}).status == 422
    assert app.json(f"{BASE}/results")["results"] == []
    for path, sent, status in (
        ("lineItems/2/results", {"results": [mark("a", "2")["result"]]}, 404),
        ("lineItems/1/results", {"results": [mark("a", "2")["result"]]}, 422),
        ("lineItems/1/results", {"results": []}, 400),
        ("lineItems/1/results", {"results": ["a"]}, 422),
        (f"classes/{made()}/lineItems", {"lineItems": [item("a")["lineItem"]]}, 404),
        (f"schools/{OTHER_SCHOOL}/lineItems", {"lineItems": [item("a")["lineItem"]]}, 422),
        (f"classes/{CLASS}/academicSessions/{made()}/results", {"results": [mark("a", "1")["result"]]}, 404),
    ):
        answer = app.send("POST", f"{BASE}/{path}", sent)
        assert answer.status == status, (path, sent, answer)
        assert set(answer.json) >= {"imsx_codeMajor", "imsx_description", "imsx_CodeMinor"}


def test_each_method_has_its_scope(app):
    body = {"category": {"sourcedId": "a", "title": "A"}}
    reading, putting, posting = (writing(app, scopes=frozenset({s})) for s in (GRADEBOOK, CREATEPUT, CREATEPOST))
    assert reading.put(f"{BASE}/categories/a", body).status == 403
    assert posting.put(f"{BASE}/categories/a", body).status == 403
    assert putting.put(f"{BASE}/categories/a", body).status == 201
    assert putting.get(f"{BASE}/categories/a").status == 403
    assert putting.delete(f"{BASE}/categories/a").status == 403
    assert app.delete(f"{BASE}/categories/a").status == 204


def test_methods_that_there_are_not_are_told(app):
    for method, path, allowed in (
        ("POST", f"{BASE}/lineItems/1", {"GET", "HEAD", "PUT", "DELETE"}),
        ("PUT", f"{BASE}/lineItems", {"GET", "HEAD"}),
        ("PUT", f"{BASE}/classes/{CLASS}/lineItems", {"GET", "HEAD", "POST"}),
        ("GET", f"{BASE}/lineItems/1/results", {"POST"}),
        ("PUT", f"/ims/oneroster/rostering/v1p2/users/{PUPIL}", {"GET", "HEAD"}),
    ):
        answer = app.send(method, path, {})
        assert (answer.status, set(answer.headers["Allow"].split(", "))) == (405, allowed), (method, path)

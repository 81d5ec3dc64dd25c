"""Score scales and assessments: from a source of 1.2 to applications, and from applications into gradebooks."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from schoolpassport.delivery.formats import FORMATS
from schoolpassport.kit import clock
from schoolpassport.partners.contract import ASSESSMENT, ASSESSMENT_CREATEPUT, CREATEPUT, GRADEBOOK
from schoolpassport.roster.kinds import SHARED
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import catalogue
from schoolpassport.sharing.records import Contents
from schoolpassport.tenancy.actions import register_district
from tests.journey.test_standard_files import as_the_app_knows, importing
from tests.support.files import Desk, rows, unpacked
from tests.support.gradebooks import V1P1, V1P2, Writer, agreed, mark, task, writing
from tests.support.modern import GRADES, Modern, modern
from tests.support.nights import BY, Place
from tests.support.packages import Package, Row, small
from tests.support.partners import integrated
from tests.support.readers import Reader, ref

NOW = datetime(2026, 9, 1, 6, tzinfo=UTC)
LETTERS = [{"itemValueLHS": "90-100", "itemValueRHS": "A"}, {"itemValueLHS": "0-89", "itemValueRHS": "B"}]
OURS = ("scoreScale", "lineItem", "result", "assessmentLineItem", "assessmentResult")


def scale(key: str, **cells: str) -> Row:
    refers = {"orgSourcedId": "s1", "courseSourcedId": "alg", "classSourcedId": "k1"}
    return {
        "sourcedId": key,
        "title": f"Scale {key}",
        "type": "letters",
        **refers,
        "scoreScaleValue": "{90-100:A},{0-89:B}",
        **cells,
    }


def item(key: str, class_: str = "k1") -> Row:
    refers = {"classSourcedId": class_, "categorySourcedId": "hw", "academicSessionSourcedId": "autumn"}
    days = {"assignDate": "2026-09-01T08:00:00.000Z", "dueDate": "2026-09-08T08:00:00.000Z"}
    return {"sourcedId": key, "title": f"Task {key}", **days, **refers, "resultValueMin": "0", "resultValueMax": "100"}


def score(key: str, task_: str, student: str) -> Row:
    refers = {"lineItemSourcedId": task_, "studentSourcedId": student}
    return {"sourcedId": key, "scoreStatus": "fully graded", "score": "95", "scoreDate": "2026-09-09", **refers}


def uses(key: str, of: str, named: str, scale_: str) -> Row:
    return {"sourcedId": key, f"{of}SourcedId": named, "scoreScaleSourcedId": scale_}


def assessment(key: str, **cells: str) -> Row:
    return {"sourcedId": key, "title": f"Test {key}", **cells}


def outcome(key: str, of: str, student: str) -> Row:
    refers = {"assessmentLineItemSourcedId": of, "studentSourcedId": student}
    return {"sourcedId": key, "scoreStatus": "submitted", "scoreDate": "2026-09-10", "late": "true", **refers}


def first() -> Package:
    """Each school has a class with a scale, a task and a test of its own; two tests are of no class."""
    return (
        small()
        .with_rows("categories", {"sourcedId": "hw", "title": "Homework"})
        .with_rows("scoreScales", scale("abc"), scale("two", classSourcedId="k2", courseSourcedId="lit"))
        .with_rows("lineItems", item("essay"), item("quiz"), item("poem", "k2"))
        .with_rows("results", score("m1", "essay", "p1"), score("m2", "quiz", "p2"), score("m4", "poem", "p4"))
        .with_rows("lineItemScoreScales", uses("u1", "lineItem", "essay", "abc"), uses("u2", "lineItem", "poem", "two"))
        .with_rows("resultScoreScales", uses("v1", "result", "m1", "abc"))
        .with_rows(
            "assessmentLineItems",
            assessment("state", learningObjectiveSet='[{"source": "case", "learningObjectiveIds": ["o1"]}]'),
            assessment("reading", parentAssessmentLineItemSourcedId="state"),
            assessment("unit", classSourcedId="k1", scoreScaleSourcedId="abc"),
            assessment("ode", classSourcedId="k2", scoreScaleSourcedId="two"),
        )
        .with_rows(
            "assessmentResults",
            outcome("o1", "state", "p1"),
            outcome("o2", "reading", "p4"),
            outcome("o3", "unit", "p2"),
        )
    )


def second() -> Package:
    """A task has another scale, and one has none any more; a scale goes."""
    return (
        first()
        .changed("lineItemScoreScales", "u1", scoreScaleSourcedId="two")
        .without("lineItemScoreScales", "u2")
        .without("resultScoreScales", "v1")
        .without("scoreScales", "abc")
        .changed("assessmentLineItems", "unit", scoreScaleSourcedId="")
    )


def a_district(folder) -> Modern:
    district = register_district(name=f"Scales {uuid4().hex}", now=NOW)
    made = modern(district_id=district.id, folder=folder, now=NOW)
    made.done(first())
    return made


@pytest.fixture(scope="module")
def sis(database, tmp_path_factory) -> Modern:
    """One district for all that is only looked at."""
    return a_district(tmp_path_factory.mktemp("scales"))


@pytest.fixture(scope="module")
def named(sis) -> dict[str, str]:
    """What an application calls what the source calls so."""
    return {key: str(id_) for kind in (*OURS, "class", "org", "user") for key, id_ in sis.ids(kind).items()}


@pytest.fixture(scope="module")
def app(sis) -> Writer:
    return agreed(sis.district_id)


@pytest.fixture(scope="module")
def writer(sis) -> Writer:
    return agreed(sis.district_id)


def reading(sis: Modern, attributes: dict[str, list[str]], schools: list[str] | None = None) -> Reader:
    made, orgs = integrated(sis.district_id, clock.now()), sis.ids("org")
    chosen = None if schools is None else tuple(orgs[key] for key in schools)
    contents = Contents(attributes=attributes, schools=chosen)
    facts = {"district_id": sis.district_id, "integration_id": made.integration.id}
    sharing.agree(**facts, contents=contents, by=BY, now=clock.now())
    return Reader(made, None, made.token(clock.now()))


def listed(app: Reader, collection: str, query: str = "") -> dict[str, dict[str, Any]]:
    found = app.json(f"{V1P2}/{collection}?limit=100{query}")
    return {each["sourcedId"]: each for each in found[collection.rpartition("/")[2]] if each["status"] == "active"}


# ------------------------------------------------------------------------------------------------------------ taken in


def test_a_source_tells_scales_and_who_uses_which(sis):
    assert sis.records("scoreScale")["abc"] == {
        "status": "active",
        "title": "Scale abc",
        "type": "letters",
        "course": "alg",
        "class": "k1",
        "scoreScaleValue": LETTERS,
        "metadata": None,
    }
    told = {kind: {k: r["scoreScale"] for k, r in sis.records(kind).items()} for kind in OURS[1:4]}
    assert told == {
        "lineItem": {"essay": "abc", "quiz": None, "poem": "two"},
        "result": {"m1": "abc", "m2": None, "m4": None},
        "assessmentLineItem": {"state": None, "reading": None, "unit": "abc", "ode": "two"},
    }
    state, o1 = sis.records("assessmentLineItem")["state"], sis.records("assessmentResult")["o1"]
    assert state["learningObjectiveSet"] == [{"source": "case", "learningObjectiveIds": ["o1"]}]
    assert (o1["late"], o1["missing"], o1["score"], o1["scoreStatus"]) == (True, None, None, "submitted")


def test_what_makes_no_sense_is_told_in_a_sentence_and_left_out_or_cut(tmp_path):
    sis = a_district(tmp_path)
    run = sis.run(
        first()
        .with_rows(
            "scoreScales",
            scale("bare", classSourcedId=""),
            scale("lost", classSourcedId="nowhere"),
            scale("odd", scoreScaleValue="90-100:A"),
        )
        .with_rows("lineItemScoreScales", uses("u3", "lineItem", "quiz", "nothing"))
        .with_rows(
            "assessmentLineItems",
            assessment("far", classSourcedId="nowhere"),
            assessment("torn", learningObjectiveSet="[{", parentAssessmentLineItemSourcedId="nothing"),
        )
        .with_rows("assessmentResults", outcome("t9", "far", "p1"))
    )
    assert sis.findings(run, "error") == {
        Place("scoreScales.csv", 4, "classSourcedId", "missing value"),
        Place("scoreScales.csv", 5, "classSourcedId", "dangling reference"),
        Place("scoreScales.csv", 6, "scoreScaleValue", "bad value"),
        Place("assessmentLineItems.csv", 6, "classSourcedId", "dangling reference"),
        Place("assessmentResults.csv", 5, "assessmentLineItemSourcedId", "dangling reference"),
    }
    assert sis.findings(run, "warning") >= {
        Place("lineItems.csv", 3, "scoreScaleSourcedId", "dangling reference"),
        Place("assessmentLineItems.csv", 7, "learningObjectiveSet", "bad value"),
        Place("assessmentLineItems.csv", 7, "parentAssessmentLineItemSourcedId", "dangling reference"),
    }
    said = "scoreScaleValue is “90-100:A”; write {itemValueLHS:itemValueRHS}, several separated by commas."
    assert said in sis.sentences(run)
    assert sis.active("scoreScale") == {"abc", "two"}
    assert sis.records("assessmentLineItem")["torn"]["learningObjectiveSet"] is None
    assert sis.records("lineItem")["quiz"]["scoreScale"] is None


# -------------------------------------------------------------------------------------------------------- what is shown


def test_scales_are_found_by_class_and_school_and_named_by_tasks_and_results(app, named):
    one = app.json(f"{V1P2}/scoreScales/{named['abc']}")["scoreScale"]
    at = f"http://testserver{V1P2.replace('gradebook', 'rostering')}"
    assert {name: value for name, value in one.items() if name not in {"dateLastModified", "metadata", "course"}} == {
        "sourcedId": named["abc"],
        "status": "active",
        "title": "Scale abc",
        "type": "letters",
        "class": {"href": f"{at}/classes/{named['k1']}", "sourcedId": named["k1"], "type": "class"},
        "scoreScaleValue": LETTERS,
    }
    assert set(listed(app, "scoreScales")) == {named["abc"], named["two"]}
    for path in (f"classes/{named['k2']}/scoreScales", f"schools/{named['s2']}/scoreScales"):
        assert set(listed(app, path)) == {named["two"]}, path
    essay = app.json(f"{V1P2}/lineItems/{named['essay']}")["lineItem"]
    href = f"http://testserver{V1P2}/scoreScales/{named['abc']}"
    assert essay["scoreScale"] == {"href": href, "sourcedId": named["abc"], "type": "scoreScale"}
    assert "gg4l.scoreScale" not in essay.get("metadata", {})
    for word, one_ in (("lineItems", "essay"), ("results", "m1"), ("assessmentLineItems", "unit")):
        found = listed(app, word, f"&filter=scoreScale.sourcedId='{named['abc']}'")
        assert set(found) == {named[one_]}, word
    late = listed(app, "assessmentResults", "&filter=late='true'&sort=scoreDate")
    assert {each["student"]["sourcedId"] for each in late.values()} == {named[p] for p in ("p1", "p2", "p4")}


def test_1_1_has_neither_and_names_a_scale_where_it_can_be_extended(app, named):
    for word in ("scoreScales", "assessmentLineItems", "assessmentResults", f"classes/{named['k1']}/scoreScales"):
        assert app.get(f"{V1P1}/{word}").status == 404, word
    essay = app.json(f"{V1P1}/lineItems/{named['essay']}")["lineItem"]
    assert essay["metadata"]["gg4l.scoreScale"] == named["abc"]
    assert "scoreScale" not in essay
    (found,) = app.json(f"{V1P1}/results?filter=metadata.gg4l.scoreScale='{named['abc']}'")["results"]
    assert found["sourcedId"] == named["m1"]


def test_each_service_has_scopes_of_its_own(writer):
    grades, tests, putting = (writing(writer, scopes=frozenset({s})) for s in (GRADEBOOK, ASSESSMENT, CREATEPUT))
    assert [each.get(f"{V1P2}/scoreScales").status for each in (grades, tests)] == [200, 403]
    assert [each.get(f"{V1P2}/assessmentResults").status for each in (grades, tests)] == [403, 200]
    body = {"assessmentLineItem": {"sourcedId": "a", "title": "A"}}
    assert putting.put(f"{V1P2}/assessmentLineItems/a", body).status == 403
    assert writing(writer, scopes=frozenset({ASSESSMENT_CREATEPUT})).put(f"{V1P2}/scoreScales/a", {}).status == 403


def test_nothing_in_a_view_points_to_a_class_or_person_that_it_lacks(sis, named):
    whole = catalogue.everything(kinds=tuple(SHARED))
    far = reading(sis, whole, ["s2"])
    assert set(listed(far, "scoreScales")) == {named["two"]}
    assert set(listed(far, "assessmentLineItems")) == {named[key] for key in ("state", "reading", "ode")}
    assert set(listed(far, "assessmentResults")) == {named["o2"]}, "of pupils of that school alone"
    without_scales = reading(sis, {kind: names for kind, names in whole.items() if kind != "scoreScale"})
    for word in ("lineItems", "results", "assessmentLineItems"):
        assert [each for each in listed(without_scales, word).values() if "scoreScale" in each] == [], word
    closed = reading(sis, {kind: whole[kind] for kind in ("assessmentLineItem", "assessmentResult")}, ["s2"])
    assert set(listed(closed, "assessmentLineItems")) == {named[key] for key in ("state", "reading", "ode")}
    assert all("class" not in each for each in listed(closed, "assessmentLineItems").values())
    assert set(listed(closed, "assessmentResults")) == {named["o2"]}


def test_files_of_1_2_bring_the_same_in_full_and_by_changes(tmp_path):
    sis = a_district(tmp_path / "sis")
    made = integrated(sis.district_id, sis.now)
    facts = {"district_id": sis.district_id, "integration_id": made.integration.id}
    shared = {
        kind: [name for name in names if name != catalogue.SIS_ID]
        for kind, names in catalogue.everything(kinds=tuple(SHARED)).items()
    }
    sharing.agree(**facts, contents=Contents(attributes=shared), by=BY, now=sis.now)
    desk, other = Desk(*facts.values(), tmp_path / "desk"), importing("oneroster-1.2", sis, tmp_path / "other")
    bulk = desk.make(FORMATS["oneroster-1.2"])
    texts = unpacked(bulk)
    assert "assessment" not in "".join(texts).lower() + texts["manifest.csv"]
    schools = {row["orgSourcedId"] for row in rows(texts["scoreScales.csv"])}
    assert schools == {str(sis.ids("org")[key]) for key in ("s1", "s2")}
    for name in ("scoreScales", "lineItemScoreScales", "resultScoreScales"):
        assert list(rows(texts[f"{name}.csv"])[0]) == GRADES[name]
    other.done(bulk.files[0].path)
    assert _scaled(other.everything()) == _scaled(as_the_app_knows(sis))
    sis.now += timedelta(days=1)
    sis.done(second())
    delta = desk.make(FORMATS["oneroster-1.2"], since=1)
    told = {row["status"] for row in rows(unpacked(delta)["lineItemScoreScales.csv"])}
    assert told == {"active", "tobedeleted"}
    other.done(delta.files[0].path)
    assert _scaled(other.everything()) == _scaled(as_the_app_knows(sis))


def _scaled(found: dict[str, dict[str, dict[str, Any]]]) -> dict[str, Any]:
    """What a file can tell of scales and their users: no reference leads to one that is gone."""
    scales = {key: record for key, record in found["scoreScale"].items() if record["status"] == "active"}
    return {
        "scoreScale": scales,
        **{
            kind: {key: named if (named := r["scoreScale"]) in scales else None for key, r in found[kind].items()}
            for kind in ("lineItem", "result")
        },
    }


# -------------------------------------------------------------------------------------------------------------- written


def test_applications_write_them_and_read_them_back(writer, named):
    body = {"sourcedId": "mine", "title": "Mine", "type": "pass", "class": ref(named["k1"]), "scoreScaleValue": LETTERS}
    assert writer.put(f"{V1P2}/scoreScales/mine", {"scoreScale": body}).status == 201
    session = next(
        iter(writer.json("/ims/oneroster/rostering/v1p2/academicSessions?filter=title='Session autumn'").values())
    )
    given = task("own", named["k1"], academicSession=ref(session[0]["sourcedId"]), scoreScale=ref("mine"))["lineItem"]
    del given["gradingPeriod"]
    assert writer.put(f"{V1P2}/lineItems/own", {"lineItem": given}).status == 201
    given = mark("own", "own", named["p1"], scoreScale=ref("mine"))
    assert writer.put(f"{V1P2}/results/own", given).json["result"]["scoreScale"]["sourcedId"] == "mine"
    assert writer.json(f"{V1P1}/results/own")["result"]["metadata"]["gg4l.scoreScale"] == "mine", "by its own name"
    assert set(listed(writer, "results", "&filter=scoreScale.sourcedId='mine'")) == {"own"}
    for name, more in (("whole", {}), ("part", {"parentAssessmentLineItem": ref("whole"), "scoreScale": ref("mine")})):
        sent = {"assessmentLineItem": {"sourcedId": name, "title": name, "resultValueMin": 1.0, **more}}
        assert writer.put(f"{V1P2}/assessmentLineItems/{name}", sent).status == 201
    whole = {
        "assessmentLineItem": ref("part"),
        "student": ref(named["p1"]),
        "scoreStatus": "fully graded",
        "scoreDate": "2026-09-10",
        "score": 7.5,
        "textScore": "C",
        "scorePercentile": 41.0,
        "incomplete": "false",
        "learningObjectiveSet": [{"source": "case", "learningObjectiveResults": [{"learningObjectiveId": "o1"}]}],
    }
    answer = writer.put(f"{V1P2}/assessmentResults/r", {"assessmentResult": whole})
    assert answer.status == 201, answer
    found = writer.json(f"{V1P2}/assessmentResults/r")["assessmentResult"]
    references = ("assessmentLineItem", "student")
    assert {n: v for n, v in whole.items() if n not in references}.items() <= found.items()
    assert [found[n]["sourcedId"] for n in references] == ["part", named["p1"]]

    assert writer.delete(f"{V1P2}/scoreScales/mine").status == 204
    assert "scoreScale" not in writer.json(f"{V1P2}/lineItems/own")["lineItem"], "what is gone is not referred to"
    assert writer.delete(f"{V1P2}/assessmentLineItems/whole").status == 204
    part = writer.json(f"{V1P2}/assessmentLineItems/part")["assessmentLineItem"]
    assert (part["status"], "parentAssessmentLineItem" in part) == ("active", False)
    assert writer.delete(f"{V1P2}/assessmentLineItems/part").status == 204
    assert writer.json(f"{V1P2}/assessmentResults/r")["assessmentResult"]["status"] == "tobedeleted"


@pytest.mark.parametrize(
    ("path", "change", "told"),
    [
        ("scoreScales", {"scoreScaleValue": []}, "scoreScale.scoreScaleValue is a list of objects like"),
        ("scoreScales", {"scoreScaleValue": [{"itemValueLHS": "1"}]}, "this has {"),
        ("scoreScales", {"scoreScaleValue": [{"itemValueLHS": 1, "itemValueRHS": "A"}]}, "is a list of objects like"),
        ("scoreScales", {"class": None}, "scoreScale.class is missing."),
        ("scoreScales", {"class": ref("elsewhere")}, "scoreScale.class of x is unknown: there is no such class."),
        ("assessmentLineItems", {"class": ref("elsewhere")}, "there is no such class."),
        ("assessmentLineItems", {"scoreScale": ref("nothing")}, "there is no such score scale."),
        ("assessmentLineItems", {"resultValueMin": 3, "resultValueMax": 2}, "is greater than resultValueMax 2."),
        ("assessmentLineItems", {"learningObjectiveSet": ["a"]}, "learningObjectiveSet is a list of objects"),
        ("assessmentResults", {"late": "yes"}, 'assessmentResult.late is "true" or "false"; this is "yes".'),
        ("assessmentResults", {"student": ref("nobody")}, "there is no such student."),
        ("assessmentResults", {"assessmentLineItem": ref("none")}, "there is no such assessment line item."),
        ("assessmentResults", {"score": -1}, "is less than the line item's resultValueMin 0."),
    ],
)
def test_what_cannot_be_kept_is_told(writer, named, path, change, told):
    base = {"sourcedId": "base", "title": "Base", "resultValueMin": 0}
    assert writer.put(f"{V1P2}/assessmentLineItems/base", {"assessmentLineItem": base}).status == 201
    right = {
        "scoreScales": {"title": "T", "type": "t", "class": ref(named["k1"]), "scoreScaleValue": LETTERS},
        "assessmentLineItems": {"title": "T"},
        "assessmentResults": {
            "assessmentLineItem": ref("base"),
            "student": ref(named["p1"]),
            "scoreStatus": "submitted",
            "scoreDate": "2026-09-10",
        },
    }[path]
    one = path.removesuffix("s")
    assert writer.put(f"{V1P2}/{path}/x", {one: right}).status == 201
    refused = writer.put(f"{V1P2}/{path}/x", {one: {**right, **change}})
    assert (refused.status, told in refused.json["imsx_description"]) == (422, True), refused

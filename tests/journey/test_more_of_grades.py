"""What 1.2 says of grades and 1.1 does not: weights, texts, flags, learning objectives; out of files and into files."""

from datetime import timedelta

import pytest

from schoolpassport.delivery.formats import FORMATS
from schoolpassport.kit import clock
from schoolpassport.roster.kinds import SHARED
from schoolpassport.roster.kinds.shape import ADDED_1P2, PREFIX_1P2
from schoolpassport.rosterapi.oneroster_1p2 import extras
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import catalogue
from schoolpassport.sharing.records import Contents
from tests.journey.test_scales_and_assessments import item, score
from tests.journey.test_standard_files import as_the_app_knows, importing
from tests.support.files import Desk, rows, unpacked
from tests.support.gradebooks import V1P1, V1P2
from tests.support.modern import GRADES, Modern, modern
from tests.support.nights import BY
from tests.support.packages import Package, Row, small
from tests.support.partners import integrated
from tests.support.readers import Reader

FILES = ("categories", "results", "lineItemLearningObjectiveIds", "resultLearningObjectiveIds")
OBJECTIVES = [
    {"source": "case", "learningObjectiveIds": ["o1", "o2"]},
    {"source": "unknown", "learningObjectiveIds": ["x,1"]},
]
MET = [
    {
        "source": "case",
        "learningObjectiveResults": [
            {"learningObjectiveId": "o1", "score": 1.5},
            {"learningObjectiveId": "o2", "textScore": "met"},
        ],
    }
]


def sought(key: str, task: str, objective: str, source: str = "case") -> Row:
    return {"sourcedId": key, "lineItemSourcedId": task, "source": source, "learningObjectiveId": objective}


def met(key: str, result: str, objective: str, **how: str) -> Row:
    return {"sourcedId": key, "resultSourcedId": result, "source": "case", "learningObjectiveId": objective, **how}


def first() -> Package:
    return (
        small()
        .with_rows(
            "categories",
            {"sourcedId": "hw", "title": "Homework", "weight": "0.25"},
            {"sourcedId": "odd", "title": "Odd", "weight": "a lot"},
        )
        .with_rows("lineItems", item("essay"), item("quiz"))
        .with_rows(
            "results",
            {**score("m1", "essay", "p1"), "textScore": "B+", "late": "true", "incomplete": "false"},
            score("m2", "quiz", "p2"),
        )
        .with_rows(
            "lineItemLearningObjectiveIds",
            *(sought("l1", "essay", "o2"), sought("l2", "essay", "o1"), sought("l3", "essay", "x,1", "unknown")),
        )
        .with_rows(
            "resultLearningObjectiveIds", met("r1", "m1", "o1", score="1.5"), met("r2", "m1", "o2", textScore="met")
        )
    )


def second() -> Package:
    """One objective is sought no more, a task has its first one; a mark comes in time."""
    return (
        first()
        .without("lineItemLearningObjectiveIds", "l1")
        .with_rows("lineItemLearningObjectiveIds", sought("l4", "quiz", "o9"))
        .without("resultLearningObjectiveIds", "r2")
        .changed("results", "m1", late="false")
        .changed("categories", "hw", weight="0.5")
    )


@pytest.fixture
def sis(district, tmp_path, now) -> Modern:
    made = modern(district_id=district.id, folder=tmp_path / "sis", now=now)
    made.done(first())
    return made


@pytest.fixture
def reader(sis) -> Reader:
    made = integrated(sis.district_id, sis.now)
    attributes = catalogue.everything(kinds=tuple(SHARED))
    shared = {kind: [each for each in names if each != catalogue.SIS_ID] for kind, names in attributes.items()}
    facts = {"district_id": sis.district_id, "integration_id": made.integration.id}
    sharing.agree(**facts, contents=Contents(attributes=shared), by=BY, now=sis.now)
    return Reader(made, None, made.token(clock.now()))


def _metadata(sis: Modern) -> dict[str, dict[str, object]]:
    return {kind: {key: r["metadata"] for key, r in sis.records(kind).items()} for kind in ADDED_1P2}


def test_the_roster_keeps_what_the_api_of_1_2_knows():
    assert {kind: set(names) for kind, names in ADDED_1P2.items()} == {k: set(v) for k, v in extras.EXTRAS.items()}


def test_it_is_kept_in_metadata_and_told_by_the_names_of_1_2(sis, reader):
    assert _metadata(sis) == {
        "category": {"hw": {"oneroster.1p2.weight": 0.25}, "odd": {"oneroster.1p2.weight": "a lot"}},
        "lineItem": {"essay": {"oneroster.1p2.learningObjectiveSet": OBJECTIVES}, "quiz": None},
        "result": {
            "m1": {
                "oneroster.1p2.textScore": "B+",
                "oneroster.1p2.late": "true",
                "oneroster.1p2.incomplete": "false",
                "oneroster.1p2.learningObjectiveSet": MET,
            },
            "m2": None,
        },
    }
    result = reader.json(f"{V1P2}/results/{sis.ids('result')['m1']}")["result"]
    assert (result["textScore"], result["late"], result["incomplete"]) == ("B+", "true", "false")
    assert result["learningObjectiveSet"] == MET
    assert "late" not in reader.json(f"{V1P1}/results/{sis.ids('result')['m1']}")["result"]
    essay = reader.json(f"{V1P2}/lineItems/{sis.ids('lineItem')['essay']}")["lineItem"]
    assert essay["learningObjectiveSet"] == OBJECTIVES
    assert reader.json(f"{V1P2}/categories/{sis.ids('category')['hw']}")["category"]["weight"] == 0.25
    odd = reader.json(f"{V1P2}/categories/{sis.ids('category')['odd']}")["category"]
    assert ("weight" in odd, odd["metadata"]["oneroster.1p2.weight"]) == (False, "a lot")


def test_what_the_database_cannot_hold_as_json_is_a_text_and_stops_no_night(district, tmp_path, now):
    sis = modern(district_id=district.id, folder=tmp_path, now=now)
    odd = {
        f"c{n}": text for n, text in enumerate((r'["\u0000"]', "1e999999", "NaN", "[1e999999]", "[1,]", "-1E-20000"))
    }
    categories = [{"sourcedId": key, "title": "Homework", "weight": text} for key, text in odd.items()]
    scores = [met(key, "m1", key, score=text) for key, text in (("o1", "1e999999"), ("o2", "NaN"), ("o3", "good"))]
    sis.done(first().with_rows("categories", *categories).with_rows("resultLearningObjectiveIds", *scores))
    kept = sis.records("category")
    assert {key: kept[key]["metadata"]["oneroster.1p2.weight"] for key in odd} == odd
    (objectives,) = sis.records("result")["m1"]["metadata"]["oneroster.1p2.learningObjectiveSet"]
    told = {each["learningObjectiveId"]: each.get("score") for each in objectives["learningObjectiveResults"]}
    assert {name: told[name] for name in ("o1", "o2", "o3")} == {"o1": "1e999999", "o2": "NaN", "o3": "good"}


def test_files_of_1_2_bring_the_same_in_full_and_by_changes(sis, reader, tmp_path):
    desk = Desk(sis.district_id, reader.integrated.integration.id, tmp_path / "desk")
    other = importing("oneroster-1.2", sis, tmp_path / "other")
    bulk = desk.make(FORMATS["oneroster-1.2"])
    texts = unpacked(bulk)
    for name in FILES:
        assert list(rows(texts[f"{name}.csv"])[0]) == GRADES[name], name
    assert PREFIX_1P2 not in "".join(texts.values()), "what has a column has no second one"
    other.done(bulk.files[0].path)
    assert _extra(other.everything()) == _extra(as_the_app_knows(sis))
    sis.now += timedelta(days=1)
    sis.done(second())
    delta = desk.make(FORMATS["oneroster-1.2"], since=1)
    told = rows(unpacked(delta)["lineItemLearningObjectiveIds.csv"])
    assert {(row["learningObjectiveId"], row["status"]) for row in told} == {
        *(("o1", "active"), ("x,1", "active"), ("o2", "tobedeleted"), ("o9", "active"))
    }
    other.done(delta.files[0].path)
    assert _extra(other.everything()) == _extra(as_the_app_knows(sis))


def _extra(found):
    return {kind: {key: record["metadata"] for key, record in found[kind].items()} for kind in ADDED_1P2}

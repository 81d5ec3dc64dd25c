"""A source's filters: what matches passes; what does not counts as not in the source, and what hangs on it goes with it."""

import pytest

from schoolpassport.quality import actions as quality
from schoolpassport.quality.policies import NotUnderstood
from schoolpassport.sync import preview
from schoolpassport.sync.preview import Preview
from tests.support.nights import Nights, nights
from tests.support.packages import Package, class_, crowd, demographics, enrollment, small, user

GRADE_7 = {
    "user": {
        "where": {
            "any": [
                {"attribute": "grades", "is": "equals", "value": "07"},
                {"attribute": "role", "is": "not equals", "value": "student"},
            ]
        }
    }
}
PUPILS_OF_7 = {"p1", "t1", "t2", "g1"}


@pytest.fixture
def sis(district, tmp_path, now) -> Nights:
    return nights(district_id=district.id, folder=tmp_path, now=now)


def filtered(sis: Nights, content: object) -> int:
    return quality.set_filters(
        district_id=sis.district_id, source_id=sis.source.id, content=content, by="test", now=sis.now
    )


def everything(sis: Nights) -> dict[str, set[str]]:
    return {kind: sis.active(kind) for kind in ("org", "class", "user", "enrollment", "demographics")}


def test_what_does_not_match_is_not_taken_and_what_hangs_on_it_goes_along(sis):
    filtered(sis, GRADE_7)
    run = sis.done(small())
    assert everything(sis) == {
        "org": {"d1", "s1", "s2"},
        "class": {"k1", "k2"},
        "user": PUPILS_OF_7,
        "enrollment": {"e1", "e2", "e6"},
        "demographics": {"p1"},
    }
    assert sis.findings(run) == set()


def test_without_linked_rows_the_references_dangle_and_are_reported(sis):
    filtered(sis, {"user": {**GRADE_7["user"], "linked": ["demographics"]}})
    run = sis.done(small())
    assert sis.active("enrollment") == {"e1", "e2", "e6"}
    assert {(p.file, p.rule) for p in sis.findings(run)} == {("enrollments.csv", "dangling reference")}


def test_a_school_takes_everything_with_it_that_is_not_elsewhere_too(sis):
    filtered(sis, {"org": {"where": {"attribute": "name", "is": "not equals", "value": "school S2"}}})
    run = sis.done(small())
    assert everything(sis) == {
        "org": {"d1", "s1"},
        "class": {"k1"},
        "user": {"t1", "g1", "p1", "p2", "p3"},  # p3 goes to both schools
        "enrollment": {"e1", "e2", "e3", "e4"},
        "demographics": {"p1"},
    }
    assert {(p.file, p.column) for p in sis.findings(run)} == {("users.csv", "orgSourcedIds")}  # p3's other school


def test_a_changed_filter_is_asked_of_every_row_also_of_the_very_same_package(sis):
    package = small()
    sis.done(package)
    first = sis.ids("user")
    filtered(sis, GRADE_7)
    path = sis.write(package)
    sis.done(path)
    assert sis.active("user") == PUPILS_OF_7
    assert sis.archived("enrollment") == {"e3", "e4", "e5"}
    assert sis.run(path).state == "unchanged"
    filtered(sis, {})
    sis.done(path)
    assert sis.active("user") == {"t1", "t2", "g1", "p1", "p2", "p3", "p4"}
    assert sis.active("enrollment") == {"e1", "e2", "e3", "e4", "e5", "e6"}
    assert sis.ids("user") == first


def test_a_row_that_stops_to_match_goes_with_unchanged_rows_that_hang_on_it_and_comes_back(sis):
    """On the second night nothing but one line differs: the enrollments are skimmed."""
    grades = [f"c{n:03d}" for n in range(30)]
    package = crowd(30)
    for key in [*grades, "p2", "p3", "p4"]:
        package = package.changed("users", key, grades="07")
    filtered(sis, GRADE_7)
    sis.done(package)
    assert {"c003", "p2"} <= sis.active("user")
    run = sis.done(package.changed("users", "c003", grades="08"))
    assert sis.archived("user") == {"c003"}
    assert sis.archived("enrollment") == {"ce003"}
    assert sis.findings(run) == set()
    run = sis.done(package.changed("users", "c003", grades="07", givenName="Renamed"))
    assert sis.archived("user") | sis.archived("enrollment") == set()
    assert sis.run(package.changed("users", "c003", grades="07", givenName="Renamed", phone=" ")).state == "unchanged"


def test_conditions_may_ask_about_what_a_row_refers_to(sis):
    filtered(
        sis,
        {
            "enrollment": {
                "where": {
                    "all": [
                        {"attribute": "user.grades", "is": "equals", "value": "07"},
                        {"attribute": "class.title", "is": "begins with", "value": "class"},
                    ]
                }
            },
            "user": {"where": {"attribute": "orgs.name", "is": "ends with", "value": "s1"}, "linked": False},
            "demographics": {"where": {"attribute": "user.role", "is": "equals", "value": "student"}},
        },
    )
    sis.done(small())
    assert sis.active("user") == {"t1", "g1", "p1", "p2", "p3"}
    assert sis.active("enrollment") == {"e2"}
    assert sis.active("demographics") == {"p1"}
    # Nothing of the enrollments differs, but of what they refer to.
    sis.done(small().changed("users", "p2", grades="07"))
    assert sis.active("enrollment") == {"e2", "e3"}


def test_a_filter_that_asks_about_a_file_that_is_not_there_refuses_the_package(sis):
    filtered(sis, {"enrollment": {"where": {"attribute": "user.grades", "is": "equals", "value": "07"}}})
    sis.done(small())
    run = sis.run(small().declared(users="absent"))
    assert run.state == "refused"
    assert "asks about users, and the package has no whole file of users" in run.message


def test_in_a_delta_what_does_not_match_goes_and_what_hangs_on_it_is_no_fault(sis):
    filtered(sis, GRADE_7)
    sis.done(small())
    stamp = {"status": "active", "dateLastModified": "2026-09-02T00:00:00Z"}
    delta = Package(
        {
            "users": (user("p1", grades="08", **stamp), user("p9", grades="07", **stamp)),
            "enrollments": (
                enrollment("e9", userSourcedId="p9", **stamp),
                enrollment("e3", userSourcedId="p2", **stamp),  # left out the night before
            ),
        },
        {"users": "delta", "enrollments": "delta"},
    )
    run = sis.done(delta)
    assert sis.active("user") == PUPILS_OF_7 - {"p1"} | {"p9"}
    assert "e9" in sis.active("enrollment")
    assert "e3" not in sis.active("enrollment")
    assert not [p for p in sis.findings(run) if p.line and p.line > 2]


def test_a_preview_counts_by_kind_and_school_and_changes_nothing(sis):
    package = small().with_rows("demographics", demographics("p2")).with_rows("classes", class_("k3"))
    told = preview.filters(
        district_id=sis.district_id,
        source_id=sis.source.id,
        origin=sis.write(package),
        content=GRADE_7,
        today=sis.now.date(),
    )
    assert [p for p in told if p.kind in {"user", "demographics"}] == [
        Preview(kind="user", school="", passing=4, out=3, linked=0, examples=("p2", "p3", "p4")),
        Preview(kind="user", school="School s1", passing=3, out=2, linked=0),
        Preview(kind="user", school="School s2", passing=1, out=2, linked=0),
        Preview(kind="demographics", school="", passing=1, out=0, linked=2, examples=("p2", "p4")),
    ]
    assert [(p.school, p.passing, p.linked) for p in told if p.kind == "enrollment"] == [
        ("", 3, 3),
        ("School s1", 2, 2),
        ("School s2", 1, 1),
    ]
    assert sis.revision() == 0


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ([], "Filters are an object: kind → {“where”: …, “linked”: …}."),
        ({"pupil": {}}, "There is no kind “pupil”; there are: academicSession, "),
        ({"user": {"were": {}}}, "The filter of users has “where” and, if you like, “linked”."),
        (
            {"user": {"where": {"attribute": "grade", "is": "empty"}}},
            "The filter of users. In the condition: there is no attribute “grade”; did you mean “grades”?",
        ),
        (
            {"user": {"where": {"all": []}, "linked": ["class"]}},
            "The filter of users: “linked” is true, false, or a list of: demographics, userResource, enrollment, assessmentResult, result.",
        ),
    ],
)
def test_a_filter_that_cannot_be_understood_is_not_saved(sis, content, sentence):
    with pytest.raises(NotUnderstood) as refused:
        filtered(sis, content)
    assert str(refused.value).startswith(sentence)

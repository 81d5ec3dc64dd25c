"""Rows with errors are left out, named by file, physical line and column; whoever refers to them is told."""

import logging

import pytest

from tests.support import packages
from tests.support.nights import Nights, Place, nights
from tests.support.packages import (
    HEADERS,
    class_,
    course,
    crowd,
    demographics,
    enrollment,
    org,
    session,
    small,
    table,
    user,
)


@pytest.fixture
def sis(district, tmp_path, now) -> Nights:
    return nights(district_id=district.id, folder=tmp_path, now=now)


def line_of(package: packages.Package, file: str, key: str) -> int:
    """The physical line of a row, counted from 1 as an editor does; the header is line 1."""
    return [r["sourcedId"] for r in package.rows[file]].index(key) + 2


# ----------------------------------------------------------------------------------------------------- errors in values

WRONG_VALUES = [
    ("users", user("x", username=""), "username"),
    ("users", user("x", orgSourcedIds=""), "orgSourcedIds"),
    ("users", user("x", role="wizard"), "role"),
    ("users", user("x", role="Student"), "role"),
    ("users", user("x", enabledUser="yes"), "enabledUser"),
    ("users", user("x", enabledUser="1"), "enabledUser"),
    ("users", user("x", familyName="é" * 2001), "familyName"),
    ("users", user("x" * 256), "sourcedId"),
    ("users", user("x", givenName="An\x07n"), "givenName"),
    ("orgs", org("x", type="university"), "type"),
    ("academicSessions", session("x", startDate="2026-13-01"), "startDate"),
    ("academicSessions", session("x", endDate="2027-02-29"), "endDate"),
    ("academicSessions", session("x", endDate="01/02/2027"), "endDate"),
    ("academicSessions", session("x", startDate="0000-01-01"), "startDate"),
    ("academicSessions", session("x", startDate="2026-09-01T00:00:00Z"), "startDate"),
    ("academicSessions", session("x", schoolYear="26/27"), "schoolYear"),
    ("classes", class_("x", classType="lecture"), "classType"),
    ("enrollments", enrollment("x", role="guardian"), "role"),  # a user's role, but not one of a class
    ("enrollments", enrollment("x", primary="maybe"), "primary"),
    ("demographics", demographics("p2", birthDate="17.5.2012"), "birthDate"),
    ("demographics", demographics("p2", sex="f"), "sex"),
    ("demographics", demographics("p2", asian="x"), "asian"),
]


def test_each_wrong_value_leaves_its_row_out_and_is_named(sis):
    """One row each, all in one package of fewer rows than the guard looks at."""
    package, expected = small(), []
    for number, (file, row, column) in enumerate(WRONG_VALUES):
        if file == "demographics":
            package, row = package.with_rows("users", user(f"q{number}")), {**row, "sourcedId": f"q{number}"}
        elif row["sourcedId"] == "x":
            row = {**row, "sourcedId": f"x{number}"}
        package = package.with_rows(file, row)
        expected.append((file, row["sourcedId"], column))
    run = sis.done(package)
    assert {(p.file, p.line, p.column) for p in sis.findings(run, "error")} == {
        (f"{file}.csv", line_of(package, file, key), column) for file, key, column in expected
    }
    for kind in ("user", "org", "academicSession", "class", "enrollment"):
        assert not [key for key in sis.records(kind) if key.startswith("x")], kind
    assert sis.active("demographics") == {"p1", "p4"}


@pytest.mark.parametrize("score", ["1e-400", "1_000", "0x10", "nan", "inf", "9" * 400, "12,5"])
@pytest.mark.parametrize("when", ["2026-09-01"])
def test_a_number_that_only_one_of_our_engines_understands_is_a_finding_and_no_crash(sis, score, when):
    line_item = {
        "sourcedId": "li",
        "title": "Quiz",
        "assignDate": f"{when}T00:00:00Z",
        "dueDate": f"{when}T00:00:00Z",
        "classSourcedId": "k1",
        "categorySourcedId": "cat",
        "gradingPeriodSourcedId": "autumn",
        "resultValueMin": "0",
        "resultValueMax": score,
    }
    package = (
        small().with_rows("categories", {"sourcedId": "cat", "title": "Homework"}).with_rows("lineItems", line_item)
    )
    run = sis.done(package)
    assert sis.findings(run) == {Place("lineItems.csv", 2, "resultValueMax", "bad value")}


@pytest.mark.parametrize(
    "when", ["0000-01-01T00:00:00Z", "infinity", "epoch", "now", "2026-09-01T25:00:00Z", "290000-01-01"]
)
def test_an_instant_that_is_none_is_a_finding_and_no_crash(sis, when):
    line_item = {
        "sourcedId": "li",
        "title": "Quiz",
        "assignDate": when,
        "dueDate": "2026-09-01T00:00:00Z",
        "classSourcedId": "k1",
        "categorySourcedId": "cat",
        "gradingPeriodSourcedId": "autumn",
        "resultValueMin": "0",
        "resultValueMax": "1",
    }
    package = (
        small().with_rows("categories", {"sourcedId": "cat", "title": "Homework"}).with_rows("lineItems", line_item)
    )
    run = sis.done(package)
    assert sis.findings(run) == {Place("lineItems.csv", 2, "assignDate", "bad value")}


def test_names_of_three_hundred_characters_and_ids_with_any_sign_are_fine(sis):
    package = small().with_rows(
        "users", user("a/b@c {d}%20\\'", givenName="ß" * 300, familyName="N" * 300), user("y" * 255, username="TRUE")
    )
    run = sis.done(package)
    assert sis.findings(run) == set()
    assert sis.records("user")["a/b@c {d}%20\\'"]["givenName"] == "ß" * 300


def test_true_and_false_may_be_written_in_capitals(sis):
    run = sis.done(small().changed("users", "p1", enabledUser="TRUE").changed("users", "p2", enabledUser="False"))
    assert sis.findings(run) == set()
    assert {k: sis.records("user")[k]["enabledUser"] for k in ("p1", "p2")} == {"p1": True, "p2": False}


def test_a_user_id_of_another_shape_is_left_away_with_a_warning(sis):
    package = small().changed("users", "p1", userIds="LDAP=p1")
    run = sis.done(package)
    assert sis.findings(run) == {Place("users.csv", line_of(package, "users", "p1"), "userIds", "bad value")}
    assert sis.findings(run, "error") == set()
    assert sis.records("user")["p1"]["userIds"] is None


# --------------------------------------------------------------------------------------------------------- physical lines


def where(sis: Nights, lines: list[str]) -> set[tuple[str, str]]:
    """Which lines of orgs.csv the findings point to, and why."""
    text = "\n".join([*table(small().rows["orgs"], HEADERS["orgs"]).splitlines(), *lines])
    run = sis.done(small().texts() | {"orgs.csv": text + "\n"})
    physical = text.split("\n")
    return {(physical[p.line - 1], p.rule) for p in sis.findings(run, "error") if p.file == "orgs.csv" and p.line}


def test_lines_are_counted_as_an_editor_does_whatever_stands_between(sis):
    """Blank lines and lines that cannot be read take their place, too."""
    lines = [
        "too,few,cells",
        "x1,,,Bad one,university,,",
        "",
        "x2,,,Bad two,university,,",
        "",
        "",
        "x3,,,one,cell,too,many,here",
        "x4,,,Bad three,university,,",
    ]
    assert where(sis, lines) == {
        ("too,few,cells", "unreadable line"),
        ("x1,,,Bad one,university,,", "bad value"),
        ("x2,,,Bad two,university,,", "bad value"),
        ("x3,,,one,cell,too,many,here", "unreadable line"),
        ("x4,,,Bad three,university,,", "bad value"),
    }


def test_a_line_break_in_a_cell_is_an_error_and_takes_its_place_in_the_count(sis):
    lines = [
        "x1,,,Bad one,university,,",
        '"x2",,,"A name, on',
        'two lines",school,,d1',
        "x3,,,Bad two,university,,",
        "x4,,,one,cell,too,many,here",
        "x5,,,Bad three,university,,",
    ]
    assert where(sis, lines) == {
        ("x1,,,Bad one,university,,", "bad value"),
        ('"x2",,,"A name, on', "line break"),
        ("x3,,,Bad two,university,,", "bad value"),
        ("x4,,,one,cell,too,many,here", "unreadable line"),
        ("x5,,,Bad three,university,,", "bad value"),
    }
    assert "x2" not in sis.records("org")


def test_lines_are_counted_with_line_ends_of_windows_too(sis):
    package = small().with_rows("orgs", org("x1", type="university"))
    text = package.texts()["orgs.csv"].replace("\n", "\r\n").encode()
    run = sis.done(dict(package.texts()) | {"orgs.csv": b"\xef\xbb\xbf" + text})
    assert sis.findings(run) == {Place("orgs.csv", 5, "type", "bad value")}


# --------------------------------------------------------------------------------------------------- one id in two rows


def test_the_same_row_twice_is_taken_once_with_a_warning(sis):
    package = small().with_rows("users", user("p9"), user("p9", status="active", dateLastModified=packages.STAMP))
    run = sis.done(package)
    assert sis.records("user")["p9"]["status"] == "active"
    assert sis.findings(run, "error") == set()
    assert {(p.file, p.column) for p in sis.findings(run, "warning")} == {("users.csv", "sourcedId")}


def test_of_two_rows_that_differ_none_is_taken_and_both_are_named(sis):
    package = small().with_rows("users", user("p9"), user("p8"), user("p9", givenName="Other"))
    run = sis.done(package)
    assert "p9" not in sis.records("user")
    lines = {p.line for p in sis.findings(run, "error") if p.file == "users.csv"}
    assert lines == {9, 11}


@pytest.mark.parametrize("first", ["as it stands", "changed"])
def test_two_rows_that_differ_leave_the_older_record_as_it_stands(sis, first):
    sis.done(small())
    before = sis.records("user")["p2"]
    named = small() if first == "as it stands" else small().changed("users", "p2", givenName="New")
    run = sis.run(named.with_rows("users", user("p2", givenName="Other")).changed("orgs", "s1", name="Renamed"))
    assert run.state == "done"
    assert sis.records("user")["p2"] == before
    assert {p.column for p in sis.findings(run, "error")} == {"sourcedId"}
    # And when the source has mended it, its word counts again.
    sis.done(small().changed("users", "p2", givenName="Mended"))
    assert sis.records("user")["p2"]["givenName"] == "Mended"


def test_ids_that_stand_twice_are_found_beside_a_line_that_cannot_be_read(sis):
    """One row less can be read and one stands twice: the counts alone look fine."""
    sis.done(small())
    before = sis.records("user")
    changed = small().changed("users", "p2", givenName="New").with_rows("users", user("p2", givenName="Other"))
    texts = changed.texts()
    texts["users.csv"] = texts["users.csv"].replace("\np4,", "\np4,one,too,many,cells,for,this,", 1)
    run = sis.run(texts)
    assert run.state in {"done", "unchanged"}
    assert sis.records("user") == before
    assert {p.rule for p in sis.findings(run, "error")} == {"duplicate id", "unreadable line"}


# ----------------------------------------------------------------------------------------------------------- references


def test_a_reference_that_leads_nowhere_leaves_the_row_out_when_it_is_required(sis):
    package = (
        small()
        .with_rows("users", user("x1", orgSourcedIds="nowhere"))
        .with_rows("courses", course("x2", orgSourcedId="nowhere"))
        .with_rows("classes", class_("x3", termSourcedIds="never"), class_("x4", courseSourcedId="none"))
        .with_rows("enrollments", enrollment("x5", userSourcedId="nobody"))
        .with_rows("demographics", demographics("nobody"))
    )
    run = sis.done(package)
    assert sis.findings(run) == {
        Place("users.csv", 9, "orgSourcedIds", "dangling reference"),
        Place("courses.csv", 4, "orgSourcedId", "dangling reference"),
        Place("classes.csv", 4, "termSourcedIds", "dangling reference"),
        Place("classes.csv", 5, "courseSourcedId", "dangling reference"),
        Place("enrollments.csv", 8, "userSourcedId", "dangling reference"),
        Place("demographics.csv", 4, "sourcedId", "dangling reference"),
    }
    kinds = ("user", "course", "class", "enrollment", "demographics")
    assert not [key for kind in kinds for key in sis.records(kind) if key[0] == "x" or key == "nobody"]


def test_a_reference_that_leads_nowhere_is_cut_when_the_row_makes_sense_without_it(sis):
    package = (
        small()
        .changed("orgs", "s2", parentSourcedId="nowhere")
        .changed("users", "p1", agentSourcedIds="nobody,g1")
        .changed("users", "p2", orgSourcedIds="nowhere,s1")
        .changed("classes", "k1", termSourcedIds="autumn, never")
        .changed("courses", "alg", schoolYearSourcedId="never")
    )
    run = sis.done(package)
    assert sis.findings(run, "error") == set()
    assert sis.findings(run, "warning") == {
        Place("orgs.csv", 4, "parentSourcedId", "dangling reference"),
        Place("users.csv", 5, "agentSourcedIds", "dangling reference"),
        Place("users.csv", 6, "orgSourcedIds", "dangling reference"),
        Place("classes.csv", 2, "termSourcedIds", "dangling reference"),
        Place("courses.csv", 2, "schoolYearSourcedId", "dangling reference"),
    }
    assert sis.records("org")["s2"]["parent"] is None
    assert sis.records("user")["p1"]["agents"] == ["g1"]
    assert sis.records("user")["p2"]["orgs"] == ["s1"]
    assert sis.records("class")["k1"]["terms"] == ["autumn"]


def test_whoever_refers_to_a_row_left_out_is_told_so_down_the_whole_chain(sis):
    package = (
        small()
        .with_rows("courses", course("x1", title=""))
        .with_rows("classes", class_("x2", courseSourcedId="x1"))
        .with_rows("enrollments", enrollment("x3", classSourcedId="x2"))
    )
    run = sis.done(package)
    assert sis.findings(run, "error") == {
        Place("courses.csv", 4, "title", "missing value"),
        Place("classes.csv", 4, "courseSourcedId", "dangling reference"),
        Place("enrollments.csv", 8, "classSourcedId", "dangling reference"),
    }
    told = " ".join(sis.sentences(run))
    assert "left out (its own row is line 4)" in told


def test_whoever_refers_to_a_row_of_its_own_file_that_is_left_out_is_told_and_mended_later(sis):
    """A guardian with no school of ours is left out; the pupil is taken without the guardian, and must hear of it."""
    broken = small().changed("users", "g1", orgSourcedIds="nowhere")
    run = sis.done(broken)
    assert sis.records("user")["p1"]["agents"] in (None, [])
    assert sis.findings(run) == {
        Place("users.csv", 4, "orgSourcedIds", "dangling reference"),
        Place("users.csv", 5, "agentSourcedIds", "dangling reference"),
    }
    sis.done(small())
    assert sis.records("user")["p1"]["agents"] == ["g1"]


def test_a_reference_cut_one_night_is_there_again_when_its_target_comes(sis):
    sis.done(small().without("users", "g1"))
    assert sis.records("user")["p1"]["agents"] in (None, [])
    sis.done(small())
    assert sis.records("user")["p1"]["agents"] == ["g1"]


def test_what_still_refers_to_somebody_who_left_is_told_and_stays(sis):
    """The export forgot to remove the enrolment: an error of that row, which is no removal of it."""
    sis.done(small())
    run = sis.done(small().without("users", "p2"))
    assert sis.archived("user") == {"p2"}
    assert sis.active("enrollment") == {"e1", "e2", "e3", "e4", "e5", "e6"}
    assert sis.findings(run, "error") == {Place("enrollments.csv", 4, "userSourcedId", "dangling reference")}


@pytest.mark.parametrize("listed", ["s1,s2", "s1, s2", " s2 ,s1"])
def test_a_list_that_names_somebody_who_left_is_cut_and_told_however_it_is_spaced(sis, listed):
    first = small().changed("users", "p3", orgSourcedIds=listed)
    sis.set_limits(hold_whole=True)
    sis.done(first)
    alone = (
        first.without("orgs", "s2")
        .without("courses", "lit")
        .without("classes", "k2")
        .without("users", "p4", "t2")
        .without("enrollments", "e5", "e6")
        .without("demographics", "p4")
    )
    run = sis.approve(sis.run(alone))  # a school vanishes: a person must agree
    assert run.state == "done"
    assert sis.records("user")["p3"]["orgs"] == ["s1"]
    assert sis.findings(run) == {
        Place("users.csv", line_of(alone, "users", "p3"), "orgSourcedIds", "dangling reference")
    }


def test_a_reference_to_something_gone_before_is_told_when_its_file_comes_back(sis):
    """The users were declared absent on the night on which the school went; when they come again, it is still gone."""
    sis.set_limits(hold_whole=True)
    sis.done(small())
    without_school = small().without("orgs", "s2").only("orgs", "academicSessions")
    assert sis.approve(sis.run(without_school)).state == "done"
    run = sis.run(small().without("orgs", "s2"))
    assert Place("users.csv", 7, "orgSourcedIds", "dangling reference") in sis.findings(run)


def test_parents_that_go_round_in_a_circle_are_left_out(sis):
    package = (
        small()
        .with_rows("orgs", org("x1", parentSourcedId="x3"), org("x2", parentSourcedId="x1"))
        .with_rows("orgs", org("x3", parentSourcedId="x2"), org("x4", parentSourcedId="x4"), org("s3"))
        .with_rows("academicSessions", session("x5", parentSourcedId="x5"))
    )
    run = sis.done(package)
    assert sis.active("org") == {"d1", "s1", "s2", "s3"}
    assert sis.active("academicSession") == {"year", "autumn"}
    assert {(p.file, p.line, p.column) for p in sis.findings(run, "error")} == {
        *(("orgs.csv", line, "parentSourcedId") for line in (5, 6, 7, 8)),
        ("academicSessions.csv", 4, "parentSourcedId"),
    }


def test_a_circle_through_what_stands_already_is_found(sis):
    sis.done(small())
    run = sis.run(small().changed("orgs", "d1", parentSourcedId="s1"))
    assert "orgs.csv" in {p.file for p in sis.findings(run, "error")}
    assert sis.records("org")["d1"]["parent"] is None
    assert sis.active("org") == {"d1", "s1", "s2"}


# --------------------------------------------------------------------------------------- a row left out is no removal

STILL_THERE = {
    "an error in it": lambda text: text.replace("p2,,,true", "p2,,,perhaps", 1),
    "too many cells": lambda text: text.replace("\np2,", "\np2,1,2,3,4,5,", 1),
    "too few cells": lambda text: text.replace(text[text.index("\np2,") : text.index("\np3,")], "\np2,,", 1),
    "its id blank": lambda text: text.replace("\np2,", "\n,", 1),
    "only blanks as id": lambda text: text.replace("\np2,", "\n  ,", 1),
    "a quote that never ends": lambda text: text.replace("\np2,", '\n"p2,', 1),
    "a quote that ends rows later": lambda text: text.replace("Given-p2", '"Given-p2', 1).replace(
        "Given-p4", 'Given-p4"', 1
    ),
    "a stray quote": lambda text: text.replace("Given-p2", '"Given-p2" Jr.', 1),
    "bytes of another encoding": lambda text: text.replace("Given-p2", "Jos\udce9", 1),
    "a zero byte": lambda text: text.replace("Given-p2", "Giv\x00en", 1),
}


@pytest.mark.parametrize("way", STILL_THERE)
def test_a_row_left_out_for_an_error_never_counts_as_a_removal(sis, way):
    sis.done(small())
    texts: dict[str, str | bytes] = dict(small().texts())
    text = STILL_THERE[way](small().texts()["users.csv"])
    assert text != texts["users.csv"]
    run = sis.run(texts | {"users.csv": text.encode("utf-8", "surrogateescape")})
    assert sis.archived("user") == set(), sis.sentences(run)
    assert sis.active("enrollment") == {"e1", "e2", "e3", "e4", "e5", "e6"}
    assert [p for p in sis.findings(run, "error") if p.file == "users.csv"]


def test_a_line_with_a_cell_too_many_is_not_taken_though_its_last_cells_are_blank(sis):
    """A comma without quotes shifts everything behind it; the password, always blank, is pushed over the edge."""
    sis.done(small())
    texts = small().texts()
    texts["users.csv"] = texts["users.csv"].replace("Given-p2", "Ann, Mary", 1)
    run = sis.run(texts)
    assert sis.records("user")["p2"]["familyName"] == "Family-p2"
    assert sis.findings(run, "error") == {Place("users.csv", 6, "", "unreadable line")}


def test_a_shifted_line_does_not_pass_for_somebody_else(sis):
    """The id stands in the second column, and a comma without quotes before it shifts the line by one cell."""
    columns = [*HEADERS["users"][3:], *HEADERS["users"][:3]]
    columns.insert(1, columns.pop(columns.index("givenName")))
    columns.insert(2, columns.pop(columns.index("sourcedId")))
    texts = small().texts()
    texts["users.csv"] = table(small().rows["users"], columns)
    sis.done(texts)
    texts["users.csv"] = texts["users.csv"].replace("Given-p2", "Ann, Mary", 1)
    run = sis.run(texts)
    assert sis.archived("user") == set(), sis.sentences(run)


def test_while_a_line_does_not_show_whose_it_is_nothing_of_its_kind_is_archived(sis):
    sis.done(small())
    gone = small().without("users", "p4").without("enrollments", "e5").without("demographics", "p4")
    texts = gone.texts()
    run = sis.run(texts | {"users.csv": texts["users.csv"].replace("\np2,", "\n,", 1)})
    assert (sis.archived("user"), sis.archived("enrollment")) == (set(), {"e5"})
    assert "removals withheld" in {p.rule for p in sis.findings(run)}
    sis.done(gone)
    assert sis.archived("user") == {"p4"}


# ------------------------------------------------------------------------------------------------- too much to trust it


def test_a_package_with_too_many_bad_rows_changes_nothing(sis):
    sis.done(crowd(60))
    bad = crowd(60).changed("orgs", "s1", name="Renamed")
    for number in range(3):
        bad = bad.changed("users", f"c{number:03d}", role="wizard")
    run = sis.run(bad)
    assert (run.state, sis.revision()) == ("refused", 1)
    assert "3 of 67" in run.message
    assert sis.records("org")["s1"]["name"] == "School s1"
    assert {p.column for p in sis.findings(run, "error")} == {"role"}


def test_how_many_bad_rows_are_too_many_is_a_setting_of_the_district(sis):
    sis.set_limits(bad_row_share=0.05)
    bad = crowd(60)
    for number in range(3):
        bad = bad.changed("users", f"c{number:03d}", role="wizard")
    run = sis.done(bad)
    assert len(sis.active("user")) == 64
    assert sis.statistics(run)["user"] == {"added": 64, "rejected": 3}


def test_findings_are_counted_completely_even_where_not_all_are_kept(sis):
    from schoolpassport.quality import queries
    from schoolpassport.tenancy import scope

    sis.set_limits(bad_row_share=1)
    many = [user(f"w{n:04d}", role="wizard") for n in range(1200)]
    run = sis.run(small().with_rows("users", *many))
    with scope.inside(sis.district_id):
        counts = queries.finding_counts(district_id=sis.district_id, run_id=run.id)
    assert [(c.file, c.rule, c.column, c.count) for c in counts] == [("users.csv", "bad value", "role", 1200)]
    assert len(sis.findings(run)) == 1000


# ------------------------------------------------------------------------------------------------------------ and quiet


def test_no_value_of_a_person_gets_into_the_logs(sis, caplog, capfd):
    """Whatever goes wrong: findings stay in the district's own tables."""
    caplog.set_level(logging.DEBUG)
    secret = "Canary-4711"
    package = (
        small()
        .with_rows("users", user(f"{secret}-1", givenName=secret, role=secret), user(f"{secret}-2", email=secret))
        .with_rows("users", user(f"{secret}-2", email="other"), user(f"{secret}-3", orgSourcedIds=secret))
        .with_rows("demographics", demographics("p2", birthDate=secret))
    )
    texts = package.texts()
    texts["users.csv"] += f'{secret},"{secret}\n'
    run = sis.run(texts)
    assert len(sis.findings(run)) >= 5
    assert secret not in caplog.text
    assert secret not in run.message
    out, err = capfd.readouterr()
    assert secret not in out + err

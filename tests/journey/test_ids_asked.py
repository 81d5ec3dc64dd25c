"""An id is given to another pupil: the district is told, sees both people, and hears what its answer does."""

import shlex

import pytest
from click.testing import CliRunner

from schoolpassport.cli.commands import people as command
from schoolpassport.messaging import queries
from schoolpassport.quality import queries as quality
from schoolpassport.tenancy import scope
from tests.support.nights import Nights, nights
from tests.support.packages import Package, small


@pytest.fixture
def sis(district, tmp_path, now) -> Nights:
    made = nights(district_id=district.id, folder=tmp_path, now=now)
    made.done(small())
    return made


def passed_on(*keys: str) -> Package:
    made = small()
    for key in keys:
        made = made.changed("users", key, givenName="Someone", familyName=f"Else-{key}", grades="03")
        made = made.changed("demographics", key, birthDate="2016-01-01")
    return made


def told(of: Nights, **which):
    found = queries.notices(organisation_id=of.district_id, **which)
    return [n for n in found if n.kind == "ids-asked"]


def say(of: Nights, *words: str) -> str:
    result = CliRunner().invoke(command.command, [*words, "--district", str(of.district_id)])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_district_is_told_how_many_ids_are_asked_about_and_nothing_of_a_record(sis, district):
    sis.run(passed_on("p1"))
    (notice,) = told(sis, waiting=True)
    assert notice.subject == f"{district.name}: SIS seems to have given ids to others, 1 in all"
    assert notice.commands == (f"schoolpassport people questions --district '{district.name}'",)
    for value in ("p1", "Someone", "Else", "Given-p1"):
        assert value not in notice.subject + notice.words
    sis.run(passed_on("p1").changed("users", "p2", phone="5551234"))
    assert len(told(sis)) == 1, "the same question"
    sis.run(passed_on("p1", "p4"))
    (newest,) = told(sis, waiting=True)
    assert (len(told(sis)), newest.subject.endswith("2 in all")) == (2, True)


@pytest.mark.parametrize("means", ["same", "other"])
def test_what_is_answered_or_does_not_arise_any_more_waits_no_more(sis, means):
    sis.run(passed_on("p1", "p4"))
    say(sis, means, "SIS", "p1")
    assert len(told(sis, waiting=True)) == 1
    say(sis, means, "SIS", "p4")
    assert told(sis, waiting=True) == []


def test_an_id_that_its_owner_has_again_waits_no_more(sis):
    sis.run(passed_on("p1"))
    sis.run(small().changed("users", "p2", phone="5551234"))
    assert told(sis, waiting=True) == []
    assert say(sis, "questions") == "Nothing is asked.\n"


def test_the_list_shows_both_people_of_each_id_and_what_to_type(sis):
    p1 = sis.ids("user")["p1"]
    sis.run(passed_on("p1"))
    shown = say(sis, "questions")
    (row,) = (line for line in shown.splitlines() if str(p1) in line)
    assert row.split()[:6] == ["SIS", "p1", "Given-p1", "Family-p1", "Someone", "Else-p1"]
    assert "schoolpassport people same SIS p1" in shown
    assert "schoolpassport people other SIS p1" in shown


def test_the_finding_gives_the_whole_command_whatever_the_id_looks_like(sis):
    odd = Package(
        {
            file: tuple({h: "it's 1" if v == "p1" else v for h, v in row.items()} for row in rows)
            for file, rows in passed_on("p1").rows.items()
        }
    )
    before = Package(
        {
            file: tuple({h: "it's 1" if v == "p1" else v for h, v in row.items()} for row in rows)
            for file, rows in small().rows.items()
        }
    )
    sis.done(before)
    run = sis.run(odd)
    with scope.inside(sis.district_id):
        (found,) = (
            f for f in quality.findings(district_id=sis.district_id, run_id=run.id) if f.rule == "id of another"
        )
    word = shlex.quote("it's 1")
    assert f"schoolpassport people other SIS {word}." in found.sentence
    assert found.value == "Someone Else-p1"
    say(sis, "same", "SIS", "it's 1")


def test_an_answer_says_what_it_does_at_once(sis):
    p1 = sis.ids("user")["p1"]
    sis.run(passed_on("p1", "p4"))
    said = say(sis, "other", "SIS", "p1")
    assert f"“p1” of SIS is not Given-p1 Family-p1 any more: {p1} was archived now." in said
    said = say(sis, "same", "SIS", "p4")
    assert "“p4” of SIS means Given-p4 Family-p4" in said

"""Which schools of a second source are schools that stand: proposed, looked over, set."""

import json

import pytest
from click.testing import CliRunner

from schoolpassport.cli.commands import people as command
from schoolpassport.sync import schooling
from schoolpassport.sync.preview import Unread
from tests.support.packages import Package, org, small
from tests.support.sources import Several, several


@pytest.fixture
def district_of(district, tmp_path, now) -> Several:
    made = several(district_id=district.id, folder=tmp_path, now=now)
    named = small().changed("orgs", "s1", name="St. Élodie Elementary School", identifier="0101")
    made.sis.done(
        named.changed("orgs", "s2", name="Brook Hollow High School", identifier="0102").with_rows(
            "orgs",
            org("s3", name="Maple Grove Elementary", identifier="0103"),
            org("s4", name="Maple Groves Elementary", identifier="0104"),
        )
    )
    return made


def proposed(district_of: Several, source, *rows) -> dict[str, tuple[str, str]]:
    path = source.write(Package({"orgs": (org("d9", type="district", name="Elsewhere"), *rows)}))
    found = schooling.propose(
        district_id=district_of.district_id, source_id=source.source.id, origin=path, today=source.now.date()
    )
    names = {str(id_): key for key, id_ in district_of.sis.ids("org").items()}
    return {p.key: (names.get(p.becomes, p.becomes), p.reason) for p in found}


def test_numbers_and_names_propose_and_what_is_not_clear_is_asked(district_of):
    other = district_of.more("Other")
    found = proposed(
        district_of,
        other,
        org("1", name="Saint Elodie Elem", identifier=""),
        org("2", name="The Brook", identifier="0102"),
        org("3", name="Maple Grove ES", identifier="0104"),
        org("4", name="Maple Grovez Elementary", identifier=""),
        org("5", name="Quite Another Academy", identifier="0999"),
        org("6", name="Brook Hollow High School", type="department", identifier="0102"),
    )
    assert found["1"][0] == "s1"
    assert "Nearly the same name" in found["1"][1]
    assert found["2"] == ("s2", "The same number.")
    assert found["3"] == ("s4", "The same number.")  # a number says more than a name
    assert found["4"][0] == ""
    assert "“Maple Grove Elementary”" in found["4"][1]
    assert found["5"][0] == "new"
    assert found["6"][0] == "new"  # of another type


def test_nothing_is_set_by_it_and_a_school_that_the_source_knows_is_not_proposed(district_of):
    before = district_of.state()
    assert {
        b for b, _ in proposed(district_of, district_of.sis, org("z", name="Brook Hollow High School")).values()
    } == {"new"}
    assert district_of.state() == before


def test_a_package_that_cannot_be_read_says_why(district_of, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(Unread):
        schooling.propose(
            district_id=district_of.district_id,
            source_id=district_of.sis.source.id,
            origin=tmp_path / "empty",
            today=district_of.sis.now.date(),
        )


def test_on_the_command_line_it_is_written_looked_over_and_set(district_of, tmp_path):
    other = district_of.more("Other")
    package = other.write(small().changed("orgs", "s1", name="Elodie Elem. Saint", identifier="0101"))
    place = ["--district", str(district_of.district_id)]
    said = CliRunner().invoke(
        command.command, ["propose-schools", "Other", str(package), "--write", str(tmp_path / "s.json"), *place]
    )
    assert "The same number." in said.output, said.output
    assert json.loads((tmp_path / "s.json").read_text())["s1"] == str(district_of.sis.ids("org")["s1"])
    said = CliRunner().invoke(command.command, ["schools", "Other", str(tmp_path / "s.json"), *place])
    assert "hold from the next package on" in said.output
    other.done(package)
    assert other.ids("org")["s1"] == district_of.sis.ids("org")["s1"]

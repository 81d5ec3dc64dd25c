"""Which schools of a second source are schools that stand: proposed, looked over, set."""

import json

import pytest
from click.testing import CliRunner

from schoolpassport.audit import queries as audit
from schoolpassport.cli.commands import people as command
from schoolpassport.matching import decisions, policies
from schoolpassport.sources import queries as sources
from schoolpassport.sync import rehearsal, schooling
from schoolpassport.sync.preview import Unread
from schoolpassport.tenancy import scope
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
    return looked_at(district_of, source, *rows)[0]


def looked_at(district_of: Several, source, *rows) -> tuple[dict[str, tuple[str, str]], set[str]]:
    path = source.write(Package({"orgs": (org("d9", type="district", name="Elsewhere"), *rows)}))
    found = schooling.propose(
        district_id=district_of.district_id, source_id=source.source.id, origin=path, today=source.now.date()
    )
    names = {str(id_): key for key, id_ in district_of.sis.ids("org").items()}
    what = {p.key: (names.get(p.becomes, p.becomes), p.reason) for p in found}
    return what, {p.key for p in found if p.certain}


def test_a_source_whose_schools_seem_to_stand_already_is_told_so_when_they_come(district_of):
    other = district_of.more("Other SIS")
    package = Package({"orgs": (org("1", name="Saint Elodie Elem", identifier="0101"), org("5", name="Quite New"))})
    facts = {"district_id": district_of.district_id, "source_id": other.source.id, "now": other.now}
    before = rehearsal.package(**facts, origin=other.write(package))
    assert "school stands already" in {f.rule for f in before.findings}
    run = other.done(package)
    (told,) = [s for s in other.sentences(run) if "may be schools that stand" in s]
    assert told == (
        "1 new schools may be schools that stand, like “Saint Elodie Elem”: The same number, and nearly the same name. "
        "They stand twice until somebody says so: schoolpassport people propose-schools 'Other SIS' PACKAGE"
    )
    again = other.run(Package({"orgs": (org("1", name="Saint Elodie Elementary", identifier="0101"),)}))
    assert not [s for s in other.sentences(again) if "may be schools that stand" in s]


def test_a_school_of_which_somebody_said_that_it_is_new_is_not_asked_about_again(district_of):
    other = district_of.more("Other")
    decisions.set_schools(
        district_id=district_of.district_id, source_id=other.source.id, content={"1": "new"}, by="data", now=other.now
    )
    run = other.done(Package({"orgs": (org("1", name="Saint Elodie Elem", identifier="0101"),)}))
    assert not [s for s in other.sentences(run) if "may be schools that stand" in s]


def test_numbers_and_names_propose_and_what_is_not_clear_is_asked(district_of):
    other = district_of.more("Other")
    found, certain = looked_at(
        district_of,
        other,
        org("1", name="Saint Elodie Elem", identifier=""),
        org("2", name="The Brook", identifier="0102"),
        org("3", name="Maple Grove ES", identifier="0104"),
        org("4", name="Maple Grovez Elementary", identifier=""),
        org("5", name="Quite Another Academy", identifier="0999"),
        org("6", name="Brook Hollow High School", type="department", identifier="0102"),
        org("7", name="Maple Grove Elem School", identifier="0103"),
    )
    assert found["1"][0] == "s1"
    assert "Nearly the same name" in found["1"][1]
    assert found["2"] == ("s2", "The same number.")
    assert found["3"] == ("s4", "The same number.")  # a number says more than a name
    assert found["4"][0] == ""
    assert "“Maple Grove Elementary”" in found["4"][1]
    assert found["5"][0] == "new"
    assert found["6"][0] == "new"  # of another type
    assert certain == {"7"}  # where number and name agree


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


# --------------------------------------------------------------------------------------------------------- accepting


def cli(district_of: Several, *words: object):
    place = ["--district", str(district_of.district_id)]
    return CliRunner().invoke(command.command, [*map(str, words), *place])


def held(district_of: Several, source) -> object:
    with scope.inside(district_of.district_id):
        return sources.settings(district_id=district_of.district_id, source_id=source.source.id).get("schools")


def theirs() -> Package:
    return (
        small()
        .changed("orgs", "s1", name="Saint Elodie Elem.", identifier="0101")  # number and name
        .changed("orgs", "s2", name="The Brook", identifier="0102")  # the number alone
        .with_rows("orgs", org("s3", name="Nowhere Like It"), org("s9", name="Maple Grove Elementary", identifier="1"))
    )


def test_what_is_certain_what_is_chosen_and_what_is_declined_is_set_at_once_and_in_the_ledger(district_of):
    other, ids = district_of.more("Other"), district_of.sis.ids("org")
    package = other.write(theirs())
    before = district_of.state()
    for words, sentence in (
        ([], "Name schools"),
        (["zz"], "no school “zz”"),
        (["s1", "--decline", "s1"], "decided twice"),
    ):
        assert sentence in cli(district_of, "accept-schools", "Other", package, *words).output
    told = cli(district_of, "accept-schools", "Other", package, "--certain", "--rehearse")
    assert "It would end as done" in told.output, told.output
    assert (held(district_of, other), district_of.state()) == (None, before)
    assert "1 decided" in cli(district_of, "accept-schools", "Other", package, "--certain").output
    assert held(district_of, other) == {"s1": str(ids["s1"])}
    done = cli(district_of, "accept-schools", "Other", package, "s2", "--decline", "s9", "--leave-out", "s3")
    assert "3 decided. Schools of Other, version 2" in done.output
    assert held(district_of, other) == {"s1": str(ids["s1"]), "s2": str(ids["s2"]), "s9": "new", "s3": "no"}
    with scope.inside(district_of.district_id):
        written = [
            e.facts for e in audit.events(district_id=district_of.district_id) if e.about == str(other.source.id)
        ]
    assert [f["after"] for f in written if f.get("subject") == "schools"] == [2, 1]
    assert (
        "School “s9” is not open any more. Decided."
        in cli(district_of, "accept-schools", "Other", package, "s9").output
    )
    other.done(package)
    found = other.ids("org")
    assert (found["s1"], found["s2"], "s3" in found) == (ids["s1"], ids["s2"], False)
    assert found["s9"] not in ids.values()


def test_a_school_that_came_already_is_merged_and_not_mapped(district_of):
    other, ids = district_of.more("Other"), district_of.sis.ids("org")
    package = other.write(theirs())
    other.done(package)
    came = other.ids("org")["s1"]
    hint = f"schoolpassport people merge {ids['s1']} {came} --kind org"
    assert hint in cli(district_of, "accept-schools", "Other", package, "s1").output
    (package / "s.json").write_text(json.dumps({"s1": str(ids["s1"])}))
    assert hint in cli(district_of, "schools", "Other", package / "s.json").output
    assert "is now" not in cli(district_of, "merge", ids["s1"], came, "--kind", "org").output
    assert other.ids("org")["s1"] == ids["s1"]
    assert "version 1" in cli(district_of, "schools", "Other", package / "s.json").output  # it says what is so


# ------------------------------------------------------------------------------------------------------- copied once


def test_attributes_are_copied_once_when_a_school_is_new_and_follow_again_when_that_is_wanted(district_of):
    other = district_of.more("Other")
    package = other.write(theirs())
    cli(district_of, "accept-schools", "Other", package, "--decline", "s9", "--once")
    other.done(package)
    s9, d1 = other.ids("org")["s9"], other.ids("org")["d1"]
    renamed = theirs().changed("orgs", "s9", name="Another Name", identifier="77", parentSourcedId="d1")
    other.done(renamed.changed("orgs", "s3", name="Somewhere"))
    now = district_of.record(s9, "org")
    assert (now["name"], now["identifier"], now["parent_id"]) == ("Maple Grove Elementary", "1", d1)
    assert district_of.record(other.ids("org")["s3"], "org")["name"] == "Somewhere"  # the control: nobody said so of it
    assert other.run(renamed.changed("orgs", "s3", name="Somewhere")).state == "unchanged"
    (package / "s.json").write_text(json.dumps({"s9": "new"}))
    cli(district_of, "schools", "Other", package / "s.json")
    other.done(renamed)
    assert district_of.record(s9, "org")["name"] == "Another Name"


def test_what_a_source_says_of_a_school_that_stands_is_heard_once(district_of):
    other, s1 = district_of.more("Other"), district_of.sis.ids("org")["s1"]
    district_of.decide("masters", {"org": [{"attribute": "identifier", "source": "Other", "rule": "master"}]})
    content = {"*": {"attributes": "once"}, "s1": str(s1), "s2": {"becomes": str(s1), "attributes": "follow"}}
    decisions.set_schools(
        district_id=district_of.district_id, source_id=other.source.id, content=content, by="test", now=other.now
    )
    one = theirs().changed("orgs", "s1", identifier="A-1").changed("orgs", "s2", identifier="")
    other.done(one)
    assert district_of.record(s1, "org")["identifier"] == "A-1"
    other.run(one.changed("orgs", "s1", identifier="A-2").changed("orgs", "s2", name="The Creek"))
    assert district_of.record(s1, "org")["identifier"] == "A-1"
    other.run(one.changed("orgs", "s1", identifier="A-2").changed("orgs", "s2", identifier="0-B"))
    assert district_of.record(s1, "org")["identifier"] == "A-1"  # of two keys the first speaks
    assert (
        district_of.record(s1, "org")["name"] == "St. Élodie Elementary School"
    )  # of which the first source is master


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"s1": {"becomes": "new", "attributes": "twice"}}, "“once” or “follow”"),
        ({"s1": {"becomes": "new", "copy": True}}, "“once” or “follow”"),
        ({"*": "no"}, "stands for all schools that are not named"),
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused(content, sentence):
    with pytest.raises(policies.Unfit, match=sentence):
        policies.schools(content)

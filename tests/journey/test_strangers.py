"""Rows of a source that only adds, which found nobody: proposed with reasons, and what a person says about them."""

import json

import pytest
from click.testing import CliRunner

from schoolpassport.audit import queries as audit
from schoolpassport.cli.commands.matches import command
from schoolpassport.roster import queries as roster
from schoolpassport.sources.models import SourceRole
from schoolpassport.tenancy import scope
from tests.support.packages import Package, demographics, org, user
from tests.support.sources import Several, several


def people(*rows, born="2014-03-02"):
    return Package(
        {
            "orgs": (org("s1"),),
            "users": rows,
            "demographics": tuple(demographics(r["sourcedId"], birthDate=born, sex="female") for r in rows),
        }
    )


def accounts(*rows):
    return people(*rows).only("users", "demographics")


@pytest.fixture
def district_of(district, tmp_path, now) -> Several:
    made = several(district_id=district.id, folder=tmp_path, now=now)
    names = {"givenName": "Rosalind", "familyName": "Quillfeather"}
    made.sis.done(people(user("u1", **names), user("u2", givenName="Barnaby", familyName="Pym")))
    return made


def typed(district_of, *words, code=0):
    done = CliRunner().invoke(command, [*map(str, words), "--district", str(district_of.district_id)])
    assert done.exit_code == code, done.output
    return done.output


def proposed(district_of):
    found = json.loads(typed(district_of, "rows", "Directory", "--json"))
    return [(p["key"], p["record_id"]) for p in found]


ROSA = user("a7", givenName="Rosa", familyName="Quillfeather", role="", email="rosa@amber.example")
STRANGER = user("a8", givenName="Wilhelmina", familyName="Featherstone", email="w@amber.example")


def test_a_row_that_found_nobody_is_proposed_and_adds_from_the_night_after_it_was_linked(district_of):
    directory = district_of.more("Directory", SourceRole.ENRICHMENT)
    run = directory.run(accounts(ROSA, STRANGER))
    assert "nobody found" in {p.rule for p in directory.findings(run)}
    u1 = district_of.sis.ids("user")["u1"]
    assert proposed(district_of) == [("a7", str(u1))]
    shown = typed(district_of, "rows", "Directory")
    assert "Born on the same day" in shown
    assert "Rosa" not in shown
    typed(district_of, "link", "Directory", "a7", u1)
    assert proposed(district_of) == []
    assert district_of.record(u1)["email"] is None
    directory.done(accounts(ROSA, STRANGER))  # the very same package: what was decided makes it say something else
    record = district_of.record(u1)
    assert (record["email"], record["given_name"]) == ("rosa@amber.example", "Rosalind")
    assert district_of.links(u1) == {("u1", "first seen", False), ("a7", "matched", False)}
    with scope.inside(district_of.district_id):
        acts = {e.act for e in audit.events(district_id=district_of.district_id)}
    assert "roster:record:link" in acts
    assert "means somebody already" in typed(district_of, "link", "Directory", "a7", u1, code=1)


@pytest.mark.parametrize("refused", [True, False])
def test_a_row_that_was_refused_is_not_proposed_again_and_no_rule_links_it(district_of, refused):
    directory = district_of.more("Directory", SourceRole.ENRICHMENT)
    directory.run(accounts(ROSA))
    u1 = district_of.sis.ids("user")["u1"]
    if refused:
        typed(district_of, "refuse", "Directory", "a7", u1)
    assert proposed(district_of) == ([] if refused else [("a7", str(u1))])
    district_of.sis.done(
        people(
            user("u1", givenName="Rosa", familyName="Quillfeather", email="rosa@amber.example"),
            user("u2", givenName="Barnaby", familyName="Pym"),
        )
    )
    directory.run(accounts({**ROSA, "phone": "+1"}))  # by address and given name it would be hers
    assert (("a7", "matched", False) in district_of.links(u1)) is not refused
    with scope.inside(district_of.district_id):
        told = roster.parted(district_id=district_of.district_id, source_id=directory.source.id, kind="user")
    assert told == ([("a7", u1)] if refused else [])
    if refused:
        assert str(u1) in typed(district_of, "refused", "Directory")
        typed(district_of, "undo", "Directory", "a7", u1)
        assert "taken back already" in typed(district_of, "undo", "Directory", "a7", u1, code=1)
        assert json.loads(typed(district_of, "refused", "Directory", "--json")) == []
        directory.done(accounts({**ROSA, "phone": "+1"}))  # the very same package, which says something else now
        assert ("a7", "matched", False) in district_of.links(u1)
        with scope.inside(district_of.district_id):
            acts = [e.act for e in audit.events(district_id=district_of.district_id) if e.about == str(u1)]
        assert acts == ["roster:record:allow", "roster:record:refuse"]
    else:
        assert "Nobody said" in typed(district_of, "undo", "Directory", "a7", u1, code=1)


def test_what_cannot_be_looked_at_or_linked_says_why(district_of):
    assert "no source that only adds" in typed(district_of, "rows", "SIS", code=1)
    directory = district_of.more("Directory", SourceRole.ENRICHMENT)
    assert "or new" in typed(district_of, "rows", "Directory", code=1)
    directory.run(accounts(STRANGER))
    assert proposed(district_of) == []
    nobody = "00000000-0000-0000-0000-000000000001"
    assert "There is no user" in typed(district_of, "link", "Directory", "a8", nobody, code=1)

"""Probable duplicates from the packages of two sources to a decision, and what the nights after make of it."""

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest
from click.testing import CliRunner
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from schoolpassport.audit import queries as audit
from schoolpassport.cli import show
from schoolpassport.cli.commands.matches import command
from schoolpassport.cli.commands.people import command as people_command
from schoolpassport.matching import actions, queries
from schoolpassport.matching.models import Looked, Proposal
from schoolpassport.roster import queries as roster
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import catalogue
from schoolpassport.sharing.records import Contents
from schoolpassport.sources.actions import register_source
from schoolpassport.tenancy import scope
from tests.support import partners
from tests.support.clockwork import ticking
from tests.support.nights import BY, SCHEMA, nights
from tests.support.packages import Package, demographics, org, user
from tests.support.views import View

ROSALIND = {"givenName": "Rosalind", "familyName": "Quillfeather"}


def package(*people, born="2014-03-02"):
    keys = [p["sourcedId"] for p in people]
    return Package(
        {
            "orgs": (org("s1"),),
            "users": people,
            "demographics": tuple(demographics(k, birthDate=born, sex="female") for k in keys),
        }
    )


@pytest.fixture
def sis(district, tmp_path, now):
    return nights(district_id=district.id, folder=tmp_path / "sis", now=now)


@pytest.fixture
def directory(sis, tmp_path):
    source = register_source(district_id=sis.district_id, name="Directory", schema=SCHEMA, by=BY, now=sis.now)
    return replace(sis, source=source, folder=tmp_path / "directory", count=0)


def open_pairs(district_id):
    with scope.inside(district_id):
        return [{str(p.left_id), str(p.right_id)} for p in queries.proposals(district_id=district_id)]


def states(district_id):
    with scope.inside(district_id):
        return [(p.number, p.state) for p in queries.proposals(district_id=district_id, state="")]


def test_two_sources_that_know_one_person_lead_to_one_proposal_by_the_next_morning(sis, directory):
    sis.done(package(user("u1", **ROSALIND), user("u2", givenName="Barnaby", familyName="Pym")))
    directory.done(package(user("x9", **{**ROSALIND, "givenName": "Rosa"})))
    ids = {str(sis.ids("user")["u1"]), str(directory.ids("user")["x9"])}
    assert open_pairs(sis.district_id) == [ids]
    with scope.inside(sis.district_id):
        shown = queries.proposal(district_id=sis.district_id, number=1)
        events = [e for e in audit.events(district_id=sis.district_id) if e.act == "matching:people:look"]
    assert {p["given_name"] for p in shown["people"]} == {"Rosalind", "Rosa"}
    assert ("Birth date", "Born on the same day") in {(w["field"], w["says"]) for w in shown["waterfall"]}
    assert "Rosalind" not in json.dumps([e.facts for e in events])
    assert events[0].facts["opened"] == 1


def test_two_numbers_in_one_system_are_told_from_two_systems_with_a_number_each(sis, directory):
    same = {**ROSALIND, "phone": "+1 555 010 0100"}
    sis.done(package(user("u1", identifier="N-1", **same), user("u2", identifier="N-2", **same)))
    directory.done(package(user("x9", identifier="X-9", **same)))
    names = {sis.ids("user")["u1"]: "u1", sis.ids("user")["u2"]: "u2", directory.ids("user")["x9"]: "x9"}
    with scope.inside(sis.district_id):
        found = {
            frozenset({names[p.left_id], names[p.right_id]}): {e["field"]: e["level"] for e in p.evidence}["identifier"]
            for p in queries.proposals(district_id=sis.district_id)
        }
    assert found == {
        frozenset({"u1", "u2"}): "two_in_one_system",
        frozenset({"u1", "x9"}): "other",
        frozenset({"u2", "x9"}): "other",
    }
    with scope.inside(sis.district_id):
        proposals = queries.proposals(district_id=sis.district_id)
        asked = []
        for some in (proposals[:1], proposals):
            with CaptureQueriesContext(connection) as seen:
                queries.both(district_id=sis.district_id, proposals=some)
            asked.append(len(seen))
    assert asked[0] == asked[1]


def test_a_night_of_two_sources_looks_once_when_both_are_through(sis, directory):
    both = (
        sis.ask(package(user("u1", **ROSALIND))),
        directory.ask(package(user("x9", **ROSALIND))),
    )
    with ticking(sis.now):
        sis.walk(both[0])
        assert states(sis.district_id) == []  # the other one still waits
        directory.walk(both[1])
    with scope.inside(sis.district_id):
        events = [e for e in audit.events(district_id=sis.district_id) if e.act == "matching:people:look"]
    assert [e.facts["compared"] for e in events] == [2]
    assert states(sis.district_id) == [(1, "open")]


def test_a_decision_holds_until_other_fields_speak_for_it(sis, directory, now):
    sis.done(package(user("u1", **ROSALIND)))
    directory.done(package(user("x9", **ROSALIND)))
    actions.different(district_id=sis.district_id, number=1, by="secretary", now=now)
    directory.done(package(user("x9", **ROSALIND, middleName="Ann")))
    assert states(sis.district_id) == [(1, "different")]
    sis.done(package(user("u1", **ROSALIND, middleName="Ann")))  # now the middle names agree, too
    assert states(sis.district_id) == [(1, "open")]


def test_same_makes_one_record_of_two_and_the_newer_id_an_alias(sis, directory, now):
    sis.done(package(user("u1", **ROSALIND)))
    directory.done(package(user("x9", **ROSALIND, middleName="Ann")))
    kept, lost = sis.ids("user")["u1"], directory.ids("user")["x9"]
    actions.same(district_id=sis.district_id, number=1, by="secretary", now=now)
    assert sis.ids("user") == {"u1": kept}
    assert directory.ids("user") == {"x9": kept}
    with scope.inside(sis.district_id):
        assert roster.record(district_id=sis.district_id, kind="user", id=kept)["middle_name"] == "Ann"
        assert roster.record(district_id=sis.district_id, kind="user", id=lost)["status"] == "tobedeleted"
    actions.look(district_id=sis.district_id, by=BY, now=now, everybody=True)
    assert states(sis.district_id) == [(1, "same")]


def test_same_on_the_command_line_is_a_merge_that_applications_see_and_that_can_be_undone(sis, directory, now):
    sis.done(package(user("u1", **ROSALIND)))
    directory.done(package(user("x9", **ROSALIND)))
    integration = partners.integrated(sis.district_id, now).integration
    sharing.agree(
        district_id=sis.district_id,
        integration_id=integration.id,
        contents=Contents(attributes=catalogue.everything()),
        by=BY,
        now=now,
    )
    view = View(sis.district_id, integration.id)
    lost, there = directory.ids("user")["x9"], set(view.active("user"))
    words = ["--district", str(sis.district_id)]
    said = CliRunner().invoke(command, ["same", "1", *words])
    assert said.exit_code == 0
    kept = sis.ids("user")["u1"]
    assert said.output == (
        f"Proposal 1 is same: {kept} stays, and {lost} is another name of it.\n"
        "Undo: schoolpassport people undo 1; the proposal is different then.\n"
    )
    assert there - set(view.active("user")) == {("user", lost)}
    undone = CliRunner().invoke(people_command, ["undo", "1", *words])
    assert undone.exit_code == 0
    assert "Proposal 1 is different now" in undone.output
    assert set(view.active("user")) == there
    assert states(sis.district_id) == [(1, "different")]


def test_later_comes_back_on_its_day(sis, directory, now):
    sis.done(package(user("u1", **ROSALIND)))
    directory.done(package(user("x9", **ROSALIND)))
    with pytest.raises(actions.NotOpen, match=f"^{now.date()} is no day to come: give one after {now.date()}"):
        actions.later(district_id=sis.district_id, number=1, until=now.date(), by="secretary", now=now)
    day = now.date() + timedelta(days=7)
    actions.later(district_id=sis.district_id, number=1, until=day, by="secretary", now=now)
    actions.look(district_id=sis.district_id, by=BY, now=now + timedelta(days=6))
    assert states(sis.district_id) == [(1, "later")]
    actions.look(district_id=sis.district_id, by=BY, now=now + timedelta(days=7))
    assert states(sis.district_id) == [(1, "open")]


def test_a_proposal_is_closed_when_a_record_goes_or_is_alike_no_more(sis, directory):
    other = user("u2", givenName="Barnaby", familyName="Pym")
    sis.done(package(user("u1", **ROSALIND), other))
    directory.done(package(user("x9", **ROSALIND)))
    assert states(sis.district_id) == [(1, "open")]
    directory.done(package(user("x9", **{**ROSALIND, "givenName": "Ottoline"}), born="2009-09-09"))
    assert states(sis.district_id) == [(1, "closed")]
    directory.done(package(user("x9", **ROSALIND)))
    assert states(sis.district_id) == [(1, "open")]


def test_a_night_that_changes_nobody_compares_nobody_and_the_next_one_misses_nobody(sis, directory, now):
    sis.done(package(user("u1", **ROSALIND)))
    directory.done(package(user("x9", givenName="Ottoline", familyName="Vane"), born="2009-09-09"))
    with scope.inside(sis.district_id):
        before = Looked.objects.get(district_id=sis.district_id).revision
    sis.done(package(user("u1", **ROSALIND)).changed("orgs", "s1", name="Renamed"))
    with scope.inside(sis.district_id):
        assert Looked.objects.get(district_id=sis.district_id).revision == before + 1
        events = audit.events(district_id=sis.district_id)
    assert before + 1 not in [e.facts["revision"] for e in events if e.act == "matching:people:look"]
    directory.done(package(user("x10", **ROSALIND)))
    assert states(sis.district_id) == [(1, "open")]


def test_one_district_never_meets_the_people_of_another(sis, directory, other_district, tmp_path, now):
    stranger = nights(district_id=other_district.id, folder=tmp_path / "other", now=now)
    register_source(district_id=other_district.id, name="Second", schema=SCHEMA, by=BY, now=now)
    stranger.done(package(user("u1", **ROSALIND)))
    sis.done(package(user("u1", **ROSALIND)))
    directory.done(package(user("x9", givenName="Ottoline", familyName="Vane"), born="2009-09-09"))
    assert open_pairs(sis.district_id) == open_pairs(other_district.id) == []


def test_a_pair_that_was_not_found_cannot_be_decided_and_a_decision_cannot_be_taken_twice(sis, directory, now):
    with pytest.raises(actions.NotOpen, match="There is no proposal 1"):
        actions.same(district_id=sis.district_id, number=1, by="secretary", now=now)
    sis.done(package(user("u1", **ROSALIND)))
    directory.done(package(user("x9", **ROSALIND)))
    actions.different(district_id=sis.district_id, number=1, by="secretary", now=now)
    with pytest.raises(actions.NotOpen, match="Proposal 1 is different"):
        actions.later(district_id=sis.district_id, number=1, until=date(2027, 1, 1), by="secretary", now=now)


@pytest.mark.parametrize(
    ("broken", "constraint"),
    [
        ({"state": "different"}, "decided_proposals_say_by_whom"),
        ({"state": "perhaps"}, "proposal_state"),
        ({"probability": 1.5}, "proposal_probability"),
        ({"state": "later", "decided_by": "x", "decided_at": "2026-11-25T00:00:00Z"}, "later_says_when"),
    ],
)
def test_the_database_refuses_a_proposal_that_cannot_be(sis, directory, broken, constraint):
    sis.done(package(user("u1", **ROSALIND)))
    directory.done(package(user("x9", **ROSALIND)))
    with scope.inside(sis.district_id):
        found = Proposal.objects.filter(district_id=sis.district_id, number=1)
        assert found.update(probability=0.97) == 1
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            found.update(**broken)


def test_no_proposal_is_shown_as_certain():
    assert [show.chance(p) for p in (0.9, 0.9994, 0.999996, 1.0)] == ["90.0%", "99.9%", "99.9%", "99.9%"]


def test_the_command_line_lists_shows_and_decides(sis, directory):
    sis.done(package(user("u1", **ROSALIND, grades="06")))
    directory.done(package(user("x9", **ROSALIND)))
    ask = lambda *words: CliRunner().invoke(command, [*words, "--district", str(sis.district_id)])  # noqa: E731 (a word for the lines below)
    listed = json.loads(ask("list", "--json").output)
    assert [(p["proposal"], p["state"]) for p in listed] == [(1, "open")]
    assert "Rosalind" not in json.dumps(listed)
    lines = ask("list").output.splitlines()
    proposal, reasons = lines[1].split()[:3], "; ".join(listed[0]["reasons"]).split()
    assert [line.split() for line in lines[1:]] == [
        [*proposal, *["Rosalind", "Quillfeather", "2014-03-02", "06", "School", "s1", "SIS:", "u1"], *reasons],
        ["Rosalind", "Quillfeather", "2014-03-02", "–", "School", "s1", "Directory:", "x9"],
    ]
    shown = ask("show", "1").output
    assert "The same name, in full" in shown
    assert [line.split() for line in shown.splitlines() if line.startswith(("grades", "email", "sources"))] == [
        ["grades", "06", "–"],
        ["email", "–", "–"],
        ["sources", "SIS:", "u1", "Directory:", "x9"],
    ]
    assert ask("different", "1").output == "Proposal 1 is different.\n"
    assert json.loads(ask("list", "--json").output) == []
    assert ask("later", "1", "--until", "2027-01-01").exit_code == 1

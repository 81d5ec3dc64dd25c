"""What people decide about identity: one of two, two of one, somebody else."""

import json

import pytest

from schoolpassport.matching import decisions
from schoolpassport.matching.policies import Unfit
from schoolpassport.roster import actions, queries
from schoolpassport.roster.models import Link
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import catalogue
from schoolpassport.sharing.contract import Collection, Subset
from schoolpassport.sharing.queries import view_for
from schoolpassport.sharing.records import Contents
from schoolpassport.sources.models import SourceRole
from schoolpassport.sync import actions as sync
from schoolpassport.tenancy import scope
from tests.support import partners
from tests.support.packages import Package, demographics, enrollment, small, user
from tests.support.sources import Several, accounts, several
from tests.support.views import View


@pytest.fixture
def district_of(district, tmp_path, now) -> Several:
    return several(district_id=district.id, folder=tmp_path, now=now)


def twice() -> Package:
    """p1 stands twice: as p1, and as x1 with an enrollment, a guardian and a date of birth of her own."""
    return (
        small()
        .with_rows("users", user("x1", agentSourcedIds="g1", email="x1@amber.example"), user("g2", role="guardian"))
        .changed("users", "p2", agentSourcedIds="x1,p1,g1")
        .with_rows("enrollments", enrollment("e90", userSourcedId="x1"))
        .with_rows("demographics", demographics("x1"))
    )


def by(district_of: Several):
    with scope.inside(district_of.district_id):
        authority = decisions.authority(district_id=district_of.district_id)
    return {"district_id": district_of.district_id, "by": "test", "now": district_of.sis.now, "authority": authority}


def merge(district_of: Several, keep: str, lose: str):
    ids = district_of.sis.ids("user")
    return actions.merge(kind="user", keep=ids[keep], lose=ids[lose], **by(district_of))


def undo(district_of: Several, number: int):
    return actions.undo_merge(number=number, **by(district_of))


def active(state):
    return {kind: {r["id"]: r for r in rows if r["status"] == "active"} for kind, rows in state.items()}


def links(district_of: Several):
    with scope.inside(district_of.district_id):
        found = Link.objects.filter(district_id=district_of.district_id)
        return {(ln.kind, ln.key, ln.record_id, ln.gone, ln.rule) for ln in found}


def test_a_merge_moves_everything_and_undoing_it_brings_everything_back(district_of):
    sis = district_of.sis
    sis.done(twice())
    before, linked = district_of.state(), links(district_of)
    ids, enrolled = sis.ids("user"), sis.ids("enrollment")
    made = merge(district_of, "p1", "x1")
    assert (sis.ids("user")["x1"], district_of.record(ids["x1"])["status"]) == (ids["p1"], "tobedeleted")
    assert district_of.record(enrolled["e90"], "enrollment")["user_id"] == ids["p1"]
    assert district_of.record(ids["p2"])["agents"] == [ids["p1"], ids["g1"]]
    assert district_of.record(ids["p1"])["email"] == "x1@amber.example"  # two rows of one source fill each other in
    with scope.inside(sis.district_id):
        found = [queries.resolve(district_id=sis.district_id, kind="user", id=ids[k]) for k in ("x1", "p1", "p2")]
        assert queries.dangling(district_id=sis.district_id) == []
    assert found == [ids["p1"], ids["p1"], ids["p2"]]
    undo(district_of, made.number)
    assert active(district_of.state()) == active(before)
    assert links(district_of) == linked
    with scope.inside(sis.district_id):
        assert queries.resolve(district_id=sis.district_id, kind="user", id=ids["x1"]) == ids["x1"]
    # The same package again finds nothing to do.
    assert sis.run(twice()).state == "unchanged"
    assert active(district_of.state()) == active(before)


def test_after_a_merge_nights_go_on_with_one_record(district_of):
    sis = district_of.sis
    sis.done(twice())
    p1 = sis.ids("user")["p1"]
    made = merge(district_of, "p1", "x1")
    assert sis.run(twice()).state == "unchanged"
    both = twice().changed("users", "p1", phone="1").changed("users", "x1", phone="2", sms="3")
    sis.done(both)
    assert (district_of.record(p1)["phone"], district_of.record(p1)["sms"]) == ("1", "3")
    sis.done(
        both.without("users", "p1")
        .without("enrollments", "e2")
        .without("demographics", "p1")
        .changed("users", "p2", agentSourcedIds="")
    )
    assert (district_of.record(p1)["status"], district_of.record(p1)["phone"]) == ("active", "2")
    later = both.with_rows("enrollments", enrollment("e91", userSourcedId="x1"))
    sis.done(later)
    enrolled = sis.ids("enrollment")["e91"]
    assert district_of.record(enrolled, "enrollment")["user_id"] == p1
    # Undone, what came meanwhile follows with the next package.
    undo(district_of, made.number)
    x1 = sis.ids("user")["x1"]
    assert x1 != p1
    sis.run(later)
    assert district_of.record(enrolled, "enrollment")["user_id"] == x1
    assert (district_of.record(p1)["phone"], district_of.record(x1)["phone"]) == ("1", "2")


def test_what_cannot_be_merged_says_why(district_of):
    sis = district_of.sis
    sis.done(twice())
    first = merge(district_of, "p1", "x1")
    again = {"kind": "user", **by(district_of)}
    ids = sis.ids("user")
    with pytest.raises(actions.NotJoined, match="one record already"):
        actions.merge(keep=ids["p1"], lose=ids["p1"], **again)
    with pytest.raises(actions.NotJoined, match="was merged into"):
        actions.merge(keep=ids["p2"], lose=first.lose_id, **again)
    second = merge(district_of, "p2", "p1")
    with pytest.raises(actions.NotJoined, match=f"Undo merge {second.number} first"):
        undo(district_of, first.number)
    with scope.inside(sis.district_id):
        assert queries.resolve(district_id=sis.district_id, kind="user", id=first.lose_id) == ids["p2"]
    undo(district_of, second.number)
    undo(district_of, first.number)
    with pytest.raises(actions.NotJoined, match="undone already"):
        undo(district_of, first.number)


def test_views_see_a_merge_as_a_deletion_and_a_change(district_of, now):
    sis = district_of.sis
    integrated = partners.integrated(sis.district_id, now)
    sharing.agree(
        district_id=sis.district_id,
        integration_id=integrated.integration.id,
        contents=Contents(attributes=catalogue.everything()),
        by="test",
        now=now,
    )
    view = View(district_id=sis.district_id, integration_id=integrated.integration.id)
    sis.done(twice())
    ids, lines = sis.ids("user"), len(view.versions())
    made = merge(district_of, "p1", "x1")
    sync.catch_up(district_id=sis.district_id)
    seen = {(v.kind, v.id, v.change) for v in view.versions()[lines:]}
    assert {("user", ids["x1"], "d"), ("user", ids["p1"], "u")} <= seen
    undo(district_of, made.number)
    sync.catch_up(district_id=sis.district_id)
    assert ("user", ids["x1"], "r") in {(v.kind, v.id, v.change) for v in view.versions()[lines:]}


def test_an_application_that_asks_by_a_merged_id_gets_whom_it_means_now(district_of, now):
    sis = district_of.sis
    integrated = partners.integrated(sis.district_id, now)
    sharing.agree(
        district_id=sis.district_id,
        integration_id=integrated.integration.id,
        contents=Contents(attributes=catalogue.everything()),
        by="test",
        now=now,
    )
    sis.done(twice())
    ids = sis.ids("user")
    reader = view_for(
        district_id=sis.district_id, integration_id=integrated.integration.id, base="https://amber.example", now=now
    )

    def answered(key: str) -> tuple[str, str]:
        one = json.loads(reader.one(Collection(Subset("user")), ids[key]).document)
        return one["sourcedId"], one["status"]

    assert answered("x1") == (str(ids["x1"]), "active")
    first = merge(district_of, "p1", "x1")
    second = merge(district_of, "p2", "p1")
    sync.catch_up(district_id=sis.district_id)
    assert answered("x1") == answered("p1") == answered("p2") == (str(ids["p2"]), "active")
    sis.done(twice().without("users", "p2", "p1", "x1"))  # whom it means left, too: then what became of the id itself
    assert answered("x1") == (str(ids["x1"]), "tobedeleted")
    sis.done(twice())
    undo(district_of, second.number)
    undo(district_of, first.number)
    sync.catch_up(district_id=sis.district_id)
    assert [answered(key) for key in ("x1", "p1")] == [(str(ids[key]), "active") for key in ("x1", "p1")]


def test_a_key_that_was_matched_wrongly_is_split_off_and_not_matched_again(district_of):
    sis = district_of.sis
    package = small().changed("users", "p1", identifier="N-1")
    sis.done(package)
    other = district_of.more("Other SIS")
    other.done(package)
    p1 = sis.ids("user")["p1"]
    assert other.ids("user")["p1"] == p1
    new = actions.split(kind="user", source_id=other.source.id, key="p1", **by(district_of))
    assert other.ids("user")["p1"] == new != p1
    assert {district_of.record(id_)["status"] for id_ in (p1, new)} == {"active"}
    other.run(package.changed("users", "p1", phone="9"))
    assert (district_of.record(p1)["phone"], district_of.record(new)["phone"]) == (None, "9")
    enrolled = other.ids("enrollment")["e2"]
    assert district_of.record(enrolled, "enrollment")["user_id"] == new
    directory = district_of.more("Directory", SourceRole.ENRICHMENT)
    account = {"sourcedId": "a1", "identifier": "N-1", "givenName": "Given-p1", "familyName": "Family-p1"}
    assert directory.run(accounts(account)).state == "unchanged"  # two have that number now


@pytest.mark.parametrize("means", ["same", "other"])
def test_a_person_says_whom_an_id_means(district_of, means):
    sis = district_of.sis
    sis.done(small())
    p1 = sis.ids("user")["p1"]
    other = (
        small()
        .changed("users", "p1", givenName="Someone", familyName="Else", grades="03")
        .changed("demographics", "p1", birthDate="2016-01-01")
    )
    sis.run(other)
    with scope.inside(sis.district_id):
        [question] = queries.questions(district_id=sis.district_id)
    assert (question.key, question.record_id) == ("p1", p1)
    actions.answer(source_id=sis.source.id, kind="user", key="p1", means=means, **by(district_of))
    sis.done(other)
    new = sis.ids("user")["p1"]
    assert (new == p1) == (means == "same")
    assert district_of.record(new)["given_name"] == "Someone"
    assert district_of.record(p1)["status"] == ("active" if means == "same" else "tobedeleted")
    enrolled = sis.ids("enrollment")["e2"]
    assert district_of.record(enrolled, "enrollment")["user_id"] == new
    with scope.inside(sis.district_id):
        assert queries.questions(district_id=sis.district_id) == []


def test_master_fields_that_are_changed_hold_at_once(district_of):
    sis = district_of.sis
    sis.done(small().changed("users", "p1", identifier="N-1", email="sis@amber.example"))
    directory = district_of.more("Directory", SourceRole.ENRICHMENT)
    account = {"sourcedId": "a1", "identifier": "N-1", "givenName": "Given-p1", "familyName": "Family-p1"}
    directory.run(accounts({**account, "email": "d@amber.example"}))
    p1, told = sis.ids("user")["p1"], {"district_id": sis.district_id, "by": "test", "now": sis.now}
    assert district_of.record(p1)["email"] == "sis@amber.example"
    rule = {"attribute": "email", "source": "Directory", "rule": "master"}
    decisions.set_masters(content={"user": [rule]}, **told)
    assert district_of.record(p1)["email"] == "d@amber.example"
    decisions.set_masters(content={}, **told)
    assert district_of.record(p1)["email"] == "sis@amber.example"
    for content, sentence in (
        ({"user": [{**rule, "source": "Nobody"}]}, "There are: “SIS”, “Directory”"),
        ({"user": [{**rule, "rule": "boss"}]}, "say master, fill, keep"),
        ({"user": [{**rule, "attribute": "nick"}]}, "no attribute “nick”"),
    ):
        with pytest.raises(Unfit, match=sentence):
            decisions.set_masters(content=content, **told)
    for content in ({"user": [["givenName", "familyName"]]}, {"user": [["birthDate"]]}, {"user": [["nick"]]}):
        with pytest.raises(Unfit):
            decisions.set_domains(content=content, **told)


def test_one_question_tells_why_a_record_says_what_it_says_and_since_when(district_of):
    from schoolpassport.sync import people

    sis = district_of.sis
    package = small().changed("users", "p1", identifier="N-1", email="sis@amber.example")
    first = sis.done(package)
    p1 = sis.ids("user")["p1"]

    def why(attribute: str):
        found = people.why(district_id=sis.district_id, kind="user", id=p1, attribute=attribute)
        assert found is not None
        claims = {(found.names[c.source_id], c.key, c.value, c.rule) for c in found.lineage.claims}
        chosen = found.lineage.chosen and found.lineage.chosen.value
        return found, claims, (chosen, found.lineage.by)

    found, claims, chosen = why("email")
    assert (found.run, found.source, found.file, found.lineage.line) == (first.number, "SIS", "users.csv", 5)
    assert (found.lineage.revision, found.digest) == (1, sis_digest(sis, first))
    assert claims == {("SIS", "p1", "sis@amber.example", "first seen")}
    assert chosen == ("sis@amber.example", "only source")
    directory = district_of.more("Directory", SourceRole.ENRICHMENT)
    account = {"sourcedId": "a1", "identifier": "N-1", "givenName": "Given-p1", "familyName": "Family-p1"}
    second = directory.done(accounts({**account, "email": "d@amber.example", "sms": "7"}))
    sis.done(package.changed("users", "p1", phone="1"))
    found, claims, chosen = why("email")
    assert (found.lineage.revision, found.run) == (1, first.number)  # it says so since the first night
    assert claims == {
        ("SIS", "p1", "sis@amber.example", "first seen"),
        ("Directory", "a1", "d@amber.example", "matched"),
    }
    assert chosen == ("sis@amber.example", "master")
    found, _, chosen = why("sms")
    assert (found.run, found.source, found.lineage.line) == (second.number, "Directory", 2)
    assert chosen == ("7", "fill")


def sis_digest(sis, run):
    from schoolpassport.sync import queries as runs

    with scope.inside(sis.district_id):
        return runs.run(district_id=sis.district_id, number=run.number).input_digest


def test_the_command_line_merges_undoes_and_tells_why(district_of):
    from click.testing import CliRunner

    from schoolpassport.cli.commands import people, why

    sis = district_of.sis
    sis.done(twice())
    ids, where = sis.ids("user"), ["--district", str(sis.district_id)]

    def said(command, *words: str) -> str:
        done = CliRunner().invoke(command, [*map(str, words), *where])
        return f"{done.exit_code} {done.output}"

    assert said(people.command, "merge", ids["p1"], ids["x1"]).startswith("0 Merge 1")
    assert "was merged into" in said(people.command, "merge", ids["p2"], ids["x1"])
    assert "“x1” (merged) says “x1@amber.example”" in said(why.command, "user", ids["x1"], "email")
    assert said(people.command, "undo", "1").startswith("0 ")
    assert "undone by" in said(people.command, "merges")
    assert said(people.command, "other", "SIS", "p1").startswith("1 Error: Nothing is asked")

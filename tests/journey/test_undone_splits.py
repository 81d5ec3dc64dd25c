"""A split that should not have been: the key means again whom it meant, and nobody is lost on the way."""

import json
import re
from uuid import UUID

import pytest
from click.testing import CliRunner
from django.core.handlers.wsgi import WSGIHandler

from schoolpassport.audit import queries as audit
from schoolpassport.cli.commands import people as command
from schoolpassport.kit import clock
from schoolpassport.matching import decisions
from schoolpassport.matching.models import Proposal, State
from schoolpassport.roster import actions as roster
from schoolpassport.roster import queries
from schoolpassport.roster.models import Link, Revision
from schoolpassport.roster.records import ALTOGETHER, Remapped
from schoolpassport.rosterapi import wsgi as shortcut
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import catalogue
from schoolpassport.sharing.records import Contents
from schoolpassport.sources.models import SourceRole
from schoolpassport.sync import people
from schoolpassport.tenancy import scope
from tests.support import partners, traces, wsgi
from tests.support.nights import Nights
from tests.support.packages import small, user
from tests.support.sources import Several, accounts, several
from tests.support.views import View, check_log

PACKAGE = small().changed("users", "p1", identifier="N-1")


@pytest.fixture
def district_of(district, tmp_path, now) -> Several:
    return several(district_id=district.id, folder=tmp_path, now=now)


@pytest.fixture
def other(district_of) -> Nights:
    """A second SIS; both call one pupil p1."""
    district_of.sis.done(PACKAGE)
    made = district_of.more("Other SIS")
    made.done(PACKAGE)
    assert made.ids("user")["p1"] == district_of.sis.ids("user")["p1"]
    return made


def facts(source: Nights, key: str = "p1", **more):
    told = {"district_id": source.district_id, "kind": "user", "source": source.source.name, "key": key}
    return {**told, "by": "test", "now": source.now, **more}


def split(source: Nights, key: str = "p1"):
    return people.split(**facts(source, key))


def undo(source: Nights, key: str = "p1"):
    return people.undo_split(**facts(source, key))


def refused(source: Nights, key: str = "p1", **more) -> str:
    before = source.revision()
    with pytest.raises(people.NotJoined) as sentence:
        people.undo_split(**facts(source, key, **more))
    assert source.revision() == before
    return str(sentence.value)


def links(source: Nights):
    with scope.inside(source.district_id):
        found = Link.objects.filter(district_id=source.district_id)
        return {(ln.source_id, ln.kind, ln.key, ln.record_id, ln.gone, ln.rule, str(ln.evidence)) for ln in found}


def parted(source: Nights):
    with scope.inside(source.district_id):
        mine = {"district_id": source.district_id, "kind": "user"}
        return queries.parted(**mine, source_id=source.source.id), [a[:2] for a in queries.apart(**mine)]


def test_undoing_a_split_brings_everything_back_and_leaves_an_alias(district_of, other):
    p1, linked = district_of.sis.ids("user")["p1"], links(other)
    enrolled = other.ids("enrollment")["e2"]
    new = split(other)
    changed = PACKAGE.changed("users", "p1", phone="9")
    other.done(changed)
    parts, night = other.revision(), district_of.state()
    assert (district_of.record(enrolled, "enrollment")["user_id"], district_of.record(p1)["phone"]) == (new, None)
    assert parted(other) == ([("p1", p1)], [tuple(sorted((p1, new)))])
    done = undo(other)
    assert (done.record_id, done.made_id, done.merge, done.revision) == (p1, new, 1, other.revision())
    assert links(other) == linked
    assert parted(other) == ([], [])
    assert (district_of.record(new)["status"], district_of.record(p1)["phone"]) == ("tobedeleted", "9")
    assert district_of.record(new, "demographics")["status"] == "tobedeleted"
    assert district_of.record(enrolled, "enrollment")["user_id"] == p1
    with scope.inside(other.district_id):
        assert queries.resolve(district_id=other.district_id, kind="user", id=new) == p1
        assert queries.dangling(district_id=other.district_id) == []
        assert queries.record(district_id=other.district_id, kind="user", id=new, as_of=parts)["phone"] == "9"
        as_of = {k: queries.records(district_id=other.district_id, kind=k, as_of=parts) for k in night}
        [event] = [e for e in audit.events(district_id=other.district_id) if e.act == "roster:record:rejoin"]
    assert as_of == night
    told = {"kind": "user", "before": str(new), "after": str(p1), "merge": 1, "revision": done.revision}
    assert (event.about, event.facts) == (str(other.source.id), told)
    # The same package again says nothing new, and another one goes on with one person.
    assert other.run(changed).state == district_of.sis.run(PACKAGE).state == "unchanged"
    other.done(changed.changed("users", "p1", phone="8", email="p1@amber.example"))
    assert (district_of.record(p1)["phone"], district_of.record(new)["status"]) == ("8", "tobedeleted")
    why = people.why(district_id=other.district_id, kind="user", id=new, attribute="phone")
    assert {(why.names[c.source_id], c.key, c.value, c.rule) for c in why.lineage.claims} == {
        ("SIS", "p1", None, "first seen"),
        ("Other SIS", "p1", "8", "matched"),
    }
    assert refused(other) == "The split of “p1” was undone already, by test."


def said(source: Nights, *words: str) -> tuple[int, list[str]]:
    done = CliRunner().invoke(command.command, [*words, "--district", str(source.district_id)])
    return done.exit_code, done.output.splitlines()


def test_both_are_rehearsed_and_then_happen_so(database, district_of, other):
    app = partners.integrated(other.district_id, other.now).integration.id
    contents = Contents(attributes=catalogue.everything())
    sharing.agree(district_id=other.district_id, integration_id=app, contents=contents, by="test", now=other.now)
    view = View(district_id=other.district_id, integration_id=app)

    def reached(found):
        return {r.kind: (r.lost, r.gained, r.changed) for r in found.reach if r.school == ALTOGETHER}

    def seen() -> dict[tuple[str, UUID], dict[str, object]]:
        return view.active("user", "enrollment")

    before, p1 = traces.of(database), district_of.sis.ids("user")["p1"]
    split_, here = people.rehearse_split(**facts(other)), seen()
    assert reached(split_) == {"user": (0, 1, 0)}
    assert {(d.kind, d.change) for d in split_.differences} >= {("user", "added")}
    with pytest.raises(people.NotJoined):
        people.rehearse_split(**facts(other, "nobody"))
    with pytest.raises(people.NotJoined):
        people.rehearse_undo_split(**facts(other))
    code, lines = said(other, "split", "Other SIS", "p1", "--rehearse")
    assert (code, lines[-1]) == (0, "Nothing was changed.")
    assert traces.different(before, traces.of(database)) == set()
    new = split(other)
    parted_ = seen()
    assert (parted_.keys() - here.keys(), here.keys() - parted_.keys()) == ({("user", new)}, set())
    before = traces.of(database)
    back = people.rehearse_undo_split(**facts(other))
    assert reached(back) == {"user": (1, 0, 0)}
    code, lines = said(other, "undo-split", "Other SIS", "p1", "--rehearse")
    assert (code, lines[-1], sum("would lose 1 × user" in line for line in lines)) == (0, "Nothing was changed.", 1)
    assert not [line for line in lines if re.search(r"None|UUID|\['|[a-z]_[a-z]", line)], lines
    assert traces.different(before, traces.of(database)) == set()
    assert undo(other).record_id == p1
    assert seen().keys() == here.keys()


def test_applications_see_it_as_a_merge_and_the_old_id_still_resolves(district_of, other):
    now = clock.now()
    integrated = partners.integrated(other.district_id, now)
    contents = Contents(attributes=catalogue.everything())
    by = {"district_id": other.district_id, "integration_id": integrated.integration.id, "by": "test", "now": now}
    sharing.agree(contents=contents, **by)
    view = View(district_id=other.district_id, integration_id=integrated.integration.id)
    p1, told = district_of.sis.ids("user")["p1"], said(other, "split", "Other SIS", "p1")
    new = other.ids("user")["p1"]
    assert told == (0, [f"“p1” is {new} now.", "Undo: schoolpassport people undo-split 'Other SIS' p1"])
    other.done(PACKAGE.changed("users", "p1", phone="9"))
    token, lines = integrated.token(now), len(view.versions())

    def answered(path: str) -> tuple[str, str, str | None]:
        application = shortcut.before(WSGIHandler())
        answer = wsgi.call(application, f"/ims/oneroster/v1p1/users/{path}", Authorization=f"Bearer {token}")
        one = json.loads(answer.body)["user"]
        return one["sourcedId"], one["status"], one.get("phone")

    assert answered(new) == (str(new), "active", "9")
    told = said(other, "undo-split", "Other SIS", "p1")
    assert told == (0, [f"“p1” is {p1} again.", f"So is {new}: merge 1. Undo: schoolpassport people undo 1"])
    assert said(other, "undo-split", "Other SIS", "p1")[0] == 1
    seen = {(v.kind, v.id, v.change) for v in view.versions()[lines:]}
    assert {("user", new, "d"), ("user", p1, "u"), ("enrollment", other.ids("enrollment")["e2"], "u")} <= seen
    check_log(view)
    assert answered(new) == answered(p1) == (str(p1), "active", "9")


def test_the_undoing_is_undone_like_any_merge_and_the_split_holds_again(district_of, other):
    p1, new = district_of.sis.ids("user")["p1"], split(other)
    other.done(PACKAGE.changed("users", "p1", phone="9"))
    before, linked = district_of.state(), links(other)
    merged = undo(other).merge
    people.undo(district_id=other.district_id, number=merged, by="test", now=other.now)
    assert (links(other), parted(other)) == (linked, ([("p1", p1)], [tuple(sorted((p1, new)))]))
    other.done(PACKAGE.changed("users", "p1", phone="9").changed("users", "p2", phone="1"))
    assert other.ids("user")["p1"] == new
    active = {k: {r["id"] for r in rows if r["status"] == "active"} for k, rows in district_of.state().items()}
    assert active == {k: {r["id"] for r in rows if r["status"] == "active"} for k, rows in before.items()}
    assert undo(other).merge == merged + 1
    assert other.ids("user")["p1"] == p1


def test_a_record_that_others_mean_by_now_stays_and_its_proposal_is_open_again(district_of, other):
    p1, new = district_of.sis.ids("user")["p1"], split(other)
    q1 = user("q1", givenName="Given-p1", familyName="Family-p1", identifier="N-9")
    other.done(PACKAGE.changed("users", "p1", identifier="N-9"))
    third = district_of.more("Third SIS")
    third.done(small().with_rows("users", q1))
    assert third.ids("user")["q1"] == new
    left, right = sorted((p1, new))
    with scope.inside(other.district_id):  # the night proposed the pair; as if nothing else had spoken for it since
        at = Revision.objects.get(district_id=other.district_id, cause="split of user p1").at
        pair = Proposal.objects.filter(district_id=other.district_id, left_id=left, right_id=right)
        assert pair.update(state=State.DIFFERENT, decided_by="split", decided_at=at) == 1
    done = undo(other)
    assert (done.merge, other.ids("user")["p1"], third.ids("user")["q1"]) == (None, p1, new)
    assert parted(other) == ([], [])
    assert [district_of.record(id_)["status"] for id_ in (p1, new)] == ["active", "active"]
    assert district_of.links(p1) == {("p1", "first seen", False), ("p1", "matched", False)}
    with scope.inside(other.district_id):
        assert queries.resolve(district_id=other.district_id, kind="user", id=new) == new
        assert "matching:proposal:open" in {e.act for e in audit.events(district_id=other.district_id)}
        assert pair.get().decided_by == ""  # it is for the next look to say whether the two are alike
    other.run(PACKAGE.changed("users", "p1", identifier="N-9"))
    assert district_of.record(other.ids("enrollment")["e2"], "enrollment")["user_id"] == p1
    assert refused(other) == "The split of “p1” was undone already, by test."


def test_a_row_that_only_adds_adds_again_with_the_very_same_package(district_of):
    district_of.sis.done(PACKAGE)
    p1 = district_of.sis.ids("user")["p1"]
    directory = district_of.more("Directory", SourceRole.ENRICHMENT)
    package = accounts(
        {"sourcedId": "a1", "identifier": "N-1", "givenName": "Given-p1", "familyName": "Family-p1", "sms": "7"}
    )
    directory.done(package)
    linked = links(directory)
    assert split(directory, "a1") is None
    directory.run(package)
    assert (district_of.record(p1)["sms"], directory.ids("user")) == (None, {})
    done = undo(directory, "a1")
    assert (done.record_id, done.made_id, done.merge) == (p1, None, None)
    assert links(directory) == linked
    directory.done(package)
    assert district_of.record(p1)["sms"] == "7"
    assert directory.run(package).state == "unchanged"
    assert refused(directory, "a1") == "The split of “a1” was undone already, by test."


def test_what_cannot_be_undone_says_why_and_changes_nothing(district_of, other, tmp_path):
    sis, ids = district_of.sis, district_of.sis.ids("user")
    assert refused(other) == "“p1” was not split from any user: there is nothing to undo."
    before, linked, new = district_of.state(), links(other), split(other)
    undo(other)  # before the next night: then the roster never knew
    standing = {kind: [r for r in rows if r["id"] != new] for kind, rows in district_of.state().items()}
    assert (standing, links(other)) == (before, linked)
    assert refused(other) == "The split of “p1” was undone already, by test."
    new = split(other)
    merging = {"district_id": sis.district_id, "kind": "user", "by": "test", "now": sis.now}
    first = people.merge(keep=ids["p2"], lose=new, **merging)
    undoes = f"Undo that first: schoolpassport people undo {first.number}."
    assert refused(other) == f"“p1” means {ids['p2']} since merge {first.number}, after the split. {undoes}"
    people.undo(district_id=sis.district_id, number=first.number, by="test", now=sis.now)
    second = people.merge(keep=ids["p2"], lose=ids["p1"], **merging)
    undoes = f"Undo that first: schoolpassport people undo {second.number}."
    assert refused(other) == f"{ids['p1']} was merged into {ids['p2']} since the split. {undoes}"
    people.undo(district_id=sis.district_id, number=second.number, by="test", now=sis.now)
    moved = remap(other, new, tmp_path)
    assert refused(other) == f"“p1” is “n-1” since migration {moved.number}, after the split."
    with scope.inside(sis.district_id):
        authority = decisions.authority(district_id=sis.district_id)
    by = {"district_id": sis.district_id, "by": "test", "now": sis.now, "authority": authority}
    roster.undo_remap(number=moved.number, **by)
    assert undo(other).record_id == ids["p1"]


def remap(source: Nights, id_, folder):
    lines = {"moves": f"user\tn-1\tp1\t{id_}\t{{}}\n", "freed": "", "parted": ""}
    for name, text in lines.items():
        (folder / name).write_text(text)
    with scope.inside(source.district_id):
        authority = decisions.authority(district_id=source.district_id)
    return roster.remap(
        district_id=source.district_id,
        source_id=source.source.id,
        files=Remapped(**{name: folder / name for name in lines}),
        by="test",
        now=source.now,
        authority=authority,
    )


def test_a_key_that_was_given_to_somebody_else_was_not_split_and_its_split_holds_no_more(district_of, other):
    split(other)
    somebody = PACKAGE.changed("users", "p1", identifier="N-2", givenName="Someone", familyName="Else", grades="03")
    somebody = somebody.changed("demographics", "p1", birthDate="2016-01-01")
    other.run(somebody)
    people.answer(**facts(other), means="other")
    assert refused(other) == "“p1” was given to somebody else since then: the split does not hold."
    other.done(somebody)
    now = other.ids("user")["p1"]
    assert refused(other) == f"“p1” means {now} (first seen) since then: the split does not hold."
    sis = district_of.sis
    sis.run(somebody)
    people.answer(**facts(sis), means="other")
    assert refused(sis) == "“p1” was not split from any user: there is nothing to undo."

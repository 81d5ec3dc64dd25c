"""What would be: of packages, held runs, drafts of settings, merges and releases, on the roster and on applications.

That all of it then happens like that, and that nothing is left behind: tests/property/test_rehearsal.
"""

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner

from schoolpassport.cli.commands import people as people_command
from schoolpassport.cli.commands import sync as sync_command
from schoolpassport.roster.records import ALTOGETHER
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import catalogue
from schoolpassport.sharing.records import Contents
from schoolpassport.sources.models import SourceRole
from schoolpassport.sync import actions, contract, people, queries, rehearsal, releasing
from schoolpassport.sync.contract import Which
from schoolpassport.tenancy import scope
from tests.support import partners, traces
from tests.support.nights import Nights, nights
from tests.support.packages import Package, crowd, org, small, user
from tests.support.sources import accounts, several
from tests.support.views import View


@pytest.fixture
def sis(district, tmp_path, now) -> Nights:
    return nights(district_id=district.id, folder=tmp_path, now=now)


@pytest.fixture
def view(sis, now) -> View:
    integration = partners.integrated(sis.district_id, now).integration
    sharing.agree(
        district_id=sis.district_id,
        integration_id=integration.id,
        contents=Contents(attributes=catalogue.everything()),
        by="test",
        now=now,
    )
    return View(district_id=sis.district_id, integration_id=integration.id)


def rehearsed(sis, package, **more):
    origin = package if not isinstance(package, Package) else sis.write(package)
    facts = {"district_id": sis.district_id, "source_id": sis.source.id, "now": sis.now}
    return rehearsal.package(**facts, origin=origin, **more)


def leaving(package, *numbers):
    people_, seats = [f"c{n:03d}" for n in numbers], [f"ce{n:03d}" for n in numbers]
    return package.without("users", *people_).without("enrollments", *seats)


def altogether(found):
    """Kind → what would happen to it, without what would not."""
    names = ("added", "updated", "removed", "restored", "rejected", "waiting")
    return {e.kind: {n: getattr(e, n) for n in names if getattr(e, n)} for e in found.effects if e.school == ALTOGETHER}


def reached(found):
    return {r.kind: (r.lost, r.gained, r.changed) for r in found.reach if r.school == ALTOGETHER}


def said(command, *words, code=0):
    done = CliRunner().invoke(command, [str(w) for w in words])
    assert done.exit_code == code, done.output
    return done.output


# ---------------------------------------------------------------------------------------------------------- packages


def test_of_a_package_it_tells_what_and_whom_with_examples(sis, view):
    sis.done(small())
    next_ = small().without("users", "g1").changed("users", "p1", givenName="Adele", agentSourcedIds="")
    found = rehearsed(sis, next_.with_rows("users", user("new"), user("bad", role="wizard")))
    assert (found.verdict, found.hold) == ("done", None)
    assert altogether(found)["user"] == {"added": 1, "updated": 1, "removed": 1, "rejected": 1}
    assert reached(found)["user"] == (1, 1, 1)
    p1, (changed,) = sis.ids("user")["p1"], [d for d in found.differences if d.change == "updated"]
    assert (changed.id, changed.attributes["given_name"]) == (p1, ("Given-p1", "Adele"))
    (whole,) = [r for r in found.reach if (r.kind, r.school) == ("user", ALTOGETHER)]
    assert whole.examples["changed"] == (p1,)
    assert set(whole.attributes) == {"agents", "givenName"}
    assert [(f.file, f.column, f.count) for f in found.findings] == [("users.csv", "role", 1)]


def test_what_is_lost_counts_in_the_school_where_it_was(sis, view):
    sis.done(small())
    found = rehearsed(sis, small().without("users", "p2").without("enrollments", "e3"))
    schools = {(found.schools[r.school], r.kind): r.lost for r in found.reach if r.school != ALTOGETHER}
    assert (schools["School s1", "user"], schools.get(("School s2", "user"), 0)) == (1, 0)


def test_removals_that_would_wait_are_told_by_school(sis):
    sis.set_limits(witnesses=2)
    sis.done(crowd(60))
    found = rehearsed(sis, leaving(crowd(60), 0, 1))
    assert (found.verdict, altogether(found)) == ("unchanged", {"user": {"waiting": 2}, "enrollment": {"waiting": 2}})
    assert {
        found.schools[e.school]: e.waiting for e in found.effects if e.kind == "user" and e.school in found.schools
    } == {"School s1": 2}


@pytest.mark.parametrize(
    ("package", "verdict"),
    [(small(), "unchanged"), (Package({"users": (user("p1", orgSourcedIds="nowhere"),)}), "done")],
)
def test_the_verdict_is_that_of_the_run(sis, package, verdict):
    sis.done(small())
    sis.set_limits(bad_row_share=1)
    assert rehearsed(sis, package).verdict == sis.run(package).state


def test_a_package_that_would_be_refused_is_refused_with_its_findings(sis):
    sis.done(small())
    found = rehearsed(sis, sis.write(dict(small().texts()) | {"users.csv": "nonsense"}))
    assert (found.verdict, found.reach) == ("refused", ())
    assert found.findings


def test_the_last_good_package_need_not_be_read(sis):
    origin = sis.write(small())
    sis.done(origin)
    assert rehearsed(sis, origin).verdict == "unchanged"


def test_a_rehearsal_leaves_no_trace_and_a_run_does(database, sis, view):
    sis.done(crowd(60))
    origin = sis.write(leaving(crowd(60), 0, 1).with_rows("users", user("new")).with_rows("orgs", org("s9")))
    before = traces.of(database)
    assert rehearsed(sis, origin).effects
    assert traces.different(before, traces.of(database)) == set()
    held = sis.run(origin)  # the control: what is compared sees what a run leaves
    left = traces.different(before, traces.of(database))
    assert {"public.sync_run", "public.audit_event", "public.roster_user", "public.sharing_user"} <= left
    assert held.revision


def test_rehearsals_of_decisions_leave_no_trace(database, sis, view):
    sis.set_limits(school_removed_share=0.01)
    sis.done(crowd(60).with_rows("users", user("x1")))
    held = sis.run(leaving(crowd(60), *range(10)))
    ids = sis.ids("user")
    before = traces.of(database)
    facts = {"district_id": sis.district_id, "now": sis.now}
    assert people.rehearse_merge(kind="user", keep=ids["p1"], lose=ids["p2"], by="test", **facts).reach
    assert releasing.rehearse(which=Which(run=held.number), **facts).rehearsed.reach
    with pytest.raises(people.NotJoined):
        people.rehearse_merge(kind="user", keep=ids["p1"], lose=ids["p1"], by="test", **facts)
    assert traces.different(before, traces.of(database)) == set()


def test_views_that_lag_behind_catch_up_first_and_are_not_blamed_on_the_package(sis, view):
    """A worker was killed after it had applied, before it published."""
    sis.done(small())
    followers = list(contract.followers)
    contract.followers.clear()
    try:
        sis.done(small().with_rows("users", user("yesterday")))
    finally:
        contract.followers.extend(followers)
    found = rehearsed(sis, small().with_rows("users", user("yesterday"), user("today")))
    assert reached(found)["user"] == (0, 1, 0)


# ------------------------------------------------------------------------------------------------------------- drafts


def _who(attribute, *values):
    return {"attribute": attribute, "is": "one of", "value": list(values)}


NO_P2 = {"name": "no p2", "kind": "user", "severity": "skip", "message": "Not p2.", "where": _who("username", "p2")}


@pytest.mark.parametrize(
    ("subject", "content", "effect"),
    [
        ("filters", {"user": {"where": _who("role", "student", "teacher")}}, "removed"),
        ("transforms", {"user": {"familyName": [{"do": "case", "to": "upper"}]}}, "updated"),
        ("schools", {"s2": "no"}, "removed"),
        ("rules", {"own": [NO_P2]}, "rejected"),
    ],
)
def test_other_settings_can_be_tried(sis, subject, content, effect):
    origin = sis.write(small())
    sis.done(origin)
    found = rehearsed(sis, origin, documents={subject: content})
    assert altogether(found)["user"][effect]
    assert rehearsed(sis, origin).verdict == "unchanged"  # nobody saved them


def test_limits_can_be_tried(sis):
    sis.done(crowd(60))
    next_ = sis.write(leaving(crowd(60), *range(10)))
    limits = {"witnesses": 1, "removed_share": 1, "removed_count": 1000, "school_removed_share": 1, "hold_whole": True}
    assert rehearsed(sis, next_, documents={"limits": limits}).verdict == "done"
    strict = rehearsed(sis, next_, documents={"limits": {**limits, "removed_share": 0.01}})
    assert (strict.verdict, altogether(strict)["user"]["removed"]) == ("held", 10)


@pytest.mark.parametrize(
    ("documents", "sentence"),
    [({"colour": {}}, "no setting “colour”"), ({"limits": {"witnesses": 9}}, "witnesses is a number")],
)
def test_a_draft_that_could_not_hold_is_refused(sis, documents, sentence):
    with pytest.raises(rehearsal.BadDraft, match=sentence):
        rehearsed(sis, small(), documents=documents)


def test_other_masters_merge_what_stands_anew(district, tmp_path, now):
    both = several(district_id=district.id, folder=tmp_path, now=now)
    other = both.more("Other", SourceRole.ENRICHMENT)
    mine = {"givenName": "Ann", "email": "ann@amber.example"}
    origin = both.sis.write(small().changed("users", "p1", **mine, middleName="Alba"))
    both.sis.done(origin)
    other.run(accounts({"sourcedId": "a1", **mine, "middleName": "Bea"}))
    masters = {"user": [{"attribute": "middleName", "source": "Other", "rule": "master"}]}
    found = rehearsed(both.sis, origin, documents={"masters": masters})
    (changed,) = found.differences
    assert (altogether(found)["user"], changed.attributes) == ({"updated": 1}, {"middle_name": ("Alba", "Bea")})
    both.decide("masters", masters)
    assert both.record(both.sis.ids("user")["p1"])["middle_name"] == "Alba"


# ---------------------------------------------------------------------------------------------------------- held runs


def test_a_held_run_says_what_its_approval_would_do_to_each_application(sis, view):
    sis.set_limits(hold_whole=True, school_removed_share=1)
    sis.done(crowd(60))
    run = sis.run(leaving(crowd(60), *range(9)).with_rows("users", user("new")))
    assert run.state == "held"
    (whole,) = [r for r in stored(sis, run).hold["reach"] if (r["kind"], r["school"]) == ("user", None)]
    assert (whole["lost"], whole["gained"], whole["changed"]) == (9, 1, 0)
    output = said(sync_command.command, "show", run.number, "--district", sis.district_id)
    assert "would lose 9 × user" in output
    again = rehearsal.run(district_id=sis.district_id, number=run.number, now=sis.now)
    assert (again.verdict, reached(again)["user"]) == ("held", (9, 1, 0))
    assert sis.approve(run).state == "done"


def test_removals_that_are_held_alone_say_what_their_release_would_do(sis, view):
    sis.set_limits(school_removed_share=0.05)
    sis.done(crowd(60))
    run = sis.run(leaving(crowd(60), *range(9)))
    (whole,) = [r for r in stored(sis, run).quarantine["reach"] if (r["kind"], r["school"]) == ("user", None)]
    assert (whole["lost"], whole["gained"]) == (9, 0)
    assert "would lose 9 × user" in said(sync_command.command, "show", run.number, "--district", sis.district_id)
    assert "would lose 9 × user" in said(sync_command.command, "release", "--rehearse", "--district", sis.district_id)
    assert sis.release().counts["user"] == 9


def test_a_run_waits_also_when_nobody_can_say_what_it_would_do(sis, view):
    sis.set_limits(hold_whole=True, school_removed_share=1)
    sis.done(crowd(60))

    def broken(**_):
        raise RuntimeError("on purpose")

    contract.previewers.append(broken)
    try:
        run = sis.run(leaving(crowd(60), *range(9)))
    finally:
        contract.previewers.remove(broken)
    assert run.state == "held"
    assert "reach" not in stored(sis, run).hold


def test_a_package_that_waits_already_is_told_where_to_look(sis):
    sis.set_limits(hold_whole=True, school_removed_share=1)
    sis.done(crowd(60))
    origin = sis.write(leaving(crowd(60), *range(9)))
    run = sis.run(origin)
    found = rehearsed(sis, origin)
    assert found.verdict == "unchanged"
    assert f"rehearse --run {run.number}" in found.message


def test_a_run_whose_package_is_gone_cannot_be_rehearsed(sis):
    origin = sis.write(small())
    run = sis.done(origin)
    assert rehearsal.run(district_id=sis.district_id, number=run.number, now=sis.now).verdict == "unchanged"
    origin.rename(origin.with_name("elsewhere"))
    assert rehearsal.run(district_id=sis.district_id, number=run.number, now=sis.now).verdict == "unchanged"
    actions.forget_packages(now=sis.now + timedelta(days=4000))
    for number, sentence in ((run.number, "not kept"), (99, "no run 99")):
        with pytest.raises(rehearsal.NotThere, match=sentence):
            rehearsal.run(district_id=sis.district_id, number=number, now=sis.now)


def stored(sis, run):
    with scope.inside(sis.district_id):
        return queries.run(district_id=sis.district_id, number=run.number)


# ----------------------------------------------------------------------------------------------------- command line


def test_on_the_command_line(sis, view, tmp_path):
    sis.done(small())
    draft = tmp_path / "draft.json"
    draft.write_text(json.dumps({"schools": {"s2": "no"}}))
    origin = sis.write(small().with_rows("users", user("new")))
    output = said(sync_command.command, "rehearse", origin, "--district", sis.district_id, "--schools")
    assert "would end as done" in output
    assert "Nothing was changed." in output
    told = json.loads(
        said(sync_command.command, "rehearse", origin, "--district", sis.district_id, "--settings", draft, "--json")
    )
    assert {e["kind"]: e["waiting"] for e in told["effects"] if e["school"] is None}["org"] == 1
    assert "Name a PACKAGE" in said(sync_command.command, "rehearse", "--district", sis.district_id, code=2)
    draft.write_text("[")
    assert "not JSON" in said(
        sync_command.command, "rehearse", origin, "--district", sis.district_id, "--settings", draft, code=1
    )


def test_a_merge_on_the_command_line(sis, view):
    sis.done(small())
    ids = sis.ids("user")
    words = ("merge", ids["p1"], ids["p2"], "--district", sis.district_id)
    assert "would lose 1 × user" in said(people_command.command, *words, "--rehearse")
    assert len(sis.active("user")) == 7
    said(people_command.command, *words)
    assert [r.status for r in view.rows("user").values()].count("tobedeleted") == 1

"""The same thing again: no revision, no change, whatever happened in between."""

import random
import re
from datetime import timedelta

import pytest

from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import catalogue
from schoolpassport.sharing.records import Contents
from schoolpassport.tenancy import scope
from tests.support import packages, partners
from tests.support.nights import Nights, nights
from tests.support.packages import Package, small, user
from tests.support.views import View


@pytest.fixture
def sis(district, tmp_path, now) -> Nights:
    return nights(district_id=district.id, folder=tmp_path, now=now)


@pytest.fixture
def view(sis, now) -> View:
    integrated = partners.integrated(sis.district_id, now)
    sharing.agree(
        district_id=sis.district_id,
        integration_id=integrated.integration.id,
        contents=Contents(attributes=catalogue.everything()),
        by="test",
        now=now,
    )
    return View(district_id=sis.district_id, integration_id=integrated.integration.id)


def world(sis: Nights, view: View) -> object:
    return (sis.revision(), sis.everything(), view.versions(), view.model().revision)


def shuffled(package: Package, seed: int) -> dict[str, str]:
    """The same records in another order of rows and columns, stamped anew."""
    chance, texts = random.Random(seed), dict(package.texts())
    for file, rows in package.rows.items():
        stamped = [{**row, "status": "active", "dateLastModified": f"2026-10-{seed:02d}T00:00:00Z"} for row in rows]
        chance.shuffle(stamped)
        columns = [*packages.HEADERS[file]]
        chance.shuffle(columns)
        texts[f"{file}.csv"] = packages.table(stamped, columns)
    return texts


def test_the_same_package_twice_makes_no_revision(sis, view, tmp_path):
    sis.done(packages.zipped(tmp_path / "monday.zip", small()))
    before = world(sis, view)
    run = sis.run(packages.zipped(tmp_path / "tuesday.zip", small()))
    assert (run.state, run.revision or None) == ("unchanged", None)
    assert world(sis, view) == before


def test_other_orders_and_new_stamps_make_no_revision_and_no_line_in_the_change_log(sis, view):
    sis.done(small())
    before = world(sis, view)
    for seed in (1, 2, 3):
        assert sis.run(shuffled(small(), seed)).state == "unchanged"
    assert world(sis, view) == before


def test_one_change_in_another_order_is_one_change(sis, view):
    sis.done(small())
    lines = len(view.versions())
    sis.done(shuffled(small().changed("users", "p2", givenName="New"), 4))
    assert [(v.kind, v.change) for v in view.versions()[lines:]] == [("user", "u")]
    assert sis.revision() == 2


def test_what_is_written_differently_and_says_the_same_makes_no_revision(sis, view):
    sis.done(small())
    before = world(sis, view)
    run = sis.run(
        small()
        .changed("users", "p2", enabledUser="TRUE")
        .changed("users", "p3", orgSourcedIds=" s1 , s2 ")
        .changed("classes", "k1", termSourcedIds="autumn,autumn")
    )
    assert (run.state, sis.findings(run)) == ("unchanged", set())
    assert world(sis, view) == before


def test_bad_rows_that_stay_bad_make_no_revision_but_are_said_every_night(sis, view):
    bad = small().changed("users", "p1", role="wizard").changed("users", "p2", agentSourcedIds="nobody")
    sis.done(bad)
    before = world(sis, view)
    run = sis.run(shuffled(bad, 5))
    assert run.state == "unchanged"
    assert {p.column for p in sis.findings(run)} >= {"role", "agentSourcedIds"}
    assert world(sis, view) == before


def test_there_and_back_again_is_two_revisions_and_the_same_roster(sis, view):
    sis.done(small())
    roster, seen = sis.everything(), view.active()
    sis.done(small().changed("users", "p2", givenName="New").without("enrollments", "e3"))
    sis.done(small())
    assert sis.revision() == 3
    assert sis.everything() == roster
    assert view.active() == seen


def test_instants_of_revisions_rise_however_fast_the_nights_follow(sis, view):
    sis.done(small())
    for number in range(3):
        sis.done(small().changed("users", "p2", givenName=f"New {number}"))
    at = [r.at for r in view.revisions()]
    assert len(at) == 4
    assert at == sorted(set(at))


def test_statistics_name_every_school_and_what_happened_there(sis):
    from schoolpassport.sync import queries

    sis.done(small())
    run = sis.done(
        small()
        .changed("users", "p3", givenName="New")  # at both schools
        .with_rows("users", user("p9", orgSourcedIds="s2"), user("bad", orgSourcedIds="s2", role="wizard"))
        .without("enrollments", "e3")
    )
    names = {id_: key for key, id_ in sis.ids("org").items()}
    with scope.inside(sis.district_id):
        found = queries.statistics(district_id=sis.district_id, run_id=run.id)
        steps = queries.steps(district_id=sis.district_id, run_id=run.id)
    told = {
        (s.kind, names.get(s.school_id, "altogether")): (
            s.added,
            s.updated,
            s.unchanged,
            s.archived,
            s.restored,
            s.rejected,
        )
        for s in found
        if s.kind in {"user", "enrollment"}
    }
    assert told == {
        ("user", "altogether"): (1, 1, 6, 0, 0, 1),
        ("user", "s1"): (0, 1, 4, 0, 0, 0),
        ("user", "s2"): (1, 1, 2, 0, 0, 1),
        ("enrollment", "altogether"): (0, 0, 5, 1, 0, 0),
        ("enrollment", "s1"): (0, 0, 3, 1, 0, 0),
        ("enrollment", "s2"): (0, 0, 2, 0, 0, 0),
    }
    assert [s.name for s in steps] == ["collect", "inspect", "settle", "apply", "publish"]
    assert all(s.seconds > 0 for s in steps)


# ------------------------------------------------------------------------------------------------- late and out of turn


def test_a_stale_run_is_not_applied_over_a_newer_one(sis):
    """Asked for on Monday, forgotten by a worker, taken up again after Tuesday's package was applied."""
    monday = sis.ask(small())
    sis.done(small().changed("users", "p2", givenName="Tuesday"))
    assert sis.walk(monday).state == "superseded"
    assert sis.records("user")["p2"]["givenName"] == "Tuesday"


def test_a_finished_run_walked_again_does_nothing(sis, view):
    monday = sis.done(small())
    sis.done(small().changed("users", "p2", givenName="Tuesday"))
    before = world(sis, view)
    assert sis.walk(monday).state == "done"
    assert world(sis, view) == before


def test_an_application_that_comes_later_sees_what_stands(sis, now):
    sis.done(small().with_rows("users", user("p9")))
    sis.done(small())
    integrated = partners.integrated(sis.district_id, now)
    sharing.agree(
        district_id=sis.district_id,
        integration_id=integrated.integration.id,
        contents=Contents(attributes=catalogue.everything()),
        by="test",
        now=now + timedelta(days=1),
    )
    view = View(district_id=sis.district_id, integration_id=integrated.integration.id)
    keys = {id_: key for key, id_ in sis.ids("user").items()}
    assert {keys[row.id] for row in view.versions("user")} == {"t1", "t2", "g1", "p1", "p2", "p3", "p4"}
    assert {row.change for row in view.versions()} == {"c"}


def test_a_consent_may_come_before_the_first_package(sis, view):
    assert view.versions() == []
    sis.done(small())
    assert len(view.active("user")) == 7
    assert {re.sub("[0-9]", "", row.change) for row in view.versions()} == {"c"}

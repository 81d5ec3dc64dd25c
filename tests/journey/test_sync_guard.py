"""A run that waits as a whole; what was good stays in force meanwhile. How single removals wait: test_sync_waiting."""

from datetime import timedelta

import pytest

from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import catalogue
from schoolpassport.sharing.records import Contents
from schoolpassport.sync.actions import NotHeld
from tests.support import partners
from tests.support.nights import Nights, nights
from tests.support.packages import Package, crowd, enrollment, org, small, user
from tests.support.views import View


@pytest.fixture
def sis(district, tmp_path, now) -> Nights:
    made = nights(district_id=district.id, folder=tmp_path, now=now)
    made.set_limits(hold_whole=True, school_removed_share=1)
    return made


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


def leaving(package: Package, *numbers: int) -> Package:
    """Pupils of the crowd leave, with their enrolments."""
    people, seats = [f"c{n:03d}" for n in numbers], [f"ce{n:03d}" for n in numbers]
    return package.without("users", *people).without("enrollments", *seats)


def rules(run) -> set[tuple[str, str]]:
    return {(r["rule"], r["kind"]) for r in run.hold["reasons"]}


# -------------------------------------------------------------------------------------------------------- when it asks


def test_five_in_a_hundred_may_leave_without_asking(sis):
    sis.done(crowd(94))  # with the 6 others, 100 enrolments
    sis.done(leaving(crowd(94), *range(5)))
    assert len(sis.archived("user")) == 5


def test_six_in_a_hundred_may_not(sis):
    sis.done(crowd(93))
    run = sis.run(leaving(crowd(93), *range(6)))
    assert (run.state, sis.revision()) == ("held", 1)
    assert rules(run) == {("too many removals", "user"), ("too many removals", "enrollment")}


def test_below_fifty_records_shares_mean_nothing(sis):
    sis.done(crowd(42))  # 49 users, 48 enrolments
    sis.done(leaving(crowd(42), *range(20)))
    assert len(sis.archived("user")) == 20


def test_from_fifty_records_on_they_do(sis):
    sis.done(crowd(43))
    run = sis.run(crowd(43).without("users", "c000", "c001", "c002").without("enrollments", "ce000"))
    assert (run.state, rules(run)) == ("held", {("too many removals", "user")})


def test_the_number_counts_too_where_the_share_is_small(sis):
    sis.set_limits(removed_share=1, removed_count=4)
    sis.done(crowd(60))
    sis.done(leaving(crowd(60), 0, 1, 2, 3))
    run = sis.run(leaving(crowd(60), *range(9)))
    assert run.state == "held"
    assert ("too many removals", "user") in rules(run)


def test_limits_are_settings_of_the_district_and_two_hundred_is_what_they_are_at_first(sis):
    from schoolpassport.sync import queries
    from schoolpassport.tenancy import scope

    with scope.inside(sis.district_id):
        limits = queries.limits(district_id=sis.district_id)
    assert (limits.removed_share, limits.removed_count, limits.minimum_base, limits.overlap_share) == (
        0.05,
        200,
        50,
        0.8,
    )
    sis.set_limits(removed_share=0.5)
    sis.done(crowd(93))
    sis.done(leaving(crowd(93), *range(19)))


def test_limits_of_one_district_do_not_bind_another(sis, other_district, tmp_path, now):
    other = nights(district_id=other_district.id, folder=tmp_path / "other", now=now)
    other.set_limits(removed_share=1, removed_count=1000, overlap_share=0, school_removed_share=1)
    sis.done(crowd(60))
    other.done(crowd(60))
    assert sis.run(leaving(crowd(60), *range(20))).state == "held"
    assert other.run(leaving(crowd(60), *range(20))).state == "done"


def test_a_school_that_vanishes_is_asked_about_however_small_it_is(sis):
    sis.done(small().with_rows("orgs", org("s3")))
    run = sis.run(small())
    assert (run.state, rules(run), sis.archived("org")) == ("held", {("school vanished", "org")}, set())
    assert "School s3" in run.message


def test_a_department_that_goes_is_no_school(sis):
    sis.done(small().with_rows("orgs", org("dep", type="department")))
    sis.done(small())
    assert sis.archived("org") == {"dep"}


def test_a_school_whose_pupils_all_vanish_is_asked_about_though_its_own_row_stays(sis):
    """Fewer than 50 of 1,000: neither the share nor the number would notice."""
    sis.set_limits(removed_share=0.5)
    twelve = tuple(user(f"z{n:02d}", orgSourcedIds="s2") for n in range(12))
    full = crowd(60).with_rows("users", *twelve)
    sis.done(full)
    run = sis.run(
        full.without("users", "p4", "t2", *(u["sourcedId"] for u in twelve))
        .without("users", "p3")
        .without("enrollments", "e4", "e5", "e6")
        .without("demographics", "p4")
    )
    assert run.state == "held"
    assert ("school vanished", "user") in rules(run)
    assert "School s2" in run.message


def test_other_ids_for_everybody_are_asked_about_and_the_cause_is_guessed(sis):
    """Another SIS, the same people: as many come as go."""
    sis.set_limits(removed_share=1, removed_count=100_000)
    sis.done(crowd(60))
    renamed = tuple(user(f"n{n:03d}") for n in range(20))
    run = sis.run(leaving(crowd(60), *range(20)).with_rows("users", *renamed))
    assert run.state == "held"
    assert ("other ids", "user") in rules(run)
    assert "new ids" in run.hold["likely_cause"]


def test_an_overlap_of_eighty_per_cent_passes(sis):
    sis.set_limits(removed_share=1, removed_count=100_000)
    sis.done(crowd(54))  # 60 enrolments
    sis.done(leaving(crowd(54), *range(12)))
    assert len(sis.archived("user")) == 12


def test_deletions_of_a_delta_are_judged_too(sis):
    sis.done(crowd(60))
    going = tuple(
        {**user(f"c{n:03d}"), "status": "tobedeleted", "dateLastModified": "2026-09-02T00:00:00Z"} for n in range(9)
    )
    run = sis.run(Package({"users": going}, modes={"users": "delta"}))
    assert (run.state, rules(run)) == ("held", {("too many removals", "user")})


# ---------------------------------------------------------------------------------------------------------- while it waits


def test_a_held_run_changes_nothing_and_says_what_it_would_do(sis, view):
    sis.done(crowd(60))
    before, seen = sis.everything(), view.rows()
    run = sis.run(leaving(crowd(60), *range(9)).with_rows("users", user("new", orgSourcedIds="s2")))
    assert run.state == "held"
    assert (sis.everything(), view.rows(), sis.revision()) == (before, seen, 1)
    report = run.hold
    assert report["kinds"]["user"] | {"examples": 0} == {
        "standing": 67,
        "removed": 9,
        "added": 1,
        "updated": 0,
        "restored": 0,
        "rejected": 0,
        "examples": 0,
    }
    assert set(report["kinds"]["user"]["examples"]) <= {f"c{n:03d}" for n in range(9)}
    assert report["kinds"]["user"]["examples"]
    schools = {(s["name"], s["kind"]): s["removed"] for s in report["schools"]}
    assert schools == {("School s1", "user"): 9, ("School s1", "enrollment"): 9}
    assert report["likely_cause"]
    assert "9 of 67 users" in run.message


def test_time_alone_approves_nothing(sis, now):
    """Other nights, other districts, a year: it waits until somebody decides."""
    sis.done(crowd(60))
    run = sis.run(leaving(crowd(60), *range(9)))
    sis.now = now + timedelta(days=365)
    assert sis.walk(run).state == "held"
    assert sis.walk(run).state == "held"
    assert (sis.revision(), sis.archived("user")) == (1, set())


def test_the_same_package_makes_no_second_hold(sis):
    sis.done(crowd(60))
    suspicious = sis.write(leaving(crowd(60), *range(9)))
    held = sis.run(suspicious)
    again = sis.run(suspicious)
    assert (again.state, sis.state(held), sis.revision()) == ("unchanged", "held", 1)
    assert f"run {held.number}" in again.message


def test_findings_of_a_held_run_can_be_read_while_it_waits(sis):
    sis.done(crowd(60))
    run = sis.run(leaving(crowd(60), *range(9)).changed("users", "p1", role="wizard"))
    assert run.state == "held"
    assert {(p.file, p.column) for p in sis.findings(run)} == {("users.csv", "role")}


# --------------------------------------------------------------------------------------------------------- the decision


def test_approval_applies_everything_additions_and_updates_included(sis, view):
    sis.done(crowd(60))
    package = leaving(crowd(60), *range(9)).with_rows("users", user("new")).changed("users", "p1", givenName="Changed")
    origin = sis.write(package.with_rows("enrollments", enrollment("ne", userSourcedId="new")))
    held = sis.run(origin)
    (origin / "users.csv").unlink()  # what was judged is what is applied, whatever became of the original
    run = sis.approve(held)
    assert (run.state, run.approved_by) == ("done", "test")
    assert sis.archived("user") == {f"c{n:03d}" for n in range(9)}
    assert {"new", "p1"} <= sis.active("user")
    assert sis.records("user")["p1"]["givenName"] == "Changed"
    assert sis.statistics(run)["user"] == {"added": 1, "updated": 1, "unchanged": 57, "archived": 9}
    assert len([r for r in view.rows("user").values() if r.status == "active"]) == 59


def test_rejection_changes_nothing_and_the_same_package_is_asked_about_again(sis, view):
    sis.done(crowd(60))
    before, seen = sis.everything(), view.rows()
    origin = sis.write(leaving(crowd(60), *range(9)))
    held = sis.run(origin)
    assert sis.reject(held).state == "rejected"
    assert sis.walk(held).state == "rejected"
    assert (sis.everything(), view.rows(), sis.revision()) == (before, seen, 1)
    assert sis.run(origin).state == "held"


def test_only_held_runs_can_be_decided_and_only_once(sis):
    first = sis.done(crowd(60))
    held = sis.run(leaving(crowd(60), *range(9)))
    with pytest.raises(NotHeld, match="done"):
        sis.approve(first)
    assert sis.approve(held).state == "done"
    for decide in (sis.approve, sis.reject):
        with pytest.raises(NotHeld, match="done"):
            decide(held)


def test_after_an_approval_the_guard_looks_at_the_next_package_again(sis):
    sis.done(crowd(60))
    sis.approve(sis.run(leaving(crowd(60), *range(9))))
    assert sis.run(leaving(crowd(60), *range(18))).state == "held"


def test_a_newer_package_supersedes_the_one_that_waits(sis):
    sis.done(crowd(60))
    held = sis.run(leaving(crowd(60), *range(9)))
    sis.done(crowd(60).with_rows("users", user("new")))
    assert sis.state(held) == "superseded"
    with pytest.raises(NotHeld, match="superseded"):
        sis.approve(held)
    assert sis.archived("user") == set()


def test_a_newer_package_that_is_suspicious_too_waits_in_its_place(sis):
    sis.done(crowd(60))
    held = sis.run(leaving(crowd(60), *range(9)))
    newer = sis.run(leaving(crowd(60), *range(10)))
    assert (sis.state(held), newer.state) == ("superseded", "held")
    assert sis.approve(newer).state == "done"
    assert len(sis.archived("user")) == 10


def test_the_last_good_package_sent_again_supersedes_the_one_that_waits(sis):
    """The source has mended its export: what it says now is what stands, and the bad package must not be approved."""
    good = sis.write(crowd(60))
    sis.done(good)
    held = sis.run(leaving(crowd(60), *range(9)))
    assert sis.run(good).state == "unchanged"
    assert sis.state(held) == "superseded"


def test_a_broken_package_supersedes_nothing(sis):
    sis.done(crowd(60))
    held = sis.run(leaving(crowd(60), *range(9)))
    assert sis.run(dict(crowd(60).texts()) | {"users.csv": "nonsense"}).state == "refused"
    assert sis.state(held) == "held"


def test_an_approved_package_is_not_applied_over_a_newer_one(sis):
    """Approved at noon, but before a worker took it up the next night's package was there and applied."""
    from schoolpassport.sync import actions

    sis.done(crowd(60))
    held = sis.run(leaving(crowd(60), *range(9)))
    actions.approve(district_id=sis.district_id, number=held.number, by="test", now=sis.now)
    sis.done(crowd(60).with_rows("users", user("new")))
    assert sis.walk(held).state == "superseded"
    assert sis.archived("user") == set()
    assert "new" in sis.active("user")


def test_what_a_district_decides_is_written_into_its_ledger(sis):
    from schoolpassport.audit import queries
    from schoolpassport.tenancy import scope

    sis.done(crowd(60))
    sis.approve(sis.run(leaving(crowd(60), *range(9))))
    sis.reject(sis.run(leaving(crowd(60), *range(18))))
    with scope.inside(sis.district_id):
        acts = [event.act for event in queries.events(district_id=sis.district_id)]
    assert acts.count("sync:run:approve") == acts.count("sync:run:reject") == 1

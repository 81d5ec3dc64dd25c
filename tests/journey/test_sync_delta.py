"""Full packages that leave things out, files declared absent, and files that tell only what changed."""

import pytest

from tests.support import packages
from tests.support.nights import Nights, Place, nights
from tests.support.packages import STAMP, Package, Row, demographics, enrollment, small, user


@pytest.fixture
def sis(district, tmp_path, now) -> Nights:
    return nights(district_id=district.id, folder=tmp_path, now=now)


def delta(**files: tuple[Row, ...]) -> Package:
    """Rows that came or changed, and rows that go (``gone``); everything else is not spoken of."""
    rows = {
        file: tuple({"status": "active", "dateLastModified": STAMP, **r} for r in rows) for file, rows in files.items()
    }
    return Package(rows, modes=dict.fromkeys(files, "delta"))


def gone(row: Row) -> Row:
    return {**row, "status": "tobedeleted"}


# ------------------------------------------------------------------------------------------------- archive and restore


def test_what_a_full_package_lacks_is_archived_and_comes_back_under_its_id(sis):
    sis.done(small())
    ids = sis.ids("user")
    alone = small().without("users", "p4").without("enrollments", "e5").without("demographics", "p4")
    run = sis.done(alone)
    assert (sis.archived("user"), sis.archived("enrollment"), sis.archived("demographics")) == ({"p4"}, {"e5"}, {"p4"})
    assert sis.records("user")["p4"]["givenName"] == "Given-p4"
    assert {k: c["archived"] for k, c in sis.statistics(run).items() if "archived" in c} == {
        "user": 1,
        "enrollment": 1,
        "demographics": 1,
    }
    run = sis.done(small().changed("users", "p4", givenName="Back"))
    assert sis.ids("user") == ids
    assert sis.archived("user") | sis.archived("enrollment") | sis.archived("demographics") == set()
    assert sis.records("user")["p4"]["givenName"] == "Back"
    assert {k: c["restored"] for k, c in sis.statistics(run).items() if "restored" in c} == {
        "user": 1,
        "enrollment": 1,
        "demographics": 1,
    }
    assert sis.records("user", as_of=2)["p4"]["status"] == "tobedeleted"


def test_a_file_declared_absent_archives_nothing(sis):
    sis.done(small())
    before = sis.everything()
    run = sis.run(small().only("orgs", "academicSessions"))
    assert (run.state, sis.revision()) == ("unchanged", 1)
    assert sis.everything() == before


def test_a_file_that_is_there_but_declared_absent_is_not_read_and_said(sis):
    sis.done(small())
    run = sis.run(small().without("users", "p2").declared(users="absent"))
    assert (run.state, sis.revision()) == ("unchanged", 1)
    assert {p.file for p in sis.findings(run)} == {"users.csv"}
    assert sis.archived("user") == set()


def test_enrollments_outlive_a_night_on_which_only_users_are_sent(sis):
    """Deletions are per file: a bulk users.csv with enrollments absent must not delete enrolments."""
    sis.done(small())
    sis.done(small().without("users", "p4").only("orgs", "users"))
    assert sis.archived("user") == {"p4"}
    assert sis.archived("enrollment") == set()


def test_without_a_manifest_the_files_that_are_there_are_bulk(sis):
    sis.done(small())
    texts = small().without("users", "p4").without("demographics", "p4").without("enrollments", "e5").texts()
    del texts["manifest.csv"]
    del texts["classes.csv"]
    run = sis.done(texts)
    assert (sis.archived("user"), sis.archived("class")) == ({"p4"}, set())
    assert "no manifest" in {p.rule for p in sis.findings(run)}


# ---------------------------------------------------------------------------------------------------------------- delta


def test_a_delta_adds_changes_and_deletes_what_it_names_and_nothing_else(sis):
    sis.done(small())
    before = sis.everything()
    run = sis.done(
        delta(
            users=(user("p9"), user("p2", givenName="Changed")),
            enrollments=(enrollment("e9", userSourcedId="p9"), gone(enrollment("e3", userSourcedId="p2"))),
        )
    )
    assert sis.findings(run) == set()
    after = sis.everything()
    assert after["user"]["p2"].pop("givenName") == "Changed"
    assert before["user"]["p2"].pop("givenName") == "Given-p2"
    assert (after["user"].pop("p9")["status"], after["enrollment"].pop("e9")["user"]) == ("active", "p9")
    assert after["enrollment"]["e3"].pop("status") == "tobedeleted"
    del before["enrollment"]["e3"]["status"]
    assert after == before


def test_a_deletion_in_a_delta_needs_no_more_than_the_id(sis):
    sis.done(small())
    run = sis.done(delta(enrollments=({"sourcedId": "e3", "status": "tobedeleted"},)))
    assert (sis.findings(run), sis.archived("enrollment")) == (set(), {"e3"})


def test_a_delta_brings_back_what_was_deleted_under_its_id(sis):
    sis.done(small())
    ids = sis.ids("enrollment")
    sis.done(delta(enrollments=(gone(enrollment("e2")),)))
    assert sis.archived("enrollment") == {"e2"}
    run = sis.done(delta(enrollments=(enrollment("e2"),)))
    assert (sis.archived("enrollment"), sis.ids("enrollment")) == (set(), ids)
    assert sis.statistics(run)["enrollment"]["restored"] == 1


def test_a_delta_that_says_what_stands_makes_no_revision(sis):
    sis.done(small())
    run = sis.run(delta(users=(user("p2", dateLastModified="2026-10-01T00:00:00Z"),)))
    assert (run.state, sis.revision()) == ("unchanged", 1)


def test_rows_of_a_delta_refer_to_what_was_delivered_earlier(sis):
    sis.done(small())
    run = sis.done(delta(demographics=(demographics("p2"),), enrollments=(enrollment("e9", userSourcedId="p4"),)))
    assert sis.findings(run) == set()
    assert sis.active("demographics") == {"p1", "p2", "p4"}


def test_a_full_package_after_a_delta_is_the_whole_truth_again(sis):
    """Also when it is, byte for byte, the one before the delta."""
    sis.done(small())
    before = sis.everything()
    sis.done(delta(users=(user("p9"), user("p2", givenName="Changed")), enrollments=(gone(enrollment("e2")),)))
    sis.done(small())
    assert sis.archived("user") == {"p9"}
    after = sis.everything()
    assert after["user"].pop("p9")["status"] == "tobedeleted"
    assert after == before


def test_rows_of_a_delta_must_say_their_status_and_when_they_changed(sis):
    sis.done(small())
    run = sis.run(
        delta(
            users=(
                user("p2", givenName="No status", status=""),
                user("p3", givenName="No stamp", dateLastModified=""),
                user("p4", givenName="Bad status", status="inactive"),
                user("t2", givenName="Fine"),
            )
        )
    )
    assert sis.findings(run, "error") == {
        Place("users.csv", 2, "status", "bad status"),
        Place("users.csv", 3, "dateLastModified", "bad status"),
        Place("users.csv", 4, "status", "bad status"),
    }
    changed = {k for k, r in sis.records("user").items() if r["givenName"] != f"Given-{k}"}
    assert changed == {"t2"}


def test_one_id_twice_in_a_delta_is_found_however_many_records_stand(sis):
    """Two of three: as many rows as there are classes, so the counts alone look fine."""
    sis.done(small())
    before = sis.records("class")
    twice = ({**r, "title": f"Other {n}"} for n, r in enumerate([small().rows["classes"][0]] * 2))
    run = sis.run(delta(classes=tuple(twice)))
    assert run.state in {"done", "unchanged"}, run.message
    assert sis.records("class") == before
    assert {p.rule for p in sis.findings(run, "error")} == {"duplicate id"}


@pytest.mark.parametrize("order", ["deleted first", "deleted last"])
def test_a_delta_that_both_keeps_and_deletes_a_record_contradicts_itself(sis, order):
    sis.done(small())
    rows = [gone(enrollment("e2")), enrollment("e2")]
    run = sis.run(delta(enrollments=tuple(rows if order == "deleted first" else reversed(rows))))
    assert run.state in {"done", "unchanged"}, run.message
    assert sis.active("enrollment") == {"e1", "e2", "e3", "e4", "e5", "e6"}
    assert {p.rule for p in sis.findings(run, "error")} == {"duplicate id"}


@pytest.mark.parametrize("order", ["deleted first", "deleted last"])
def test_so_does_a_full_package(sis, order):
    rows = [gone(enrollment("e9", userSourcedId="p2")), enrollment("e9", userSourcedId="p2")]
    run = sis.run(small().with_rows("enrollments", *(rows if order == "deleted first" else reversed(rows))))
    assert run.state == "done", run.message
    assert {p.rule for p in sis.findings(run)} == {"duplicate id"}


def test_deleting_what_nobody_knows_does_no_harm(sis):
    sis.done(small())
    run = sis.run(delta(users=(gone(user("stranger")),)))
    assert (run.state, sis.revision()) == ("unchanged", 1)
    assert "stranger" not in sis.ids("user")


def test_a_delta_that_deletes_a_user_tells_who_still_refers_to_it(sis):
    sis.done(small())
    run = sis.done(delta(users=(gone(user("p2")),), enrollments=(enrollment("e9", userSourcedId="p2"),)))
    assert sis.archived("user") == {"p2"}
    assert sis.findings(run, "error") == {Place("enrollments.csv", 2, "userSourcedId", "dangling reference")}


def test_who_refers_to_somebody_deleted_by_a_delta_is_told_when_the_whole_file_comes_again(sis):
    """In the same file, and in another one."""
    sis.done(small().with_rows("users", user("p9", agentSourcedIds="g1,t1")))
    sis.done(delta(users=(gone(user("g1")),)))
    run = sis.done(small().without("users", "g1").with_rows("users", user("p9", agentSourcedIds="g1,t1")))
    assert sis.records("user")["p9"]["agents"] == ["t1"]
    assert not sis.records("user")["p1"]["agents"]
    assert {p.line for p in sis.findings(run) if p.column == "agentSourcedIds"} == {4, 8}


def test_what_went_unseen_is_not_forgotten_over_a_delta_in_between(sis):
    sis.set_limits(hold_whole=True)
    sis.done(small())
    assert sis.approve(sis.run(small().without("orgs", "s2").only("orgs"))).state == "done"
    sis.done(delta(users=(user("p9"),)))
    run = sis.run(small().without("orgs", "s2").with_rows("users", user("p9")))
    assert Place("users.csv", 7, "orgSourcedIds", "dangling reference") in sis.findings(run)
    assert sis.records("user")["p3"]["orgs"] == ["s1"]


def test_modes_may_differ_from_file_to_file(sis):
    sis.done(small())
    mixed = Package(
        {"users": small().without("users", "p4").rows["users"], "enrollments": ({**enrollment("e9"), **STAMPED},)},
        modes={"enrollments": "delta"},
    )
    sis.done(mixed)
    assert (sis.archived("user"), sis.archived("enrollment")) == ({"p4"}, set())
    assert "e9" in sis.active("enrollment")


STAMPED = {"status": "active", "dateLastModified": STAMP}


def test_an_approved_instant_finds_the_roster_as_it_stood(sis):
    """asOf takes the number of a revision or an instant."""
    from schoolpassport.roster.models import Revision
    from schoolpassport.tenancy import scope

    sis.done(small())
    first = sis.everything()
    sis.done(small().changed("users", "p1", givenName="New").without("enrollments", "e3"))
    second = sis.everything()
    assert first != second
    with scope.inside(sis.district_id):
        at = {r.number: r.at for r in Revision.objects.filter(district_id=sis.district_id)}
    assert sis.everything(as_of=1) == sis.everything(as_of=at[1]) == first
    assert sis.everything(as_of=2) == sis.everything(as_of=at[2]) == sis.everything(as_of=None) == second
    assert sis.records("user", as_of=0) == {}


def test_the_package_of_the_conformance_tests_is_taken_whole(sis):
    """A district made by hand, with every oddity the standard allows, and not one row to complain about."""
    from pathlib import Path

    source = Path(__file__).parents[1] / "data" / "small-district"
    run = sis.done({p.name: p.read_bytes() for p in source.glob("*.csv")})
    assert sis.findings(run) == set()
    assert packages.HEADERS.keys() >= {p.stem for p in source.glob("*.csv")} - {"manifest"}

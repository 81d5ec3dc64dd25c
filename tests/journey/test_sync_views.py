"""From a night to what an application sees: scope, closure, narrowing, and never two revisions at once."""

import threading
from collections.abc import Iterable, Iterator
from datetime import datetime

import pytest
from django.db import connection

from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import catalogue, contract
from schoolpassport.sharing.contract import ViewMoved
from schoolpassport.sharing.models import View as ViewModel
from schoolpassport.sharing.records import Contents
from schoolpassport.tenancy import scope
from tests.support import partners
from tests.support.nights import BY, Nights, nights
from tests.support.packages import Package, org, small, user
from tests.support.views import View, check_log

KINDS = ("org", "academicSession", "course", "user", "class", "enrollment", "demographics")


@pytest.fixture
def sis(district, tmp_path, now) -> Nights:
    return nights(district_id=district.id, folder=tmp_path, now=now)


@pytest.fixture
def view(sis, now) -> View:
    """Of an application that nothing was shared with yet."""
    return View(sis.district_id, partners.integrated(sis.district_id, now).integration.id)


def share(
    view: View, sis: Nights, *kinds: str, schools: Iterable[str] | None = None, without: tuple[str, ...] = ()
) -> None:
    attributes = {
        kind: [a for a in names if a not in without] for kind, names in catalogue.everything(kinds=kinds).items()
    }
    sharing.agree(
        district_id=view.district_id,
        integration_id=view.integration_id,
        contents=Contents(
            attributes=attributes, schools=None if schools is None else [sis.ids("org")[s] for s in schools]
        ),
        by=BY,
        now=sis.now,
    )


def seen(view: View, sis: Nights, kind: str) -> set[str]:
    keys = {id_: key for key, id_ in sis.ids(kind).items()}
    return {keys[id_] for _, id_ in view.active(kind)}


def test_a_named_school_brings_its_own_and_what_stands_above_it(sis, view):
    sis.done(small().with_rows("users", user("boss", orgSourcedIds="d1", role="administrator")))
    share(view, sis, *KINDS, schools=["s2"])
    assert {kind: seen(view, sis, kind) for kind in KINDS} == {
        "org": {"d1", "s2"},
        "academicSession": {"year", "autumn"},
        "course": {"lit"},
        "user": {"t2", "p3", "p4", "boss"},
        "class": {"k2"},
        "enrollment": {"e5", "e6"},
        "demographics": {"p4"},
    }


@pytest.mark.parametrize("kinds", [("demographics",), ("demographics", "enrollment"), ("org", "demographics")])
def test_demographics_of_other_schools_stay_at_home_though_users_are_not_shared(sis, view, kinds):
    sis.done(small())
    share(view, sis, *kinds, schools=["s2"])
    assert seen(view, sis, "demographics") == {"p4"}
    sis.done(small().with_rows("demographics", {"sourcedId": "p2", "sex": "male"}))
    assert seen(view, sis, "demographics") == {"p4"}
    sis.done(small().changed("users", "p1", orgSourcedIds="s2").changed("users", "p4", orgSourcedIds="s1"))
    assert seen(view, sis, "demographics") == {"p1"}


def marked() -> Package:
    """A quiz in each school, a mark in each; one more in the first for the pupil who is at both."""
    item = {
        "title": "Quiz",
        "assignDate": "2026-09-02T00:00:00Z",
        "dueDate": "2026-09-09T00:00:00Z",
        "categorySourcedId": "cat",
        "gradingPeriodSourcedId": "autumn",
        "resultValueMin": "0",
        "resultValueMax": "10",
    }
    mark = {"scoreStatus": "fully graded", "score": "7", "scoreDate": "2026-09-10"}
    return (
        small()
        .with_rows("categories", {"sourcedId": "cat", "title": "Homework"})
        .with_rows(
            "lineItems",
            {"sourcedId": "li1", "classSourcedId": "k1", **item},
            {"sourcedId": "li2", "classSourcedId": "k2", **item},
        )
        .with_rows(
            "results",
            {"sourcedId": "r1", "lineItemSourcedId": "li1", "studentSourcedId": "p1", **mark},
            {"sourcedId": "r2", "lineItemSourcedId": "li2", "studentSourcedId": "p4", **mark},
            {"sourcedId": "r3", "lineItemSourcedId": "li1", "studentSourcedId": "p3", **mark},
        )
    )


@pytest.mark.parametrize(
    "kinds", [("result",), ("result", "lineItem"), ("result", "class"), ("result", "class", "user"), ("result", "user")]
)
def test_results_of_other_schools_stay_at_home_whatever_else_is_shared(sis, view, kinds):
    sis.done(marked())
    share(view, sis, *kinds, schools=["s2"])
    assert seen(view, sis, "result") == {"r2"}
    assert seen(view, sis, "lineItem") == ({"li2"} if "lineItem" in kinds else set())


def test_who_stands_above_a_school_may_change_though_orgs_are_not_shared(sis, view):
    """The school moves under another office: that office's staff come into sight, the other's go."""
    offices = (
        small()
        .with_rows("orgs", org("d2", type="district", parentSourcedId=""))
        .with_rows("users", user("one", orgSourcedIds="d1"), user("two", orgSourcedIds="d2"))
    )
    sis.done(offices)
    share(view, sis, "user", schools=["s2"])
    assert seen(view, sis, "user") == {"t2", "p3", "p4", "one"}
    sis.done(offices.changed("orgs", "s2", parentSourcedId="d2"))
    assert seen(view, sis, "user") == {"t2", "p3", "p4", "two"}


def test_who_leaves_a_named_school_is_gone_for_the_application_and_returns_under_the_same_id(sis, view):
    sis.done(small())
    share(view, sis, *KINDS, schools=["s1"])
    sis.done(small().changed("users", "p1", orgSourcedIds="s2"))
    (gone,) = [row for row in view.rows("user").values() if row.status == "tobedeleted"]
    assert gone.id == sis.ids("user")["p1"]
    assert "e2" not in seen(view, sis, "enrollment")
    assert "p1" not in seen(view, sis, "demographics")
    sis.done(small())
    assert {"p1"} <= seen(view, sis, "user")
    assert [row.change for row in view.versions("user") if row.id == gone.id] == ["c", "d", "r"]
    check_log(view)


def test_who_refers_to_somebody_that_comes_or_goes_is_told_anew(sis, view):
    """A guardian of a school that is not shared is no agent in this view; when she comes to a shared one, she is."""
    sis.done(small().changed("users", "g1", orgSourcedIds="s2"))
    share(view, sis, *KINDS, schools=["s1"])
    pupil = ("user", sis.ids("user")["p1"])
    assert "agents" not in view.active("user")[pupil]["doc"]
    sis.done(small())
    assert [a["sourcedId"] for a in view.active("user")[pupil]["doc"]["agents"]] == [str(sis.ids("user")["g1"])]


# ------------------------------------------------------------------------------------------------------------ narrowing


def test_after_a_narrowing_nothing_older_can_be_read_though_nothing_of_today_changes(sis, view):
    """The mail addresses went from the roster before they went from the consent; older pages still show them."""
    sis.done(small())
    share(view, sis, "user")
    sis.done(small().changed("users", "t1", email=""))
    share(view, sis, "user", without=("email",))
    model = view.model()
    shown = [
        row.rev_from
        for row in view.versions("user")
        if (row.columns["email"] or (row.doc or {}).get("email")) and row.rev_to > model.oldest_readable
    ]
    assert shown == []


def test_revoking_takes_everything_back_at_once_and_leaves_no_content(sis, view):
    sis.done(small())
    share(view, sis, *KINDS)
    ids = set(view.active())
    sharing.revoke(district_id=view.district_id, integration_id=view.integration_id, by=BY, now=sis.now)
    rows = view.rows()
    assert view.active() == {}
    assert rows.keys() == ids
    for row in rows.values():
        assert row.doc is None or row.doc.keys() == {"sourcedId", "status", "dateLastModified"}
    sis.done(small().with_rows("users", user("p9")))
    assert view.active() == {}
    check_log(view)


# ----------------------------------------------------------------------------------------------- never two at once


def test_a_view_made_while_a_night_is_applied_shows_one_revision_not_two(sis, view, database):
    """The publication has read the schools of one revision when the next is committed; its users must be of the same."""
    sis.done(small())
    with database.as_owner() as owner:
        owner.execute("LOCK TABLE sharing_course IN ACCESS EXCLUSIVE MODE")  # the publication stops between kinds
        making = threading.Thread(target=_share_in_thread, args=(view, sis))
        making.start()
        _until_somebody_waits(database)
        night = threading.Thread(target=_night_in_thread, args=(sis,))
        night.start()
        night.join(timeout=5)  # either it is through by now, or it waits for the publication; both are fine
        owner.rollback()
        making.join(timeout=30)
        night.join(timeout=30)
    assert not making.is_alive()
    assert not night.is_alive()
    first = {(row.kind, row.id): row.facts for row in view.versions() if row.rev_from == 1}
    names = {
        first[key]["doc"].get("name") or first[key]["doc"].get("givenName")
        for key in first
        if key[0] in {"org", "user"}
    }
    assert not ({"School s1", "Given-p2"} & names and {"New school", "New pupil"} & names), names
    check_log(view)
    assert view.active("user")[("user", sis.ids("user")["p2"])]["doc"]["givenName"] == "New pupil"


def _share_in_thread(view: View, sis: Nights) -> None:
    try:
        share(view, sis, *KINDS)
    finally:
        connection.close()


def _night_in_thread(sis: Nights) -> None:
    try:
        sis.run(small().changed("orgs", "s1", name="New school").changed("users", "p2", givenName="New pupil"))
    finally:
        connection.close()


def _until_somebody_waits(database) -> None:
    import time

    with database.as_owner() as look:
        for _ in range(200):
            (waiting,) = look.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
            look.rollback()
            if waiting:
                return
            time.sleep(0.05)
    raise AssertionError("the publication never came to the locked table")


def test_districts_and_their_views_do_not_mix(sis, view, other_district, tmp_path, now):
    other = nights(district_id=other_district.id, folder=tmp_path / "other", now=now)
    theirs = View(other_district.id, partners.integrated(other_district.id, now).integration.id)
    sis.done(small())
    share(view, sis, *KINDS)
    other.done(small().changed("users", "p1", givenName="Birch"))
    share(theirs, other, *KINDS)
    assert not {id_ for ids in sis.all_ids().values() for id_ in ids.values()} & {
        id_ for ids in other.all_ids().values() for id_ in ids.values()
    }
    assert "Birch" not in str(view.active())
    assert "Given-p1" not in str(theirs.active())
    with scope.inside(sis.district_id), connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT district_id) FROM sharing_user")
        assert cursor.fetchone() == (1,)


# ---------------------------------------------------------------------------------------------------------------- news


@pytest.fixture
def heard() -> Iterator[list[ViewMoved]]:
    """What a listener was told."""
    told: list[ViewMoved] = []

    def hear(news: ViewMoved, *, now: datetime) -> None:
        told.append(news)

    contract.listeners.append(hear)
    yield told
    contract.listeners.remove(hear)


def test_each_piece_of_the_change_log_is_news_once(sis, view, now, heard):
    sis.done(small())
    share(view, sis, *KINDS)
    share(view, sis, *KINDS)  # the same terms change nothing
    more = small().with_rows("users", user("newcomer", orgSourcedIds="s1"))
    sis.done(more)
    sis.run(more)
    sharing.revoke(district_id=view.district_id, integration_id=view.integration_id, by=BY, now=now)

    pieces = [(r.number, r.seq_from, r.seq_to) for r in view.revisions()]
    assert [(n.revision, n.seq_from, n.seq_to) for n in heard] == pieces
    assert len(pieces) == 3
    assert {(n.district_id, n.integration_id, n.view) for n in heard} == {
        (view.district_id, view.integration_id, view.model().number)
    }


def test_news_that_cannot_be_taken_down_is_no_news(sis, view, heard):
    def fail(news: ViewMoved, *, now: datetime) -> None:
        raise OSError("no")

    sis.done(small())
    contract.listeners.append(fail)
    try:
        with pytest.raises(OSError, match="no"):
            share(view, sis, *KINDS)
    finally:
        contract.listeners.remove(fail)
    with scope.inside(view.district_id):
        assert not ViewModel.objects.filter(district_id=view.district_id).exists()

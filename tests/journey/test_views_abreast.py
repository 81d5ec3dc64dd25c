"""A night that must reach several views publishes some at once, each as whole and as alone as ever."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection

from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import catalogue, contract
from schoolpassport.sharing.contract import ViewMoved
from schoolpassport.sharing.records import Contents
from schoolpassport.tenancy.actions import register_district
from tests.support import partners
from tests.support.nights import BY, Nights, nights
from tests.support.packages import Package, small
from tests.support.views import View, check_log

KINDS = ("org", "user", "class", "enrollment")
NOW = datetime(2026, 9, 1, 6, tzinfo=UTC)
_PATIENCE = 10  # seconds


@dataclass
class Stage:
    """Three views of a district. Each night one pupil is called otherwise."""

    sis: Nights
    views: list[View]
    name: str = "Given-p2"

    @property
    def numbers(self) -> list[int]:
        return [view.model().number for view in self.views]

    def next(self) -> Package:
        self.name = f"Called-{self.sis.count}"
        return small().changed("users", "p2", givenName=self.name)

    def names(self) -> list[str]:
        key = ("user", self.sis.ids("user")["p2"])
        return [view.active("user")[key]["doc"]["givenName"] for view in self.views]

    def check(self) -> None:
        assert self.names() == [self.name] * len(self.views)
        for view in self.views:
            check_log(view)


@pytest.fixture(scope="module")
def stage(database, tmp_path_factory) -> Stage:
    del database
    district = register_district(name=f"Alder Valley {uuid4()}", now=NOW)
    sis = nights(district_id=district.id, folder=tmp_path_factory.mktemp("abreast"), now=NOW)
    sis.done(small())
    made = [View(sis.district_id, partners.integrated(sis.district_id, sis.now).integration.id) for _ in range(3)]
    for view in made:
        sharing.agree(
            district_id=view.district_id,
            integration_id=view.integration_id,
            contents=Contents(attributes=catalogue.everything(kinds=KINDS)),
            by=BY,
            now=sis.now,
        )
    return Stage(sis, made)


def let_threads_be(monkeypatch, number: int) -> None:
    monkeypatch.setattr(settings, "ENVIRONMENT", replace(settings.ENVIRONMENT, sync_threads=number))


@contextmanager
def hearing(hear: Callable[[ViewMoved], None]) -> Iterator[None]:
    """Whoever hears it is in the middle of the publication."""

    def listener(news: ViewMoved, *, now: datetime) -> None:
        hear(news)

    contract.listeners.append(listener)
    try:
        yield
    finally:
        contract.listeners.remove(listener)


@pytest.mark.parametrize(("threads", "met"), [(2, True), (1, False)])
def test_two_views_are_published_at_the_same_time_if_there_are_threads(stage, monkeypatch, threads, met):
    """Each waits in its transaction for another one to be there, too: alone, it waits in vain."""
    let_threads_be(monkeypatch, threads)
    last = stage.numbers[-1]
    meeting = threading.Barrier(2)
    together: list[bool] = []

    def meet(news: ViewMoved) -> None:
        if news.view == last:
            return
        try:
            meeting.wait(_PATIENCE if met else 0.2)
            together.append(True)
        except threading.BrokenBarrierError:
            together.append(False)

    with hearing(meet):
        stage.sis.done(stage.next())
    assert together == [met, met]
    stage.check()


def test_a_view_that_fails_keeps_no_other_from_the_revision_and_the_run_fails_with_its_error(stage, caplog):
    first, second, third = stage.numbers
    before, package = stage.name, stage.next()

    def fail(news: ViewMoved) -> None:
        if news.view != second:
            raise OSError(f"view {news.view}")

    with hearing(fail), pytest.raises(OSError, match=f"view {first}$"):
        stage.sis.run(package)
    assert stage.names() == [before, stage.name, before]
    assert f"it failed for view {third}, too" in caplog.text
    stage.sis.run(package)
    stage.check()


def test_each_view_is_published_in_its_own_district_only_and_no_connection_is_left(stage, database):
    seen: set[tuple[object, ...]] = set()
    backends: set[int] = set()

    def look(news: ViewMoved) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(DISTINCT district_id), current_setting('sp.district') FROM sharing_view")
            seen.add(cursor.fetchone())
            cursor.execute("SELECT pg_backend_pid()")
            backends.add(cursor.fetchone()[0])

    with hearing(look):
        stage.sis.done(stage.next())
    assert seen == {(1, str(stage.sis.district_id))}
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        others = backends - {cursor.fetchone()[0]}
    assert others
    with database.as_owner() as owner:
        for _ in range(100):  # a backend ends a moment after its client has gone
            found = owner.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s)", [list(others)])
            if found.fetchone() == (0,):
                return
            owner.rollback()
            time.sleep(0.05)
    raise AssertionError("a connection was left open")

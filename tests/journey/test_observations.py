"""A source that was asked again long after is another witness, though it gives the same bytes; a file that lies is not."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.conf import settings

from schoolpassport.kit.egress import Networks, Policy
from schoolpassport.sources import actions as sources
from schoolpassport.sync import actions, queries
from schoolpassport.tenancy import scope
from tests.support import lookup
from tests.support.clockwork import ticking
from tests.support.nights import BY, Nights, nights
from tests.support.oneroster_provider import SECRET, provider, serving
from tests.support.packages import small

LACKING = small().without("users", "p4").without("enrollments", "e5").without("demographics", "p4")
HOUR = timedelta(hours=1)


@pytest.fixture
def asked(district, tmp_path, now, monkeypatch):
    """A provider that is asked at the hours that a test names, of two witnesses; it lost a pupil at hour 0."""
    here = Policy(networks=Networks.parse("127.0.0.0/8"), resolve=lookup.numbers)
    monkeypatch.setattr(settings, "ENVIRONMENT", replace(settings.ENVIRONMENT, egress=here))
    sis = nights(district_id=district.id, folder=tmp_path, now=now, witnesses=None)
    with serving(provider(small())) as made, ticking(now) as clock:
        sources.connect_source(
            district_id=district.id,
            source_id=sis.source.id,
            connector="oneroster-rest",
            values=made.settings(full_days="0"),
            secrets={"client_secret": SECRET},
            by=BY,
            now=now,
        )
        asking = Asking(sis, made, clock, now)
        asking.at(-24 * HOUR)
        made.set(LACKING)
        for records in made.world.values():  # it shows nothing of what it deleted
            records[:] = [r for r in records if r["status"] == "active"]
        yield asking


class Asking:
    def __init__(self, sis: Nights, made, clock, now: datetime) -> None:
        self.sis, self.made, self.clock, self.now = sis, made, clock, now

    def at(self, ours: timedelta, theirs: timedelta | None = None) -> str:
        """What a collection ends as that begins then, by our clock and by the provider's."""
        self.clock.now = self.now + ours
        self.made.clock = (self.now + (ours if theirs is None else theirs)).timestamp()
        run = actions.ask(
            district_id=self.sis.district_id, source_id=self.sis.source.id, origin=None, by=BY, now=self.clock.now
        )
        return self.walk(run)

    def walk(self, run) -> str:
        return str(actions.walk(district_id=self.sis.district_id, run_id=run.id).state)

    @property
    def left(self) -> set[str]:
        return self.sis.archived("user")


def test_a_provider_asked_a_night_later_is_a_second_witness_though_it_says_the_same(asked):
    assert asked.at(0 * HOUR) == "unchanged"
    assert (asked.left, asked.sis.waiting("user")) == (set(), {"p4"})
    assert asked.at(HOUR) == "unchanged"  # asked again at once
    assert asked.left == set()
    assert asked.at(24 * HOUR) == "done"
    assert (asked.left, asked.sis.waiting()) == ({"p4"}, set())
    assert asked.at(48 * HOUR) == "unchanged"


def test_a_collection_that_is_tried_again_is_one_witness_however_late(asked, monkeypatch):
    """Whoever dies before the transaction ends is no witness; whoever dies after it does not testify twice."""

    class Killed(BaseException):
        pass

    def die_at(name: str):
        def reach(point: str) -> None:
            if point == name:
                raise Killed

        return reach

    for point in ("apply.before_commit", "publish.begin"):
        with monkeypatch.context() as patched:
            for module in ("course", "walk"):
                patched.setattr(f"schoolpassport.sync.{module}.reach", die_at(point))
            with pytest.raises(Killed):
                asked.at(0 * HOUR)
    with scope.inside(asked.sis.district_id):
        last = queries.runs(district_id=asked.sis.district_id, limit=1)[0]
    asked.clock.now = asked.now + 24 * HOUR
    asked.walk(last)
    assert (asked.left, asked.sis.waiting("user")) == (set(), {"p4"})


def test_a_file_that_is_fetched_again_the_same_is_no_second_witness(district, tmp_path, now, monkeypatch):
    """The control: nobody can tell a file that was made anew from one that lies there."""
    folder = tmp_path / "landing"
    monkeypatch.setattr(settings, "ENVIRONMENT", replace(settings.ENVIRONMENT, folders=(folder,)))
    sis = nights(district_id=district.id, folder=folder, now=now, witnesses=None)
    sis.done(small())
    lacking = sis.write(LACKING)
    sources.connect_source(
        district_id=district.id,
        source_id=sis.source.id,
        connector="folder",
        values={"path": str(lacking)},
        secrets={},
        by=BY,
        now=now,
    )
    with ticking(now) as clock:
        for night in range(2):
            clock.now = now + night * 24 * HOUR
            run = actions.ask(district_id=district.id, source_id=sis.source.id, origin=None, by=BY, now=clock.now)
            assert actions.walk(district_id=district.id, run_id=run.id).state == "unchanged"
    assert (sis.archived("user"), sis.waiting("user")) == (set(), {"p4"})

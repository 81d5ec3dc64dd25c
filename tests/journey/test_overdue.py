"""Sources that no timetable fetches: missed by what they did before, once, and not while imports rest."""

from datetime import datetime, timedelta

import pytest

from schoolpassport.messaging import queries as messaging
from schoolpassport.sources import actions as sources
from schoolpassport.sync import actions, overdue, schedules
from schoolpassport.sync.models import Due
from schoolpassport.tenancy import scope
from tests.support.clockwork import ticking
from tests.support.nights import BY, Nights, nights
from tests.support.packages import small
from tests.support.sides import DAY, MORNING
from tests.support.telling import told


@pytest.fixture
def sis(district, tmp_path, now):
    return nights(district_id=district.id, folder=tmp_path, now=now)


def came(sis: Nights, *days: int) -> datetime:
    """Something new on each of the days, counted from MORNING. Returns when the last of it came, or a little before."""
    for day in days:
        with ticking(MORNING + day * DAY):
            sis.done(small().changed("users", "p1", givenName=f"Ada {sis.count}"))
    return MORNING + days[-1] * DAY


def missed(sis: Nights, now: datetime) -> list[str]:
    overdue.look(now=now)
    return told(sis.district_id, sis.source.id)


def test_a_source_that_came_each_day_is_missed_after_a_week_and_told_once_until_it_comes(sis):
    last = came(sis, 0, 1, 2, 5, 6)
    assert missed(sis, last + schedules.SILENT_AFTER) == []
    with ticking(last + 2 * DAY):
        assert sis.run(sis.folder / f"night-{sis.count}").state == "unchanged", "the same package is nothing new"
    for day in (8, 9):
        assert missed(sis, last + day * DAY) == ["source-overdue"]
    (notice,) = messaging.notices(organisation_id=sis.district_id)
    assert "Something new of SIS used to come each day, and no package of it has changed anything since" in notice.words
    assert (notice.waits, notice.settled_at) == (False, None)
    last = came(sis, 20)
    (notice,) = messaging.notices(organisation_id=sis.district_id)
    assert notice.settled_at is not None
    assert missed(sis, last + 8 * DAY) == ["source-overdue"] * 2


def test_a_source_that_comes_each_week_is_missed_after_three(sis):
    last = came(sis, 0, 7, 14, 23, 30)
    assert missed(sis, last + overdue.TIMES * timedelta(days=7)) == []
    assert missed(sis, last + 22 * DAY) == ["source-overdue"]
    (notice,) = messaging.notices(organisation_id=sis.district_id)
    assert "used to come every 7 days" in notice.words


def test_a_source_that_came_on_four_days_has_no_habit_and_is_not_missed(sis):
    last = came(sis, 0, 0, 1, 2, 3)
    assert missed(sis, last + 300 * DAY) == []


def test_nobody_is_missed_while_imports_rest_and_afterwards_the_days_count_from_there(sis):
    last = came(sis, 0, 1, 2, 3, 4)
    first, until = last + 5 * DAY, last + 50 * DAY
    rest = {"imports": [{"from": f"{first:%Y-%m-%d}", "to": f"{until:%Y-%m-%d}"}]}
    actions.set_rollover(district_id=sis.district_id, content=rest, by=BY, now=sis.now)
    for day in (10, 50, 57):
        assert missed(sis, last + day * DAY) == []
    assert missed(sis, last + 59 * DAY) == ["source-overdue"]


@pytest.mark.parametrize("ends", ["rests", "is over"])
def test_whom_a_timetable_fetches_is_left_to_it_until_it_rests_or_is_over(sis, ends):
    last = came(sis, 0, 1, 2, 3, 4)
    later = last + 20 * DAY
    _connected(sis, "folder", path="landing/sis")
    _planned(sis, last)
    assert missed(sis, later) == []
    if ends == "rests":
        _connected(sis, "upload")
    else:
        _planned(sis, last, until=f"{last + 2 * DAY:%Y-%m-%d}")
        _pass_all(sis)
    assert missed(sis, later) == ["source-overdue"]


def _planned(sis: Nights, now: datetime, **more: str) -> None:
    content = {"every": "day", "at": "02:30", "zone": "America/Chicago", **more}
    schedules.set_schedule(district_id=sis.district_id, source_id=sis.source.id, content=content, by=BY, now=now)


def _pass_all(sis: Nights) -> None:
    """Every instant of its timetable comes, until there is none any more."""
    with scope.inside(sis.district_id):
        while (due := Due.objects.get(district_id=sis.district_id, source_id=sis.source.id)).next_at is not None:
            schedules.fall_due(
                district_id=sis.district_id,
                source_id=sis.source.id,
                version=due.version,
                at=due.next_at,
                now=due.next_at,
            )


def _connected(sis: Nights, connector: str, **values: str) -> None:
    sources.connect_source(
        district_id=sis.district_id,
        source_id=sis.source.id,
        connector=connector,
        values=values,
        secrets={},
        by=BY,
        now=sis.now,
    )

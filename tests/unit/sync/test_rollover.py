"""Dates on which nothing is imported: whether they are now, and when the last of them were over."""

from datetime import UTC, datetime

import pytest

from schoolpassport.sync.policies import Rollover

SUMMER = Rollover.parse(
    {
        "time_zone": "America/Chicago",
        "imports": [{"from": "2027-06-20", "to": "2027-07-31"}, {"from": "2026-12-20", "to": "2027-01-03"}],
    }
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "rests", "until"),
    [
        ("2026-12-20T05:59", False, None),  # still the day before, there
        ("2026-12-20T06:00", True, None),
        ("2027-01-04T05:59", True, None),
        ("2027-01-04T06:00", False, "2027-01-04T06:00"),
        ("2027-07-01T00:00", True, "2027-01-04T06:00"),
        ("2027-08-01T05:00", False, "2027-08-01T05:00"),
    ],
)
def test_a_rest_is_over_when_its_last_day_is_where_the_district_is(now, rests, until):
    assert (SUMMER.rests(at(now)) is not None, SUMMER.rested_until(at(now))) == (rests, until and at(until))


def test_who_never_rests_rested_until_never():
    assert Rollover().rested_until(at("2027-08-01T05:00")) is None

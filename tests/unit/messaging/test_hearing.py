"""When the next digest comes, also where clocks are moved."""

from datetime import UTC, datetime, time

import pytest

from schoolpassport.messaging import hearing


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "clock", "zone", "expected"),
    [
        ("2026-09-01T11:59:59", time(7), "America/Chicago", "2026-09-01T12:00:00"),
        ("2026-09-01T12:00:00", time(7), "America/Chicago", "2026-09-02T12:00:00"),  # not at the same instant again
        ("2026-10-31T13:00:00", time(7), "America/Chicago", "2026-11-01T13:00:00"),  # clocks were set back at night
        ("2027-03-14T07:00:00", time(2, 30), "America/Chicago", "2027-03-14T08:30:00"),  # there is no 02:30 that night
        ("2026-09-01T22:00:00", time(7), "Pacific/Auckland", "2026-09-02T19:00:00"),
    ],
)
def test_a_digest_comes_when_the_clock_there_shows_its_time(now, clock, zone, expected):
    assert hearing.next_digest(at(now), at=clock, zone=zone) == at(expected)

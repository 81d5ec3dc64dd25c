"""Timetables: the instants that a clock on a wall means, also where it is moved."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schoolpassport.sync.timetable import BadTimetable, next_after, parse, upcoming, wanted

CHICAGO = {"zone": "America/Chicago"}
TOO_SOON = (
    "The cron line “{}” has runs less than 5 minutes apart. Give fewer minutes, like 0 * * * * for each full hour."
)


def instants(content, start, count):
    planned, found = parse(content), []
    for _ in range(count):
        start = next_after(planned, start)
        found.append(start)
    return found


def local(content, start, count):
    zone = ZoneInfo(content["zone"])
    return [f"{i.astimezone(zone):%m-%d %H:%M}" if i else None for i in instants(content, start, count)]


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_night_in_which_the_clock_jumps_ahead_has_its_run():
    """8 March 2026: after 01:59 comes 03:00."""
    daily = CHICAGO | {"every": "day", "at": "02:30"}
    assert local(daily, at("2026-03-07T00:00"), 3) == ["03-07 02:30", "03-08 03:30", "03-09 02:30"]


def test_a_night_in_which_the_clock_goes_back_has_one_run():
    """1 November 2026: 01:30 comes twice; the first of them is 06:30 UTC."""
    daily = CHICAGO | {"every": "day", "at": "01:30"}
    assert instants(daily, at("2026-11-01T00:00"), 2) == [at("2026-11-01T06:30"), at("2026-11-02T07:30")]
    between = at("2026-11-01T06:45")  # the clock shows 01:45, and will show 01:30 once more
    assert instants(daily, between, 1) == [at("2026-11-02T07:30")]


def test_a_month_that_is_too_short_has_its_run_on_its_last_day():
    monthly = CHICAGO | {"every": "month", "day": 31, "at": "04:00"}
    assert local(monthly, at("2028-01-01T00:00"), 4) == ["01-31 04:00", "02-29 04:00", "03-31 04:00", "04-30 04:00"]


def test_a_week_has_its_days():
    weekly = CHICAGO | {"every": "week", "weekdays": ["thu", "mon"], "at": "22:15"}
    assert local(weekly, at("2026-09-01T12:00"), 3) == ["09-03 22:15", "09-07 22:15", "09-10 22:15"]


def test_a_cron_line_is_read_on_the_zones_own_clock():
    cron = CHICAGO | {"every": "cron", "cron": "30 2 * * mon-fri"}
    assert local(cron, at("2026-09-04T12:00"), 2) == ["09-07 02:30", "09-08 02:30"]


def test_it_ends_after_its_last_day():
    daily = CHICAGO | {"every": "day", "at": "23:30", "until": "2026-09-02"}
    assert local(daily, at("2026-09-01T12:00"), 2) == ["09-01 23:30", "09-02 23:30"]
    assert next_after(parse(daily), at("2026-09-03T05:00")) is None


@given(
    zone=st.sampled_from(["America/Chicago", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]),
    minute=st.integers(0, 24 * 60 - 1),
    days=st.integers(0, 12 * 366),
)
def test_no_night_is_missed_or_doubled(zone, minute, days):
    """Whatever the clock does: one run for each local day, for more than a year."""
    content = {"every": "day", "at": f"{minute // 60:02}:{minute % 60:02}", "zone": zone}
    found = instants(content, at("2026-01-01T00:00") + timedelta(days=days), 400)
    nights = [i.astimezone(ZoneInfo(zone)).date() for i in found]
    assert nights == [nights[0] + timedelta(days=n) for n in range(400)]
    assert found == sorted(set(found))


def test_the_check_for_missed_nights_can_fail():
    """The control: counting on in steps of 24 hours shows another time of day after the clock was moved."""
    zone, first = ZoneInfo("America/Chicago"), at("2026-03-01T08:30")
    assert {f"{(first + timedelta(days=n)).astimezone(zone):%H:%M}" for n in range(10)} == {"02:30", "03:30"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ([], "A timetable is an object with “every”, “at” and “zone”."),
        (CHICAGO | {"every": "day", "at": "02:30", "hour": 2}, "A timetable has no “hour”."),
        ({"at": "02:30"}, "“every” is missing; give one of: day, week, month, cron."),
        (CHICAGO | {"every": "month", "at": "02:30"}, "“day” is missing; give a day of the month, 1 to 31."),
        (CHICAGO | {"every": "day"}, "“at” is missing; give a time of day like 02:30."),
        (CHICAGO | {"every": "fortnight"}, "“every” is “fortnight”; give one of: day, week, month, cron."),
        (
            {"every": "day", "at": "02:30", "zone": "Chicago"},
            "“zone” is “Chicago”; give a time zone like America/Chicago.",
        ),
        (
            {"every": "day", "at": "02:30", "zone": "../etc"},
            "“zone” is “../etc”; give a time zone like America/Chicago.",
        ),
        (CHICAGO | {"every": "day", "at": "2 am"}, "“at” is “2 am”; give a time of day like 02:30."),
        (CHICAGO | {"every": "day", "at": "02:30", "until": "June"}, "“until” is “June”; give a date like 2027-06-30."),
        (
            CHICAGO | {"every": "week", "at": "02:30"},
            "“weekdays” must list some of: mon, tue, wed, thu, fri, sat, sun.",
        ),
        (CHICAGO | {"every": "month", "at": "02:30", "day": 32}, "“day” is “32”; give a day of the month, 1 to 31."),
        (
            CHICAGO | {"every": "cron", "cron": "30 25 * * *"},
            "“cron” is “30 25 * * *”; give five parts: minute, hour, day, month, weekday, like 30 2 * * mon-fri.",
        ),
        (CHICAGO | {"every": "cron", "cron": "0 0 30 2 *"}, "The cron line “0 0 30 2 *” names no day that comes."),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(content, sentence):
    with pytest.raises(BadTimetable) as refused:
        parse(content)
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            {"every": "day", "at": "02:30", "weekdays": ["mon"]},
            "“weekdays” says nothing where “every” is “day”, only where it is “week”. Leave it out.",
        ),
        (
            {"every": "cron", "cron": "30 2 * * *", "at": "02:30"},
            "“at” says nothing where “every” is “cron”, only where it is “day” or “week” or “month”. Leave it out.",
        ),
        (
            {"every": "day", "at": "02:30", "until": "2026-08-31"},
            "“until” is 2026-08-31, and no run comes until then. Give a later day.",
        ),
        (
            {"every": "day", "at": "00:30", "until": "2026-09-01"},
            "“until” is 2026-09-01, and no run comes until then. Give a later day.",
        ),
        *(
            ({"every": "cron", "cron": often}, TOO_SOON.format(often))
            for often in ("* * * * *", "* 2 * * *", "0,56 1,2 * * mon", "0,58 */2,23 31 12 *", "1-59/4 12 1 1 *")
        ),
    ],
)
def test_one_that_is_to_hold_says_nothing_in_vain_and_has_a_run_to_come(content, sentence):
    assert parse(CHICAGO | content)  # one that holds already is read all the same
    with pytest.raises(BadTimetable) as refused:
        wanted(CHICAGO | content, now=at("2026-09-01T12:00"))
    assert str(refused.value) == sentence
    fine = {"every": "day", "at": "02:30", "weekdays": [], "day": None, "until": "2026-09-02"}
    assert upcoming(wanted(CHICAGO | fine, now=at("2026-09-01T12:00")), at("2026-09-01T12:00")) == [
        at("2026-09-02T07:30")
    ]


@pytest.mark.parametrize("line", ["*/5 * * * *", "0,58 2,4 * * *", "0 0 29 2 *", "30 2 * * mon-fri"])
def test_a_cron_line_may_come_every_five_minutes(line):
    assert wanted(CHICAGO | {"every": "cron", "cron": line}, now=at("2026-09-01T12:00")).cron == line


def test_a_timetable_says_in_words_what_it_is():
    assert str(parse(CHICAGO | {"every": "day", "at": "02:30"})) == "every day at 02:30, America/Chicago"
    weekly = parse(CHICAGO | {"every": "week", "at": "02:30", "weekdays": ["fri", "mon"], "until": "2027-06-30"})
    assert str(weekly) == "every mon, fri at 02:30, America/Chicago, until 2027-06-30"
    assert weekly.until == date(2027, 6, 30)

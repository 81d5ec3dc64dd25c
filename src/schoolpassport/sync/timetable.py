"""When a source is to be fetched: timetables in local time, and the instants they mean.

A timetable is told on the clock of its zone. Where that clock jumps over the time, the run comes as much later as the
clock jumped; where the clock shows the time twice, the run comes once, the first time. No night is missed or doubled.
"""

from calendar import monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import islice, pairwise
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schoolpassport.kit.readable import said_of

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FARTHEST = timedelta(days=5 * 366)  # a cron line that names no day within so long names none
_LONGEST_JUMP = timedelta(hours=3)  # no clock was ever moved further for daylight saving
_NEW_YEAR = datetime(2026, 1, 1)  # noqa: DTZ001 (what a wall clock shows has no zone)
_SHORTEST_PAUSE = timedelta(minutes=5)  # * * * * * is a forgotten hour, and would ask a school's server all day


class Every(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    CRON = "cron"


class BadTimetable(ValueError):
    """The timetable cannot be read; the message says what and how to mend it."""


@dataclass(frozen=True, kw_only=True)
class Timetable:
    """``weekdays``: 0 is Monday. ``day`` of the month: a month that is shorter has its run on its last day."""

    every: Every
    zone: ZoneInfo
    at: time = time()
    weekdays: tuple[int, ...] = ()
    day: int = 1
    cron: str = ""
    until: date | None = None  # the last local day

    def __str__(self) -> str:
        when = {
            Every.DAY: f"every day at {self.at:%H:%M}",
            Every.WEEK: f"every {', '.join(WEEKDAYS[d] for d in self.weekdays)} at {self.at:%H:%M}",
            Every.MONTH: f"on day {self.day} of each month at {self.at:%H:%M}",
            Every.CRON: f"by cron “{self.cron}”",
        }[self.every]
        return f"{when}, {self.zone.key}" + (f", until {self.until}" if self.until else "")


def parse(content: object) -> Timetable:
    """Read ``{"every": "day", "at": "02:30", "zone": "America/Chicago", "until": "2027-06-30"}`` and its like.

    ``week`` has ``weekdays`` (``["mon", "thu"]``), ``month`` a ``day``, ``cron`` a ``cron`` line of five parts.
    Raises ``BadTimetable``.
    """
    if not isinstance(content, dict):
        raise BadTimetable("A timetable is an object with “every”, “at” and “zone”.")
    strangers = sorted(set(content) - {"every", "at", "zone", "until", "weekdays", "day", "cron"})
    if strangers:
        raise BadTimetable(f"A timetable has no “{strangers[0]}”.")
    every = content.get("every")
    if every not in set(Every):
        raise BadTimetable(f"{said_of('every', every)}; give one of: {', '.join(Every)}.")
    made = Timetable(
        every=Every(every),
        zone=_zone(content.get("zone")),
        at=time() if every == Every.CRON else _time(content.get("at")),
        weekdays=_weekdays(content.get("weekdays")) if every == Every.WEEK else (),
        day=_day(content.get("day")) if every == Every.MONTH else 1,
        cron=_cron(content.get("cron")) if every == Every.CRON else "",
        until=_date(content.get("until")),
    )
    if made.every is Every.CRON and next(_local_times(made, _NEW_YEAR), None) is None:
        raise BadTimetable(f"The cron line “{made.cron}” names no day that comes.")
    return made


_USED: Mapping[Every, frozenset[str]] = {
    Every.DAY: frozenset({"at"}),
    Every.WEEK: frozenset({"at", "weekdays"}),
    Every.MONTH: frozenset({"at", "day"}),
    Every.CRON: frozenset({"cron"}),
}


def wanted(content: object, *, now: datetime) -> Timetable:
    """``parse`` for one that is to hold from now on: all that it says must be used, runs must come, and none too soon.

    One that holds already is read by ``parse``: it may have ended. Raises ``BadTimetable``.
    """
    made = parse(content)
    given = {name for name, value in content.items() if value not in (None, [])} if isinstance(content, dict) else set()
    if idle := sorted(given - _USED[made.every] - {"every", "zone", "until"}):
        there = " or ".join(f"“{every}”" for every, used in _USED.items() if idle[0] in used)
        raise BadTimetable(
            f"“{idle[0]}” says nothing where “every” is “{made.every}”, only where it is {there}. Leave it out."
        )
    if made.until and next_after(made, now) is None:
        raise BadTimetable(f"“until” is {made.until}, and no run comes until then. Give a later day.")
    if made.every is Every.CRON and _shortest_pause(made) < _SHORTEST_PAUSE:
        raise BadTimetable(
            f"The cron line “{made.cron}” has runs less than {_SHORTEST_PAUSE.seconds // 60} minutes apart. "
            "Give fewer minutes, like 0 * * * * for each full hour."
        )
    return made


def upcoming(timetable: Timetable, instant: datetime, *, count: int = 3) -> list[datetime]:
    """The next instants of the timetable, in UTC; fewer where it ends."""
    found: list[datetime] = []
    coming = next_after(timetable, instant)
    while coming is not None and len(found) < count:
        found.append(coming)
        coming = next_after(timetable, coming)
    return found


def next_after(timetable: Timetable, instant: datetime) -> datetime | None:
    """The first instant of the timetable that is later, in UTC; None when it has ended."""
    local = instant.astimezone(timetable.zone).replace(tzinfo=None)
    for candidate in _local_times(timetable, local - _LONGEST_JUMP):
        if timetable.until and candidate.date() > timetable.until:
            return None
        # fold=0: the first of two; in a gap, the offset of before, which moves the run by the width of the gap.
        meant = candidate.replace(tzinfo=timetable.zone).astimezone(UTC)
        if meant > instant:
            return meant
    return None


def _local_times(timetable: Timetable, after: datetime) -> Iterator[datetime]:
    """What the clock on the wall shows at each of the runs, later than ``after``."""
    if timetable.every is Every.CRON:
        yield from _by_cron(timetable.cron, after)
        return
    day = after.date()
    while True:
        if _is_day(timetable, day):
            candidate = datetime.combine(day, timetable.at)
            if candidate > after:
                yield candidate
        if day == date.max:
            return
        day += timedelta(days=1)


def _is_day(timetable: Timetable, day: date) -> bool:
    if timetable.every is Every.WEEK:
        return day.weekday() in timetable.weekdays
    if timetable.every is Every.MONTH:
        return day.day == min(timetable.day, monthrange(day.year, day.month)[1])
    return True


def _by_cron(line: str, after: datetime) -> Iterator[datetime]:
    from croniter import croniter  # noqa: PLC0415 (only those who write cron need it)

    times = croniter(line, after, ret_type=datetime)
    while True:
        try:
            found: datetime = times.get_next(datetime)
        except ValueError:  # it names no day that ever comes, like 30 February
            return
        if found - after > _FARTHEST:
            return
        yield found


def _shortest_pause(timetable: Timetable) -> timedelta:
    """Between two runs of a cron line, or less than is allowed: as many as a day has room for tell it."""
    runs = list(islice(_local_times(timetable, _NEW_YEAR), 1 + timedelta(days=1) // _SHORTEST_PAUSE))
    return min((later - earlier for earlier, later in pairwise(runs)), default=timedelta.max)


def _zone(name: object) -> ZoneInfo:
    try:
        return ZoneInfo(str(name or ""))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadTimetable(f"{said_of('zone', name)}; give a time zone like America/Chicago.") from error


def _time(text: object) -> time:
    try:
        return datetime.strptime(str(text), "%H:%M").time()  # noqa: DTZ007 (a time of day, on the zone's own clock)
    except ValueError as error:
        raise BadTimetable(f"{said_of('at', text)}; give a time of day like 02:30.") from error


def _date(text: object) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(str(text))
    except ValueError as error:
        raise BadTimetable(f"{said_of('until', text)}; give a date like 2027-06-30.") from error


def _weekdays(names: object) -> tuple[int, ...]:
    given = names if isinstance(names, list) else []
    if not given or any(name not in WEEKDAYS for name in given):
        raise BadTimetable(f"“weekdays” must list some of: {', '.join(WEEKDAYS)}.")
    return tuple(sorted({WEEKDAYS.index(name) for name in given}))


def _day(number: Any) -> int:  # noqa: ANN401 (whatever somebody wrote)
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= 31:  # noqa: PLR2004 (days of a month)
        raise BadTimetable(f"{said_of('day', number)}; give a day of the month, 1 to 31.")
    return number


def _cron(line: object) -> str:
    from croniter import croniter  # noqa: PLC0415 (only those who write cron need it)

    if not isinstance(line, str) or len(line.split()) != 5 or not croniter.is_valid(line):  # noqa: PLR2004 (its parts)
        raise BadTimetable(
            f"{said_of('cron', line)}; give five parts: minute, hour, day, month, weekday, like 30 2 * * mon-fri."
        )
    return line

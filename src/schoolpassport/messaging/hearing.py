"""Who hears of what, and how: what a person chose, else what the organisation chose, else what is usual."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schoolpassport.messaging.kinds import KINDS, How
from schoolpassport.messaging.records import BadChoice


def how(kind: str, *chosen: Mapping[str, str]) -> How:
    """The first of the choices that says something of the kind, or what is usual."""
    return next((How(choices[kind]) for choices in chosen if kind in choices), KINDS[kind].usual)


def changed(choices: Mapping[str, str], *, kind: str, how: How | None) -> dict[str, str]:
    """Choices with another one; None takes it away. Raises ``BadChoice``."""
    if kind not in KINDS:
        raise BadChoice(f"There is no kind “{kind}”; there are: {', '.join(KINDS)}.")
    rest = {name: said for name, said in choices.items() if name != kind}
    return rest if how is None else {**rest, kind: str(how)}


def zone(name: str) -> str:
    """Raises ``BadChoice`` for what is no time zone."""
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadChoice(f"“{name}” is no time zone; give one like America/Chicago.") from error


def next_digest(now: datetime, *, at: time, zone: str) -> datetime:
    """The next instant at which a clock in the zone shows ``at``; where it jumps over that, as much later."""
    local = now.astimezone(ZoneInfo(zone))
    days = (datetime.combine(local.date() + timedelta(days=d), at, tzinfo=ZoneInfo(zone)) for d in range(3))
    return next(instant for instant in (day.astimezone(UTC) for day in days) if instant > now)

"""What a district decided about the guard, parsed: its limits, and the times at which imports or removals rest.

Both are settings (`limits`, `rollover`): documents with versions, of the district or of one source.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schoolpassport.kit.readable import said_of, written
from schoolpassport.roster.kinds import KINDS
from schoolpassport.sources.records import Settings

LIMITS, ROLLOVER, KINDS_ = "limits", "rollover", "kinds"
MOST_WITNESSES = 3
NO_LIMIT = 1_000_000_000
# An answer given so much later is another observation, though it says the same; a night, whatever the clocks do to it.
ASKED_ANEW = timedelta(hours=12)


class BadPolicy(ValueError):
    """A document that cannot hold; the message says where, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When removals wait, when a run does, and when a package is refused. Shares are of the records that stand.

    ``kinds``: what is otherwise for a kind, by the names of the limits; see ``of_kind``.
    """

    witnesses: int = 2  # different good packages that must lack a record before it goes
    removed_share: float = 0.05
    removed_count: int = 200
    school_removed_share: float = 0.10
    school_removed_count: int = 200
    added_share: float = 0.50
    added_count: int = NO_LIMIT
    updated_share: float = 0.75
    updated_count: int = NO_LIMIT
    school_added_share: float = 1.00
    school_added_count: int = NO_LIMIT
    school_updated_share: float = 1.00
    school_updated_count: int = NO_LIMIT
    minimum_base: int = 50
    overlap_share: float = 0.80
    bad_row_share: float = 0.02
    hold_whole: bool = False  # suspicious removals hold the run as a whole, additions included
    kinds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        return cls.parse(settings.get(LIMITS) or {})

    @classmethod
    def parse(cls, content: Mapping[str, Any]) -> "Limits":
        """Raises ``BadPolicy``. What the document does not name is as at first."""
        known = {f.name: f for f in fields(cls)}
        if strangers := sorted(set(content) - set(known)):
            raise BadPolicy(f"There is no limit “{strangers[0]}”. There are: {', '.join(known)}.")
        for name, value in content.items():
            if name != KINDS_:
                _check_limit(name, value, known[name].default)
        _check_kinds(content.get(KINDS_, {}), {name: f.default for name, f in known.items()})
        return cls(**content)

    def of_kind(self, kind: str) -> "Limits":
        """Those that hold for one kind."""
        own: Mapping[str, Any] = self.kinds.get(kind, {})
        return replace(self, **own) if own else self

    def content(self) -> dict[str, Any]:
        return asdict(self)


def _check_kinds(content: object, usual: Mapping[str, object]) -> None:
    if not isinstance(content, Mapping) or not all(isinstance(each, Mapping) for each in content.values()):
        raise BadPolicy("kinds is an object, kind by kind, like {“enrollment”: {“removed_share”: 0.2}}.")
    for kind, limits in content.items():
        if kind not in KINDS:
            raise BadPolicy(f"kinds: there is no kind “{kind}”; there are: {', '.join(KINDS)}.")
        for name, value in limits.items():
            if name not in usual or name in _OF_THE_RUN:
                able = ", ".join(sorted(set(usual) - _OF_THE_RUN))
                raise BadPolicy(f"kinds, {kind}: “{name}” is no limit of a kind; there are: {able}.")
            _check_limit(name, value, usual[name])


_OF_THE_RUN = frozenset({KINDS_, "witnesses", "hold_whole"})
_OF_PRESENT = frozenset({"overlap_share", "bad_row_share", "removed_share", "school_removed_share"})


def _check_limit(name: str, value: object, usual: object) -> None:
    if isinstance(usual, bool):
        if not isinstance(value, bool):
            raise BadPolicy(f"{name} is yes or no (true, false), not {written(value)}.")
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise BadPolicy(f"{name} is a number from 0, not {written(value)}.")
    if name == "witnesses" and value not in range(1, MOST_WITNESSES + 1):
        raise BadPolicy(f"witnesses is a number from 1 to {MOST_WITNESSES}, not {written(value)}.")
    if name in _OF_PRESENT and value > 1:
        raise BadPolicy(f"{name} is a share from 0 to 1, not {written(value)}.")
    if isinstance(usual, int) and not isinstance(value, int):
        raise BadPolicy(f"{name} is a whole number, not {written(value)}.")


@dataclass(frozen=True, kw_only=True)
class Dates:
    """From the beginning of one day to the end of another, where the district is."""

    first: date
    last: date

    def hold(self, day: date) -> bool:
        return self.first <= day <= self.last


@dataclass(frozen=True, kw_only=True)
class Announced:
    """Removals that are expected: up to so many of a kind (of some schools, or of all) do not make the guard ask.

    ``up_to`` None: however many. As many additions and updates are expected with them: a term ends, another begins.
    """

    kind: str
    dates: Dates
    schools: frozenset[UUID] = frozenset()
    up_to: int | None = None

    def covers(self, count: int) -> bool:
        return self.up_to is None or count <= self.up_to


@dataclass(frozen=True, kw_only=True)
class Rollover:
    """When nothing is imported, when nothing is removed, and what is expected to go."""

    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    imports: tuple[Dates, ...] = ()
    removals: tuple[Dates, ...] = ()
    announced: tuple[Announced, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> "Rollover":
        return cls.parse(settings.get(ROLLOVER) or {})

    @classmethod
    def parse(cls, content: object) -> "Rollover":
        """From `{"time_zone": …, "imports": [{"from": …, "to": …}], "removals": …, "announced": …}`.

        Raises ``BadPolicy``.
        """
        known = ("time_zone", "imports", "removals", "announced")
        if not isinstance(content, Mapping) or set(content) - set(known):
            raise BadPolicy(f"rollover has the parts {', '.join(known)}, and no other.")
        return cls(
            zone=_zone(content.get("time_zone", "UTC")),
            imports=tuple(_dates(part, "imports") for part in _listed(content, "imports")),
            removals=tuple(_dates(part, "removals") for part in _listed(content, "removals")),
            announced=tuple(_announced(part) for part in _listed(content, "announced")),
        )

    def rests(self, now: datetime) -> Dates | None:
        """The dates on which nothing is imported, if now is among them."""
        return self._among(self.imports, now)

    def rested_until(self, now: datetime) -> datetime | None:
        """When the last dates were over on which nothing was imported; None where there were none."""
        day = now.astimezone(self.zone).date()
        over = [dates.last for dates in self.imports if dates.last < day]
        return datetime.combine(max(over) + timedelta(days=1), time(), tzinfo=self.zone) if over else None

    def keeps(self, now: datetime) -> Dates | None:
        """The dates on which nothing is removed, if now is among them."""
        return self._among(self.removals, now)

    def expected(self, kind: str, now: datetime) -> tuple[Announced, ...]:
        day = now.astimezone(self.zone).date()
        return tuple(a for a in self.announced if a.kind == kind and a.dates.hold(day))

    def _among(self, ranges: tuple[Dates, ...], now: datetime) -> Dates | None:
        day = now.astimezone(self.zone).date()
        return next((dates for dates in ranges if dates.hold(day)), None)


def _listed(content: Mapping[str, Any], part: str) -> list[Mapping[str, Any]]:
    found = content.get(part, [])
    if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
        raise BadPolicy(f"{part} is a list of objects with “from” and “to”.")
    return found


def _zone(name: object) -> ZoneInfo:
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError) as unknown:
        raise BadPolicy(f"There is no time zone “{name}”; give one like America/Chicago.") from unknown


def _dates(part: Mapping[str, Any], where: str) -> Dates:
    try:
        dates = Dates(first=date.fromisoformat(str(part["from"])), last=date.fromisoformat(str(part["to"])))
    except (KeyError, ValueError) as bad:
        raise BadPolicy(f"{where}: “from” and “to” are dates like 2027-06-15.") from bad
    if dates.last < dates.first:
        raise BadPolicy(f"{where}: “to” ({dates.last}) is before “from” ({dates.first}).")
    return dates


def _announced(part: Mapping[str, Any]) -> Announced:
    kind, up_to = part.get("kind"), part.get("up_to")
    if kind not in KINDS:
        raise BadPolicy(f"announced: {said_of('kind', kind)}; it is one of {', '.join(KINDS)}.")
    if up_to is not None and (isinstance(up_to, bool) or not isinstance(up_to, int) or up_to < 0):
        raise BadPolicy(f"announced: “up_to” is a whole number from 0, or left out, not {written(up_to)}.")
    try:
        schools = frozenset(UUID(str(s)) for s in part.get("schools") or ())
    except ValueError as bad:
        raise BadPolicy("announced: “schools” are GG4L IDs of schools.") from bad
    return Announced(kind=str(kind), dates=_dates(part, "announced"), schools=schools, up_to=up_to)

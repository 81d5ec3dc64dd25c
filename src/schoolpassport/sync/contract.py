"""What must follow a new revision before a run counts as finished, and who can tell beforehand what it would reach.

Views do both; `config.wiring` says so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

STEPS = ("collect", "inspect", "settle", "apply", "publish")


@dataclass(frozen=True, kw_only=True)
class Followed:
    """What one follower did."""

    name: str
    changes: int


class Follower(Protocol):
    """Moves everything that hangs on a district's roster to its current revision, each piece in its own transaction.

    May be called at any time and any number of times: what is already there is left alone.
    """

    def __call__(self, *, district_id: UUID, now: datetime) -> list[Followed]: ...


followers: list[Follower] = []


class Idler(Protocol):
    """Does what no run waits for, once a district rests: a run is over, and no other waits to be walked.

    So a night of several sources pays for it once. May be called at any time; what it raises ends no run.
    """

    def __call__(self, *, district_id: UUID, now: datetime) -> None: ...


idlers: list[Idler] = []


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How far something reaches: what one application would lose, gain and see changed, of a kind in a school.

    ``school`` nil: of the kind altogether; a record of several schools counts in each. ``examples``: ids of some, and
    ``attributes``: which attributes of the changed ones are different; both of the kind altogether only.
    """

    application: str
    integration_id: UUID
    kind: str
    school: UUID
    lost: int = 0
    gained: int = 0
    changed: int = 0
    remapped: int = 0  # only what the source calls it is another
    examples: Mapping[str, tuple[UUID, ...]] = field(default_factory=dict)
    attributes: tuple[str, ...] = ()


class Previewer(Protocol):
    """Moves everything that hangs on a district's roster, like a follower, and tells what that changes, for whom.

    In the caller's transaction, all of it, and the caller undoes it: nothing that a rollback would leave behind.
    """

    def __call__(self, *, district_id: UUID, now: datetime, examples: int) -> list[Reach]: ...


previewers: list[Previewer] = []


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a run is: the step, what is being done in it, and how many rows went through it so far.

    ``remaining``: seconds until the end, by what the last run took; None where there was none, as of the rate.
    """

    step: str
    doing: str
    rows: int = 0
    rows_per_second: int | None = None
    remaining: float | None = None


Watcher = Callable[[Progress], None]


@dataclass(frozen=True, kw_only=True)
class Which:
    """Removals that are held: all that are named by every part that is not empty. ``run``: the one that held them.

    Those that a person decided to keep are among them only where they are named by their ids.
    """

    source_id: UUID | None = None
    run: int | None = None
    kinds: tuple[str, ...] = ()
    schools: tuple[UUID, ...] = ()
    ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RemovalsDecided:
    """News: a person decided about removals that were held, all or some."""

    district_id: UUID
    now: datetime


@dataclass(frozen=True, kw_only=True)
class IdsAsked:
    """News: of other ids of a source than before somebody must say whom they mean. ``new``: how many run ``run`` found.

    ``run``: None where a person answered.
    """

    district_id: UUID
    source_id: UUID
    open: int
    new: int
    run: int | None
    now: datetime


@dataclass(frozen=True, kw_only=True)
class SourceSilent:
    """News: a source that is fetched by a timetable has brought nothing new since then. Told at each of its times."""

    district_id: UUID
    source_id: UUID
    since: datetime
    now: datetime


@dataclass(frozen=True, kw_only=True)
class SourceOverdue:
    """News: a source without a timetable has brought nothing new since then; it usually does after ``usually``.

    Told once a day.
    """

    district_id: UUID
    source_id: UUID
    since: datetime
    usually: timedelta
    now: datetime


@dataclass(frozen=True, kw_only=True)
class RunMoved:
    """News (``kit.news``): a run went from one state to another, told in the transaction in which it did.

    ``hold``: why it is held, without the reasons that name ids; ``quarantine``: removals that wait since it, as the run
    has them. ``reason``: why it is refused, without a value of a record.
    """

    district_id: UUID
    run_id: UUID
    number: int
    source_id: UUID
    was: str
    state: str
    hold: Mapping[str, Any] | None
    quarantine: Mapping[str, Any] | None
    reason: str = ""

"""What must follow a new revision before a run counts as finished. Views do; `config.wiring` says so."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
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


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a run is: the step, what is being done in it, and how many rows went through it so far."""

    step: str
    doing: str
    rows: int = 0


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

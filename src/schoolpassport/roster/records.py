"""What passes through the doors of this room. Frozen; everyone may use them."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

ALTOGETHER = UUID(int=0)  # the "school" under which a kind is counted as a whole


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What one source changes about one kind, as files that PostgreSQL's COPY reads (text format, in this order).

    ``settled``: id, key, op, hash, one column per field of the kind. ``missing``: id, key. ``uneasy``: id, key.
    """

    kind: str
    settled: Path
    missing: Path
    uneasy: Path

    @property
    def is_empty(self) -> bool:
        return not any(path.stat().st_size for path in (self.settled, self.missing, self.uneasy))


@dataclass(kw_only=True)
class Tallied:
    """What a revision did to one kind in one school."""

    added: int = 0
    updated: int = 0
    archived: int = 0
    restored: int = 0
    unchanged: int = 0


@dataclass(frozen=True, kw_only=True)
class Applied:
    """A new revision, or none (``number`` is None) when nothing differed from what stood."""

    number: int | None
    at: datetime | None
    tallies: dict[tuple[str, UUID], Tallied] = field(default_factory=dict)
    reshaped: frozenset[str] = frozenset()  # tables of which a large share is new

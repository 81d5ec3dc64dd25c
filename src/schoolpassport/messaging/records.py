"""What goes through the doors of the room."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from schoolpassport.messaging.kinds import Fact, How, Kind, Whom

__all__ = ["Fact", "How", "Kind", "NoNotice", "NoticeFacts", "Whom"]


class NoNotice(LookupError):
    """There is no such notice; the message says where to look."""


@dataclass(frozen=True, kw_only=True)
class NoticeFacts:
    """``waits``: somebody has to decide, and nobody has yet."""

    id: UUID
    kind: str
    subject: str
    words: str
    commands: tuple[str, ...]
    told_at: datetime
    waits: bool
    settled_at: datetime | None
    read_at: datetime | None
    read_by: str

"""What goes through the doors of the room."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from uuid import UUID

from schoolpassport.messaging.kinds import Fact, How, Kind, Whom

__all__ = [
    "BadChoice",
    "Fact",
    "How",
    "Kind",
    "LetterFacts",
    "NoNotice",
    "NoticeFacts",
    "RecipientFacts",
    "Usual",
    "Whom",
]


class NoNotice(LookupError):
    """There is no such notice; the message says where to look."""


class BadChoice(ValueError):
    """Somebody, or something, that cannot be chosen; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class RecipientFacts:
    """``choices``: what this person chose, kind → how."""

    id: UUID
    address: str
    choices: Mapping[str, How]


@dataclass(frozen=True, kw_only=True)
class Usual:
    """How an organisation's people hear of what they chose nothing about, kind → how, and when digests come.

    As it stands here: of an organisation that chose nothing.
    """

    choices: Mapping[str, str] = field(default_factory=dict)
    digest_at: time = time(12)
    zone: str = "UTC"  # on whose clock


@dataclass(frozen=True, kw_only=True)
class LetterFacts:
    """``notices``: ids of what it tells. ``said``: why the last attempt failed."""

    id: UUID
    address: str
    daily: bool
    notices: tuple[UUID, ...]
    state: str
    attempts: int
    made_at: datetime
    next_at: datetime | None
    ended_at: datetime | None
    said: str


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

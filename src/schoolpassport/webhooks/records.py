"""What goes through the doors of the room."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from schoolpassport.webhooks.models import Setter

__all__ = ["BadEndpoint", "EndpointFacts", "MessageDead", "MessageFacts", "NewEndpoint", "Setter", "name_of"]


class BadEndpoint(ValueError):
    """An address that cannot be told, or no endpoint of the district; the message says what to do."""


def name_of(message_id: UUID) -> str:
    """What a receiver knows a message by."""
    return f"msg_{message_id.hex}"


@dataclass(frozen=True, kw_only=True)
class MessageDead:
    """News (``kit.news``): a message was given up. ``gone``: the receiver wants none any more.

    ``host`` and not the address, which may hold a word that is the partner's own.
    """

    district_id: UUID
    integration_id: UUID
    endpoint_id: UUID
    host: str
    after: int
    gone: bool
    now: datetime


@dataclass(frozen=True, kw_only=True)
class NewEndpoint:
    """To be handed over once. Does not print its secret."""

    id: UUID
    secret: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class EndpointFacts:
    """``waiting`` and ``dead``: how many of its messages are on their way, and how many were given up."""

    id: UUID
    application: str
    url: str
    state: str
    told_seq: int
    waiting: int
    dead: int


@dataclass(frozen=True, kw_only=True)
class MessageFacts:
    id: str
    revision: int
    seq_from: int
    seq_to: int
    state: str
    attempts: int
    made_at: datetime
    next_at: datetime | None
    answered: int | None
    said: str

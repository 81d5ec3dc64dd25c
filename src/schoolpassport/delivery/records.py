"""What the room tells, and how it refuses."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")  # of a format or a delivery


@dataclass(frozen=True, kw_only=True)
class ShipmentFailed:
    """News (``kit.news``): a delivery needs a person, or was tried too often."""

    district_id: UUID
    integration_id: UUID
    delivery_id: UUID
    name: str
    now: datetime


class UnknownFormat(LookupError):
    """The application has no format of this name; the sentence lists those there are."""


class UnknownDelivery(LookupError):
    """The district has no delivery of this name."""


class UnknownAccount(LookupError):
    """The district has no account of this login."""


class AmbiguousRows(ValueError):
    """Rows of a file have the same key, so a delta could not say which it means; the sentence says what to do."""


class BadDelivery(ValueError):
    """A delivery cannot be set up so; the sentence says what to give."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """A format that an application can be given. ``version`` 0: one of the shelf."""

    name: str
    title: str
    about: str
    version: int
    modes: tuple[str, ...]
    files: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A delivery as it is asked for. ``schedule``: as ``sync.timetable`` reads it; none: after each publication."""

    name: str
    format: str
    mode: str = "full"
    transport: str
    settings: Mapping[str, str] = field(default_factory=dict)
    schedule: Mapping[str, Any] | None = None
    always: bool = False


@dataclass(frozen=True, kw_only=True)
class Access:
    """``keys``: public keys; ``networks``: from where only; ``quota``: bytes, 0 for the usual."""

    keys: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    quota: int = 0


@dataclass(frozen=True, kw_only=True)
class NewAccount:
    """``secret``: shown this once. ``folder``: where what is put arrives."""

    login: str
    secret: str = field(repr=False)
    folder: Path | None


@dataclass(frozen=True, kw_only=True)
class Tried:
    """How a sample's rows compare with what the format makes. ``other``: of some rows, what is made otherwise."""

    rows: int
    made: int
    other: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return self.rows == self.made

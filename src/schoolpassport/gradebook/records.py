"""What the room says to others."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID


class Unwritable(ValueError):
    """What was sent cannot be kept. The sentence names the field and says what is wrong; it is for the client."""


@dataclass(frozen=True)
class Said:
    """One record as an application says it. ``values``: by column, without what is blank; references are ids.

    ``fields``: the names of the attributes that were sent.
    """

    kind: str
    id: UUID
    name: str
    values: Mapping[str, Any]
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Writer:
    """An application that may write, or wrote. ``counts``: what stands, by kind. ``readers``: who is shown it, too."""

    integration_id: UUID
    application: str
    may_write: bool
    counts: Mapping[str, int]
    readers: tuple[str, ...]

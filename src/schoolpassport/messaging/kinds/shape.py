"""The words in which a kind of notice is declared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

Fact = str | int | Sequence[str]


class How(StrEnum):
    """How a person wants to hear of a kind of notice."""

    AT_ONCE = "at-once"
    DAILY = "daily"  # in one mail a day, with the others
    OFF = "off"


class Whom(StrEnum):
    DISTRICT = "district"
    PARTNER = "partner"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """``subject``, ``words``, ``commands``: texts with the names of facts in braces; a list of texts makes lines.

    ``usual``: how people hear of it who said nothing else. ``waits``: it holds until somebody decides, so a digest
    tells of it again. ``example``: one fact for each name, as a journey would give them.
    """

    name: str
    title: str
    whom: tuple[Whom, ...]
    usual: How
    subject: str
    words: str
    commands: tuple[str, ...]
    example: Mapping[str, Fact]
    waits: bool = False

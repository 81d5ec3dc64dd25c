"""A notice put into words. Values come from outside: each stays on its line, and none is longer than a line may be."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from schoolpassport.messaging.kinds import Fact, Kind

_MOST_LINES: Final = 20
_LONGEST: Final = 300  # characters of one value
# Line ends of any sort, other control characters, and marks that turn the direction of what follows.
_UNRULY = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


@dataclass(frozen=True, kw_only=True)
class Words:
    """``commands``: one a line."""

    subject: str
    words: str
    commands: str


def put(kind: Kind, facts: Mapping[str, Fact]) -> Words:
    """Fill the texts of a kind; a command of which nothing is left is left out.

    Raises ``KeyError`` for a fact that it names and nobody gave.
    """
    lines = {name: _said(value) for name, value in facts.items()}
    return Words(
        subject=line(kind.subject.format_map(lines)),
        words=kind.words.format_map(lines),
        commands="\n".join(filter(None, (command.format_map(lines) for command in kind.commands))),
    )


def line(text: str) -> str:
    """The text on one line, whatever stood in it."""
    told = _UNRULY.sub(" ", text).strip()
    return told if len(told) <= _LONGEST else told[: _LONGEST - 1] + "…"


def _said(value: Fact) -> str:
    if isinstance(value, str):
        return line(value)
    if isinstance(value, int):
        return str(value)
    more = len(value) - _MOST_LINES
    told = [f"- {line(each)}" for each in value[:_MOST_LINES]]
    return "\n".join(told + ([f"- and {more:,} more"] if more > 0 else []))

"""The words in which a transform is declared."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Wanted(StrEnum):
    """What a parameter is."""

    TEXT = "text"
    TEXTS = "list of texts"
    NUMBER = "whole number"
    WORDS = "text → text"  # a table of its own, written beside the step
    ATTRIBUTE = "attribute"
    ATTRIBUTES = "list of attributes"
    TEMPLATE = "text with {attributes}"


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """``choices``: the words it may be, where not every text will do."""

    name: str
    sentence: str
    wanted: Wanted = Wanted.TEXT
    required: bool = False
    default: object = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a step works with: its parameters, and the other attributes of the row as the source gives them (SQL)."""

    values: Mapping[str, Any] = field(default_factory=dict)
    row: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        return str(self.values[name])

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(self.values[name] or ())


@dataclass(frozen=True, kw_only=True)
class Made:
    """SQL of the new value, and of whether the old one could not be read: then a finding says so."""

    value: str
    unread: str = ""


@dataclass(frozen=True, kw_only=True)
class Example:
    """Of the documentation, and a test: the cell before and after."""

    given: str | None
    becomes: str | None
    values: Mapping[str, Any] = field(default_factory=dict)
    row: Mapping[str, str] = field(default_factory=dict)
    unread: bool = False


@dataclass(frozen=True, kw_only=True)
class Transform:
    """One way to change a value. ``sql`` gets the SQL of a text that is never blank, unless the transform ``fills``.

    ``each``: of an attribute that holds several values, it changes every one by itself.
    ``fills``: it makes a value where there was none. ``refuses``: why these values make no sense, or nothing.
    """

    name: str
    sentence: str
    sql: Callable[[str, Given], Made]
    examples: tuple[Example, ...]
    parameters: tuple[Parameter, ...] = ()
    each: bool = True
    fills: bool = False
    refuses: Callable[[Mapping[str, Any]], str] = lambda _: ""


UNREADABLE = Parameter(
    name="unreadable",
    sentence="what becomes of a value that cannot be read; a finding names it either way",
    choices=("keep", "clear"),
    default="keep",
)


def kept_or_cleared(cell: str, given: Given) -> str:
    """SQL: what stands for a value that cannot be read."""
    return cell if given.text("unreadable") == "keep" else "NULL"

"""The words in which a mask is declared."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Like(StrEnum):
    """What the values of an attribute are like, as far as masks are concerned."""

    NAME = "name"  # of a person
    HANDLE = "handle"  # a word or number that stands for somebody
    EMAIL = "e-mail"
    PHONE = "phone"
    DAY = "day"  # a date that tells who somebody is
    CHOICE = "choice"  # of a list; says something about a person, and no path or reference hangs on it
    PLAIN = "plain"  # nothing that could stand in its place would make sense


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a mask works on, as SQL. ``value`` is never NULL.

    ``draw``: 32 bytes (bytea) of this record and attribute, in this integration: always the same, and without the
    integration's secret not to be told from random. It is drawn from the record's id and knows nothing of the value.
    """

    value: str
    draw: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Mask:
    """``sql``: what stands in the value's place, of the same type.

    ``kept`` says the same as ``keeps``, in SQL: what can be told of the value from what stands in its place. Values of
    one record of which that is equal are masked alike; whoever adds a mask is held to it.
    """

    name: str
    title: str
    likes: frozenset[Like]
    sql: Callable[[Given], str]
    keeps: str
    kept: Callable[[str], str]
    drawn: bool = False  # needs the integration's secret
    traceable: bool = False  # the district can find out whose it is
    removes: bool = False  # nothing is left of the attribute


def nothing(_value: str) -> str:
    """SQL: that there is a value, and nothing else."""
    return "true"

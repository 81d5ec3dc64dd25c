"""The words in which an outlet says what it wants to read, and in which it is told that there is something to read.

What the words mean in SQL is ``relations``' matter. Who is told: `config.wiring`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class ViewMoved:
    """A view has a new revision. Its part of the change log: ``seq_from`` exclusive, ``seq_to`` inclusive."""

    district_id: UUID
    integration_id: UUID
    view: int
    revision: int
    seq_from: int
    seq_to: int


@dataclass(frozen=True, kw_only=True)
class ConsentMoved:
    """News (``kit.news``): a side, or the house, took a step in a consent's life, in the words of ``lifecycle``.

    ``was``: the state in which it was taken; ``became``: the one that it led to, with what followed at once.
    """

    district_id: UUID
    integration_id: UUID
    consent_id: UUID
    was: str
    act: str
    side: str
    became: str
    now: datetime


@dataclass(frozen=True, kw_only=True)
class ConsentAgreed:
    """News: somebody who may speak for both sides agreed to a consent, in one go."""

    district_id: UUID
    integration_id: UUID
    consent_id: UUID
    now: datetime


@dataclass(frozen=True, kw_only=True)
class ConsentEnds:
    """News: a consent in force ends soon. Told once a day."""

    district_id: UUID
    integration_id: UUID
    consent_id: UUID
    at: datetime
    now: datetime


@dataclass(frozen=True, kw_only=True)
class ViewHeld:
    """News: what an application would see changes more than its consent lets happen by itself, since then."""

    district_id: UUID
    integration_id: UUID
    since: datetime
    now: datetime


class Listener(Protocol):
    """Called in the scope and the transaction of the publication. It writes rows and jobs, and nothing else."""

    def __call__(self, news: ViewMoved, *, now: datetime) -> None: ...


listeners: list[Listener] = []


@dataclass(frozen=True)
class Subset:
    """All records of a kind, or those with one value in one field: the schools are the orgs of type school."""

    kind: str
    field: str = ""
    value: str = ""


@dataclass(frozen=True)
class Refers:
    """The record itself names the parent in this field."""

    field: str


@dataclass(frozen=True)
class Through:
    """An active record of ``kind`` ties both: ``match`` names the parent, ``give`` names the record."""

    kind: str
    match: str
    give: str
    role: str = ""


@dataclass(frozen=True)
class Names:
    """The parent, which is of ``kind``, names the record in this field."""

    kind: str
    field: str


@dataclass(frozen=True)
class Of:
    """The record names, in ``field``, one of ``kind`` that names the parent in ``match``.

    ``first``: the first parent of the path, and not the last.
    """

    field: str
    kind: str
    match: str
    first: bool = False


@dataclass(frozen=True)
class Meets:
    """Both are enrolled in one class, the parent in the role ``mine``, the record in the role ``theirs``."""

    mine: str
    theirs: str


@dataclass(frozen=True)
class AnyOf:
    relations: tuple["Relation", ...]


@dataclass(frozen=True)
class AllOf:
    relations: tuple["Relation", ...]


Relation = Refers | Through | Names | Of | Meets | AnyOf | AllOf


@dataclass(frozen=True)
class Parent:
    """Something a path names by its id. ``within``: the field in which it must name the parent before it."""

    subset: Subset
    within: str = ""


@dataclass(frozen=True, eq=False)
class Collection:
    """What one path lists: a subset, or what of it is related to the last of the parents. Declared once per path."""

    subset: Subset
    parents: tuple[Parent, ...] = ()
    relation: Relation | None = None

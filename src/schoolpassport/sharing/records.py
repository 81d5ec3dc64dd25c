"""What readers ask for and get, and how they are refused."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from schoolpassport.kit.conditions import Tree
from schoolpassport.sharing.contract import Collection


class Fault(StrEnum):
    """What is wrong with a request, or would have been had it been taken literally."""

    FILTER = "filter"
    BLANK_FIELDS = "blank fields"
    REVISION = "revision"
    UNKNOWN_FIELDS = "unknown fields"
    UNKNOWN_SORT = "unknown sort"


@dataclass(frozen=True)
class Notice:
    """The sentence is for the client's programmer; it names what was not understood."""

    fault: Fault
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How records of a kind become a finished CSV file.

    ``columns``: header → attribute, "" where it stays blank; ``sourcedId`` comes before them. ``shown``: for which keys
    of their metadata columns ``metadata.*`` follow. ``counted``: of which columns it is told how many rows lack them;
    none of these holds texts.
    """

    columns: Mapping[str, str]
    shown: Callable[[Iterable[str]], list[str]]
    counted: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A finished file: its rows (of data), and of each column that counts how many of them have nothing in it."""

    rows: int
    blank: Mapping[str, int]


class Unanswerable(ValueError):
    """A request makes no sense in this view: change it and ask again."""

    def __init__(self, fault: Fault, sentence: str) -> None:
        super().__init__(sentence)
        self.notice = Notice(fault, sentence)


class Unknown(LookupError):
    """The view has no such record, or no such parent. Whether anybody else has it, nobody is told."""


class NotYours(LookupError):
    """It is seen, and somebody else's: only what an application wrote itself can it change."""


class Busy(RuntimeError):
    """Not now: ask again in a few seconds. The sentence says why."""


class NothingShared(LookupError):
    """Nothing is served. The sentence is for the application; here: there never was a consent that began."""

    def __init__(self, sentence: str = "The district has not agreed to share anything with this application.") -> None:
        super().__init__(sentence)


class Suspended(NothingShared):
    """Nothing is served for a while, and nothing was taken back."""

    def __init__(self) -> None:
        super().__init__(
            "The sharing with this application is suspended. Keep what you have, it was not deleted; ask again later, "
            "and what changed meanwhile comes then."
        )


class Lapsed(NothingShared):
    """The consent has expired a moment ago; what it shared follows as deleted."""

    def __init__(self) -> None:
        super().__init__("The consent has expired: nothing is shared with this application any more.")


class Door(NamedTuple):
    """A question to be asked in the transaction of every answer, and the judge of its row.

    ``admit`` gets the row, or None when there is none, and raises what it likes to keep the answer back. Rows of the
    same bytes are the very same row.
    """

    statement: str
    parameters: tuple[object, ...]
    admit: Callable[[tuple[Any, ...] | None], None]


@dataclass(frozen=True)
class Selection:
    """Which records of a collection, and in which order; the words are the client's, unjudged."""

    collection: Collection
    parents: tuple[UUID, ...] = ()
    filter: str = ""
    sort: str = ""
    descending: bool = False


class PageRequest(NamedTuple):
    selection: Selection
    limit: int
    offset: int
    fields: str | None = None
    revision: int | None = None  # None: as the rule of one pull has it
    puller: bytes = b""  # who walks: 32 bytes that are the same for all requests of one pull


class Page(NamedTuple):
    """``documents``: the records as JSON, with commas between. ``state``: as ``Reader.state`` names it."""

    documents: bytes
    total: int
    revision: int
    notices: tuple[Notice, ...] = ()
    state: str = ""


@dataclass(frozen=True)
class Single:
    document: bytes
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, eq=False)
class Shared:
    """What one consent shares: names of attributes by kind. One object per consent, so it is its own key."""

    attributes: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def shows(self, kind: str, name: str) -> bool:
        return name in self.attributes.get(kind, ())


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a consent shares, and how it looks. ``contents.checked`` brings it into order, or says what cannot be.

    ``attributes``: names by kind; a kind that is missing is not shared. ``schools`` None: the whole district.
    ``masks``: names of masks by “kind.attribute”. ``filters``: which records of a kind there are; all, where a kind has
    none. ``shield``: the level of Privacy Shield that the masks were chosen by, 0 for none.
    """

    attributes: Mapping[str, Sequence[str]]
    schools: Sequence[UUID] | None = None
    masks: Mapping[str, str] = field(default_factory=dict)
    filters: Mapping[str, Tree] = field(default_factory=dict)
    shield: int = 0
    purpose: str = ""


@dataclass(frozen=True, kw_only=True)
class Handed:
    """What of a kind an application was handed otherwise than by asking: so many records, of each these attributes.

    ``is_part``: not every record that the view has of the kind, so it is not known of each whether it was among them.
    """

    kind: str
    attributes: frozenset[str]
    records: int
    is_part: bool


NOTHING = Contents(attributes={})


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What one side would like to agree: the contents, from when until when, and how much may change by itself.

    ``expires_at``: from this instant on nothing is served. ``hold``: per cent of a kind that a publication may
    ``remove``, ``change`` or ``add`` before a person must look at it; what is not named is not limited.
    """

    contents: Contents
    starts_at: datetime | None = None
    expires_at: datetime | None = None
    hold: Mapping[str, int] = field(default_factory=dict)

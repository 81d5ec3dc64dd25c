"""Where each page of a collection begins: found once and kept, so a deep page costs what a shallow one does.

A listing belongs to one revision of one view, and those never change: an entry is never stale, it only goes when room
is needed. It holds the total and either every hundredth id (in the order of ids) or all of them, 16 bytes each; and how
old the oldest of its versions is, so that those before it are not met on the way to what has changed lately.
"""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from schoolpassport.roster.kinds import Kind
from schoolpassport.sharing.conditions import Condition
from schoolpassport.sharing.relations import at

STEP = 100  # between two ids that are kept of a collection in the order of ids
FEW = 50_000  # so many ids of a filtered collection are kept all: what is between two of them may be far apart
ID_BYTES = 16
_OVERHEAD = 400  # bytes of an entry besides its ids, roughly


class Sized(Protocol):
    @property
    def size(self) -> int:
        """Bytes of memory, roughly."""


Key = TypeVar("Key", bound=Hashable)
Entry = TypeVar("Entry", bound=Sized)


@dataclass(frozen=True)
class Listing:
    found: bool  # whether all parents that the path names are there
    total: int
    ids: bytes
    oldest: int = 0  # the revision that the first of the versions came in with

    @property
    def is_whole(self) -> bool:
        return len(self.ids) == self.total * ID_BYTES

    def boundary(self, offset: int) -> tuple[bytes, int]:
        """The last kept id at or before the place, and how many records lie between."""
        step, rest = divmod(offset, STEP)
        return self._at(step, step + 1), rest

    def slice(self, offset: int, limit: int) -> bytes:
        return self._at(offset, offset + limit)

    def array(self, offset: int, limit: int) -> str:
        """The same as PostgreSQL reads an array of ids."""
        return f"{{{self.slice(offset, limit).hex(',', ID_BYTES)}}}"

    def _at(self, first: int, last: int) -> bytes:
        return self.ids[first * ID_BYTES : last * ID_BYTES]

    @property
    def size(self) -> int:
        return _OVERHEAD + len(self.ids)


def statement(
    kind: Kind, *, members: Condition, parents: Condition, filter_: Condition | None, order: Condition | None
) -> Condition:
    """SQL: one row of found, total, ids and oldest. ``order`` None is the order of ids."""
    by, wanted = order or Condition("r.id"), filter_ or Condition()
    is_part = filter_ is not None or members.sql != "true"
    sql = f"""SELECT {parents.sql} AS found, count(*) AS total, {_sorted_ids() if order else _some_ids(is_part)} AS ids,
            min(l.rev_from) AS oldest
        FROM (SELECT r.id, r.rev_from, row_number() OVER (ORDER BY {by.sql}) - 1 AS place, count(*) OVER () AS total
              FROM {at(kind, "r")} AND {members.sql} AND {wanted.sql}) l"""
    return Condition(sql, {**members.parameters, **parents.parameters, **wanted.parameters, **by.parameters})


def _sorted_ids() -> str:
    return "string_agg(uuid_send(l.id), ''::bytea ORDER BY l.place)"


def _some_ids(is_part: bool) -> str:  # noqa: FBT001 (what is asked is a yes or no)
    """The rows come in the order of row_number(), which must therefore be used."""
    few = f" OR l.total <= {FEW}" if is_part else ""
    return f"string_agg(uuid_send(l.id), ''::bytea) FILTER (WHERE l.place %% {STEP} = 0{few})"


class Cache(Generic[Key, Entry]):
    """Least recently used entries go first when the budget is spent."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._used = 0
        self._entries: OrderedDict[Key, Entry] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> Entry | None:
        with self._lock:
            found = self._entries.get(key)
            if found is not None:
                self._entries.move_to_end(key)
            return found

    def put(self, key: Key, entry: Entry) -> None:
        """The newest entry stays, even one that is greater than the whole budget: its next page is asked for soon."""
        with self._lock:
            old = self._entries.pop(key, None)
            self._used += entry.size - (old.size if old else 0)
            self._entries[key] = entry
            while self._used > self._budget and len(self._entries) > 1:
                _, gone = self._entries.popitem(last=False)
                self._used -= gone.size

    @property
    def used(self) -> int:
        return self._used

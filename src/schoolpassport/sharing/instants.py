"""What an instant means in a view: after which of its revisions it comes, and no more than that.

``dateLastModified`` is always the instant of a revision. So a filter that compares it with any instant whatever asks
the same as one that names the revision before it, and is put into those words: the filters of all who ask for what is
new since their last visit, each with an instant of its own, become one, which is planned and listed once.
"""

from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from struct import iter_unpack
from typing import Final

from schoolpassport.sharing.conditions import Condition, moment
from schoolpassport.sharing.filters import Clause, Predicate, parse, spelled
from schoolpassport.sharing.records import Unanswerable

_PATH: Final = "dateLastModified"
_NEVER: Final = "0001-01-01"  # before every revision, and of none
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LINE: Final = "!iq"
_OVERHEAD: Final = 400  # bytes besides those of the revisions, roughly

QUESTION: Final = Condition(
    """SELECT string_agg(int4send(s.number) || int8send((extract(epoch FROM s.at) * 1000000)::bigint), ''::bytea
        ORDER BY s.number) AS instants FROM sharing_viewrevision s WHERE s.district_id = %(district)s
        AND s.view = %(view)s AND s.number > %(known)s::int AND s.number <= %(revision)s::int"""
)


def are_named(text: str) -> bool:
    """Whether a filter may compare with an instant that ``Instants`` can put into other words."""
    return _PATH in text


@dataclass(frozen=True, eq=False)
class Instants:
    """Of the revisions of one view, up to the number ``newest``. They never change; others only come after them."""

    newest: int = 0
    _numbers: "array[int]" = field(default_factory=lambda: array("i"))
    _at: "array[int]" = field(default_factory=lambda: array("q"))  # microseconds since 1970

    @property
    def size(self) -> int:
        return _OVERHEAD + len(self._numbers) * (self._numbers.itemsize + self._at.itemsize)

    def followed_by(self, answer: bytes, *, newest: int) -> "Instants":
        """With those that ``QUESTION`` brought: all after ours up to ``newest``."""
        numbers, at = array("i", self._numbers), array("q", self._at)
        for number, each in iter_unpack(_LINE, answer):
            numbers.append(number)
            at.append(each)
        return Instants(newest, numbers, at)

    def in_their_words(self, text: str, revision: int) -> str:
        """The filter that keeps the same records of this revision. Raises ``Unanswerable`` if it cannot be read."""
        read = parse(text.strip())
        last = bisect_right(self._numbers, revision)
        return spelled(replace(read, clauses=tuple(self._meant(clause, last) for clause in read.clauses)))

    def _meant(self, clause: Clause, last: int) -> Clause:
        """``last``: of how many revisions are read."""
        if clause.path != _PATH or clause.predicate is Predicate.CONTAINS:
            return clause
        try:
            wanted = (moment(clause) - _EPOCH) // _MICROSECOND
        except Unanswerable:
            return clause  # it is refused with the others, in their order
        before, reached = bisect_left(self._at, wanted, 0, last), bisect_right(self._at, wanted, 0, last)
        match clause.predicate:
            case Predicate.GREATER | Predicate.LESS_OR_EQUAL:
                return Clause(_PATH, clause.predicate, self._written(reached))
            case Predicate.GREATER_OR_EQUAL:
                return Clause(_PATH, Predicate.GREATER, self._written(before))
            case Predicate.LESS:
                return Clause(_PATH, Predicate.LESS_OR_EQUAL, self._written(before))
            case _:
                return Clause(_PATH, clause.predicate, self._written(reached if reached > before else 0))

    def _written(self, place: int) -> str:
        """The instant of the revision that so many end with, as ``moment`` reads it."""
        return (_EPOCH + self._at[place - 1] * _MICROSECOND).isoformat() if place else _NEVER

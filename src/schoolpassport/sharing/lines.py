"""A whole collection as lines of text, stretch by stretch: what a stream is made of, written by the database.

Living records in the order of GG4L IDs, as in ``cursors``; no record is taken into hand on its way.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from schoolpassport.roster.kinds import KINDS
from schoolpassport.sharing import documents, stretches
from schoolpassport.sharing.conditions import Condition
from schoolpassport.sharing.cursors import readable
from schoolpassport.sharing.inquiries import Told, based
from schoolpassport.sharing.records import Shared
from schoolpassport.sharing.relations import at
from schoolpassport.sharing.roundtrip import Question
from schoolpassport.sharing.standing import Standing, with_standing

_NOBODY = UUID(int=0)


@dataclass(frozen=True)
class Text:
    """``text``: a line ``{"<kind>":<document>}`` for each record. ``last``: after whom to go on; None at the end."""

    text: bytes
    records: int
    last: UUID | None
    revision: int


@dataclass(frozen=True)
class LinesOf:
    """The inquiry for so many lines of a kind. ``revision``: which one to read, where it still can be read.

    ``skip``: so many records behind ``after`` are somebody else's to read.
    """

    kind: str
    limit: int
    after: UUID | None = None
    skip: int = 0
    revision: int | None = None
    base: str = ""  # what hrefs begin with

    def question(self, standing: Standing, shared: Shared) -> Question:  # noqa: ARG002 (the view itself keeps to the consent)
        parameters = {
            "revision": readable(self.revision, standing),
            "after": self.after or _NOBODY,
            "limit": self.limit,
        }
        if self.skip:
            parameters["last"] = self.skip - 1
        return Question(_statement(self.kind, skips=self.skip > 0), parameters, keyed=True)

    def answer(self, rest: tuple[Any, ...], standing: Standing) -> Text:
        text, records = rest
        place = len(_opening(self.kind)) + documents.ID_AT
        goes_on = UUID(stretches.last(text, place)) if records == self.limit else None
        return Text(based(text, self.base), records, goes_on, readable(self.revision, standing))

    def told(self, rest: tuple[Any, ...], standing: Standing) -> list[Told]:
        revision, (_, records) = readable(self.revision, standing), rest
        if self.skip and not records:
            return []
        goes_on = self.after is not None or self.skip > 0
        return [Told(self.kind, revision, records, ends=records < self.limit and goes_on)]


@lru_cache(maxsize=128)
def _statement(kind_name: str, *, skips: bool) -> str:
    kind, after = KINDS[kind_name], "%(after)s::uuid"
    if skips:  # nobody is behind a record that is not there
        after = f"""(SELECT s.id FROM {at(kind, "s")} AND s.status = 'active' AND s.id > {after}
            ORDER BY s.id OFFSET %(last)s::int LIMIT 1)"""
    rows = f"""SELECT {documents.columns(kind)} FROM {at(kind, "r")} AND r.status = 'active'
        AND r.id > {after} ORDER BY r.id LIMIT %(limit)s::int"""
    line = f"""'{_opening(kind_name)}' || {documents.text(kind)} || E'}}\\n'"""
    return with_standing(Condition(f"SELECT string_agg({line}, '') AS lines, count(*)::int AS records FROM ({rows}) d"))


def _opening(kind_name: str) -> str:
    return f'{{"{kind_name}":'

"""The change log of a view, read by sequence number: what came, changed and went, in the order in which it did.

No cursor is ever stranded. What was written under older terms may show too much by now, so of those lines only the ones
that still stand are told; whoever is behind gets the same records, with fewer steps between.
"""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec

from schoolpassport.kit.columns import quoted
from schoolpassport.roster.kinds import KINDS, Kind
from schoolpassport.roster.models import OPEN
from schoolpassport.sharing import documents
from schoolpassport.sharing.conditions import Condition
from schoolpassport.sharing.inquiries import Told, listed
from schoolpassport.sharing.records import Shared
from schoolpassport.sharing.roundtrip import Question
from schoolpassport.sharing.standing import Standing, with_standing

FROM_THE_START = 0
NO_END = 2**63 - 1


class Line(msgspec.Struct, gc=False):
    """``change``: c(reated), u(pdated), d(eleted), r(estored), m (called otherwise by its source).

    ``before``: the document as it was, where the present terms allow it to be told; else nothing. ``readable``:
    whether its revision can be read; if not, the record is to be read at the newest. ``kept``: a user's role, an
    org's type, which outlive what a consent withdrew; told where documents before are, and so is ``beside``: the ids
    that the record named as it was (an enrollment its class, a user the agents), whatever may be told of it. They are
    for finding whose neighbours changed, and for no answer.
    """

    kind: str
    id: UUID
    seq: int
    change: str
    revision: int
    readable: bool
    document: msgspec.Raw
    before: msgspec.Raw = msgspec.Raw(b"")
    kept: str | None = None
    beside: list[UUID] = []


@dataclass(frozen=True)
class Lines:
    """``more``: whether others lie beyond, in the direction of reading. ``revision``: the newest."""

    lines: list[Line]
    more: bool
    view: int
    revision: int
    last_seq: int


@dataclass(frozen=True)
class Log:
    """The inquiry for the lines between two sequence numbers, both left out. ``backwards``: the last ones of them.

    ``compact``: only the lines that still stand, so each record comes once. ``school``: lines of records that belong to
    that school. ``previous``: whether the documents before are wanted. ``base``: what hrefs begin with.
    """

    kinds: tuple[str, ...]
    after: int = FROM_THE_START
    before: int = NO_END
    limit: int = 100
    backwards: bool = False
    compact: bool = False
    school: UUID | None = None
    previous: bool = False
    base: str = ""

    def question(self, standing: Standing, shared: Shared) -> Question:  # noqa: ARG002 (a view's log keeps to its consents)
        parameters = {
            "after": self.after,
            "before": self.before,
            "limit": self.limit,
            "revision": standing.revision,
            "oldest": standing.oldest_readable,
            "school": self.school,
        }
        shape = _Shape(self.kinds, self.backwards, self.compact, self.school is not None, self.previous)
        return Question(_statement(shape), parameters, keyed=False)

    def answer(self, rest: tuple[Any, ...], standing: Standing) -> Lines:
        text, more, last_seq = rest
        return Lines(_read(listed(text, self.base)), bool(more), standing.view, standing.revision, last_seq)

    def told(self, rest: tuple[Any, ...], standing: Standing) -> list[Told]:
        counts = Counter((line.kind, line.revision) for line in self.answer(rest, standing).lines)
        return [Told(kind, revision, records) for (kind, revision), records in sorted(counts.items())]


_read = msgspec.json.Decoder(list[Line]).decode


@dataclass(frozen=True)
class _Shape:
    kinds: tuple[str, ...]
    backwards: bool
    compact: bool
    of_a_school: bool
    previous: bool


@lru_cache(maxsize=256)
def _statement(shape: _Shape) -> str:
    order = "DESC" if shape.backwards else ""
    each = " UNION ALL ".join(f"({_of_kind(KINDS[kind], shape, order)})" for kind in shape.kinds)
    first = f"SELECT * FROM found f ORDER BY f.seq {order} LIMIT %(limit)s::int"
    last = "(SELECT w.last_seq FROM sharing_view w WHERE w.district_id = %(district)s AND w.number = %(view)s)"
    return with_standing(
        Condition(
            f"""WITH found AS ({each})
            SELECT (SELECT string_agg(k.line, ',' ORDER BY k.seq) FROM ({first}) k) AS lines,
            (SELECT count(*) > %(limit)s::int FROM found) AS more, {last} AS last_seq"""
        )
    )


def _of_kind(kind: Kind, shape: _Shape, order: str) -> str:
    """SQL: the lines of one kind as JSON. Each has one row more than is wanted, which says that there are more."""
    told = f"r.rev_to = {OPEN}" if shape.compact else f"(r.rev_from >= %(oldest)s::int OR r.rev_to = {OPEN})"
    school = f" AND {_belongs(kind)}" if shape.of_a_school else ""
    table = f"sharing_{kind.table} r WHERE r.district_id = %(district)s AND r.view = %(view)s"
    rows = (
        f"SELECT r.id, r.seq, r.change, r.rev_from, {_kept(kind)} AS kept FROM {table} AND r.seq > %(after)s::bigint "
        f"AND r.seq < %(before)s::bigint AND {told}{school} ORDER BY r.seq {order} LIMIT %(limit)s::int + 1"
    )
    now = f"SELECT {documents.columns(kind)} FROM {table} AND r.id = l.id AND r.rev_from = l.rev_from"
    was = (
        f"SELECT {documents.columns(kind)} FROM {table} AND r.id = l.id AND r.rev_to = l.rev_from "
        "AND r.rev_from >= %(oldest)s::int"
    )
    before = (
        f""" || coalesce(',"before":' || (SELECT {documents.text(kind)} FROM ({was}) d), '')"""
        """ || coalesce(',"kept":' || to_json(l.kept), '')"""
        f""" || coalesce(',"beside":' || ({_beside(kind, table)}), '')"""
    )
    return f"""SELECT l.seq, '{{"kind":"{kind.name}","id":"' || l.id || '","seq":' || l.seq || ',"change":"' || l.change
        || '","revision":' || l.rev_from || ',"readable":' || (l.rev_from >= %(oldest)s::int)::text || ',"document":'
        || (SELECT {documents.text(kind)} FROM ({now}) d){before if shape.previous else ""} || '}}' AS line
        FROM ({rows}) l"""


def _kept(kind: Kind) -> str:
    """SQL: the column of a row ``r`` that stays when the row is reduced to its id."""
    name = {"user": "role", "org": "type"}.get(kind.name)
    return f"r.{quoted(kind[name].column)}" if name else "NULL::text"


def _beside(kind: Kind, table: str) -> str:
    """SQL: the ids that the row before named, as JSON."""
    name = {"enrollment": "class", "user": "agents"}.get(kind.name)
    if name is None:
        return "NULL::text"
    column = f"r.{quoted(kind[name].column)}"
    ids = column if kind[name].many else f"array_remove(ARRAY[{column}], NULL)"
    return f"SELECT to_json({ids})::text FROM {table} AND r.id = l.id AND r.rev_to = l.rev_from"


def _belongs(kind: Kind) -> str:
    """SQL: the record belongs to the school; kinds that belong to none are in no school's log."""
    if kind.school == "id":
        return "r.id = %(school)s::uuid"
    if not kind.school:
        return "false"
    field = kind[kind.school]
    if not field.in_view:
        return "false"
    column = f"r.{quoted(field.column)}"
    return f"{column} @> ARRAY[%(school)s::uuid]" if field.many else f"{column} = %(school)s::uuid"

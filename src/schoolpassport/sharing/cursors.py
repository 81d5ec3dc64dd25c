"""Pages that go on from a record instead of counting: what stands in a view, in the order of GG4L IDs.

Only living records: the dialects that page like this learn of the others from the change log. A page costs what it
holds, however deep it lies.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple
from uuid import UUID

from schoolpassport.kit.columns import literal
from schoolpassport.roster.kinds import KINDS, Kind
from schoolpassport.sharing import documents, relations
from schoolpassport.sharing.conditions import Condition
from schoolpassport.sharing.contract import Collection
from schoolpassport.sharing.inquiries import Told, listed
from schoolpassport.sharing.records import Fault, Shared, Unanswerable, Unknown
from schoolpassport.sharing.relations import at
from schoolpassport.sharing.roundtrip import Question
from schoolpassport.sharing.standing import Standing, with_standing

_FIRST, _LAST = UUID(int=0), UUID(int=(1 << 128) - 1)


Primary = Literal["", "users", "school"]
"""Whose first school counts: ``users`` of the parent whose first it is, the ``school`` that is the parent's first."""


@dataclass(frozen=True)
class Role:
    """Users of one role; ``in_school`` narrows them to those who belong to a school, or to those who do not."""

    name: str
    in_school: bool | None = None


@dataclass(frozen=True)
class Stretch:
    """A part of a collection. ``before`` reads backwards; the records come in the order of ids all the same.

    ``roles``: users of any of these; empty for all. ``revision``: which one to read, None for the newest. ``counted``:
    whether the total is wanted, which costs a look at the whole collection.
    """

    collection: Collection
    parents: tuple[UUID, ...] = ()
    roles: tuple[Role, ...] = ()
    after: UUID | None = None
    before: UUID | None = None
    limit: int = 100
    skip: int = 0
    revision: int | None = None
    counted: bool = False
    primary: Primary = ""
    since: datetime | None = None  # only what its view changed last after this instant …
    until: datetime | None = None  # … and before this one
    base: str = ""  # what hrefs begin with
    total: int = 0  # of the whole collection, where an earlier page told it


@dataclass(frozen=True)
class Part:
    """``documents``: a JSON list. ``more``: whether others lie beyond, in the direction of reading."""

    documents: bytes
    more: bool
    revision: int
    total: int | None = None


@dataclass(frozen=True)
class PartOf:
    """The inquiry for one part.

    Raises ``Unknown`` when a parent that is named is not there, ``Unanswerable`` when the revision cannot be read:
    whoever named one has pages of it, and no other goes with them.
    """

    stretch: Stretch

    def question(self, standing: Standing, shared: Shared) -> Question:  # noqa: ARG002 (the view itself keeps to the consent)
        stretch = self.stretch
        backwards = stretch.before is not None
        timed = (stretch.since is not None, stretch.until is not None)
        shape = _Shape(stretch.collection, stretch.roles, stretch.primary, backwards, stretch.counted, timed)
        statement = _statement(shape)
        parameters = {
            **relations.parameters(stretch.parents),
            "revision": self._revision(standing),
            "after": stretch.after or _FIRST,
            "before": stretch.before or _LAST,
            "limit": stretch.limit,
            "skip": stretch.skip,
            "since": stretch.since,
            "until": stretch.until,
        }
        return Question(statement, parameters, keyed=not (stretch.collection.relation or stretch.counted))

    def answer(self, rest: tuple[Any, ...], standing: Standing) -> Part:
        found, text, count, total = rest
        if not found:
            raise Unknown
        more = count > self.stretch.limit
        return Part(listed(text, self.stretch.base), more, self._revision(standing), total)

    def told(self, rest: tuple[Any, ...], standing: Standing) -> list[Told]:
        stretch, (_, _, count, total) = self.stretch, rest
        collection, total = stretch.collection, total or stretch.total
        school = stretch.parents[0] if [p.subset.kind for p in collection.parents] == ["org"] else None
        asked_for = stretch.roles or stretch.primary or stretch.since or stretch.until
        narrowed = bool(asked_for) or len(collection.parents) > (school is not None)
        return [
            Told(
                collection.subset.kind,
                self._revision(standing),
                min(count, stretch.limit),
                subset=collection.subset.value,
                school=school,
                part=narrowed or not total,
                total=total,
                ends=count <= stretch.limit and stretch.after is not None,
            )
        ]

    def _revision(self, standing: Standing) -> int:
        asked, read = self.stretch.revision, readable(self.stretch.revision, standing)
        if asked not in {None, read}:
            sentence = f"Revision {asked} cannot be read (any more); begin again without a revision."
            raise Unanswerable(Fault.REVISION, sentence)
        return read


@dataclass(frozen=True)
class These:
    """The inquiry for living records by their ids, as a JSON list. What the view lacks is left out.

    ``revision`` None: the newest. ``before``: for each id a sequence number; whose own line of the change log comes
    only behind it is left out, too.
    """

    kind: str
    ids: tuple[UUID, ...]
    revision: int | None
    before: tuple[int, ...] | None = None

    def question(self, standing: Standing, shared: Shared) -> Question:  # noqa: ARG002 (the view itself keeps to the consent)
        revision = standing.revision if self.revision is None else self.revision
        asked = {"ids": list(self.ids), "revision": revision}
        if self.before is None:
            return Question(_these(self.kind), asked, keyed=True)
        return Question(_these(self.kind, earlier=True), {**asked, "before": list(self.before)}, keyed=True)

    def answer(self, rest: tuple[Any, ...], standing: Standing) -> bytes:  # noqa: ARG002 (asked at one revision)
        return listed(rest[0])

    def told(self, rest: tuple[Any, ...], standing: Standing) -> list[Told]:
        revision = standing.revision if self.revision is None else self.revision
        return [Told(self.kind, revision, len(self.ids))] if rest[0] else []


@dataclass(frozen=True)
class Picked:
    """The inquiry for living records by their ids at a revision, as ``PartOf`` has it; what it lacks is left out."""

    kind: str
    ids: tuple[UUID, ...]
    revision: int
    base: str

    def question(self, standing: Standing, shared: Shared) -> Question:  # noqa: ARG002 (the view itself keeps to the consent)
        asked = {"ids": list(self.ids), "revision": readable(self.revision, standing)}
        return Question(_these(self.kind), asked, keyed=True)

    def answer(self, rest: tuple[Any, ...], standing: Standing) -> Part:
        return Part(listed(rest[0], self.base), more=False, revision=readable(self.revision, standing))

    def told(self, rest: tuple[Any, ...], standing: Standing) -> list[Told]:
        return [Told(self.kind, readable(self.revision, standing), len(self.ids))] if rest[0] else []


def readable(revision: int | None, standing: Standing) -> int:
    """What is read: the revision asked for, unless it never was or may show too much by now."""
    oldest = max(min(1, standing.revision), standing.oldest_readable)
    return revision if revision is not None and oldest <= revision <= standing.revision else standing.revision


class _Shape(NamedTuple):
    """What stretches have in common that are asked for by one statement."""

    collection: Collection
    roles: tuple[Role, ...]
    primary: Primary
    backwards: bool
    counted: bool
    timed: tuple[bool, bool]


@lru_cache(maxsize=512)
def _statement(shape: _Shape) -> str:
    collection, roles, primary, backwards, counted, timed = shape
    kind = KINDS[collection.subset.kind]
    belongs = [
        f"{at(kind, 'r')} AND r.status = 'active' AND {way} AND {_of(roles)} AND {_PRIMARY[primary]} "
        f"AND {_changed(*timed)}"
        for way in relations.ways(collection)
    ]
    direction = "DESC" if backwards else ""
    turn = f"row_number() OVER (ORDER BY w.place {direction}) AS turn"
    rows = f"SELECT w.*, {turn} FROM ({_rows(kind, belongs, direction)}) w"
    page = f"""SELECT string_agg({documents.text(kind)}, ',' ORDER BY d.place) FILTER (WHERE d.turn <= %(limit)s::int)
        AS documents, count(*)::int AS count FROM ({rows}) d"""
    total = _total(belongs) if counted else "NULL::int"
    return with_standing(
        Condition(f"SELECT {_all_stand(collection)} AS found, p.documents, p.count, {total} AS total FROM ({page}) p")
    )


def _rows(kind: Kind, belongs: list[str], direction: str) -> str:
    """SQL: a page and one more, each record once. Where several ways lead to members, each gives that many."""
    rows = [
        f"""SELECT {documents.columns(kind)}, r.id AS place FROM {each} AND r.id > %(after)s::uuid
        AND r.id < %(before)s::uuid ORDER BY r.id {direction}"""
        for each in belongs
    ]
    page = "LIMIT %(limit)s::bigint + 1 OFFSET %(skip)s::bigint"
    if len(rows) == 1:
        return f"{rows[0]} {page}"
    together = " UNION ALL ".join(f"({each} LIMIT %(limit)s::bigint + %(skip)s::bigint + 1)" for each in rows)
    return f"SELECT DISTINCT ON (u.place) u.* FROM ({together}) u ORDER BY u.place {direction} {page}"


def _total(belongs: list[str]) -> str:
    if len(belongs) == 1:
        return f"(SELECT count(*)::int FROM {belongs[0]})"
    return f"(SELECT count(*)::int FROM ({' UNION '.join(f'SELECT r.id FROM {each}' for each in belongs)}) u)"


def _changed(since: bool, until: bool) -> str:  # noqa: FBT001 (what is asked is a yes or no, twice)
    """SQL: the row came with a revision of these instants."""
    revision = "SELECT FROM sharing_viewrevision t WHERE t.district_id = %(district)s AND t.view = %(view)s"
    of_row = f"{revision} AND t.number = r.rev_from"
    later = f"EXISTS ({of_row} AND t.at > %(since)s::timestamptz)" if since else "true"
    sooner = f"EXISTS ({of_row} AND t.at < %(until)s::timestamptz)" if until else "true"
    return f"{later} AND {sooner}"


def _all_stand(collection: Collection) -> str:
    """SQL: the parents are there, and none of them is gone."""
    checks = [relations.parents_exist(collection).sql]
    for place, parent in enumerate(collection.parents):
        kind = KINDS[parent.subset.kind]
        checks.append(f"EXISTS (SELECT FROM {at(kind, 'a')} AND a.status = 'active' AND a.id = %(parent{place})s)")
    return " AND ".join(checks)


def _of(roles: tuple[Role, ...]) -> str:
    return f"({' OR '.join(_is(role) for role in roles)})" if roles else "true"


def _is(role: Role) -> str:
    values = KINDS["user"]["role"].values
    named = f"r.role = {literal(values[values.index(role.name)])}"
    if role.in_school is None:
        return named
    schools = f"SELECT FROM {at(KINDS['org'], 's')} AND s.type = 'school' AND s.id = ANY(r.orgs)"
    return f"({named} AND {'' if role.in_school else 'NOT '}EXISTS ({schools}))"


def _primary_school(user: str) -> str:
    """SQL: the one that the document names; where none is shared, the first of the orgs that is a school."""
    named = f"(replace({user}.doc, chr(1), '')::jsonb->'primarySchool'->>'sourcedId')::uuid"  # chr(1) is models.HREF
    schools = f"{at(KINDS['org'], 's')} AND s.type = 'school' AND s.id = o.id"
    first = (
        f"(SELECT o.id FROM unnest({user}.orgs) WITH ORDINALITY AS o(id, place), {schools} ORDER BY o.place LIMIT 1)"
    )
    return f"coalesce({named}, {first})"


_PRIMARY: Mapping[Primary, str] = {
    "": "true",
    "users": f"%(parent0)s = {_primary_school('r')}",
    "school": f"r.id IN (SELECT {_primary_school('u')} FROM {at(KINDS['user'], 'u')} AND u.id = %(parent0)s)",
}


@lru_cache(maxsize=64)
def _these(kind_name: str, *, earlier: bool = False) -> str:
    kind: Kind = KINDS[kind_name]
    asked = (
        "unnest(%(ids)s::uuid[], %(before)s::bigint[]) AS n(id, seq)" if earlier else "unnest(%(ids)s::uuid[]) AS n(id)"
    )
    wanted = "x.id = n.id AND x.seq < n.seq" if earlier else "x.id = n.id"
    rows = f"""SELECT {documents.columns(kind)} FROM {asked} CROSS JOIN LATERAL (
        SELECT * FROM {at(kind, "x")} AND x.status = 'active' AND {wanted} LIMIT 1) r"""
    return with_standing(Condition(f"SELECT string_agg({documents.text(kind)}, ',') AS documents FROM ({rows}) d"))

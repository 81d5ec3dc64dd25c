"""What the last revision of a view took from an application, gave to it and showed it differently, by school."""

from uuid import UUID

from django.db import connection

from schoolpassport.kit.columns import literal, quoted
from schoolpassport.roster.kinds import SHARED, Kind
from schoolpassport.roster.models import OPEN
from schoolpassport.roster.records import ALTOGETHER
from schoolpassport.roster.schools import belongs, school_join, schools
from schoolpassport.sharing.catalogue import SIS_ID
from schoolpassport.sharing.models import HREF, View
from schoolpassport.sync.contract import Reach

_LOST, _GAINED, _CHANGED, _REMAPPED = "lost", "gained", "changed", "remapped"
_HEAD = ("sourcedId", "status", "dateLastModified")


def of_last_revision(view: View, *, seen: int, application: str, examples: int) -> list[Reach]:
    """In the caller's scope. ``seen``: the roster's revision that the view showed before.

    What is lost counts where it was then, all else where it is now.
    """
    facts: dict[str, UUID | int] = {
        "d": view.district_id,
        "v": view.number,
        "n": view.revision,
        "seen": seen,
        "now": view.roster_revision,
        "some": examples,
    }
    return [reach for kind in SHARED.values() for reach in _of_kind(kind, view.integration_id, application, facts)]


def _of_kind(kind: Kind, integration_id: UUID, application: str, facts: dict[str, UUID | int]) -> list[Reach]:
    with connection.cursor() as cursor:
        turns = " UNION ALL ".join(
            _places(kind, changes, at)
            for changes, at in (("v.change = 'd'", "%(seen)s"), ("v.change <> 'd'", "%(now)s"))
        )
        cursor.execute(
            f"SELECT school, turn, count(*), CASE WHEN school = '{ALTOGETHER}' THEN "
            "(array_agg(id ORDER BY id))[1:%(some)s] END "
            f"FROM ({turns}) t WHERE school IS NOT NULL GROUP BY school, turn ORDER BY school",
            facts,
        )
        found: dict[UUID, dict[str, tuple[int, tuple[UUID, ...]]]] = {}
        for school, turn, count, some in cursor.fetchall():
            found.setdefault(school, {})[turn] = (count, tuple(some or ()))
        attributes: tuple[str, ...] = ()
        if _CHANGED in found.get(ALTOGETHER, {}):
            cursor.execute(_attributes(kind), facts)
            attributes = tuple(name for (name,) in cursor.fetchall())
    return [
        Reach(
            application=application,
            integration_id=integration_id,
            kind=kind.name,
            school=school,
            examples={turn: some for turn, (_, some) in turns.items() if some},
            attributes=attributes if school == ALTOGETHER else (),
            **{turn: count for turn, (count, _) in turns.items()},
        )
        for school, turns in found.items()
    ]


def _places(kind: Kind, changes: str, at: str) -> str:
    """SQL: id, turn and school of the lines of the last revision; a record of several schools once for each."""
    # A tombstone that is made barer was lost before.
    held = (
        f"AND NOT EXISTS (SELECT FROM sharing_{kind.table} o WHERE o.district_id = %(d)s AND o.view = %(v)s "
        "AND o.id = v.id AND o.rev_to = %(n)s AND o.status = 'tobedeleted' AND v.change = 'd')"
    )
    return (
        f"SELECT v.id, CASE v.change WHEN 'd' THEN '{_LOST}' WHEN 'u' THEN '{_CHANGED}' "
        f"WHEN 'm' THEN '{_REMAPPED}' ELSE '{_GAINED}' END AS turn, "
        f"{schools(belongs(kind), kind)} AS school FROM sharing_{kind.table} v JOIN roster_{kind.table} r "
        f"ON r.district_id = %(d)s AND r.id = v.id AND r.rev_from <= {at} AND r.rev_to > {at} {school_join(kind, at)} "
        f"WHERE v.district_id = %(d)s AND v.view = %(v)s AND v.rev_from = %(n)s AND {changes} {held}"
    )


def _attributes(kind: Kind) -> str:
    """SQL: the names of what is different in the changed ones."""
    both = (
        f"FROM sharing_{kind.table} v JOIN sharing_{kind.table} o ON o.district_id = %(d)s AND o.view = %(v)s "
        "AND o.id = v.id AND o.rev_to = %(n)s {} WHERE v.district_id = %(d)s AND v.view = %(v)s "
        f"AND v.rev_from = %(n)s AND v.rev_to = {OPEN} AND v.change = 'u'"
    )
    if kind.stored_document:
        here, there = (f"replace({a}.doc, {_HREF}, '')::jsonb" for a in ("v", "o"))
        named = f"CROSS JOIN LATERAL jsonb_object_keys({here} || {there}) AS x (attribute) "
        heads = ", ".join(literal(h) for h in _HEAD)
        return (
            f"SELECT DISTINCT attribute {both.format(named)} AND attribute NOT IN ({heads}) "
            f"AND {here} -> attribute IS DISTINCT FROM {there} -> attribute ORDER BY attribute"
        )
    columns = {f.column: f.name for f in kind.fields if f.in_view} | {"sis_id": SIS_ID}
    pairs = ", ".join(f"({literal(name)}, v.{quoted(c)} IS DISTINCT FROM o.{quoted(c)})" for c, name in columns.items())
    named = f"CROSS JOIN LATERAL (VALUES {pairs}) x (attribute, differs)"
    return f"SELECT DISTINCT attribute {both.format(named)} AND differs ORDER BY attribute"


_HREF = f"chr({ord(HREF)})"

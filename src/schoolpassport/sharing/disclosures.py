"""The ledger of disclosures: what of one person was shown to whom, what of it was read, when, and on what basis.

It is computed, from what was published to each view and from what was noted of reading. Which rows were on a page
nobody writes down, so of a walk that was filtered or not finished it says that the person *may* have been read.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import connection

from schoolpassport.kit.columns import literal, quoted
from schoolpassport.partners import queries as partners
from schoolpassport.roster import queries as roster
from schoolpassport.roster.kinds import KINDS, Kind
from schoolpassport.roster.models import OPEN
from schoolpassport.sharing.catalogue import METADATA, SIS_ID, extensions
from schoolpassport.sharing.lifecycle import IN_FORCE
from schoolpassport.sharing.models import HREF, Consent
from schoolpassport.sharing.readings import WHOLE

_HEADS = ("sourcedId", "status", "dateLastModified")
_TOLD_APART_BY = {"user": "role", "org": "type", "academicSession": "type"}  # subsets that paths have a word for


class Certainty(StrEnum):
    READ = "read"  # in a walk through the whole collection
    MAYBE = "may have been read"
    NOT_READ = "not read"


@dataclass(frozen=True, kw_only=True)
class Disclosure:
    """What one application had of a person, by kind. ``until`` None: it is still shown.

    ``fields``: the names of attributes, of those shown, or of those read where something was. ``consent_id`` and
    ``purpose``: the basis of the reading; of what was never read, None.
    """

    application: str
    integration_id: UUID
    kind: str
    fields: tuple[str, ...]
    since: datetime
    until: datetime | None
    certainty: Certainty
    pages: int = 0
    first_read: datetime | None = None
    last_read: datetime | None = None
    outlets: tuple[str, ...] = ()
    consent_id: UUID | None = None
    purpose: str = ""


@dataclass(frozen=True)
class _Shown:
    since: datetime
    until: datetime | None
    fields: frozenset[str]


def of_person(*, district_id: UUID, id: UUID) -> list[Disclosure]:  # noqa: A002 (the column's name)
    """In the caller's scope; by application and kind, and within them by consent."""
    names = partners.names_of_integrations(district_id=district_id)
    facts = {"d": district_id, "id": id, "whole": WHOLE}
    found: list[Disclosure] = []
    for kind, about in _kinds_about_people():
        shown = _shown(kind, about, facts)
        read = _read(kind, about, facts) if shown else {}
        for integration_id, spans in shown.items():
            frame: dict[str, Any] = {
                "application": names.get(integration_id, str(integration_id)),
                "integration_id": integration_id,
                "kind": kind.name,
                "since": spans.since,
                "until": spans.until,
            }
            if integration_id not in read:
                plain = tuple(sorted(spans.fields))
                found.append(Disclosure(**frame, fields=plain, certainty=Certainty.NOT_READ))
            found += [_disclosure(frame, row) for row in read.get(integration_id, ())]
    order = list(KINDS)
    return sorted(found, key=lambda f: (f.application, order.index(f.kind), f.first_read or f.since))


def _disclosure(frame: dict[str, Any], row: tuple[Any, ...]) -> Disclosure:
    consent_id, purpose, whole, pages, first, last, outlets, told = row
    return Disclosure(
        **frame,
        fields=tuple(sorted(told or ())),
        certainty=Certainty.READ if whole else Certainty.MAYBE,
        pages=pages,
        first_read=first,
        last_read=last,
        outlets=tuple(sorted(outlets)),
        consent_id=consent_id,
        purpose=purpose or "",
    )


def _kinds_about_people() -> Iterator[tuple[Kind, str]]:
    """Each kind whose records are about one person, and the column that says about whom."""
    for kind in KINDS.values():
        if kind.name == "user" or kind.same_id_as == "user":
            yield kind, "id"
        else:
            yield from (
                (kind, f.column) for f in kind.fields if f.target == "user" and f.binding and f.in_view and not f.many
            )


def _versions(kind: Kind, about: str) -> str:
    """SQL: integration and revisions of each version in which somebody could read about the person."""
    subset = KINDS[kind.name][_TOLD_APART_BY[kind.name]].column if kind.name in _TOLD_APART_BY else ""
    told_apart = f"v.{quoted(subset)}" if subset else "''"
    return (
        f"SELECT w.integration_id, v.view, v.rev_from, v.rev_to, {told_apart} AS subset, {_schools(kind)} AS schools, "
        f"{_fields(kind)} AS fields FROM sharing_{kind.table} v JOIN sharing_view w ON w.district_id = %(d)s "
        f"AND w.number = v.view WHERE v.district_id = %(d)s AND v.{quoted(about)} = %(id)s AND v.status = 'active'"
    )


def _schools(kind: Kind) -> str:
    """SQL: the schools by whose paths the version is found; NULL: by any."""
    field = kind[kind.school] if kind.school not in {"", "id"} else None
    if field is None or not field.in_view:
        return "NULL::uuid[]"
    return f"v.{quoted(field.column)}" if field.many else f"array[v.{quoted(field.column)}]"


def _fields(kind: Kind) -> str:
    """SQL: the names of what the version says."""
    if kind.stored_document:
        heads = ", ".join(literal(h) for h in _HEADS)
        plain = f"replace(v.doc, chr({ord(HREF)}), '')::jsonb"
        inside, ours = f"({plain}->{literal(METADATA)})", extensions(kind.name)
        keys = ", ".join(map(literal, ours))
        called = {f.v1p1: f.name for f in kind.fields if f.v1p1 and not f.extension}
        return (
            f"ARRAY(SELECT {_called('k', called)} FROM jsonb_object_keys({plain}) k WHERE k NOT IN ({heads}) "
            f"AND (k <> {literal(METADATA)} OR {inside} - ARRAY[{keys}] <> '{{}}') "
            f"UNION ALL SELECT {_called('k', ours)} FROM jsonb_object_keys({inside}) k WHERE k IN ({keys}))"
        )
    columns = {f.column: f.name for f in kind.fields if f.in_view} | {"sis_id": SIS_ID}
    named = ", ".join(f"CASE WHEN v.{quoted(c)} IS NOT NULL THEN {literal(n)} END" for c, n in columns.items())
    return f"array_remove(ARRAY[{named}], NULL)"


def _called(key: str, names: Mapping[str, str]) -> str:
    """SQL: the attribute that a property or an extension is."""
    each = " ".join(f"WHEN {literal(one)} THEN {literal(name)}" for one, name in names.items() if one != name)
    return f"CASE {key} {each} ELSE {key} END" if each else key


def _shown(kind: Kind, about: str, facts: dict[str, UUID]) -> dict[UUID, _Shown]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH shown AS ({_versions(kind, about)}) SELECT s.integration_id, min(f.at), "
            f"CASE WHEN max(s.rev_to) < {OPEN} THEN max(u.at) END, "
            "(SELECT array_agg(DISTINCT n) FROM shown x, unnest(x.fields) n WHERE x.integration_id = s.integration_id) "
            "FROM shown s JOIN sharing_viewrevision f ON f.district_id = %(d)s AND f.view = s.view "
            "AND f.number = s.rev_from LEFT JOIN sharing_viewrevision u ON u.district_id = %(d)s AND u.view = s.view "
            "AND u.number = s.rev_to GROUP BY s.integration_id",
            facts,
        )
        return {row[0]: _Shown(row[1], row[2], frozenset(row[3] or ())) for row in cursor.fetchall()}


def _read(kind: Kind, about: str, facts: dict[str, UUID]) -> dict[UUID, list[tuple[Any, ...]]]:
    """Of each integration and basis: whether surely, how many pages, first, last, outlets, and which fields.

    Of the fields that a line names those count which the record had at the line's revision. A walk may have taken more
    than an hour: its lines are put together before they are judged.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH shown AS ({_versions(kind, about)}), lines AS (SELECT r.*, t.told FROM sharing_reading r "
            "JOIN LATERAL (SELECT count(*) AS versions, array_agg(DISTINCT n) FILTER (WHERE n IS NOT NULL) AS told "
            "FROM shown s LEFT JOIN LATERAL unnest(s.fields) n ON r.fields IS NULL OR n = ANY(r.fields) "
            "WHERE s.integration_id = r.integration_id AND s.rev_from <= r.revision AND s.rev_to > r.revision "
            "AND r.subset IN ('', s.subset) "
            "AND (r.school = %(whole)s OR s.schools IS NULL OR r.school = ANY(s.schools))) t ON t.versions > 0 "
            f"WHERE r.district_id = %(d)s AND r.kind = {literal(kind.name)}), "
            "walks AS (SELECT integration_id, NOT part AND sum(records) >= max(total) AS whole, sum(pages) AS pages, "
            "min(first_at) AS first, max(last_at) AS last, outlet FROM lines "
            "GROUP BY integration_id, revision, caller, outlet, subset, school, part) "
            "SELECT w.integration_id, c.id, c.purpose, bool_or(w.whole), sum(w.pages)::int, min(w.first), max(w.last), "
            "array_agg(DISTINCT w.outlet), (SELECT array_agg(DISTINCT n) FROM lines l, "
            "unnest(l.told) n WHERE l.integration_id = w.integration_id) FROM walks w LEFT JOIN LATERAL ("
            "SELECT c.id, c.purpose FROM sharing_consent c WHERE c.district_id = %(d)s "
            "AND c.integration_id = w.integration_id AND c.begun_at <= w.last AND (c.ended_at IS NULL OR "
            "c.ended_at > w.first) ORDER BY c.begun_at DESC LIMIT 1) c ON true GROUP BY 1, 2, 3",
            facts,
        )
        found: dict[UUID, list[tuple[Any, ...]]] = {}
        for integration_id, *row in cursor.fetchall():
            found.setdefault(integration_id, []).append(tuple(row))
        return found


# --------------------------------------------------------------------------------------------------------- unused data


@dataclass(frozen=True, kw_only=True)
class Unused:
    """What a consent shares and nobody read. ``watched``: for how long that was looked at, at most the days asked for.

    ``kinds`` were not read at all; ``attributes`` (of kinds that were read) were never asked for; ``schools`` are those
    of which no record can have been read.
    """

    application: str
    consent_id: UUID
    watched: timedelta
    kinds: tuple[str, ...]
    attributes: dict[str, tuple[str, ...]]
    schools: dict[UUID, str]

    @property
    def is_nothing(self) -> bool:
        return not (self.kinds or self.attributes or self.schools)


def unused(*, district_id: UUID, days: int, now: datetime) -> list[Unused]:
    """In the caller's scope: of each consent in force, by application."""
    since = now - timedelta(days=days)
    names = partners.names_of_integrations(district_id=district_id)
    read, places = _attributes_read(district_id, since), _schools_read(district_id, since)
    schools = _schools_that_stand(district_id)
    found = []
    for consent in Consent.objects.filter(district_id=district_id, state__in=[s.value for s in IN_FORCE]):
        mine = {kind: asked for (integration, kind), asked in read.items() if integration == consent.integration_id}
        seen = places.get(consent.integration_id, set())
        shared = schools if consent.schools is None else {s: schools[s] for s in consent.schools if s in schools}
        left = {kind: _left(shared_, mine.get(kind)) for kind, shared_ in consent.served.attributes.items()}
        found.append(
            Unused(
                application=names.get(consent.integration_id, str(consent.integration_id)),
                consent_id=consent.id,
                watched=now - max(since, consent.begun_at or now),
                kinds=tuple(k for k in consent.attributes if k not in mine),
                attributes={kind: unread for kind, unread in left.items() if unread},
                schools={} if WHOLE in seen else {s: name for s, name in shared.items() if s not in seen},
            )
        )
    return sorted(found, key=lambda u: u.application)


def _left(shared: Iterable[str], asked: frozenset[str] | None) -> tuple[str, ...]:
    """Attributes that nobody asked for; none where somebody asked for all, or for nothing of the kind."""
    if asked is None:
        return ()
    return tuple(n for n in shared if n not in asked)


def _attributes_read(district_id: UUID, since: datetime) -> dict[tuple[UUID, str], frozenset[str] | None]:
    """By integration and kind: the names that were asked for, or None where somebody asked for all."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.integration_id, r.kind, bool_or(r.fields IS NULL), array_agg(DISTINCT n) "
            "FROM sharing_reading r LEFT JOIN LATERAL unnest(r.fields) n ON true "
            "WHERE r.district_id = %s AND r.last_at >= %s GROUP BY 1, 2",
            [district_id, since],
        )
        return {
            (integration, kind): None if whole else frozenset(n for n in names if n)
            for integration, kind, whole, names in cursor.fetchall()
        }


def _schools_read(district_id: UUID, since: datetime) -> dict[UUID, set[UUID]]:
    """By integration: the schools by whose paths something was read; the nil UUID where it was all schools."""
    kinds = [kind.name for kind in KINDS.values() if kind.school not in {"", "id"} or kind.same_id_as]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT integration_id, array_agg(DISTINCT school) FROM sharing_reading "
            "WHERE district_id = %s AND last_at >= %s AND kind = ANY(%s) GROUP BY 1",
            [district_id, since, kinds],
        )
        return {integration: set(schools) for integration, schools in cursor.fetchall()}


def _schools_that_stand(district_id: UUID) -> dict[UUID, str]:
    found = roster.records(district_id=district_id, kind="org")
    return {o["id"]: o["name"] for o in found if o["type"] == "school" and o["status"] == "active"}

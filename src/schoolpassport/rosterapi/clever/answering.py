"""A request in this dialect: which path, which part of the view, and the objects and links that answer it."""

import json
from http import HTTPStatus
from typing import Any
from uuid import UUID

from schoolpassport.kit.instants import iso
from schoolpassport.partners import queries as partners
from schoolpassport.rosterapi import documents, errors, events, reading, walking
from schoolpassport.rosterapi.base_url import address_of
from schoolpassport.rosterapi.clever import description, paths, shapes
from schoolpassport.rosterapi.clever.paths import Way
from schoolpassport.rosterapi.documents import Head, Org
from schoolpassport.rosterapi.errors import Answer
from schoolpassport.rosterapi.events import Style
from schoolpassport.rosterapi.objects import Address, Around, Id, Object
from schoolpassport.rosterapi.reading import no_such_record
from schoolpassport.rosterapi.visits import Environ, Trouble, Visit, answered
from schoolpassport.rosterapi.walking import Asked, Words
from schoolpassport.sharing.contract import Collection
from schoolpassport.sharing.queries import Part, PartOf, Stretch, meant_by
from schoolpassport.tenancy import queries as tenancy

PREFIXES = ("/v3.0", "/v3.1")
_CURSORS = Words(after="starting_after", before="ending_before")


def roster(environ: Environ, *, prefix: str, path: str) -> Answer:
    if path == "openapi.json" and environ["REQUEST_METHOD"] == "GET":  # of no district, so it needs no token
        described = description.document(address=address_of(environ), prefix=prefix)
        return errors.answer(json.dumps(described).encode())
    return answered(environ, lambda visit: _answer(visit, prefix, path), shapes.refused, outlet="clever")


def _answer(visit: Visit, prefix: str, path: str) -> Answer:
    value = _found(visit, prefix, path, walking.read(visit.environ.get("QUERY_STRING", ""), _CURSORS))
    return shapes.answer(value, visit.district_id)


def _found(visit: Visit, prefix: str, path: str, asked: Asked) -> Object:
    whose = paths.has_a_district(path)
    if path == "me":
        return _me(visit, prefix)
    if path == "events":
        return events.page(visit, _style(prefix), asked, school=_meant(visit, asked.school) if asked.school else None)
    if path.startswith("events/"):
        return events.one(visit, _style(prefix), path.removeprefix("events/"))
    if path == "districts":
        return _districts(visit, prefix, asked)
    if path.startswith("districts/"):
        return _district(visit, prefix, path.removeprefix("districts/"))
    if whose is not None:
        _only(visit, paths.find(f"{whose[0].word}/{whose[1]}"))
        return _own_district(visit, prefix)
    found = paths.find(path)
    if found is None:
        raise Trouble(HTTPStatus.NOT_FOUND, "There is no such path here.")
    way, written = found
    return _single(visit, prefix, way, written) if way.single else _list(visit, prefix, path, way, written, asked)


# ---------------------------------------------------------------------------------------------------- the one district


def _me(visit: Visit, prefix: str) -> Object:
    bearer, own = visit.bearer(), visit.district_id
    links = [
        {"rel": "self", "uri": "/me"},
        {"rel": "canonical", "uri": Address(f"{prefix}/districts/", own)},
        {"rel": "district", "uri": Address(f"{prefix}/districts/", own)},
    ]
    return {
        "type": "district",
        "data": {"id": Id(bearer.district_id), "district": Id(own), "type": "district"},
        "links": links,
    }


def _districts(visit: Visit, prefix: str, asked: Asked) -> Object:
    one = {"data": _shown_district(visit), "uri": Address(f"{prefix}/districts/", visit.district_id)}
    counted = {"count": 1} if asked.count else {}
    return {"data": [one], "links": [{"rel": "self", "uri": f"{prefix}/districts"}], **counted}


def _district(visit: Visit, prefix: str, written: str) -> Object:
    visit.bearer()
    if meant_by(written, district_id=visit.district_id) != visit.district_id:
        raise no_such_record()
    return _own_district(visit, prefix)


def _own_district(visit: Visit, prefix: str) -> Object:
    base = Address(f"{prefix}/districts/", visit.district_id)
    return {"data": _shown_district(visit), "links": [{"rel": "self", "uri": base}]}


def _shown_district(visit: Visit) -> Object:
    bearer = visit.bearer()
    name = tenancy.district(visit.district_id).name
    completed = partners.data_completed(district_id=visit.district_id, integration_id=bearer.integration_id)
    at = None if completed is None else iso(completed)
    return shapes.district(visit.district_id, name, last_sync=at)


# ------------------------------------------------------------------------------------------------------------ records


def _single(visit: Visit, prefix: str, way: Way, written: str) -> Object:
    record, nearby = _only(visit, (way, written))
    return shapes.single(record, nearby, way.thing.word, prefix)


def _only(visit: Visit, found: tuple[Way, str] | None) -> tuple[Head, Around]:
    """The one record that a single way leads to."""
    if found is None:
        raise no_such_record()
    way, written = found
    return reading.only(visit, way.collection, _meant(visit, written))


def _meant(visit: Visit, written: str) -> UUID:
    """What nobody is called stands for an id that nobody has: who asks is proved all the same."""
    return meant_by(written, district_id=visit.district_id) or UUID(int=0)


# ------------------------------------------------------------------------------------------------------------- events

_EVENTS = {
    "org": ("schools",),
    "academicSession": ("terms",),
    "course": ("courses",),
    "class": ("sections",),
    "user": ("users",),
    "resource": ("resources",),
}


def _style(prefix: str) -> Style:
    return Style(prefix, _CURSORS, _EVENTS, _word, shapes.shown, reading.neighbours_of)


def _word(record: Head, nearby: Around) -> str:  # noqa: ARG001 (a user is a user, whatever the role)
    if isinstance(record, Org) and record.type != "school":
        return ""
    return _EVENTS[documents.kind_of(record)][0]


# -------------------------------------------------------------------------------------------------------------- lists


def _list(visit: Visit, prefix: str, path: str, way: Way, written: str, asked: Asked) -> Object:
    part = visit.reader.inquire(PartOf(_stretch(visit, way, written, asked)))
    records, nearby = reading.read(visit, way.thing.subset.kind, part)
    elements = [shapes.element(record, nearby, way.thing.word, prefix) for record in records]
    counted = {} if part.total is None else {"count": part.total}
    links = _links(f"{prefix}/{path}", asked, part, [UUID(record.sourced_id) for record in records])
    return {"data": elements, "links": links, **counted}


def _stretch(visit: Visit, way: Way, written: str, asked: Asked) -> Stretch:
    if asked.role and asked.role not in way.roles and way.roles:
        raise Trouble(HTTPStatus.BAD_REQUEST, f"role is one of {', '.join(way.roles)} here.")
    collection, roles = _wanted(way, asked.role)
    return Stretch(
        collection,
        (_meant(visit, written),) if collection.parents else (),
        roles=roles,
        after=_place(visit, asked.after, "starting_after"),
        before=_place(visit, asked.before, "ending_before"),
        limit=asked.limit,
        revision=asked.revision,
        counted=asked.count and way.counted,
        primary=way.primary if asked.primary else "",
    )


def _wanted(way: Way, role: str) -> tuple[Collection, tuple[Any, ...]]:
    if not role or not way.roles:
        return way.collection, ()
    return (way.by_role[role], ()) if way.by_role else (way.collection, paths.ROLES[role])


def _place(visit: Visit, written: str, name: str) -> UUID | None:
    if not written:
        return None
    meant = meant_by(written, district_id=visit.district_id)
    if meant is None:
        raise Trouble(HTTPStatus.BAD_REQUEST, f"{name} is the id of a record that you have read.")
    return meant


def _links(address: str, asked: Asked, part: Part, ids: list[UUID]) -> list[Object]:
    """Pages before and after; all of one revision."""
    kept = f"{address}?{asked.kept}revision={part.revision}&"
    links: list[Object] = [{"rel": "self", "uri": f"{address}?{asked.kept}".rstrip("?&")}]
    backwards = bool(asked.before)
    if ids and (part.more or backwards):
        links.append({"rel": "next", "uri": Address(f"{kept}starting_after=", ids[-1])})
    if ids and (asked.after or (part.more and backwards)):
        links.append({"rel": "prev", "uri": Address(f"{kept}ending_before=", ids[0])})
    return links

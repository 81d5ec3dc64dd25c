"""A request to the native API: which path, which part of the view, and the envelope around it."""

import re
from http import HTTPStatus
from uuid import UUID

from schoolpassport.kit.instants import iso
from schoolpassport.kit.recent import Recent
from schoolpassport.partners import queries as partners
from schoolpassport.rosterapi import events, reading, walking
from schoolpassport.rosterapi.base_url import address_of
from schoolpassport.rosterapi.errors import Answer
from schoolpassport.rosterapi.events import Style
from schoolpassport.rosterapi.native import description, paths, shapes
from schoolpassport.rosterapi.native.paths import OF_A_DISTRICT, Way
from schoolpassport.rosterapi.objects import Address, Object
from schoolpassport.rosterapi.reading import no_such_record
from schoolpassport.rosterapi.visits import Environ, Trouble, Visit, answered
from schoolpassport.rosterapi.walking import SINCE, UNTIL, Asked, Words
from schoolpassport.sharing.queries import Part, PartOf, Stretch
from schoolpassport.tenancy import queries as tenancy

PREFIX = "/datahub/services/v1"
_LINKS = "/v1"  # addresses in answers stand on the services' base
_CURSORS = Words(after="after", before="before", timed=True)
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_EVENTS = {
    "org": ("schools",),
    "class": ("sections",),
    "user": ("students", "teachers", "contacts", "school_admins", "district_admins"),
}
_STYLE = Style(_LINKS, _CURSORS, _EVENTS, shapes.word, shapes.shown, reading.neighbours_of)
_totals: Recent[tuple[bytes, str, int], int] = Recent(10_000)  # of one revision: a total that holds for its pages


def roster(environ: Environ, *, prefix: str, path: str) -> Answer:
    if path == "openapi.json" and environ["REQUEST_METHOD"] == "GET":  # of no district, so it needs no token
        return shapes.answer(description.document(address=address_of(environ), base=prefix))
    return answered(environ, lambda visit: _answer(visit, path), shapes.refused, outlet="data-api")


def _answer(visit: Visit, path: str) -> Answer:
    visit.wants_titles = True
    return shapes.answer(_found(visit, path, walking.read(visit.environ.get("QUERY_STRING", ""), _CURSORS)))


def _found(visit: Visit, path: str, asked: Asked) -> Object:
    word, _, rest = path.partition("/")
    if word == "events":
        return _events(visit, asked) if not rest else events.one(visit, _STYLE, rest)
    if word == "districts":
        return _districts(visit, rest, asked)
    found = paths.find(path)
    if found is None:
        raise Trouble(HTTPStatus.NOT_FOUND, "There is no such path here.")
    way, written = found
    return _single(visit, way, written) if way.single else _list(visit, path, way, written, asked)


def _single(visit: Visit, way: Way, written: str) -> Object:
    record, nearby = reading.only(visit, way.collection, _meant(written), way.roles)
    uri = Address(f"{_LINKS}/{way.thing.word}/", UUID(record.sourced_id))
    return {"data": shapes.shown(record, nearby, way.thing.word), "links": [{"rel": "self", "uri": uri}]}


def _meant(written: str) -> UUID:
    """What is no id of ours stands for one that nobody has."""
    return UUID(written) if _ID.fullmatch(written) else UUID(int=0)


def _events(visit: Visit, asked: Asked) -> Object:
    if asked.since or asked.until:
        raise Trouble(HTTPStatus.BAD_REQUEST, "after and before are ids of events here.")
    return events.page(visit, _STYLE, asked, school=_meant(asked.school) if asked.school else None)


# ---------------------------------------------------------------------------------------------------- the one district


def _districts(visit: Visit, rest: str, asked: Asked) -> Object:
    bearer, own = visit.bearer(), Address(f"{_LINKS}/districts/", visit.district_id)
    if not rest:
        paging = {"current": 1, "total": 1, "count": 1}
        return {"data": [{"data": _district(visit), "uri": own}], "links": [_self("districts")], "paging": paging}
    written, _, word = rest.partition("/")
    if written != str(visit.district_id):
        raise no_such_record()
    if not word:
        return {"data": _district(visit), "links": [{"rel": "self", "uri": own}]}
    if word == "status":
        at = partners.data_completed(district_id=visit.district_id, integration_id=bearer.integration_id)
        last = None if at is None else iso(at)
        return {
            "data": {**_district(visit), "state": "running", "last_sync": last},
            "links": [_self(f"districts/{rest}")],
        }
    if word == "events":
        return _events(visit, asked)
    found = paths.find(word) if word in OF_A_DISTRICT else None
    if found is None:
        raise Trouble(HTTPStatus.NOT_FOUND, "There is no such path here.")
    return _list(visit, f"districts/{rest}", found[0], "", asked)


def _district(visit: Visit) -> Object:
    return shapes.district(visit.district_id, tenancy.district(visit.district_id).name)


def _self(path: str) -> Object:
    return {"rel": "self", "uri": f"{_LINKS}/{path}"}


# -------------------------------------------------------------------------------------------------------------- lists


def _list(visit: Visit, path: str, way: Way, written: str, asked: Asked) -> Object:
    which = f"{path}?{_times(asked)}"
    known = None if asked.revision is None else _totals.get((visit.puller, which, asked.revision))
    stretch = Stretch(
        way.collection,
        (_meant(written),) if way.collection.parents else (),
        roles=way.roles,
        after=_place(asked.after, "after"),
        before=_place(asked.before, "before"),
        limit=asked.limit,
        skip=asked.offset,
        revision=asked.revision,
        counted=known is None,
        total=known or 0,
        since=asked.since,
        until=asked.until,
    )
    part = visit.reader.inquire(PartOf(stretch))
    total = part.total if part.total is not None else known or 0
    _totals.put((visit.puller, which, part.revision), total)
    records, nearby = reading.read(visit, way.thing.subset.kind, part)
    base = f"{_LINKS}/{way.thing.word}/"
    elements = [
        {"data": shapes.shown(record, nearby, way.thing.word), "uri": Address(base, UUID(record.sourced_id))}
        for record in records
    ]
    ids = [UUID(record.sourced_id) for record in records]
    paging = {"total": max(1, -(-total // asked.limit)), "count": total}
    if not (asked.after or asked.before):
        paging = {"current": asked.offset // asked.limit + 1, **paging}
    return {"data": elements, "links": _links(path, asked, part, ids), "paging": paging}


def _times(asked: Asked) -> str:
    """What the query says of times, as links repeat it."""
    named = ((SINCE, asked.since), (UNTIL, asked.until))
    return "".join(f"{name}={round(at.timestamp() * 1000)}&" for name, at in named if at is not None)


def _place(written: str, name: str) -> UUID | None:
    if written and not _ID.fullmatch(written):
        sentence = f"{name} is the id of a record, or a time in seconds or milliseconds since 1970."
        raise Trouble(HTTPStatus.BAD_REQUEST, sentence)
    return UUID(written) if written else None


def _links(path: str, asked: Asked, part: Part, ids: list[UUID]) -> list[Object]:
    """Pages before and after; all of one revision."""
    repeated = f"{_LINKS}/{path}?{_times(asked)}limit={asked.limit}&revision={part.revision}&"
    links: list[Object] = [_self(path)]
    backwards = bool(asked.before)
    if ids and (part.more or backwards):
        links.append({"rel": "next", "uri": Address(f"{repeated}after=", ids[-1])})
    if ids and (asked.after or asked.offset or (part.more and backwards)):
        links.append({"rel": "prev", "uri": Address(f"{repeated}before=", ids[0])})
    return links

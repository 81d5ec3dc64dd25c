"""The events of OneRoster 1.1: the change log of the view, a line for each change, with the record as 1.1 shows it.

The standard has none; School Passport adds them. Their ids are those that the other dialects give the same changes.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import msgspec

from schoolpassport.gradebook.contract import GRADES
from schoolpassport.roster.kinds import KINDS, Version
from schoolpassport.rosterapi import access, errors, events
from schoolpassport.rosterapi.base_url import address_of
from schoolpassport.rosterapi.documents import Head
from schoolpassport.rosterapi.errors import Answer, Failure, Minor
from schoolpassport.rosterapi.parameters import DEFAULT_LIMIT, LARGEST_LIMIT
from schoolpassport.rosterapi.visits import Environ, Trouble, Visit, answered, within
from schoolpassport.rosterapi.vocabulary import CHANGES
from schoolpassport.rosterapi.whole import kinds
from schoolpassport.rosterapi.whole.asked import number, query_of
from schoolpassport.sharing.queries import Line, Log

PATH: Final = "events"
ALL, ONE = "getAllEvents", "getEvent"
_MINORS: Final[Mapping[HTTPStatus, Minor]] = {
    HTTPStatus.BAD_REQUEST: Minor.INVALID_DATA,
    HTTPStatus.NOT_FOUND: Minor.UNKNOWN_OBJECT,
}
_same = msgspec.json.decode


class _Asked(NamedTuple):
    """``base``: under which hrefs and links lead on."""

    base: str
    path: str

    @property
    def id(self) -> str:
        return self.path.removeprefix(PATH).removeprefix("/")


def is_meant(path: str) -> bool:
    return path == PATH or path.startswith(f"{PATH}/")


def answer(environ: Environ, *, prefix: str, path: str) -> Answer:
    """``path``: “events”, or “events/” and the id of one."""

    def work(visit: Visit) -> Answer:
        visit.scopes = kinds.SCOPES
        asked = _Asked(address_of(environ) + prefix, path)
        return _one(visit, asked) if asked.id else _page(visit, asked)

    def refused(status: HTTPStatus, sentence: str, minor: Minor | None) -> Answer:
        failure = Failure(minor or _MINORS.get(status, Minor.SERVER_ERROR), sentence)
        return errors.refused(failure, operation=ALL if path == PATH else ONE)

    return answered(environ, work, refused, outlet=access.OUTLET)


def _page(visit: Visit, asked: _Asked) -> Answer:
    sent = query_of(visit.environ)
    limit, collections = number(sent, "limit", DEFAULT_LIMIT), sent.get("collections", "")
    if not 1 <= limit <= LARGEST_LIMIT:
        raise Trouble(HTTPStatus.BAD_REQUEST, f"limit is a whole number from 1 to {LARGEST_LIMIT}.")
    after = events.place(sent["after"]) if sent.get("after") else events.Place(0)
    if after is None:
        raise Trouble(HTTPStatus.BAD_REQUEST, "after is the sourcedId of an event.")
    log = Log(_kinds(visit, collections), after=after.seq, limit=limit, previous=True, base=asked.base)
    found = visit.reader.inquire(log)
    within(after.seq, found.last_seq)
    told = [_event(found.view, line) for line in found.lines]
    headers = {"X-Revision": str(found.revision)}
    if found.more:
        kept = f"collections={quote(collections, safe='')}&" if collections else ""
        here = f"{asked.base}/{PATH}?{kept}limit={limit}"
        headers["Link"] = f'<{here}&after={told[-1]["sourcedId"]}>; rel="next"'
    return _answered(visit, {"events": told}, headers)


def _one(visit: Visit, asked: _Asked) -> Answer:
    place = events.place(asked.id) or events.Place(0)
    log = Log(_kinds(visit, ""), after=place.seq - 1, before=place.seq + 1, limit=1, previous=True, base=asked.base)
    found = visit.reader.inquire(log)
    told = [each for line in found.lines if (each := _event(found.view, line))["sourcedId"] == asked.id]
    if not told:
        raise Trouble(HTTPStatus.NOT_FOUND, "There is no such event here.")
    return _answered(visit, {"event": told[0]}, {})


def _kinds(visit: Visit, collections: str) -> tuple[str, ...]:
    """Those that 1.1 has."""
    wanted = kinds.asked_for(visit, collections)
    known = tuple(kind for kind in wanted if Version.V1P1 in KINDS[kind].versions)
    if known != wanted and collections:
        stranger = next(KINDS[kind].plural for kind in wanted if kind not in known)
        raise Trouble(HTTPStatus.BAD_REQUEST, f"There is no collection {stranger} in OneRoster 1.1.")
    return known


def _event(view: int, line: Line) -> dict[str, Any]:
    told: dict[str, Any] = {
        "sourcedId": events.name(view, events.Place(line.seq)),
        "status": "active",
        "dateLastModified": _same(line.document, type=Head).date_last_modified,
        "type": f"{KINDS[line.kind].plural}.{CHANGES[line.change]}",
        "object": {line.kind: line.document},
    }
    if bytes(line.before) and line.change in {"u", "m"}:
        now, was = _same(line.document), _same(line.before)
        names = [name for name in {**was, **now} if was.get(name) != now.get(name) and name != "dateLastModified"]
        told["previousAttributes"] = {name: was.get(name) for name in names}
    return told


def _answered(visit: Visit, body: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
    """What the application wrote itself has the names that it gave, as in all of 1.1."""
    encoded = msgspec.json.encode(body)
    named = visit.reader.named(encoded) if any(f'"{kind}":'.encode() in encoded for kind in GRADES) else encoded
    return errors.answer(named, headers=headers)

"""The dialect's events, from the change log of the view: what was created, updated and deleted since an event.

What OneRoster keeps beside a record, the dialect shows inside it: who joins a class or leaves it updates the section,
demographics update the user, and a pupil updates the contacts.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from schoolpassport.rosterapi import documents
from schoolpassport.rosterapi.clever import shapes
from schoolpassport.rosterapi.clever.asking import Asked
from schoolpassport.rosterapi.documents import Head, Org, User
from schoolpassport.rosterapi.neighbours import around
from schoolpassport.rosterapi.objects import Around, Object
from schoolpassport.rosterapi.visits import Trouble, Visit
from schoolpassport.sharing.queries import Line, Lines, Log, These, meant_by

_WORDS: Final = {  # kind → the word of its events
    "org": "schools",
    "academicSession": "terms",
    "course": "courses",
    "class": "sections",
    "user": "users",
    "resource": "resources",
}
_INSIDE: Final = {  # shown inside the other: in a section its people, in a contact its pupils
    "enrollment": ("class", "sections"),
    "demographics": ("user", "users"),
    "user": ("user", "users"),
}
_VERBS: Final = {"c": "created", "r": "created", "u": "updated", "m": "updated", "d": "deleted"}
_NEWEST = "last"
_ID = re.compile(r"[0-9a-f]{24}", re.ASCII)


class _Enrollment(msgspec.Struct, rename={"class_": "class"}):
    class_: documents.Ref | None = None


class Place(NamedTuple):
    """Where an event stands: by the line of the change log, and among the events of one line."""

    seq: int
    part: int = 0


_Event = tuple[Place, Object]
_AFTER_ALL = Place(2**48 - 1, 2**16 - 1)
_BEFORE_ALL = Place(0, 0)


def page(visit: Visit, prefix: str, asked: Asked) -> Object:
    after = _place(asked.after) if asked.after else _BEFORE_ALL
    before = _place(asked.before) if asked.before and asked.before != _NEWEST else _AFTER_ALL
    found = visit.reader.inquire(_log(visit, asked, after, before))
    events = [event for event in _events(visit, found) if after < event[0] < before]
    kept = events[-asked.limit :] if asked.before else events[: asked.limit]
    elements = [_element(found.view, event, prefix) for event in kept]
    return {"data": elements, "links": _links(f"{prefix}/events", asked, found, kept, cut=len(kept) < len(events))}


def one(visit: Visit, prefix: str, written: str) -> Object:
    place = _place(written)
    found = visit.reader.inquire(
        Log(_kinds(visit, ()), after=place.seq - 1, before=place.seq + 1, limit=1, previous=True)
    )
    event = next((each for each in _events(visit, found) if _name(found.view, each[0]) == written), None)
    if event is None:
        raise Trouble(HTTPStatus.NOT_FOUND, "There is no such event here.")
    shown = _element(found.view, event, prefix)
    return {"data": shown["data"], "links": [{"rel": "self", "uri": shown["uri"]}]}


# ---------------------------------------------------------------------------------------------------- what is asked for


def _log(visit: Visit, asked: Asked, after: Place, before: Place) -> Log:
    """The lines of both ends come, too: some of their events may still be to come."""
    school = None
    if asked.school:
        school = meant_by(asked.school, district_id=visit.district_id) or UUID(int=0)
    return Log(
        _kinds(visit, asked.record_types),
        after=after.seq - 1,
        before=before.seq + 1,
        limit=asked.limit + 1,
        backwards=bool(asked.before),
        school=school,
        previous=True,
    )


def _kinds(visit: Visit, record_types: Sequence[str]) -> tuple[str, ...]:
    wanted = {word.partition(".")[0] for word in record_types} or set(_WORDS.values())
    if unknown := sorted(wanted - set(_WORDS.values()) - {"districts"}):
        raise Trouble(HTTPStatus.BAD_REQUEST, f"There is no record_type {unknown[0]}.")
    own = [kind for kind, word in _WORDS.items() if word in wanted]
    inside = [kind for kind, (_, word) in _INSIDE.items() if word in wanted and kind != "user"]
    if "demographics" in inside and not visit.may_see_demographics():
        inside.remove("demographics")
    return (*own, *inside) or ("category",)  # districts: the one district does not change


def _place(written: str) -> Place:
    if not _ID.fullmatch(written):
        raise Trouble(HTTPStatus.BAD_REQUEST, "starting_after and ending_before are ids of events here.")
    return Place(int(written[8:20], 16), int(written[20:], 16))


def _name(view: int, place: Place) -> str:
    return f"{view:08x}{place.seq:012x}{place.part:04x}"


def _element(view: int, event: _Event, prefix: str) -> Object:
    name = _name(view, event[0])
    return {"data": {"id": name, **event[1]}, "uri": f"{prefix}/events/{name}"}


def _links(address: str, asked: Asked, found: Lines, kept: list[_Event], *, cut: bool) -> list[Object]:
    """Lines that are no events here are passed by: the cursor goes on behind them."""
    repeated = f"{address}?{asked.kept}"
    links: list[Object] = [{"rel": "self", "uri": repeated.rstrip("?&")}]
    if not found.lines:
        return links
    backwards, more = bool(asked.before), found.more or cut
    first, last = Place(found.lines[0].seq), Place(found.lines[-1].seq, _AFTER_ALL.part)
    if kept:
        first, last = (kept[0][0] if backwards and cut else first), (last if backwards or not cut else kept[-1][0])
    if more or backwards:
        links.append({"rel": "next", "uri": f"{repeated}starting_after={_name(found.view, last)}"})
    if asked.after or (more and backwards):
        links.append({"rel": "prev", "uri": f"{repeated}ending_before={_name(found.view, first)}"})
    return links


# ------------------------------------------------------------------------------------------------------ what is shown


def _events(visit: Visit, found: Lines) -> list[_Event]:
    """Lines of one revision are shown together, with their neighbours as of it."""
    by_revision: dict[int, list[Line]] = {}
    for line in found.lines:
        by_revision.setdefault(line.revision if line.readable else found.revision, []).append(line)
    events = [event for revision, lines in by_revision.items() for event in _at(visit, revision, lines)]
    return sorted(events, key=lambda event: event[0])


def _at(visit: Visit, revision: int, lines: list[Line]) -> list[_Event]:
    events = [event for kind in _WORDS for event in _own(visit, revision, kind, [x for x in lines if x.kind == kind])]
    told = {(line.kind, line.id) for line in lines}
    for kind, (outer, _) in _INSIDE.items():
        holders = _holders(kind, [line for line in lines if line.kind == kind])
        latest = {holder: at for holder, at in holders if (outer, holder) not in told}
        events += _updated(visit, revision, outer, latest)
    return events


def _own(visit: Visit, revision: int, kind: str, lines: list[Line]) -> list[_Event]:
    """Events of records that changed themselves."""
    if not lines:
        return []
    now = documents.read(kind, _list(line.document for line in lines))
    was = {
        line.seq: record
        for line, record in zip(
            [line for line in lines if bytes(line.before)],
            documents.read(kind, _list(line.before for line in lines if bytes(line.before))),
            strict=True,
        )
    }
    nearby = _around(visit, kind, [*now, *was.values()], revision)
    return [
        (Place(line.seq), _event(line, kind, _VERBS[line.change], record, nearby, was.get(line.seq)))
        for line, record in zip(lines, now, strict=True)
        if not isinstance(record, Org) or record.type == "school"
    ]


def _holders(kind: str, lines: Iterable[Line]) -> list[tuple[UUID, tuple[Line, int]]]:
    """The record that each line is shown inside of, and which event of the line that makes."""
    held: list[tuple[UUID, tuple[Line, int]]] = []
    for line in lines:
        match kind:
            case "demographics":
                inside = [line.id]
            case "user":
                inside = _agents_concerned(line)
            case _:
                found = msgspec.json.decode(line.document, type=_Enrollment).class_
                inside = [] if found is None else [UUID(found.sourced_id)]
        held += [(holder, (line, part)) for part, holder in enumerate(inside, start=1)]
    return held


def _agents_concerned(line: Line) -> list[UUID]:
    """Whose pupil somebody is now, or is not any more."""
    if line.change in {"c", "r", "d"}:
        return sorted(UUID(agent) for agent in _agents(line.document))
    now, was = _agents(line.document), _agents(line.before) if bytes(line.before) else set()
    return sorted(UUID(agent) for agent in now ^ was)


def _agents(document: msgspec.Raw) -> set[str]:
    user = msgspec.json.decode(document, type=User)
    return {ref.sourced_id for ref in user.agents} if user.role == "student" else set()


def _updated(visit: Visit, revision: int, kind: str, latest: Mapping[UUID, tuple[Line, int]]) -> list[_Event]:
    """Events of records inside which something changed: one each, at the last of the changes."""
    if not latest:
        return []
    records = documents.read(kind, visit.reader.inquire(These(kind, tuple(latest), revision)))
    nearby = _around(visit, kind, records, revision)
    lines = [(*latest[UUID(record.sourced_id)], record) for record in records]
    return [(Place(line.seq, part), _event(line, kind, "updated", record, nearby)) for line, part, record in lines]


def _around(visit: Visit, kind: str, records: Sequence[Head], revision: int) -> Around:
    return around(
        kind,
        records,
        visit.reader,
        district_id=visit.district_id,
        revision=revision,
        demographics=visit.may_see_demographics(),
    )


def _event(line: Line, kind: str, verb: str, record: Head, nearby: Around, before: Head | None = None) -> Object:
    shown = shapes.shown(record, nearby)
    at = msgspec.json.decode(line.document, type=Head).date_last_modified
    event: Object = {"type": f"{_WORDS[kind]}.{verb}", "created": at, "data": {"object": shown}}
    if verb == "updated" and before is not None:
        # The vendor's description has it beside the object, its prose and its older samples inside of data.
        changed = _differences(shapes.shown(before, nearby), shown)
        event["data"]["previous_attributes"] = event["previous_attributes"] = changed
    return event


def _differences(was: Object, now: Object) -> Object:
    """Old values of what is another now; None for what was not there."""
    plain_was, plain_now = _plain(was), _plain(now)
    names = [name for name in {**was, **now} if plain_was.get(name) != plain_now.get(name) and name != "last_modified"]
    return {name: was.get(name) for name in names}


def _plain(value: Object) -> dict[str, bytes]:
    return {name: msgspec.json.encode(each, enc_hook=lambda found: str(found.value)) for name, each in value.items()}


def _list(found: Iterable[msgspec.Raw]) -> bytes:
    return b"[" + b",".join(bytes(each) for each in found) + b"]"

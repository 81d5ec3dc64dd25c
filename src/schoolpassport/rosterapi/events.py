"""Events of Clever-like dialects, from the change log of the view: what was created, updated, deleted since an event.

What OneRoster keeps beside a record, these dialects show inside it: who joins a class or leaves it updates the section,
demographics update the user, and a pupil updates the contacts.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from schoolpassport.rosterapi import documents
from schoolpassport.rosterapi.documents import Head, Org, Ref, User
from schoolpassport.rosterapi.objects import Around, Object
from schoolpassport.rosterapi.visits import Trouble, Visit, within
from schoolpassport.rosterapi.walking import Asked, Words
from schoolpassport.sharing.queries import Line, Lines, Log, These

_INSIDE: Final = {"enrollment": "class", "demographics": "user", "user": "user"}  # shown inside the other
_VERBS: Final = {"c": "created", "r": "created", "u": "updated", "m": "updated", "d": "deleted"}
_NEWEST = "last"
_ID = re.compile(r"[0-9a-f]{24}", re.ASCII)
_OTHERS = 2  # the first part of a line's events that is about others; before it are its own


@dataclass(frozen=True)
class Style:
    """How a dialect tells events.

    ``words``: what the records of each kind can be called; ``word``: what one is called, "" when it is nothing here.
    """

    prefix: str
    cursors: Words
    words: Mapping[str, tuple[str, ...]]
    word: Callable[[Head, Around], str]
    shown: Callable[[Head, Around], Object]
    around: Callable[[Visit, str, Sequence[Head], int], Around]


class Place(NamedTuple):
    """Where an event stands: by the line of the change log, and among the events of one line."""

    seq: int
    part: int = 0


class Event(NamedTuple):
    place: Place
    told: Object


class _Enrollment(msgspec.Struct, rename={"class_": "class"}):
    class_: documents.Ref | None = None


_AFTER_ALL = Place(2**48 - 1, 2**16 - 1)
_BEFORE_ALL = Place(0, 0)


def page(visit: Visit, style: Style, asked: Asked, *, school: UUID | None) -> Object:
    """``school``: whose events alone are wanted."""
    after = _place(asked.after, style) if asked.after else _BEFORE_ALL
    before = _place(asked.before, style) if asked.before and asked.before != _NEWEST else _AFTER_ALL
    wanted = _wanted(asked.record_types, style)
    found = visit.reader.inquire(
        Log(  # the lines of both ends come, too: some of their events may still be to come
            _kinds(visit, style, wanted),
            after=after.seq - 1,
            before=before.seq + 1,
            limit=asked.limit + 1,
            backwards=bool(asked.before),
            school=school,
            previous=True,
        )
    )
    within(after.seq, found.last_seq)
    events = [e for e in _Telling(visit, style).of(found) if after < e.place < before and _word(e) in wanted]
    kept = events[-asked.limit :] if asked.before else events[: asked.limit]
    links = _links(style, asked, found, kept, cut=len(kept) < len(events))
    return {"data": [_element(found.view, event, style) for event in kept], "links": links}


def one(visit: Visit, style: Style, written: str) -> Object:
    """Raises ``Trouble`` (404) when there is no such event, or it is not told any more."""
    place = _place(written, style)
    kinds = _kinds(visit, style, _wanted((), style))
    found = visit.reader.inquire(Log(kinds, after=place.seq - 1, before=place.seq + 1, limit=1, previous=True))
    told = _Telling(visit, style).of(found)
    event = next((each for each in told if name(found.view, each.place) == written), None)
    if event is None:
        raise Trouble(HTTPStatus.NOT_FOUND, "There is no such event here.")
    shown = _element(found.view, event, style)
    return {"data": shown["data"], "links": [{"rel": "self", "uri": shown["uri"]}]}


# ---------------------------------------------------------------------------------------------------- what is asked for


def _wanted(record_types: Sequence[str], style: Style) -> frozenset[str]:
    """The words that are asked for, by themselves (``users``) or with a verb; all when none is."""
    every = frozenset(word for words in style.words.values() for word in words)
    wanted = frozenset(each.partition(".")[0] for each in record_types) or every
    if unknown := sorted(wanted - every - {"districts"}):
        raise Trouble(HTTPStatus.BAD_REQUEST, f"There is no record_type {unknown[0]}.")
    return wanted


def _kinds(visit: Visit, style: Style, wanted: frozenset[str]) -> tuple[str, ...]:
    own = [kind for kind, words in style.words.items() if not wanted.isdisjoint(words)]
    inside = [kind for kind, outer in _INSIDE.items() if outer in own and kind not in own]
    if "demographics" in inside and not visit.may_see_demographics():
        inside.remove("demographics")
    return (*own, *inside) or ("category",)  # none of whose lines is an event


def _word(event: Event) -> str:
    word: str = event.told["type"].partition(".")[0]
    return word


def _place(written: str, style: Style) -> Place:
    found = place(written)
    if found is None:
        sentence = f"{style.cursors.after} and {style.cursors.before} are ids of events here."
        raise Trouble(HTTPStatus.BAD_REQUEST, sentence)
    return found


def place(written: str) -> Place | None:
    """Where the event of this id stands; None for what is no id of an event."""
    return Place(int(written[8:20], 16), int(written[20:], 16)) if _ID.fullmatch(written) else None


def name(view: int, place: Place) -> str:
    return f"{view:08x}{place.seq:012x}{place.part:04x}"


def _element(view: int, event: Event, style: Style) -> Object:
    own = name(view, event.place)
    return {"data": {"id": own, **event.told}, "uri": f"{style.prefix}/events/{own}"}


def _links(style: Style, asked: Asked, found: Lines, kept: list[Event], *, cut: bool) -> list[Object]:
    """Lines that are no events here are passed by: the cursor goes on behind them."""
    repeated = f"{style.prefix}/events?{asked.kept}"
    links: list[Object] = [{"rel": "self", "uri": repeated.rstrip("?&")}]
    if not found.lines:
        return links
    backwards, more = bool(asked.before), found.more or cut
    first, last = Place(found.lines[0].seq), Place(found.lines[-1].seq, _AFTER_ALL.part)
    if cut:
        first, last = (kept[0].place, last) if backwards else (first, kept[-1].place)
    if more or backwards:
        links.append({"rel": "next", "uri": f"{repeated}{style.cursors.after}={name(found.view, last)}"})
    if asked.after or (more and backwards):
        links.append({"rel": "prev", "uri": f"{repeated}{style.cursors.before}={name(found.view, first)}"})
    return links


# ------------------------------------------------------------------------------------------------------ what is shown


class _Telling:
    def __init__(self, visit: Visit, style: Style) -> None:
        self._visit = visit
        self._style = style

    def of(self, found: Lines) -> list[Event]:
        """Lines of one revision are shown together, with their neighbours as of it."""
        by_revision: dict[int, list[Line]] = {}
        for line in found.lines:
            by_revision.setdefault(line.revision if line.readable else found.revision, []).append(line)
        events = [event for revision, lines in by_revision.items() for event in self._at(revision, lines)]
        return sorted(events, key=lambda event: event.place)

    def _at(self, revision: int, lines: list[Line]) -> list[Event]:
        by_kind: dict[str, list[Line]] = {}
        for line in lines:
            by_kind.setdefault(line.kind, []).append(line)
        own = [kind for kind in by_kind if kind in self._style.words]
        events = [event for kind in own for event in self._themselves(revision, kind, by_kind[kind])]
        told = {(line.kind, line.id) for line in lines}
        for kind, outer in _INSIDE.items():
            holders = _holders(kind, by_kind.get(kind, []))
            latest = {holder: at for holder, at in holders if (outer, holder) not in told}
            events += self._around(revision, outer, latest)
        return events

    def _themselves(self, revision: int, kind: str, lines: list[Line]) -> list[Event]:
        """Events of records that changed themselves."""
        told_before = [line for line in lines if bytes(line.before)]
        now: list[Head] = documents.read(kind, _list(line.document for line in lines))
        was: list[Head] = documents.read(kind, _list(line.before for line in told_before))
        nearby = self._style.around(self._visit, kind, [*now, *was], revision)
        before = {line.seq: record for line, record in zip(told_before, was, strict=True)}
        return [
            event
            for line, record in zip(lines, now, strict=True)
            for event in self._of_one(line, record, before.get(line.seq), nearby)
        ]

    def _of_one(self, line: Line, record: Head, before: Head | None, nearby: Around) -> list[Event]:
        """One event; or two, where the record is something else now than it was."""
        if line.change == "d":
            words = self._called(line, record, nearby)
            return [self._event(line, part, word, "deleted", record, nearby) for part, word in enumerate(words)]
        word = self._style.word(record, nearby)
        renamed = before is not None and before.status == "active" and line.change in {"u", "m"}
        was = self._style.word(before, nearby) if before is not None and renamed else word
        if was == word:
            return [self._event(line, 0, word, _VERBS[line.change], record, nearby, before)] if word else []
        events = []
        if was and before is not None:
            events.append(self._event(line, 0, was, "deleted", before, nearby))
        if word:
            events.append(self._event(line, 1, word, "created", record, nearby))
        return events

    def _called(self, line: Line, record: Head, nearby: Around) -> list[str]:
        """What it was called. What a consent withdrew is reduced to its id and its sort.

        An administrator whose schools are not known any more may have been either of the two, and goes as both.
        """
        found = [record]
        match record:
            case Org(type=None):
                found = [msgspec.structs.replace(record, type=line.kept)]
            case User(role=None):
                there = msgspec.structs.replace(record, role=line.kept, orgs=[Ref(sourced_id=record.sourced_id)])
                found = [msgspec.structs.replace(there, orgs=[]), there]
                nearby = replace(nearby, schools=frozenset({record.sourced_id}))
            case _:
                pass
        return sorted({word for each in found if (word := self._style.word(each, nearby))})

    def _around(self, revision: int, kind: str, latest: Mapping[UUID, tuple[Line, int]]) -> list[Event]:
        """Events of records inside which something changed: one each, at the last of the changes.

        Not of those that are told themselves further on, as they are then, maybe on another page.
        """
        if not latest:
            return []
        before = tuple(line.seq for line, _ in latest.values())
        these = These(kind, tuple(latest), revision, before=before)
        records: list[Head] = documents.read(kind, self._visit.reader.inquire(these))
        nearby = self._style.around(self._visit, kind, records, revision)
        return [
            self._event(*latest[UUID(record.sourced_id)], word, "updated", record, nearby)
            for record in records
            if (word := self._style.word(record, nearby))
        ]

    def _event(
        self, line: Line, part: int, word: str, verb: str, record: Head, nearby: Around, before: Head | None = None
    ) -> Event:
        shown = self._style.shown(record, nearby)
        at = msgspec.json.decode(line.document, type=Head).date_last_modified
        told: Object = {"type": f"{word}.{verb}", "created": at, "data": {"object": shown}}
        if verb == "updated" and before is not None:
            # The vendor's description has it beside the object, its prose and its older samples inside of data.
            changed = _differences(self._style.shown(before, nearby), shown)
            told["data"]["previous_attributes"] = told["previous_attributes"] = changed
        return Event(Place(line.seq, part), told)


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
                now = [] if found is None else [UUID(found.sourced_id)]
                inside = list(dict.fromkeys([*now, *line.beside]))
        held += [(holder, (line, part)) for part, holder in enumerate(inside, start=_OTHERS)]
    return held


def _agents_concerned(line: Line) -> list[UUID]:
    """Whose pupil somebody is now, or is not any more."""
    now = {UUID(agent) for agent in _agents(line.document)}
    if line.change in {"c", "r"}:
        return sorted(now)
    if line.change == "d":
        return sorted(now or (set(line.beside) if line.kept == "student" else set()))
    was = {UUID(agent) for agent in _agents(line.before)} if bytes(line.before) else set(line.beside)
    return sorted(now ^ was)


def _agents(document: msgspec.Raw) -> set[str]:
    user = msgspec.json.decode(document, type=User)
    return {ref.sourced_id for ref in user.agents} if user.role == "student" else set()


def _differences(was: Object, now: Object) -> Object:
    """Old values of what is another now; None for what was not there."""
    plain_was, plain_now = _plain(was), _plain(now)
    names = [name for name in {**was, **now} if plain_was.get(name) != plain_now.get(name) and name != "last_modified"]
    return {name: was.get(name) for name in names}


def _plain(value: Object) -> dict[str, bytes]:
    return {name: msgspec.json.encode(each, enc_hook=lambda found: str(found.value)) for name, each in value.items()}


def _list(found: Iterable[msgspec.Raw]) -> bytes:
    return b"[" + b",".join(bytes(each) for each in found) + b"]"

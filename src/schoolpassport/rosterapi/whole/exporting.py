"""A whole view in one stream, a line for each record, of one revision; it can be taken up where it broke off."""

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, NamedTuple, Self
from uuid import UUID

import msgspec
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from schoolpassport.roster.kinds import SHARED
from schoolpassport.rosterapi import errors, limits
from schoolpassport.rosterapi.base_url import address_of
from schoolpassport.rosterapi.errors import Answer
from schoolpassport.rosterapi.visits import Trouble, Visit, answered
from schoolpassport.rosterapi.whole import kinds
from schoolpassport.rosterapi.whole.asked import DOCUMENTS, as_asked, query_of, refused
from schoolpassport.rosterapi.whole.asked import revision as revision_of
from schoolpassport.rosterapi.whole.streaming import BrokenOff, streamed
from schoolpassport.sharing.queries import LinesOf, Text

_CHUNK: Final = 2000  # records that are read in one trip
_ABREAST: Final = 2  # trips at once: the database writes the lines of one while it writes those of the other
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_FRESH: Final = 1.0  # seconds for which what was read may be handed over without a look at the terms


@dataclass(frozen=True)
class _Export:
    visit: Visit
    kinds: tuple[str, ...]
    after: UUID | None  # in the first of them
    base: str

    def first(self, revision: int | None) -> Text:
        """The beginning, read before anything is said: whoever may not have it hears so."""
        found = self._read(_Start(self.kinds[0], self.after, revision))
        as_asked(revision, found.revision)
        return found

    def lines(self, first: Text) -> Iterator[bytes]:
        """While some pieces are on their way to the client, the next ones are read."""
        kind, count = self.kinds[0], 0
        read = [_Read(first, time.monotonic(), _Start(kind, self.after, first.revision))]
        with _Ahead(self._read) as ahead:
            while True:
                start = self._next(kind, read[-1].text)
                coming = ahead.asked(start) if start else None
                for each in read:
                    piece = each.fresh(self._read)
                    if piece.revision != first.revision:
                        raise BrokenOff(f"revision {first.revision} cannot be read any more")
                    count += piece.records
                    if piece.text:
                        yield piece.text
                if start is None or coming is None:
                    break
                kind, read = start.kind, coming()
        yield msgspec.json.encode({"end": {"revision": first.revision, "records": count}}) + b"\n"

    def _next(self, kind: str, piece: Text) -> "_Start | None":
        if piece.last is not None:
            return _Start(kind, piece.last, piece.revision)
        left = self.kinds[self.kinds.index(kind) + 1 :]
        return _Start(left[0], None, piece.revision) if left else None

    def _read(self, start: "_Start") -> Text:
        asked = LinesOf(start.kind, _CHUNK, after=start.after, skip=start.skip, revision=start.revision, base=self.base)
        return self.visit.reader.inquire(asked)


class _Start(NamedTuple):
    kind: str
    after: UUID | None
    revision: int | None
    skip: int = 0


class _Read(NamedTuple):
    """A piece, when it was read, and from where."""

    text: Text
    at: float
    start: _Start

    def fresh(self, again: Callable[[_Start], Text]) -> Text:
        """It is read anew if it was left lying: whoever reads slowly gets no withdrawn terms."""
        return self.text if time.monotonic() - self.at < _FRESH else again(self.start)


class _Ahead:
    """Reads by threads of its own, so many pieces abreast. Each has a connection, and no transaction between pieces."""

    def __init__(self, read: Callable[[_Start], Text]) -> None:
        self._read = read
        self._threads = [ThreadPoolExecutor(1, thread_name_prefix="export") for _ in range(_ABREAST)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for closed in [thread.submit(connections.close_all) for thread in self._threads]:
            closed.result()
        for thread in self._threads:
            thread.shutdown()

    def asked(self, start: _Start) -> Callable[[], list[_Read]]:
        """What gives the pieces from there on, in their order."""

        def read(start: _Start) -> _Read:
            piece = self._read(start)
            return _Read(piece, time.monotonic(), start)

        starts = [start._replace(skip=place * _CHUNK) for place in range(_ABREAST)]
        coming = [thread.submit(read, each) for thread, each in zip(self._threads, starts, strict=True)]
        return lambda: [each.result() for each in coming]


@limits.told_by
def export(request: HttpRequest) -> HttpResponseBase:
    """``collections``, ``revision``, and to go on after a record: ``from`` (its collection) and ``after`` (its id)."""
    begun: list[tuple[_Export, Text]] = []

    def begin(visit: Visit) -> Answer:
        visit.scopes = kinds.SCOPES
        sent = query_of(visit.environ)
        wanted = _from(kinds.asked_for(visit, sent.get("collections", "")), sent.get("from", ""))
        after = sent.get("after", "")
        if after and not _ID.fullmatch(after):
            raise Trouble(HTTPStatus.BAD_REQUEST, "after is the sourcedId of a record.")
        made = _Export(visit, wanted, UUID(after) if after else None, address_of(visit.environ) + DOCUMENTS)
        begun.append((made, made.first(revision_of(sent))))
        return errors.answer(b"")

    answer = answered(request.META, begin, refused, outlet="export")
    if not begun or request.method == "HEAD":
        return HttpResponse(answer.body, status=answer.status, headers=answer.headers)
    made, first = begun[0]
    return streamed(request, made.lines(first), revision=first.revision)


def _from(wanted: tuple[str, ...], collection: str) -> tuple[str, ...]:
    """The kinds from this one on."""
    if not collection:
        return wanted
    names = [SHARED[kind].plural for kind in wanted]
    if collection not in names:
        raise Trouble(HTTPStatus.BAD_REQUEST, f"There is no collection {collection} in this export.")
    return wanted[names.index(collection) :]

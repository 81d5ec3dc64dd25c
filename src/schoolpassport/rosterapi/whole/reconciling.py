"""A client says what it holds of a collection, and gets what differs: records, and the ids that its view lacks.

All of one revision. The token and the agreement are proved before anything is taken in, and again with every portion
of records that leaves; each is written down like any other reading.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from tempfile import SpooledTemporaryFile
from typing import Final

import msgspec
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from schoolpassport.rosterapi import errors, limits
from schoolpassport.rosterapi.base_url import address_of
from schoolpassport.rosterapi.errors import Answer
from schoolpassport.rosterapi.visits import SENT, Trouble, Visit, answered
from schoolpassport.rosterapi.whole import held, kinds
from schoolpassport.rosterapi.whole.asked import DOCUMENTS, as_asked, query_of, refused, revision
from schoolpassport.rosterapi.whole.streaming import BrokenOff, streamed
from schoolpassport.sharing import queries
from schoolpassport.sharing.queries import Difference, Part, Picked, Place, PlaceOf, Twice

_CHUNK: Final = 2000  # records that are read in one trip
_IN_MEMORY: Final = 4 << 20
_BUCKET = re.compile(r"[0-9a-f]{3}", re.ASCII)
_LINES = msgspec.json.Decoder(list[msgspec.Raw]).decode


@dataclass(frozen=True)
class _Reconciliation:
    visit: Visit
    kind: str
    place: Place
    found: Difference
    base: str

    def parts(self) -> Iterator[Part]:
        for ids in queries.ids(self.found.wanted, at_once=_CHUNK):
            part = self.visit.reader.inquire(Picked(self.kind, ids, self.place.revision, self.base))
            if part.revision != self.place.revision:
                raise BrokenOff(f"revision {self.place.revision} cannot be read any more")
            yield part

    def lines(self, first: Part, others: Iterator[Part]) -> Iterator[bytes]:
        yield self._records(first)
        yield from map(self._records, others)
        for ids in queries.ids(self.found.surplus, at_once=_CHUNK):
            yield b"".join(b'{"deleted":{"sourcedId":"%b"}}\n' % str(each).encode() for each in ids)
        end = {
            "revision": self.place.revision,
            "records": self.found.records,
            "deleted": self.found.deleted,
            "same": self.found.same,
        }
        yield msgspec.json.encode({"end": end}) + b"\n"

    def _records(self, part: Part) -> bytes:
        return b"".join(b'{"%b":%b}\n' % (self.kind.encode(), bytes(each)) for each in _LINES(part.documents))


@limits.told_by
def reconcile(request: HttpRequest) -> HttpResponseBase:
    """``collection``; ``revision``; ``buckets``: those that what is sent belongs to, as ``0a3,1f7``."""
    begun: list[tuple[_Reconciliation, Part, Iterator[Part]]] = []

    def begin(visit: Visit) -> Answer:
        made = _made(visit, request)
        parts = made.parts()
        begun.append((made, next(parts), parts))
        return errors.answer(b"")

    answer = answered(request.META, begin, refused, outlet="reconcile", methods=SENT)
    if not begun:
        return HttpResponse(answer.body, status=answer.status, headers=answer.headers)
    made, first, others = begun[0]
    return streamed(request, made.lines(first, others), revision=made.place.revision)


def _made(visit: Visit, request: HttpRequest) -> _Reconciliation:
    visit.scopes = kinds.SCOPES
    sent = query_of(visit.environ)
    kind = _kind(visit, sent.get("collection", ""))
    buckets = _buckets(sent["buckets"]) if "buckets" in sent else None
    asked = revision(sent)
    place = visit.reader.inquire(PlaceOf(asked))
    as_asked(asked, place.revision)
    with SpooledTemporaryFile(_IN_MEMORY) as theirs:
        held.write(request, theirs, buckets=buckets)
        theirs.seek(0)
        try:
            found = queries.difference(
                district_id=visit.district_id, place=place, kind=kind, held=theirs, buckets=buckets
            )
        except Twice as twice:
            sentence = f"Line {twice.line} is of a record that was named before."
            raise Trouble(HTTPStatus.BAD_REQUEST, sentence) from None
    return _Reconciliation(visit, kind, place, found, address_of(visit.environ) + DOCUMENTS)


def _kind(visit: Visit, collection: str) -> str:
    if not collection or "," in collection:
        raise Trouble(HTTPStatus.BAD_REQUEST, "Name the collection of what you send: collection=users.")
    return kinds.asked_for(visit, collection)[0]


def _buckets(said: str) -> frozenset[str]:
    named = frozenset(each.strip() for each in said.split(","))
    if strange := sorted(each for each in named if not _BUCKET.fullmatch(each)):
        sentence = f"“{strange[0][:20]}” is no bucket: the last three digits of ids, as 0a3,1f7."
        raise Trouble(HTTPStatus.BAD_REQUEST, sentence)
    return named

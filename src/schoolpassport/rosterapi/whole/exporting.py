"""A whole view in one stream, a line for each record, of one revision; it can be taken up where it broke off."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from uuid import UUID

import msgspec
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
from schoolpassport.sharing.contract import Collection, Subset
from schoolpassport.sharing.queries import Part, PartOf, Stretch

_CHUNK: Final = 2000  # records that are read in one trip
_WHOLE: Final = {kind: Collection(Subset(kind)) for kind in SHARED}
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_LINES = msgspec.json.Decoder(list[msgspec.Raw]).decode


@dataclass(frozen=True)
class _Export:
    visit: Visit
    kinds: tuple[str, ...]
    after: UUID | None  # in the first of them
    base: str

    def first(self, revision: int | None) -> Part:
        """The beginning, read before anything is said: whoever may not have it hears so."""
        part = self._part(self.kinds[0], self.after, revision)
        as_asked(revision, part.revision)
        return part

    def lines(self, part: Part) -> Iterator[bytes]:
        revision, count = part.revision, 0
        for place, kind in enumerate(self.kinds):
            part = part if place == 0 else self._more(kind, None, revision)
            while True:
                documents = _LINES(part.documents)
                count += len(documents)
                yield b"".join(b'{"%b":%b}\n' % (kind.encode(), bytes(each)) for each in documents)
                if not part.more:
                    break
                part = self._more(kind, _id(documents[-1]), revision)
        yield msgspec.json.encode({"end": {"revision": revision, "records": count}}) + b"\n"

    def _more(self, kind: str, after: UUID | None, revision: int) -> Part:
        part = self._part(kind, after, revision)
        if part.revision != revision:
            raise BrokenOff(f"revision {revision} cannot be read any more")
        return part

    def _part(self, kind: str, after: UUID | None, revision: int | None) -> Part:
        stretch = Stretch(_WHOLE[kind], after=after, limit=_CHUNK, revision=revision, base=self.base)
        return self.visit.reader.inquire(PartOf(stretch))


class _Head(msgspec.Struct, rename="camel"):
    sourced_id: str


def _id(document: msgspec.Raw) -> UUID:
    return UUID(msgspec.json.decode(document, type=_Head).sourced_id)


@limits.told_by
def export(request: HttpRequest) -> HttpResponseBase:
    """``collections``, ``revision``, and to go on after a record: ``from`` (its collection) and ``after`` (its id)."""
    begun: list[tuple[_Export, Part]] = []

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
    made, part = begun[0]
    return streamed(request, made.lines(part), revision=part.revision)


def _from(wanted: tuple[str, ...], collection: str) -> tuple[str, ...]:
    """The kinds from this one on."""
    if not collection:
        return wanted
    names = [SHARED[kind].plural for kind in wanted]
    if collection not in names:
        raise Trouble(HTTPStatus.BAD_REQUEST, f"There is no collection {collection} in this export.")
    return wanted[names.index(collection) :]

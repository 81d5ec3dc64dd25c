"""A roster request from its first byte to its last: find the operation, prove the caller, read the view, answer.

Works on the bare WSGI environment, because of all that a framework would make of it a page needs five strings.
"""

import json
import logging
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from django.core.exceptions import DisallowedHost

from schoolpassport.gradebook.contract import GRADES
from schoolpassport.kit import clock
from schoolpassport.partners.contract import CREATEPUT, DELETE
from schoolpassport.partners.records import Refused
from schoolpassport.roster.kinds import Version
from schoolpassport.rosterapi import (
    access,
    authentication,
    bodies,
    errors,
    happened,
    links,
    openapi,
    operations,
    parameters,
    writing,
)
from schoolpassport.rosterapi.authentication import Caller
from schoolpassport.rosterapi.base_url import address_of
from schoolpassport.rosterapi.errors import Answer, Failure, Minor
from schoolpassport.rosterapi.operations import Operation
from schoolpassport.rosterapi.parameters import Parameters
from schoolpassport.sharing.queries import Reader
from schoolpassport.sharing.records import (
    Fault,
    NothingShared,
    Notice,
    PageRequest,
    Selection,
    Unanswerable,
    Unknown,
)

Environ = dict[str, Any]
Found = tuple[Operation, tuple[str, ...]] | None

_log = logging.getLogger(__name__)

_READING = frozenset({"GET", "HEAD"})
_SOURCED_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_NOBODY = UUID(int=0)  # what is no id of ours stands for this one, which nobody has
_MINORS = {
    Fault.FILTER: Minor.INVALID_FILTER_FIELD,
    Fault.BLANK_FIELDS: Minor.BLANK_SELECTION_FIELD,
    Fault.REVISION: Minor.INVALID_DATA,
    Fault.UNKNOWN_FIELDS: Minor.INVALID_SELECTION_FIELD,
    Fault.UNKNOWN_SORT: Minor.INVALID_SORT_FIELD,
}


class _Asked(NamedTuple):
    operation: Operation
    names: tuple[str, ...]  # the ids of the path as they are written
    ids: tuple[UUID, ...]
    selection: Selection
    parameters: Parameters
    address: str  # without the query
    base: str


def roster(environ: Environ, *, prefix: str, path: str) -> Answer:
    """``prefix``: the base that was asked under, which hrefs and links stay under; ``path``: what comes after it."""
    if happened.is_meant(path):
        return happened.answer(environ, prefix=prefix, path=path)
    found = operations.find(path)
    if found is not None and Version.V1P1 not in found[0].versions:
        found = None
    name = found[0].name if found else errors.NO_OPERATION
    try:
        answer = _answer(environ, prefix, path, found)
    except Failure as failure:
        answer = errors.refused(_in_words_of_1p1(failure), operation=name)
    except DisallowedHost:
        answer = errors.refused(Failure(Minor.INVALID_DATA, "The Host header is no host."), operation=name)
    except Exception:  # noqa: BLE001 (whatever it was: an answer in the standard's shape, and a note in the log)
        reference = str(uuid4())
        _log.exception("a roster request failed, reference %s", reference)
        unforeseen = Failure(Minor.SERVER_ERROR, f"Something went wrong here; it is noted as {reference}.")
        answer = errors.refused(unforeseen, operation=name, reference=reference)
    return _to_the_method(environ, answer)


def description(environ: Environ, *, prefix: str) -> Answer:
    """The OpenAPI document. It is about the standard and no district, so it needs no token."""
    if environ["REQUEST_METHOD"] not in _READING:
        return errors.refused(_read_only(), operation=errors.NO_OPERATION)
    document = openapi.document(address=address_of(environ), prefix=prefix)
    return _to_the_method(environ, errors.answer(json.dumps(document).encode()))


def _answer(environ: Environ, prefix: str, path: str, found: Found) -> Answer:
    now = clock.now()
    caller = authentication.caller_of(environ, now=now)
    if isinstance(caller, Refused):
        raise access.unauthorized(caller)
    try:
        asked = _understood(environ, prefix, path, found)
    except (Failure, DisallowedHost):
        access.proved(caller, now=now)  # who is not let in hears nothing else
        raise
    if environ["REQUEST_METHOD"] in writing.METHODS:
        return _write(environ, caller, asked, now)
    reader = access.reader_for(caller, asked.operation.scopes, base=asked.base, now=now)
    asked = _by_own_names(asked, reader)
    try:
        if asked.operation.single:
            return _single(reader, asked)
        given = asked.parameters
        if holds_already(environ, reader, given):
            return errors.unchanged(environ["HTTP_IF_NONE_MATCH"])
        page = reader.page(
            PageRequest(asked.selection, given.limit, given.offset, given.fields, given.revision, caller.token_digest)
        )
    except Unanswerable as error:
        raise Failure(_MINORS[error.notice.fault], error.notice.sentence) from error
    except Unknown:
        raise Failure(Minor.UNKNOWN_OBJECT, "There is no such object here.") from None
    except NothingShared as nothing:
        raise Failure(Minor.FORBIDDEN, str(nothing)) from None
    link = links.header(asked.address, asked.parameters, page)
    body = _envelope(asked.operation, _named(reader, asked.operation, page.documents), page.notices)
    headers = {"X-Total-Count": str(page.total), "Link": link, "X-Revision": str(page.revision)}
    return errors.answer(body, headers={**headers, "ETag": f'"{page.state}"'})


def _single(reader: Reader, asked: _Asked) -> Answer:
    one = reader.one(asked.operation.collection, asked.ids[0], fields=asked.parameters.fields)
    return errors.answer(_envelope(asked.operation, _named(reader, asked.operation, one.document), one.notices))


def _write(environ: Environ, caller: Caller, asked: _Asked, now: datetime) -> Answer:
    """Answers a PUT with the record as it is now."""
    (name,), kind = asked.names, asked.operation.kind.name
    if environ["REQUEST_METHOD"] == "DELETE":
        bearer, reader = access.writer_for(caller, DELETE, base=asked.base, now=now)
        writing.delete(bearer, kind, reader.meant(kind, name), now=now)
        return Answer(HTTPStatus.NO_CONTENT, {"Cache-Control": "no-store"}, b"")
    bearer, reader = access.writer_for(caller, CREATEPUT, base=asked.base, now=now)
    writing.check_own_name(kind, name)
    sent = bodies.read(environ, wrapper=asked.operation.envelope)
    is_new = writing.put(bearer, kind, name, sent, version=Version.V1P1, now=now)
    answer = _single(reader, _by_own_names(asked, reader))
    return answer._replace(status=HTTPStatus.CREATED if is_new else HTTPStatus.OK)


def _by_own_names(asked: _Asked, reader: Reader) -> _Asked:
    """Ids in the path of what an application can write are names that it may have given."""
    kinds = asked.operation.kinds_of_ids
    if not asked.operation.writers_name:
        return asked
    each = zip(kinds, asked.names, asked.ids, strict=True)
    ids = tuple(reader.meant(kind, name) if kind in GRADES else id_ for kind, name, id_ in each)
    return asked._replace(ids=ids, selection=replace(asked.selection, parents=ids))


def _named(reader: Reader, operation: Operation, documents: bytes) -> bytes:
    return reader.named(documents) if operation.kind.name in GRADES else documents


def holds_already(environ: Environ, reader: Reader, given: Parameters) -> bool:
    """Whether the client says to hold what a page would be made of. A pull that only counts is not asked about."""
    held = environ.get("HTTP_IF_NONE_MATCH", "")
    if not held or (given.revision is None and given.offset > 0):
        return False
    state = reader.state(revision=given.revision)
    return bool(state) and f'"{state}"' in {each.strip().removeprefix("W/") for each in held.split(",")}


def _understood(environ: Environ, prefix: str, path: str, found: Found) -> _Asked:
    if found is None:
        raise Failure(Minor.UNKNOWN_OBJECT, "OneRoster 1.1 has no such path.")
    if environ["REQUEST_METHOD"] not in _READING and not (
        found[0].written and environ["REQUEST_METHOD"] in writing.METHODS
    ):
        raise _read_only(written=found[0].written)
    operation, names = found
    base = address_of(environ) + prefix
    if operation.single:
        whole = _meant(operation, (), environ.get("QUERY_STRING", ""), base, "")
        return _Asked(operation, names, _ids(names), whole.selection, whole.parameters, f"{base}/{path}", base)
    query, offset = parameters.without_offset(environ.get("QUERY_STRING", ""))
    asked = _meant(operation, names, query, base, path)
    return asked if offset is None else asked._replace(parameters=asked.parameters._replace(offset=offset))


@lru_cache(maxsize=1024)
def _meant(operation: Operation, names: tuple[str, ...], query: str, base: str, path: str) -> _Asked:
    """The same for all pages of a walk, and for all that is asked for by its id."""
    given = parameters.for_single(query) if operation.single else parameters.for_page(query)
    known = _ids(names)
    selection = Selection(operation.collection, known, given.filter, given.sort, given.descending)
    return _Asked(operation, names, known, selection, given, f"{base}/{path}", base)


def _ids(names: tuple[str, ...]) -> tuple[UUID, ...]:
    return tuple([UUID(each) if _SOURCED_ID.fullmatch(each) else _NOBODY for each in names])


def _envelope(operation: Operation, documents: bytes, notices: Iterable[Notice]) -> bytes:
    """The records under the name of their entity class; warnings travel beside them."""
    warnings = [errors.warning(_MINORS[n.fault], n.sentence, operation=operation.name) for n in notices]
    beside = b',"statusInfoSet":' + json.dumps(warnings).encode() if warnings else b""
    form = b'{"%b":%b%b}' if operation.single else b'{"%b":[%b]%b}'
    return form % (operation.envelope.encode(), documents, beside)


def _in_words_of_1p1(failure: Failure) -> Failure:
    """OneRoster 1.1 knows no 422."""
    if failure.minor is not Minor.UNPROCESSABLE:
        return failure
    return Failure(Minor.INVALID_DATA, failure.sentence, failure.headers)


def _to_the_method(environ: Environ, answer: Answer) -> Answer:
    """HEAD gets the headers of the body, and no body."""
    return answer if environ["REQUEST_METHOD"] != "HEAD" else answer._replace(body=b"")


def _read_only(*, written: bool = False) -> Failure:
    if written:
        sentence = "This is read by GET, and written by PUT and DELETE."
        return Failure(Minor.UNSUPPORTED, sentence, {"Allow": "GET, HEAD, PUT, DELETE"})
    return Failure(Minor.UNSUPPORTED, "Rosters are read here, by GET.", {"Allow": "GET, HEAD"})

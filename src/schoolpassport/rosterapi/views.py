"""A roster request from its first byte to its last: find the operation, prove the caller, read the view, answer."""

import json
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID, uuid4

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse

from schoolpassport.kit import clock
from schoolpassport.partners.records import Refused
from schoolpassport.rosterapi import access, authentication, errors, links, openapi, operations, parameters
from schoolpassport.rosterapi.base_url import base_url
from schoolpassport.rosterapi.errors import Failure, Minor
from schoolpassport.rosterapi.operations import Operation
from schoolpassport.rosterapi.parameters import Parameters
from schoolpassport.sharing.records import (
    Fault,
    NothingShared,
    Notice,
    PageRequest,
    Selection,
    Unanswerable,
    Unknown,
)

_log = logging.getLogger(__name__)

_SOURCED_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_NOBODY = UUID(int=0)  # what is no id of ours stands for this one, which nobody has
_MINORS = {
    Fault.FILTER: Minor.INVALID_FILTER_FIELD,
    Fault.BLANK_FIELDS: Minor.BLANK_SELECTION_FIELD,
    Fault.REVISION: Minor.INVALID_DATA,
    Fault.UNKNOWN_FIELDS: Minor.INVALID_SELECTION_FIELD,
    Fault.UNKNOWN_SORT: Minor.INVALID_SORT_FIELD,
}


@dataclass(frozen=True)
class _Asked:
    operation: Operation
    ids: tuple[UUID, ...]
    parameters: Parameters
    address: str  # without the query
    base: str


def roster(request: HttpRequest, prefix: str, path: str) -> HttpResponse:
    """``prefix``: the base that was asked under, which hrefs and links stay under; ``path``: what comes after it."""
    found = operations.find(path)
    name = found[0].name if found else errors.NO_OPERATION
    try:
        response = _answer(request, prefix, path, found)
    except Failure as failure:
        response = errors.refused(failure, operation=name)
    except DisallowedHost:
        response = errors.refused(Failure(Minor.INVALID_DATA, "The Host header is no host."), operation=name)
    except Exception:  # noqa: BLE001 (whatever it was: an answer in the standard's shape, and a note in the log)
        reference = str(uuid4())
        _log.exception("a roster request failed, reference %s", reference)
        unforeseen = Failure(Minor.SERVER_ERROR, f"Something went wrong here; it is noted as {reference}.")
        response = errors.refused(unforeseen, operation=name, reference=reference)
    return _without_body(response) if request.method == "HEAD" else response


def description(request: HttpRequest, prefix: str) -> HttpResponse:
    """The OpenAPI document. It is about the standard and no district, so it needs no token."""
    if request.method not in {"GET", "HEAD"}:
        return errors.refused(_read_only(), operation=errors.NO_OPERATION)
    response = errors.answer(json.dumps(openapi.document(address=base_url(request), prefix=prefix)).encode())
    return _without_body(response) if request.method == "HEAD" else response


def _answer(
    request: HttpRequest, prefix: str, path: str, found: tuple[Operation, tuple[str, ...]] | None
) -> HttpResponse:
    now = clock.now()
    caller = authentication.caller(request, now=now)
    if isinstance(caller, Refused):
        raise access.unauthorized(caller)
    try:
        asked = _understood(request, prefix, path, found)
    except Failure:
        access.proved(caller, now=now)  # who is not let in hears nothing else
        raise
    reader = access.reader_for(caller, asked.operation, base=asked.base, now=now)
    try:
        if asked.operation.single:
            one = reader.one(asked.operation.collection, asked.ids[0], fields=asked.parameters.fields)
            return errors.answer(_envelope(asked.operation, one.document, one.notices))
        page = reader.page(_page_request(asked, caller.token_digest))
    except Unanswerable as error:
        raise Failure(_MINORS[error.notice.fault], error.notice.sentence) from error
    except Unknown:
        raise Failure(Minor.UNKNOWN_OBJECT, "There is no such object here.") from None
    except NothingShared:
        sentence = "The district has not agreed to share anything with this application."
        raise Failure(Minor.FORBIDDEN, sentence) from None
    body = _envelope(asked.operation, b"[%b]" % page.documents, page.notices)
    link = links.header(asked.address, asked.parameters, page)
    return errors.answer(body, headers={"X-Total-Count": str(page.total), "Link": link})


def _understood(
    request: HttpRequest, prefix: str, path: str, found: tuple[Operation, tuple[str, ...]] | None
) -> _Asked:
    if found is None:
        raise Failure(Minor.UNKNOWN_OBJECT, "OneRoster 1.1 has no such path.")
    if request.method not in {"GET", "HEAD"}:
        raise _read_only()
    operation, ids = found
    query, base = request.META.get("QUERY_STRING", ""), base_url(request) + prefix
    return _Asked(
        operation=operation,
        ids=tuple(UUID(each) if _SOURCED_ID.fullmatch(each) else _NOBODY for each in ids),
        parameters=parameters.for_single(query) if operation.single else parameters.for_page(query),
        address=f"{base}/{path}",
        base=base,
    )


def _page_request(asked: _Asked, puller: bytes) -> PageRequest:
    given = asked.parameters
    selection = Selection(asked.operation.collection, asked.ids, given.filter, given.sort, given.descending)
    return PageRequest(selection, given.limit, given.offset, given.fields, given.revision, puller)


def _envelope(operation: Operation, value: bytes, notices: Iterable[Notice]) -> bytes:
    """The records under the name of their entity class; warnings travel beside them."""
    warnings = [errors.warning(_MINORS[n.fault], n.sentence, operation=operation.name) for n in notices]
    beside = b',"statusInfoSet":' + json.dumps(warnings).encode() if warnings else b""
    return b'{"%b":%b%b}' % (operation.envelope.encode(), value, beside)


def _without_body(response: HttpResponse) -> HttpResponse:
    """What HEAD gets: the length of the body, and no body."""
    response.content = b""
    return response


def _read_only() -> Failure:
    return Failure(Minor.UNSUPPORTED, "Rosters are read here, by GET.", {"Allow": "GET, HEAD"})


# ---------------------------------------------------------------------------------- beside all addresses that there are


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 (Django hands them over)
    return errors.refused(Failure(Minor.INVALID_DATA, "The request cannot be read."), operation=errors.NO_OPERATION)


def nothing_here(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 (Django hands them over)
    return errors.refused(Failure(Minor.UNKNOWN_OBJECT, "There is nothing here."), operation=errors.NO_OPERATION)


def went_wrong(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 (Django hands it over)
    return errors.refused(Failure(Minor.SERVER_ERROR, "Something went wrong here."), operation=errors.NO_OPERATION)

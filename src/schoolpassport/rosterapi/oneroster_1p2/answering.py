"""A request to one of the services of 1.2: the same reading as by 1.1, then the shapes of this version."""

import json
import re
from functools import cache
from http import HTTPStatus
from uuid import UUID

import msgspec

from schoolpassport.gradebook.contract import GRADES
from schoolpassport.roster.kinds import KINDS, Kind
from schoolpassport.roster.kinds.shape import PREFIX_1P2
from schoolpassport.rosterapi import errors, links, parameters
from schoolpassport.rosterapi.answering import holds_already
from schoolpassport.rosterapi.base_url import address_of
from schoolpassport.rosterapi.errors import Answer, Failure, Minor
from schoolpassport.rosterapi.oneroster_1p2 import extras, shapes, writing
from schoolpassport.rosterapi.oneroster_1p2.services import SERVICES, Service, described, properties
from schoolpassport.rosterapi.operations import Operation
from schoolpassport.rosterapi.visits import READ, Environ, Methods, Visit, answered, not_by
from schoolpassport.sharing.queries import Reader
from schoolpassport.sharing.records import Fault, PageRequest, Selection, Unanswerable

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_CLAUSE = r"(?:(?<=^)|(?<= AND )|(?<= OR ))"
_NAMES = (  # what a filter or sort names in 1.2 → where the view has it
    (re.compile(_CLAUSE + r"roles\.role(?=\s*[=!<>~]|$)"), "role"),
    (re.compile(_CLAUSE + r"roles\.org\.sourcedId(?=\s*[=!<>~]|$)"), "orgs.sourcedId"),
    *(
        (re.compile(_CLAUSE + field.name + r"(?=[\s=!<>~.]|$)"), field.v1p1)
        for field in KINDS["user"].fields
        if field.v1p1 and not field.each_names
    ),
    (re.compile(_CLAUSE + r"academicSession\.sourcedId(?=\s*[=!<>~]|$)"), "gradingPeriod.sourcedId"),
)
_MINORS = {Fault.FILTER: Minor.INVALID_FILTER_FIELD, Fault.REVISION: Minor.INVALID_DATA}


def roster(environ: Environ, *, prefix: str, path: str) -> Answer:
    service = SERVICES[prefix]
    if path == service.description and environ["REQUEST_METHOD"] == "GET":  # of no district, so it needs no token
        return errors.answer(json.dumps(described(service, address=address_of(environ))).encode())
    methods = _methods("GET", "HEAD", *writing.METHODS)
    return answered(
        environ, lambda visit: _answer(visit, service, path), _refused, outlet="oneroster-1.2", methods=methods
    )


def _methods(*names: str) -> Methods:
    return Methods(frozenset(names), f"There are {', '.join(sorted(names))} here.")


def _refused(status: HTTPStatus, sentence: str, minor: Minor | None) -> Answer:
    unknown = Minor.UNKNOWN_OBJECT if status is HTTPStatus.NOT_FOUND else Minor.INVALID_DATA
    return errors.refused_at_the_root(sentence, minor or unknown, status=status)


def _answer(visit: Visit, service: Service, path: str) -> Answer:
    method, into = visit.environ["REQUEST_METHOD"], writing.posting(service, path)
    if method == "POST" and into is not None:
        return writing.post(visit, *into)
    found = service.find(path)
    if found is None and into is not None:
        raise not_by(_methods("POST"))
    if found is None:
        raise Failure(Minor.UNKNOWN_OBJECT, "This service of OneRoster 1.2 has no such path here.")
    operation, ids = found
    if method not in READ.names:
        return _write(visit, operation, ids, into is not None)
    visit.scopes = operation.scopes
    query = visit.environ.get("QUERY_STRING", "")
    meant = tuple(_meant(visit, kind, each) for kind, each in zip(operation.kinds_of_ids, ids, strict=True))
    try:
        if operation.single:
            return _single(visit, operation, meant[0], query)
        return _page(visit, operation, meant, f"{address_of(visit.environ)}{service.base}/{path}", query)
    except Unanswerable as error:
        raise Failure(_MINORS[error.notice.fault], error.notice.sentence) from error


def _write(visit: Visit, operation: Operation, ids: tuple[str, ...], posted: bool) -> Answer:  # noqa: FBT001 (whether it has POST, too)
    """Answers a PUT with the record as it is now, and with 201 whether it is new or not, as this version has it."""
    method = visit.environ["REQUEST_METHOD"]
    if not operation.written or method == "POST":
        also = writing.METHODS - {"POST"} if operation.written else {"POST"} if posted else ()
        raise not_by(_methods(*READ.names, *also))
    if method == "DELETE":
        return writing.delete(visit, operation, ids[0])
    reader = writing.put(visit, operation, ids[0])
    answer = _shown(reader, operation, reader.meant(operation.kind.name, ids[0]), address_of(visit.environ), None)
    return answer._replace(status=HTTPStatus.CREATED)


def _meant(visit: Visit, kind: str, name: str) -> UUID:
    if kind in GRADES:
        return visit.reader.meant(kind, name)
    return UUID(name) if _ID.fullmatch(name) else UUID(int=0)


def _single(visit: Visit, operation: Operation, meant: UUID, query: str) -> Answer:
    names = _chosen(operation, parameters.for_single(query).fields)
    return _shown(visit.reader, operation, meant, address_of(visit.environ), names)


def _shown(reader: Reader, operation: Operation, meant: UUID, address: str, names: frozenset[str] | None) -> Answer:
    document = reader.one(operation.collection, meant).document
    (shaped,) = shapes.shaped(operation.kind, document, reader, address=address, revision=None)
    return errors.answer(_named(reader, operation, {operation.envelope: _reduced(shaped, names)}))


def _named(reader: Reader, operation: Operation, answer: object) -> bytes:
    body = msgspec.json.encode(answer)
    return reader.named(body) if operation.kind.name in GRADES else body


def _page(visit: Visit, operation: Operation, parents: tuple[UUID, ...], address: str, query: str) -> Answer:
    given = parameters.for_page(query)
    names = _chosen(operation, given.fields)
    if holds_already(visit.environ, visit.reader, given):
        return errors.unchanged(visit.environ["HTTP_IF_NONE_MATCH"])
    filter_, sort = (_as_kept(operation.kind, text) for text in (given.filter, given.sort))
    selection = Selection(operation.collection, parents, filter_, sort, given.descending)
    page = visit.reader.page(PageRequest(selection, given.limit, given.offset, None, given.revision, visit.puller))
    shaped = shapes.shaped(
        operation.kind, page.documents, visit.reader, address=address_of(visit.environ), revision=page.revision
    )
    headers = {
        "X-Total-Count": str(page.total),
        "Link": links.header(address, given, page),
        "X-Revision": str(page.revision),
        "ETag": f'"{page.state}"',
    }
    body = _named(visit.reader, operation, {operation.envelope: [_reduced(each, names) for each in shaped]})
    return errors.answer(body, headers=headers)


def _as_kept(kind: Kind, text: str) -> str:
    for pattern, name in (*_NAMES, *_extensions(kind)):
        text = pattern.sub(name, text)
    return text


@cache
def _extensions(kind: Kind) -> tuple[tuple[re.Pattern[str], str], ...]:
    """What the view has among the extensions of 1.1, references as ids alone."""
    kept = {name: f"metadata.{PREFIX_1P2}{name}" for name in extras.named(kind.name)}
    kept |= {rf"{f.name}\.sourcedId": f.v1p1 for f in kind.fields if f.is_reference and f.extension}
    return tuple((re.compile(_CLAUSE + name + r"(?=\s*[=!<>~]|$)"), held) for name, held in kept.items())


def _chosen(operation: Operation, fields: str | None) -> frozenset[str] | None:
    """The properties that are asked for, or None for all. An unknown one is refused in this version."""
    if fields is None:
        return None
    names = frozenset(each.strip() for each in fields.split(","))
    unknown = sorted(names - properties(operation.kind))
    if unknown:
        listed = ", ".join(name or "(nothing)" for name in unknown)
        raise Failure(Minor.BLANK_SELECTION_FIELD, f"There is no property {listed}.")
    return names


def _reduced(document: shapes.Document, names: frozenset[str] | None) -> shapes.Document:
    return document if names is None else {name: value for name, value in document.items() if name in names}

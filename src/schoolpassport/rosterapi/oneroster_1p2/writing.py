"""Writing by 1.2: PUT and DELETE of one record as in 1.1, and POST of several at once into what they belong to."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

import msgspec

from schoolpassport.gradebook.contract import GRADES as WRITABLE
from schoolpassport.gradebook.contract import is_name, is_ours
from schoolpassport.gradebook.records import Unwritable
from schoolpassport.gradebook.saying import read
from schoolpassport.kit.ids import new_id, short
from schoolpassport.partners.contract import CREATEPOST
from schoolpassport.roster.kinds import Version
from schoolpassport.rosterapi import bodies, errors, writing
from schoolpassport.rosterapi.errors import Answer, Failure, Minor
from schoolpassport.rosterapi.oneroster_1p2 import extras
from schoolpassport.rosterapi.oneroster_1p2.postings import MOST, POSTINGS, Posting
from schoolpassport.rosterapi.oneroster_1p2.services import GRADES, Service
from schoolpassport.rosterapi.operations import Operation
from schoolpassport.rosterapi.visits import Visit
from schoolpassport.sharing.queries import Reader, These

METHODS: Final = frozenset({*writing.METHODS, "POST"})

Document = dict[str, Any]


def posting(service: Service, path: str) -> tuple[Posting, tuple[str, ...]] | None:
    pieces = path.split("/")
    found = POSTINGS.get(tuple(pieces[::2])) if service is GRADES and len(pieces) % 2 else None
    return None if found is None else (found, tuple(pieces[1::2]))


# ----------------------------------------------------------------------------------------------------------- one record


def put(visit: Visit, operation: Operation, name: str) -> Reader:
    """Returns what reads it."""
    bearer, reader = visit.writer(operation.put_by)
    writing.check_own_name(operation.kind.name, name)
    sent = bodies.read(visit.environ, wrapper=operation.envelope)
    with writing.refusals():
        kept = _as_kept(operation.kind.name, [sent], reader)[0]
    writing.put(bearer, operation.kind.name, name, kept, version=Version.V1P2, now=visit.now)
    return reader


def delete(visit: Visit, operation: Operation, name: str) -> Answer:
    bearer, reader = visit.writer(operation.deleted_by)
    writing.delete(bearer, operation.kind.name, reader.meant(operation.kind.name, name), now=visit.now)
    return Answer(HTTPStatus.NO_CONTENT, {"Cache-Control": "no-store"}, b"")


# -------------------------------------------------------------------------------------------------------------- several


def post(visit: Visit, into: Posting, ids: Sequence[str]) -> Answer:
    """All of the body or none. Answers with the pairs of what each was called, and what it is called from now on."""
    bearer, reader = visit.writer(CREATEPOST)
    _check_parents(into, ids, reader)
    sent = bodies.read(visit.environ, wrapper=into.wrapper)
    if not isinstance(sent, list) or not 1 <= len(sent) <= MOST:
        raise Failure(Minor.INVALID_DATA, f"{into.wrapper} is a list of 1 to {MOST} objects.")
    with writing.refusals():
        placed = [_placed(into, ids, each) for each in sent]
        supplied = [each.pop("sourcedId", None) for each in placed]
        names = _allocated(into.kind, supplied, reader)
        kept = _as_kept(into.kind, placed, reader)
        _check_sessions(into, ids, kept, reader)
        said = [
            read(
                kind_name=into.kind,
                name=name,
                sent=each,
                integration_id=bearer.integration_id,
                version=Version.V1P2,
            )
            for name, each in zip(names, kept, strict=True)
        ]
    writing.keep(bearer, said, now=visit.now)
    pairs = [
        {"suppliedSourcedId": str(was or ""), "allocatedSourcedId": name}
        for was, name in zip(supplied, names, strict=True)
    ]
    return errors.answer(msgspec.json.encode({"sourcedIdPairs": pairs}), status=HTTPStatus.CREATED)


def _check_parents(into: Posting, ids: Sequence[str], reader: Reader) -> None:
    for kind, name in zip(into.within, ids, strict=True):
        if not _these(kind, [_meant(kind, name, reader)], reader):
            raise Failure(Minor.UNKNOWN_OBJECT, "There is no such object here.")


def _meant(kind: str, name: str, reader: Reader) -> UUID | None:
    if kind in WRITABLE:
        return reader.meant(kind, name)
    return UUID(name) if is_ours(name) else None


def _these(kind: str, ids: Iterable[UUID | None], reader: Reader) -> dict[str, Document]:
    """What of these ids the view holds, by id."""
    known = tuple(sorted({id_ for id_ in ids if id_ is not None}))
    found = msgspec.json.decode(reader.inquire(These(kind, known, None))) if known else []
    return {each["sourcedId"]: each for each in found}


def _placed(into: Posting, ids: Sequence[str], sent: object) -> Document:
    """A record with what the path says of it. Raises ``Unwritable`` where it says otherwise itself."""
    if not isinstance(sent, dict):
        raise Unwritable(f"{into.wrapper} is a list of JSON objects.")
    placed = dict(sent)
    for field, id_ in zip(into.named, ids, strict=True):
        if field and _named(placed.setdefault(field, {"sourcedId": id_})) != id_:
            raise Unwritable(f"{into.kind}.{field} is another one than in the path.")
    return placed


def _check_sessions(into: Posting, ids: Sequence[str], sent: Sequence[Document], reader: Reader) -> None:
    """Results of a session are of line items of that session. Raises ``Unwritable``."""
    if "academicSession" not in into.within:
        return
    items = {_named(each.get("lineItem")) for each in sent}
    known = _these("lineItem", [reader.meant("lineItem", name) for name in items], reader)
    if any(_named(item.get("gradingPeriod")) != ids[-1] for item in known.values()):
        raise Unwritable("result.lineItem is of another academic session than in the path.")


def _allocated(kind: str, supplied: Sequence[object], reader: Reader) -> list[str]:
    """What each is called from now on: as it was supplied, or anew where nothing else of it may be called so."""
    wanted = [name if isinstance(name, str) and is_name(name) else "" for name in supplied]
    ids = {name: reader.meant(kind, name) for name in wanted if name}
    held = _these(kind, ids.values(), reader)
    taken = {name for name, id_ in ids.items() if str(id_) in held}
    names = []
    for name in wanted:
        own = name if name and name not in taken else f"gb-{short(new_id())}"
        taken.add(own)
        names.append(own)
    return names


# ------------------------------------------------------------------------------------------------------ as 1.1 has them


def _as_kept(kind: str, sent: Sequence[object], reader: Reader) -> list[Any]:
    """Bodies of 1.2 as bodies of 1.1. Raises ``Unwritable``."""
    objects = [each for each in sent if isinstance(each, dict)]
    if len(objects) < len(sent):
        return list(sent)  # whoever reads them says what they are instead
    kept = [extras.put_away(kind, each) for each in objects]
    for each in kept:
        _rename_session(kind, each)
    _take_out_beside(kind, kept, reader)
    return kept


def _rename_session(kind: str, sent: Document) -> None:
    if kind != "lineItem" or "academicSession" not in sent:
        return
    session = sent.pop("academicSession")
    if _named(sent.setdefault("gradingPeriod", session)) != _named(session):
        raise Unwritable("lineItem.academicSession is another one than lineItem.gradingPeriod.")


def _take_out_beside(kind: str, kept: Sequence[Document], reader: Reader) -> None:
    """The school of a line item is that of its class, the class of a result that of its line item."""
    if kind not in _BESIDE:
        return
    field, of, target = _BESIDE[kind]
    said = [(each, each.pop(field)) for each in kept if each.get(field) is not None]
    named = {_named(each.get(of)): _meant(target, _named(each.get(of)), reader) for each, _ in said}
    known = _these(target, named.values(), reader)
    for each, value in said:
        neighbour = known.get(str(named[_named(each.get(of))]))
        if neighbour is not None and _named(neighbour.get(field)) != _named(value):
            raise Unwritable(f"{kind}.{field} {_named(value)[:60]} is not the one of its {of}.")


_BESIDE: Final[Mapping[str, tuple[str, str, str]]] = {
    "lineItem": ("school", "class", "class"),
    "result": ("class", "lineItem", "lineItem"),
}


def _named(value: object) -> str:
    named = value.get("sourcedId") if isinstance(value, dict) else None
    return named if isinstance(named, str) else ""

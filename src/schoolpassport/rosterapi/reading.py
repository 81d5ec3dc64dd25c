"""Records of a view with what must be known around them, for dialects that show them in objects of their own."""

from collections.abc import Sequence
from http import HTTPStatus
from uuid import UUID

from schoolpassport.rosterapi import documents
from schoolpassport.rosterapi.documents import Head
from schoolpassport.rosterapi.neighbours import Wanted, around
from schoolpassport.rosterapi.objects import Around
from schoolpassport.rosterapi.visits import Trouble, Visit
from schoolpassport.sharing.contract import Collection
from schoolpassport.sharing.queries import Part, PartOf, Role, Stretch

_LAST = (1 << 128) - 1


def read(visit: Visit, kind: str, part: Part) -> tuple[list[Head], Around]:
    records = documents.read(kind, part.documents)
    return records, neighbours_of(visit, kind, records, part.revision)


def neighbours_of(visit: Visit, kind: str, records: Sequence[Head], revision: int) -> Around:
    return around(
        kind,
        records,
        visit.reader,
        district_id=visit.district_id,
        revision=revision,
        wanted=Wanted(demographics=visit.may_see_demographics(), titles=visit.wants_titles),
    )


def only(visit: Visit, collection: Collection, meant: UUID, roles: tuple[Role, ...] = ()) -> tuple[Head, Around]:
    """The record of this id, or the one that its parent of this id has. Raises ``Trouble`` (404)."""
    if collection.parents:
        stretch = Stretch(collection, (meant,), roles=roles, limit=1)
    else:
        before, after = UUID(int=max(0, meant.int - 1)), UUID(int=min(_LAST, meant.int + 1))
        stretch = Stretch(collection, roles=roles, after=before, before=after, limit=1)
    records, nearby = read(visit, collection.subset.kind, visit.reader.inquire(PartOf(stretch)))
    if not records:
        raise no_such_record()
    return records[0], nearby


def no_such_record() -> Trouble:
    return Trouble(HTTPStatus.NOT_FOUND, "There is no such record here.")

"""What a page's records need to know of others before they can be shown: one question for each kind of neighbour."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from schoolpassport.rosterapi import documents
from schoolpassport.rosterapi.documents import Class, Demographics, Head, Org, Ref, User
from schoolpassport.rosterapi.objects import CONTACTS, Around
from schoolpassport.sharing.queries import Member, PeopleOf, PupilsOf, Reader, These


@dataclass(frozen=True)
class Wanted:
    """``demographics``: whether whoever asks may have them. ``titles``: of the courses and terms of classes."""

    demographics: bool
    titles: bool


def around(
    kind: str, records: Sequence[Head], reader: Reader, *, district_id: UUID, revision: int, wanted: Wanted
) -> Around:
    if kind == "class" and records:
        classes = [record for record in records if isinstance(record, Class)]
        return _around_classes(classes, reader, district_id, revision, wanted)
    if kind != "user" or not records:
        return Around(district_id)
    users = [record for record in records if isinstance(record, User)]
    return Around(
        district_id,
        schools=_schools(users, reader, revision),
        demographics=_demographics(users, reader, revision) if wanted.demographics else {},
        pupils=_pupils(users, reader, revision),
    )


def _around_classes(classes: list[Class], reader: Reader, district_id: UUID, revision: int, wanted: Wanted) -> Around:
    people = _by_class(reader.inquire(PeopleOf(_ids(found.sourced_id for found in classes), revision)))
    if not wanted.titles:
        return Around(district_id, people=people)
    return Around(
        district_id,
        people=people,
        courses=_named("course", (found.course for found in classes), reader, revision),
        terms=_named("academicSession", (found.terms[0] for found in classes if found.terms), reader, revision),
    )


def _named(kind: str, refs: Iterable[Ref | None], reader: Reader, revision: int) -> dict[str, Any]:
    ids = _ids(ref.sourced_id for ref in refs if ref is not None)
    found = documents.read(kind, reader.inquire(These(kind, ids, revision))) if ids else []
    return {each.sourced_id: each for each in found}


def _schools(users: Iterable[User], reader: Reader, revision: int) -> frozenset[str]:
    orgs = _ids(ref.sourced_id for user in users for ref in user.orgs)
    if not orgs:
        return frozenset()
    found: list[Org] = documents.read("org", reader.inquire(These("org", orgs, revision)))
    return frozenset(org.sourced_id for org in found if org.type == "school")


def _demographics(users: Iterable[User], reader: Reader, revision: int) -> dict[str, Demographics]:
    students = _ids(user.sourced_id for user in users if user.role == "student")
    if not students:
        return {}
    found: list[Demographics] = documents.read(
        "demographics", reader.inquire(These("demographics", students, revision))
    )
    return {each.sourced_id: each for each in found}


def _pupils(users: Iterable[User], reader: Reader, revision: int) -> dict[str, list[str]]:
    contacts = _ids(user.sourced_id for user in users if user.role in CONTACTS)
    named: dict[str, list[str]] = {}
    for agent, pupil in reader.inquire(PupilsOf(contacts, revision)) if contacts else ():
        named.setdefault(agent, []).append(pupil)
    return named


def _by_class(people: Iterable[Member]) -> dict[str, list[Member]]:
    grouped: dict[str, list[Member]] = {}
    for member in people:
        grouped.setdefault(member.class_id, []).append(member)
    return grouped


def _ids(texts: Iterable[str]) -> tuple[UUID, ...]:
    return tuple(sorted(UUID(text) for text in set(texts)))

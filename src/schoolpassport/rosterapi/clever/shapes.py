"""Envelopes of the dialect: a record with its links, a list with its pages, and what a failure looks like."""

import json
from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Any
from uuid import UUID

from schoolpassport.rosterapi import errors, objects
from schoolpassport.rosterapi.documents import Class, Course, Head, Org, Resource, Session, User
from schoolpassport.rosterapi.errors import Answer, Minor
from schoolpassport.rosterapi.objects import Address, Around, Id, Object
from schoolpassport.sharing.queries import short_of

_RELATED: Mapping[str, tuple[str, ...]] = {  # what a record links to besides itself and its district
    "schools": ("courses", "sections", "terms", "users"),
    "users": ("mycontacts", "mystudents", "myteachers", "resources", "schools", "sections"),
    "courses": ("resources", "schools", "sections"),
    "sections": ("course", "resources", "school", "term", "users"),
    "terms": ("schools", "sections"),
    "resources": ("courses", "sections", "users"),
}


def shown(record: Head, around: Around) -> Object:
    """The object of a record, whatever it is."""
    match record:
        case User():
            return user(record, around)
        case Class():
            return objects.section(record, around)
        case Org():
            return objects.school(record, around)
        case Course():
            return objects.course(record, around)
        case Session():
            return objects.term(record, around)
        case Resource():
            return objects.resource(record, around)
        case _:
            raise TypeError(f"{type(record).__name__} has no object in this dialect")


def user(found: User, around: Around) -> Object:
    role = objects.role_of(found, around)
    roles = {} if role is None else {role: objects.facet(found, role, around)}
    name = objects.name(found)
    told = objects.told(email=found.email, name=name or None)
    return {**objects.heads(found, around), **told, "roles": roles, **objects.dates(found)}


def element(record: Head, around: Around, word: str, prefix: str) -> Object:
    """A record in a list."""
    return {"data": shown(record, around), "uri": Address(f"{prefix}/{word}/", UUID(record.sourced_id))}


def single(record: Head, around: Around, word: str, prefix: str) -> Object:
    """A record by itself."""
    own, base = UUID(record.sourced_id), f"{prefix}/{word}/"
    links: list[Object] = [{"rel": "self", "uri": Address(base, own)}]
    if word != "resources":
        links.append({"rel": "district", "uri": Address(f"{prefix}/districts/", around.district)})
    links += [{"rel": related, "uri": Address(base, own, f"/{related}")} for related in _RELATED[word]]
    return {"data": shown(record, around), "links": links}


def district(district_id: UUID, name: str, *, last_sync: str | None) -> Object:
    told = objects.told(last_sync=last_sync)
    return {"id": Id(district_id), "name": name, "state": "running", "login_methods": [], **told}


def answer(value: object, district_id: UUID) -> Answer:
    def named(ids: Collection[UUID]) -> Mapping[UUID, str]:
        return short_of(ids, district_id=district_id)

    return errors.answer(objects.encoded(value, named))


def refused(status: HTTPStatus, sentence: str, minor: Minor | None) -> Answer:  # noqa: ARG001 (the status says it here)
    body: dict[str, Any] = {"message": sentence}
    return errors.answer(json.dumps(body).encode(), status=status)

"""Objects of the native API: flat, one for each thing, as its clients know them."""

import json
from collections.abc import Collection, Mapping
from http import HTTPStatus
from uuid import UUID

from schoolpassport.rosterapi import errors, objects
from schoolpassport.rosterapi.documents import Class, Head, Org, User
from schoolpassport.rosterapi.errors import Answer, Minor
from schoolpassport.rosterapi.objects import Around, Id, Object

_WORDS: Mapping[str, str] = {"student": "students", "teacher": "teachers", "contact": "contacts"}


def word(record: Head, around: Around) -> str:
    """What the record is called here; "" when it is nothing."""
    match record:
        case User(role="administrator"):
            return "school_admins" if objects.schools_of(record, around) else "district_admins"
        case User():
            return _WORDS.get(objects.role_of(record, around) or "", "")
        case Class():
            return "sections"
        case Org(type="school"):
            return "schools"
        case _:
            return ""


def shown(record: Head, around: Around, called: str = "") -> Object:
    """The object of a record; ``called``: as what it was asked for, where it could be several things."""
    match record:
        case User():
            return _user(record, around)
        case Class():
            return _group(record, around) if called == "groups" else _section(record, around)
        case Org():
            return objects.school(record, around)
        case _:
            raise TypeError(f"{type(record).__name__} has no object in this dialect")


def _user(user: User, around: Around) -> Object:
    role = objects.role_of(user, around)
    about = {} if role is None else objects.facet(user, role, around)
    if user.role == "administrator":
        about = {**about, "schools": objects.schools_of(user, around)}
    heads, preferred = objects.heads(user, around), user.preferred_name or None
    told = objects.told(name=objects.name(user) or None, preferred_name=preferred, email=user.email)
    return {**heads, **about, **told, **objects.dates(user)}


def _section(found: Class, around: Around) -> Object:
    """With its course and term, which have no paths of their own here."""
    course = around.courses.get(found.course.sourced_id) if found.course else None
    term = around.terms.get(found.terms[0].sourced_id) if found.terms else None
    inline = objects.told(
        course_name=course.title if course else None,
        course_number=(course.course_code or None) if course else None,
        term=objects.told(name=term.title, start_date=term.start_date, end_date=term.end_date) if term else None,
    )
    return {**objects.section(found, around), **inline}


def _group(found: Class, around: Around) -> Object:
    """A class as the set of its people, whatever they are in it."""
    people = around.people.get(found.sourced_id, [])
    members = [{"user": Id(UUID(each.user_id)), **objects.told(role=each.role)} for each in people]
    school = None if found.school is None else Id(UUID(found.school.sourced_id))
    about = objects.told(school=school, name=found.title, type=found.class_type)
    return {**objects.heads(found, around), **about, "members": members, **objects.dates(found)}


def district(district_id: UUID, name: str) -> Object:
    return {"id": Id(district_id), "name": name}


def answer(value: object) -> Answer:
    return errors.answer(objects.encoded(value, _as_they_are))


def _as_they_are(ids: Collection[UUID]) -> Mapping[UUID, str]:
    return {each: str(each) for each in ids}


def refused(status: HTTPStatus, sentence: str, minor: Minor | None) -> Answer:  # noqa: ARG001 (the status says it here)
    return errors.answer(json.dumps({"error": sentence}).encode(), status=status)

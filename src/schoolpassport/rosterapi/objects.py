"""The objects that both Clever-like dialects show: schools, terms, courses, sections and people, from OneRoster's.

Ids are left as ``Id``, and addresses as ``Address``: a dialect says what an id is called when it encodes.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from schoolpassport.kit.instants import iso
from schoolpassport.rosterapi import vocabulary
from schoolpassport.rosterapi.documents import Class, Course, Demographics, Head, Org, Ref, Resource, Session, User
from schoolpassport.sharing.queries import Member

Object = dict[str, Any]

CONTACTS: Final = frozenset({"guardian", "parent", "relative"})
_STAFF: Final = frozenset({"aide", "proctor"})
_TIMED: Final = 7  # the version of UUIDs that begin with their instant


class Id:
    """A GG4L ID in an object."""

    __slots__ = ("value",)

    def __init__(self, value: UUID) -> None:
        self.value = value


class Address:
    """A relative address with a GG4L ID in it: before the id, the id, after it."""

    __slots__ = ("after", "before", "value")

    def __init__(self, before: str, value: UUID, after: str = "") -> None:
        self.before = before
        self.value = value
        self.after = after


@dataclass(frozen=True)
class Around:
    """What is known about the neighbours of the records of one page. ``schools``: which orgs are schools."""

    district: UUID
    schools: frozenset[str] = frozenset()
    demographics: Mapping[str, Demographics] = field(default_factory=dict)
    pupils: Mapping[str, list[str]] = field(default_factory=dict)
    people: Mapping[str, list[Member]] = field(default_factory=dict)
    courses: Mapping[str, Course] = field(default_factory=dict)
    terms: Mapping[str, Session] = field(default_factory=dict)


def encoded(value: object, named: Callable[[Collection[UUID]], Mapping[UUID, str]]) -> bytes:
    """As JSON, with every id by the name that the dialect gives it; it is asked once for all of them."""
    met: set[UUID] = set()

    def note(found: Id | Address) -> str:
        met.add(found.value)
        return ""

    plain = msgspec.json.encode(value, enc_hook=note)
    if not met:
        return plain
    names = named(met)

    def name(found: Id | Address) -> str:
        said = names[found.value]
        return f"{found.before}{said}{found.after}" if isinstance(found, Address) else said

    return msgspec.json.encode(value, enc_hook=name)


def told(**values: object) -> Object:
    """Without what is not there."""
    return {name: value for name, value in values.items() if value is not None}


def created(value: str) -> str | None:
    """When the id was given, which its first bits tell."""
    found = UUID(value)
    if found.version != _TIMED:
        return None
    return iso(datetime.fromtimestamp((found.int >> 80) / 1000, UTC))


def heads(record: Head, around: Around) -> Object:
    return {"id": _id(record.sourced_id), "district": Id(around.district)}


def dates(record: Head) -> Object:
    return told(created=created(record.sourced_id), last_modified=record.date_last_modified)


def school(org: Org, around: Around) -> Object:
    told_ = told(name=org.name, sis_id=org.sis_id, school_number=org.identifier)
    return {**heads(org, around), **told_, **dates(org)}


def term(session: Session, around: Around) -> Object:
    told_ = told(name=session.title, start_date=session.start_date, end_date=session.end_date)
    return {**heads(session, around), **told_}


def course(found: Course, around: Around) -> Object:
    return {**heads(found, around), **told(name=found.title, number=found.course_code or None)}


def resource(found: Resource, around: Around) -> Object:
    roles = [role for role in found.roles if role in {"student", "teacher"}] or None
    return {**heads(found, around), **told(resource_id=found.vendor_resource_id, title=found.title, roles=roles)}


def section(found: Class, around: Around) -> Object:
    people = around.people.get(found.sourced_id, [])
    teachers = _each_once(person.user_id for person in people if person.role == "teacher")
    return {
        **heads(found, around),
        **told(
            school=_reference(found.school),
            course=_reference(found.course),
            term_id=_reference(found.terms[0] if found.terms else None),
            name=found.title,
            sis_id=found.sis_id,
            section_number=found.class_code,
            period=found.periods[0] if found.periods else None,
            subject=vocabulary.subject(found.subjects),
            grade=vocabulary.grade(found.grades),
            teacher=teachers[0] if teachers else None,
        ),
        "teachers": teachers,
        "students": _each_once(person.user_id for person in people if person.role == "student"),
        **dates(found),
    }


# ------------------------------------------------------------------------------------------------------------- people


def role_of(user: User, around: Around) -> str | None:
    """The dialect's word for what the user is; None when the role is not shared."""
    match user.role:
        case "student" | "teacher" as same:
            return same
        case role if role in CONTACTS:
            return "contact"
        case role if role in _STAFF:
            return "staff"
        case "administrator":
            return "staff" if schools_of(user, around) else "district_admin"
        case _:
            return None


def schools_of(user: User, around: Around) -> list[Id]:
    return [_id(ref.sourced_id) for ref in user.orgs if ref.sourced_id in around.schools]


def _primary(user: User) -> Id | None:
    return None if user.primary_school is None else _id(user.primary_school.sourced_id)


def name(user: User) -> Object:
    return told(first=user.given_name, middle=user.middle_name, last=user.family_name)


def facet(user: User, role: str, around: Around) -> Object:
    """What is said of a user in one role."""
    credentials = None if user.username is None else {"district_username": user.username}
    schools = schools_of(user, around)
    at = {"school": _primary(user) or schools[0], "schools": schools} if schools else {"schools": schools}
    match role:
        case "student":
            shown = told(sis_id=user.sis_id, student_number=user.identifier, grade=vocabulary.grade(user.primary_grade))
            enrolled = [{"school": each} for each in schools]
            known = told(credentials=credentials, preferred_name=user.preferred_name or None)
            return {**shown, **at, "enrollments": enrolled, **known, **_person(user, around)}
        case "teacher":
            shown = told(sis_id=user.sis_id, teacher_number=user.identifier, credentials=credentials)
            return {**shown, **at}
        case "staff":
            number = user.identifier or user.sis_id
            return {**told(staff_id=number, roles=_words(user.role), credentials=credentials), "schools": schools}
        case "contact":
            pupils = around.pupils.get(user.sourced_id, [])
            relations = [{"student": _id(pupil), "relationship": _relationship(user.role)} for pupil in pupils]
            phone = told(phone=user.phone or user.sms, phone_type="Cell" if user.sms and not user.phone else None)
            return {**told(sis_id=user.sis_id), **phone, "student_relationships": relations}
        case _:
            return told(credentials=credentials)


def _person(user: User, around: Around) -> Object:
    known = around.demographics.get(user.sourced_id)
    if known is None:
        return {}
    return told(
        dob=vocabulary.american_date(known.birth_date),
        gender=vocabulary.gender(known.sex),
        race=vocabulary.race(known),
        hispanic_ethnicity=vocabulary.yes_or_no(known.hispanic_or_latino_ethnicity),
    )


def _relationship(role: str | None) -> str:
    return {"parent": "Parent", "guardian": "Parent"}.get(role or "", "Other")


def _words(word: str | None) -> list[str] | None:
    return None if word is None else [word]


def _id(text: str) -> Id:
    return Id(UUID(text))


def _reference(ref: Ref | None) -> Id | None:
    return None if ref is None else _id(ref.sourced_id)


def _each_once(texts: Iterable[str]) -> list[Id]:
    return [_id(text) for text in dict.fromkeys(texts)]

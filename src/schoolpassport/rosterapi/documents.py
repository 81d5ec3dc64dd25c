"""OneRoster 1.1 documents as the view holds them, read for other dialects. What is not shared is not there."""

from typing import Any

import msgspec

from schoolpassport.sharing.catalogue import PRIMARY_GRADE, SIS_ID


class Ref(msgspec.Struct, rename="camel", gc=False):
    sourced_id: str


class Head(msgspec.Struct, rename="camel", gc=False, kw_only=True):
    """What every document has."""

    sourced_id: str
    status: str
    date_last_modified: str
    metadata: dict[str, Any] = {}

    @property
    def sis_id(self) -> str | None:
        return self._told(SIS_ID)

    def _told(self, key: str) -> str | None:
        found = self.metadata.get(key)
        return found if isinstance(found, str) else None


class Org(Head, kw_only=True):
    name: str | None = None
    type: str | None = None
    identifier: str | None = None
    parent: Ref | None = None


class Session(Head, kw_only=True):
    title: str | None = None
    type: str | None = None
    start_date: str | None = None
    end_date: str | None = None


class Course(Head, kw_only=True):
    title: str | None = None
    course_code: str | None = None
    org: Ref | None = None


class Class(Head, kw_only=True):
    title: str | None = None
    class_code: str | None = None
    class_type: str | None = None
    grades: list[str] = []
    subjects: list[str] = []
    periods: list[str] = []
    course: Ref | None = None
    school: Ref | None = None
    terms: list[Ref] = []


class User(Head, kw_only=True):
    username: str | None = None
    given_name: str | None = None
    middle_name: str | None = None
    family_name: str | None = None
    role: str | None = None
    identifier: str | None = None
    email: str | None = None
    sms: str | None = None
    phone: str | None = None
    agents: list[Ref] = []
    orgs: list[Ref] = []
    grades: list[str] = []
    primary_school: Ref | None = None

    @property
    def primary_grade(self) -> list[str]:
        """The one that counts, where it is told; else whatever grades are."""
        found = self._told(PRIMARY_GRADE)
        return self.grades if found is None else [found]

    @property
    def preferred_name(self) -> dict[str, str]:
        """The parts that are told."""
        told = {part: self._told(f"gg4l.preferred{part.title()}Name") for part in ("first", "middle", "last")}
        return {part: name for part, name in told.items() if name is not None}


class Resource(Head, kw_only=True):
    title: str | None = None
    roles: list[str] = []
    vendor_resource_id: str | None = None


class Demographics(Head, kw_only=True):
    birth_date: str | None = None
    sex: str | None = None
    american_indian_or_alaska_native: str | None = None
    asian: str | None = None
    black_or_african_american: str | None = None
    native_hawaiian_or_other_pacific_islander: str | None = None
    white: str | None = None
    demographic_race_two_or_more_races: str | None = None
    hispanic_or_latino_ethnicity: str | None = None


OF_KIND: dict[str, type[Head]] = {
    "org": Org,
    "academicSession": Session,
    "course": Course,
    "class": Class,
    "user": User,
    "resource": Resource,
    "demographics": Demographics,
}
_DECODERS = {kind: msgspec.json.Decoder(list[struct]) for kind, struct in OF_KIND.items()}  # type: ignore[valid-type]  # a type by its kind


def read(kind: str, documents: bytes) -> list[Any]:
    """A JSON list of documents of one kind, as structs of it."""
    return _DECODERS[kind].decode(documents)


_KINDS = {struct: kind for kind, struct in OF_KIND.items()}


def kind_of(record: Head) -> str:
    return _KINDS[type(record)]

"""The words in which a kind is declared."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache


class Type(StrEnum):
    TEXT = "text"
    BOOLEAN = "boolean"
    DATE = "date"
    DATE_TIME = "dateTime"
    YEAR = "year"
    FLOAT = "float"
    REFERENCE = "reference"
    USER_IDS = "userIds"  # list of {type, identifier}
    SCALE = "scoreScaleValue"  # list of {itemValueLHS, itemValueRHS}
    JSON = "json"  # any JSON value that a 1.2 source brings whole (roles, userProfiles)


class Privacy(StrEnum):
    """How much harm a value does in the wrong hands; masks, screens and logs read it."""

    PUBLIC = "public"  # school names, terms, course titles
    DIRECTORY = "directory"  # who is a member of the school community, and how to address them
    STUDENT = "student"  # says something about one pupil: enrolments, grades, guardians
    SENSITIVE = "sensitive"  # birth date, ethnicity, phone numbers
    SECRET = "secret"  # never stored, never served  # noqa: S105 (a class of fields)


class Version(StrEnum):
    V1P1 = "1.1"
    V1P2 = "1.2"


BOTH = frozenset(Version)
ONLY_1P2 = frozenset({Version.V1P2})
PAIRS = {Type.USER_IDS: ("type", "identifier"), Type.SCALE: ("itemValueLHS", "itemValueRHS")}
"""Lists of objects with two texts, which CSV writes as `{one:other},{one:other}`."""
EXTENDS = "metadata."
PREFIX_1P2 = "oneroster.1p2."
"""Keys of ``metadata`` that begin so hold what 1.2 says of grades and 1.1 does not; so no record is two records."""
FLAGS_1P2 = ("inProgress", "incomplete", "late", "missing")  # of results, and of those of assessments
ADDED_1P2 = {
    "category": ("weight",),
    "lineItem": ("learningObjectiveSet",),
    "result": ("textScore", *FLAGS_1P2, "learningObjectiveSet"),
}
STRUCTURED = frozenset({f"{PREFIX_1P2}weight", f"{PREFIX_1P2}learningObjectiveSet"})
"""Of these keys the value is no text: a number, a list of objects."""
ENTRY_DATES = ("beginDate", "endDate")  # of entries that name a record: since when, and until when
MAX_TEXT = 2000  # characters; the standard asks for at least 255, names of 300 exist


@cache  # a few hundred names, asked for at every turn
def _in_sql(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


@dataclass(frozen=True, kw_only=True)
class Field:
    """One attribute of a kind, under its OneRoster JSON name."""

    name: str
    privacy: Privacy
    type: Type = Type.TEXT
    many: bool = False
    required: bool = False
    unless: str = ""  # required only where this attribute is blank, too; else an empty text stands in its place
    values: tuple[str, ...] = ()  # the enumeration, empty when free
    target: str = ""  # for references: the kind referred to
    versions: frozenset[Version] = BOTH
    v1p1: str = ""  # where documents of 1.1 have what 1.1 has no property for: a name, or “metadata.” and a key
    max_length: int = MAX_TEXT
    in_view: bool = False  # kept as a typed column beside a view's document, for filters, sorts and joins
    binding: bool = False  # a reference without whose target, if it has one, a record makes no sense to who reads it
    blank_if_missing: bool = False  # the JSON binding demands it, the CSV binding does not: shown as an empty text
    indexed: bool = False  # large kinds only: "what hangs on this" must not scan
    sought: bool = False  # a text in views that people are looked up by, in any case: found by an index
    places: int = 0  # of a list in views: records are looked up by what stands at each of the first so many places
    gathered: str = ""  # the kind whose records say it: each names one of this kind and one that it refers to
    each_names: str = ""  # of a list in JSON: the kind of which each entry names a record, under the kind's name

    @property
    def column(self) -> str:
        return _in_sql(self.name) + ("_id" if self.is_single_reference else "")

    @property
    def extension(self) -> str:
        """The key in ``metadata`` by which documents of 1.1 have it."""
        return self.v1p1.removeprefix(EXTENDS) if self.v1p1.startswith(EXTENDS) else ""

    @property
    def folded(self) -> str:
        """The column of a view that holds the text in small letters, where it is sought.

        A column and no index over an expression: under row-level security the database does not look into functions.
        """
        return f"{self.column}_folded"

    @property
    def is_reference(self) -> bool:
        return self.type is Type.REFERENCE

    @property
    def is_single_reference(self) -> bool:
        return self.is_reference and not self.many


@dataclass(frozen=True, kw_only=True)
class Derived:
    """A list that OneRoster shows but no source states: the records of ``kind`` whose ``field`` names this one."""

    name: str
    kind: str
    field: str


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of record. ``table`` names both its roster table and, in sharing, its view table."""

    name: str
    plural: str
    fields: tuple[Field, ...]
    same_id_as: str = ""  # demographics carry the sourcedId, and so the GG4L ID, of their user
    school: str = ""  # the field by which a record belongs to schools; "id" for schools themselves
    stored_document: bool = True  # small and many (enrollments): written at reading time instead
    derived: tuple[Derived, ...] = ()
    shared: bool = True  # false: shown only by what is gathered from it
    versions: frozenset[Version] = BOTH
    _by_name: dict[str, Field] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._by_name.update({f.name: f for f in self.fields})

    def __getitem__(self, name: str) -> Field:
        return self._by_name[name]

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    @property
    def table(self) -> str:
        return _in_sql(self.name)

    @property
    def references(self) -> tuple[Field, ...]:
        """References to follow, the one that ``same_id_as`` makes included."""
        own = tuple(f for f in self.fields if f.is_reference)
        if not self.same_id_as:
            return own
        identity = Field(
            name="sourcedId",
            type=Type.REFERENCE,
            target=self.same_id_as,
            required=True,
            binding=True,
            privacy=Privacy.DIRECTORY,
        )
        return (identity, *own)

    @property
    def gathered(self) -> tuple[Field, ...]:
        return tuple(f for f in self.fields if f.gathered)

    def to(self, target: str) -> Field:
        """The single reference to a kind."""
        return next(f for f in self.fields if f.is_single_reference and f.target == target)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(f.column for f in self.fields)

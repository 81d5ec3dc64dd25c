"""How the values of an attribute compare, and where a view keeps them.

A path as a client writes it (``familyName``, ``class.sourcedId``, ``metadata.gg4l.sisId``) is looked up among what the
consent shares; what it does not share is as unknown as what nobody ever heard of.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from functools import cache, lru_cache

from schoolpassport.kit.columns import quoted
from schoolpassport.roster.kinds import KINDS, Field, Kind, Type, Version
from schoolpassport.roster.kinds.shape import PAIRS
from schoolpassport.sharing.catalogue import SIS_ID, extensions
from schoolpassport.sharing.records import Shared

_JSON = "replace(r.doc, chr(1), '')::jsonb"  # chr(1) is models.HREF, which JSON may not hold


class Shape(Enum):
    TEXT = auto()
    ID = auto()
    BOOLEAN = auto()
    DATE = auto()
    INSTANT = auto()
    NUMBER = auto()
    REVISION = auto()  # dateLastModified: the instant of the revision in which the row came


@dataclass(frozen=True)
class Value:
    """SQL over a view row ``r``; NULL where the record lacks the attribute, an array where it has ``many``.

    ``folded``: the same in small letters, where an index knows it. ``indexed``: which records have a given value is
    looked up, and they are few.
    """

    shape: Shape
    sql: str
    many: bool = False
    folded: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)
    target: str = ""  # of ids: the kind whose records they name
    indexed: bool = False


_SHAPES = {
    Type.TEXT: Shape.TEXT,
    Type.YEAR: Shape.TEXT,
    Type.BOOLEAN: Shape.BOOLEAN,
    Type.DATE: Shape.DATE,
    Type.DATE_TIME: Shape.INSTANT,
    Type.FLOAT: Shape.NUMBER,
}
_SQL_TYPES = {
    Shape.TEXT: "text",
    Shape.BOOLEAN: "boolean",
    Shape.DATE: "date",
    Shape.INSTANT: "timestamptz",
    Shape.NUMBER: "double precision",
}
_UNIVERSAL = {  # what every object has, whatever a consent says
    "sourcedId": Value(Shape.ID, "r.id", indexed=True),
    "status": Value(Shape.TEXT, "r.status"),
    "dateLastModified": Value(Shape.REVISION, "r.rev_from"),
}
UNIVERSAL = frozenset(_UNIVERSAL)


def names(kind: Kind, shared: Shared) -> frozenset[str]:
    """The properties that a document of this kind can have, and ``fields`` can name."""
    return _names(kind.name, shared)


@lru_cache(maxsize=1024)
def _names(kind_name: str, shared: Shared) -> frozenset[str]:
    kind = KINDS[kind_name]
    shown = {f.name for f in kind.fields if Version.V1P1 in f.versions and shared.shows(kind.name, f.name)}
    shown.update(v1p1 for v1p1, f in _renamed(kind_name).items() if shared.shows(kind_name, f.name))
    if any(shared.shows(kind.name, name) for name in extensions(kind.name).values()):
        shown.add("metadata")
    if shared.shows(kind.name, "parent"):
        shown.update(d.name for d in kind.derived)
    return UNIVERSAL | shown


@cache
def _renamed(kind_name: str) -> Mapping[str, Field]:
    """What documents have under a name of our own."""
    return {f.v1p1: f for f in KINDS[kind_name].fields if f.v1p1 and not f.extension}


def find(kind: Kind, shared: Shared, path: str, *, prefix: str) -> Value | None:
    """What the path leads to, or None when it is unknown here. ``prefix`` begins the names of its parameters."""
    return _find(kind.name, shared, path, prefix)


@lru_cache(maxsize=1024)
def _find(kind_name: str, shared: Shared, path: str, prefix: str) -> Value | None:
    kind = KINDS[kind_name]
    name, _, rest = path.partition(".")
    if name not in names(kind, shared):
        return None
    if name in _UNIVERSAL:
        return None if rest else replace(_UNIVERSAL[name], target=kind.name)
    if name == "metadata":
        return _metadata(kind, shared, rest, prefix)
    if renamed := _renamed(kind.name).get(name):
        return _reference(renamed, rest)
    if name not in kind:
        return _element(name, rest)  # children
    found = kind[name]
    if found.type in PAIRS:
        return _element(name, rest) if rest in PAIRS[found.type] else None
    if found.is_reference:
        return _reference(found, rest)
    return None if rest or found.type is Type.JSON else _plain(found)


def _plain(found: Field) -> Value:
    shape = _SHAPES[found.type]
    if found.in_view:
        small = f"r.{quoted(found.folded)}" if found.sought else ""
        return Value(shape, f"r.{quoted(found.column)}", many=found.many, folded=small, indexed=found.sought)
    if found.many:
        return Value(shape, _gathered("e #>> '{}'", found.name), many=True)
    return Value(shape, f"({_JSON}->>'{found.name}')::{_SQL_TYPES[shape]}")


def _reference(found: Field, rest: str) -> Value | None:
    if found.many and not found.in_view:
        return _element(found.name, rest)
    name = found.v1p1 or found.name
    held = f"r.{quoted(found.column)}" if found.in_view else f"({_JSON}->'{name}'->>'sourcedId')::uuid"
    if rest == "sourcedId":
        return Value(Shape.ID, held, many=found.many, target=found.target, indexed=found.indexed)
    if rest != "type":
        return None
    if found.many:
        return Value(Shape.TEXT, f"CASE WHEN cardinality({held}) > 0 THEN ARRAY['{found.target}'] END", many=True)
    return Value(Shape.TEXT, f"CASE WHEN {held} IS NOT NULL THEN '{found.target}' END")


def _element(name: str, rest: str) -> Value | None:
    """One property of each object in a list that only the document holds."""
    properties = {
        "sourcedId": Value(Shape.ID, _gathered("(e->>'sourcedId')::uuid", name), many=True),
        "type": Value(Shape.TEXT, _gathered("e->>'type'", name), many=True),
        **{
            text: Value(Shape.TEXT, _gathered(f"e->>'{text}'", name), many=True)
            for text in ("identifier", *PAIRS[Type.SCALE])
        },
    }
    return properties.get(rest)


def _gathered(element: str, name: str) -> str:
    held = f"{_JSON}->'{name}'"
    return f"(SELECT array_agg({element}) FROM jsonb_array_elements({held}) e)"


def _metadata(kind: Kind, shared: Shared, key: str, prefix: str) -> Value | None:
    """An extension, as text. A key with dots is meant as written, or else as steps into an object."""
    named = shared.shows(kind.name, extensions(kind.name).get(key, ""))
    if not key or not (named or shared.shows(kind.name, "metadata")):
        return None
    if (reference := next((f for f in kind.fields if f.extension == key and f.is_reference), None)) is not None:
        return Value(Shape.ID, f"({_JSON}->'metadata'->>'{key}')::uuid", target=reference.target)
    if key == SIS_ID and not kind.stored_document:
        return Value(Shape.TEXT, "r.sis_id")
    held = f"{_JSON}->'metadata'" if kind.stored_document else "r.metadata"
    whole, steps = f"{prefix}_key", f"{prefix}_steps"
    return Value(
        Shape.TEXT,
        f"coalesce({held}->>%({whole})s::text, {held}#>>%({steps})s::text[])",
        parameters={whole: key, steps: key.split(".")},
    )

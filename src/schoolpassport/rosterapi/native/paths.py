"""Every path of the native API, declared once: what it lists, and of whom."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from schoolpassport.sharing.contract import (
    AnyOf,
    Collection,
    Meets,
    Names,
    Parent,
    Refers,
    Relation,
    Subset,
    Through,
)
from schoolpassport.sharing.queries import Role


@dataclass(frozen=True)
class Thing:
    """What a word in the paths stands for. ``roles``: users of any of these."""

    word: str
    subset: Subset
    roles: tuple[Role, ...] = ()


_USERS: Final = Subset("user")
_SCHOOL_ADMINS: Final = (Role("administrator", in_school=True),)
_DISTRICT_ADMINS: Final = (Role("administrator", in_school=False),)
THINGS: Final[Mapping[str, Thing]] = {
    thing.word: thing
    for thing in (
        Thing("schools", Subset("org", "type", "school")),
        Thing("teachers", Subset("user", "role", "teacher")),
        Thing("students", Subset("user", "role", "student")),
        Thing("sections", Subset("class")),
        Thing("groups", Subset("class")),
        Thing("admins", Subset("user", "role", "administrator")),
        Thing("school_admins", _USERS, _SCHOOL_ADMINS),
        Thing("district_admins", _USERS, _DISTRICT_ADMINS),
        Thing("contacts", _USERS, (Role("guardian"), Role("parent"), Role("relative"))),
    )
}


def _enrolled(role: str) -> Relation:
    return Through("enrollment", match="class", give="user", role=role)


_CLASSES: Final = Through("enrollment", match="user", give="class")
_RELATIONS: Final[Mapping[tuple[str, str], Relation]] = {
    ("schools", "teachers"): Refers("orgs"),
    ("schools", "students"): Refers("orgs"),
    ("schools", "sections"): Refers("school"),
    ("schools", "groups"): Refers("school"),
    ("schools", "school_admins"): Refers("orgs"),
    ("teachers", "sections"): _CLASSES,
    ("teachers", "students"): Meets(mine="teacher", theirs="student"),
    ("teachers", "schools"): Names("user", "orgs"),
    ("students", "sections"): _CLASSES,
    ("students", "teachers"): Meets(mine="student", theirs="teacher"),
    ("students", "schools"): Names("user", "orgs"),
    ("students", "contacts"): Names("user", "agents"),
    ("sections", "teachers"): _enrolled("teacher"),
    ("sections", "students"): _enrolled("student"),
    ("contacts", "students"): AnyOf((Refers("agents"), Names("user", "agents"))),
}


@dataclass(frozen=True, eq=False)
class Way:
    """``thing/{id}`` when it is single; else a list, of everything or of what hangs on a parent."""

    thing: Thing
    collection: Collection
    roles: tuple[Role, ...]
    single: bool = False


def _of(parent: str, word: str, relation: Relation) -> Way:
    thing, enrolled = THINGS[word], isinstance(relation, Through) and bool(relation.role)
    subset = Subset(thing.subset.kind) if enrolled else thing.subset  # who is enrolled as a student is one there
    return Way(thing, Collection(subset, (Parent(THINGS[parent].subset),), relation), thing.roles)


_SHAPES: Final[Mapping[tuple[str, ...], Way]] = {
    **{(word,): Way(thing, Collection(thing.subset), thing.roles) for word, thing in THINGS.items()},
    **{
        (word, "{id}"): Way(thing, Collection(thing.subset), thing.roles, single=True) for word, thing in THINGS.items()
    },
    **{(parent, "{id}", word): _of(parent, word, relation) for (parent, word), relation in _RELATIONS.items()},
}
TEMPLATES: Final = tuple((f"/{'/'.join(shape)}", way.single) for shape, way in _SHAPES.items())
OF_A_DISTRICT: Final = ("schools", "teachers", "students", "sections", "groups", "admins")


def find(path: str) -> tuple[Way, str] | None:
    """The way of a path without its first slash, and the id in it as written ("" when there is none)."""
    pieces = path.split("/")
    if len(pieces) == 1:
        way = _SHAPES.get((pieces[0],))
        return None if way is None else (way, "")
    way = _SHAPES.get((pieces[0], "{id}", *pieces[2:]))
    return None if way is None else (way, pieces[1])

"""Every path of the dialect, declared once: what it lists, of whom, and which parameters it knows."""

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
from schoolpassport.sharing.queries import Primary, Role


@dataclass(frozen=True)
class Thing:
    """What a word in the paths stands for. ``singular`` names it in links."""

    word: str
    singular: str
    subset: Subset
    counted: bool = False  # whether its whole collection can be counted


THINGS: Final[Mapping[str, Thing]] = {
    thing.word: thing
    for thing in (
        Thing("schools", "school", Subset("org", "type", "school"), counted=True),
        Thing("users", "user", Subset("user"), counted=True),
        Thing("courses", "course", Subset("course"), counted=True),
        Thing("sections", "section", Subset("class"), counted=True),
        Thing("terms", "term", Subset("academicSession"), counted=True),
        Thing("resources", "resource", Subset("resource")),
    )
}
ROLES: Final[Mapping[str, tuple[Role, ...]]] = {
    "student": (Role("student"),),
    "teacher": (Role("teacher"),),
    "staff": (Role("aide"), Role("proctor"), Role("administrator", in_school=True)),
    "district_admin": (Role("administrator", in_school=False),),
    "contact": (Role("guardian"), Role("parent"), Role("relative")),
}

_MANY: Final[Mapping[tuple[str, str], tuple[str, Relation]]] = {  # (of whom, word) → what, and how they hang together
    ("schools", "courses"): ("courses", AnyOf((Refers("org"), Through("class", match="school", give="course")))),
    ("schools", "sections"): ("sections", Refers("school")),
    ("schools", "terms"): ("terms", Through("class", match="school", give="terms")),
    ("schools", "users"): ("users", Refers("orgs")),
    ("courses", "resources"): ("resources", Names("course", "resources")),
    ("sections", "resources"): ("resources", Names("class", "resources")),
    ("resources", "courses"): ("courses", Refers("resources")),
    ("resources", "sections"): ("sections", Refers("resources")),
    ("resources", "users"): ("users", Refers("resources")),
    ("courses", "schools"): ("schools", Through("class", match="course", give="school")),
    ("courses", "sections"): ("sections", Refers("course")),
    ("sections", "users"): ("users", Through("enrollment", match="class", give="user")),
    ("terms", "schools"): ("schools", Through("class", match="terms", give="school")),
    ("terms", "sections"): ("sections", Refers("terms")),
    ("users", "mycontacts"): ("users", Names("user", "agents")),
    ("users", "mystudents"): ("users", AnyOf((Refers("agents"), Meets(mine="teacher", theirs="student")))),
    ("users", "myteachers"): ("users", Meets(mine="student", theirs="teacher")),
    ("users", "resources"): ("resources", Names("user", "resources")),
    ("users", "sections"): ("sections", Through("enrollment", match="user", give="class")),
    ("users", "schools"): ("schools", Names("user", "orgs")),
}
_ENROLLED: Final[Mapping[str, Relation]] = {  # who is enrolled as a student is one there, whatever the record says
    role: Through("enrollment", match="class", give="user", role=role) for role in ("student", "teacher")
}
_ONE: Final[Mapping[tuple[str, str], tuple[str, Relation]]] = {
    ("sections", "course"): ("courses", Names("class", "course")),
    ("sections", "school"): ("schools", Names("class", "school")),
    ("sections", "term"): ("terms", Names("class", "terms")),
}
_PRIMARY: Final[Mapping[tuple[str, str], Primary]] = {("schools", "users"): "users", ("users", "schools"): "school"}


@dataclass(frozen=True, eq=False)
class Way:
    """A path as a template of words and ids in turns. ``single``: it answers one record and knows no parameters.

    ``by_role``: for each role that can be asked for, another collection, where the relation depends on it.
    """

    template: str
    thing: Thing
    collection: Collection
    single: bool = False
    roles: tuple[str, ...] = ()
    by_role: Mapping[str, Collection] | None = None
    counted: bool = False
    primary: Primary = ""  # what ``primary=true`` narrows here


def _ways() -> list[Way]:
    ways = []
    for thing in THINGS.values():
        whole = Collection(thing.subset)
        roles = tuple(ROLES) if thing.word == "users" else ()
        ways.append(Way(thing.word, thing, whole, roles=roles, counted=thing.counted))
        ways.append(Way(f"{thing.word}/{{id}}", thing, whole, single=True))
    for (parent, word), (what, relation) in _MANY.items():
        ways.append(_related(parent, word, THINGS[what], relation, single=False))
    for (parent, word), (what, relation) in _ONE.items():
        ways.append(_related(parent, word, THINGS[what], relation, single=True))
    return ways


def _related(parent: str, word: str, thing: Thing, relation: Relation, *, single: bool) -> Way:
    above = (Parent(THINGS[parent].subset),)
    collection = Collection(thing.subset, above, relation)
    roles: tuple[str, ...] = ()
    by_role = None
    if word == "users":
        roles = ("student", "teacher", "staff") if parent == "schools" else tuple(_ENROLLED)
    if parent == "sections" and word == "users":
        by_role = {role: Collection(thing.subset, above, each) for role, each in _ENROLLED.items()}
    primary = _PRIMARY.get((parent, word), "")
    return Way(
        f"{parent}/{{id}}/{word}", thing, collection, single=single, roles=roles, by_role=by_role, primary=primary
    )


WAYS: Final = tuple(_ways())
_BY_SHAPE: Final = {tuple(way.template.split("/")): way for way in WAYS}


def find(path: str) -> tuple[Way, str] | None:
    """The way of a path without its first slash, and the id in it as written ("" when there is none)."""
    pieces = path.split("/")
    if len(pieces) == 1:
        way = _BY_SHAPE.get((pieces[0],))
        return None if way is None else (way, "")
    way = _BY_SHAPE.get((pieces[0], "{id}", *pieces[2:]))
    return None if way is None else (way, pieces[1])


def has_a_district(path: str) -> tuple[Thing, str] | None:
    """``users/ID/district``: whose district is asked for."""
    word, _, rest = path.partition("/")
    written, _, last = rest.partition("/")
    return (THINGS[word], written) if last == "district" and word in THINGS and word != "resources" else None

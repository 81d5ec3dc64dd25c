"""What can be shared: each attribute once, with all that consents, masks, outlets and documents must know of it.

Put together from the kinds (type, privacy class, whether the standard requires it) and from ``attributes`` (label, what
its values are like, names in dialects). An attribute that this list lacks cannot leave.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from schoolpassport.roster.kinds import SHARED, Field, Kind, Privacy, Type, Version
from schoolpassport.sharing.attributes import DECLARED, Declared, Dialect
from schoolpassport.sharing.attributes.shape import AS_IN_THE_KIND
from schoolpassport.sharing.masks import MASKS, Like

SIS_ID = "gg4l.sisId"  # the source's own id; served in metadata, never as the key
PRIMARY_GRADE = "gg4l.primaryGrade"  # of several grades the one that counts; served in metadata
METADATA = "metadata"
# What consents could name in an earlier edition, and did not get, they do not get by a newer one.
EDITION = 3
# What every kind has, and none needs to declare.
_EVERYWHERE = {
    SIS_ID: Declared(SIS_ID, "Id in the SIS", data_api="sis_id", like=Like.HANDLE, csv=f"{METADATA}.{SIS_ID}"),
    METADATA: Declared(METADATA, "Extensions", data_api="ext", csv=f"{METADATA}.*"),
}
SIS = Field(name=SIS_ID, privacy=Privacy.STUDENT)
# What is worked out from other attributes of a kind.
_WORKED_OUT = {
    "user": {
        PRIMARY_GRADE: Declared(
            PRIMARY_GRADE,
            "Primary grade",
            data_api="grade",
            csv=f"{METADATA}.{PRIMARY_GRADE}",
            since=2,
            follows="grades",
        )
    }
}


@dataclass(frozen=True, kw_only=True)
class Attribute:
    """``required``: OneRoster demands it, so that whoever shares the kind shares it. ``names``: by dialect."""

    kind: str
    name: str
    label: str
    type: Type
    privacy: Privacy
    like: Like
    required: bool
    names: Mapping[Dialect, str] = field(compare=False)
    choices: tuple[str, ...] = ()
    many: bool = False
    since: int = 1
    explicit: bool = False
    follows: str = ""

    @property
    def key(self) -> str:
        return f"{self.kind}.{self.name}"

    @property
    def masks(self) -> tuple[str, ...]:
        """The masks that fit, those that leave something first."""
        fitting = (m for m in MASKS.values() if self.like in m.likes and not (m.removes and self.required))
        return tuple(m.name for m in sorted(fitting, key=lambda m: m.removes))


def lacking(kinds: Mapping[str, Kind], declared: Mapping[str, Mapping[str, Declared]]) -> list[str]:
    """What the catalogue does not know, by name: attributes of a kind that nobody declared, and the other way round."""
    fields = {(k.name, f.name) for k in kinds.values() for f in k.fields if f.name != METADATA}
    said = {(kind, name) for kind, names in declared.items() for name in names}
    bare = {(d, n) for d, names in declared.items() for n, a in names.items() if not a.label.strip()}
    return [
        *(f"{kind}.{name} is declared by no file of sharing/attributes" for kind, name in sorted(fields - said)),
        *(f"{kind}.{name} is declared, and no attribute of a kind" for kind, name in sorted(said - fields)),
        *(f"{kind}.{name} has no label" for kind, name in sorted(bare)),
    ]


def _attribute(kind: Kind, field: Field, said: Declared) -> Attribute:
    names = {
        Dialect.ONEROSTER_1P1: _spelled(field) if Version.V1P1 in field.versions else field.v1p1,
        Dialect.ONEROSTER_1P2: said.v1p2 if said.v1p2 != AS_IN_THE_KIND else _spelled(field),
        Dialect.CSV: said.csv if said.csv != AS_IN_THE_KIND else _header(field),
        Dialect.DATA_API: said.data_api,
    }
    return Attribute(
        kind=kind.name,
        name=field.name,
        label=said.label,
        type=field.type,
        privacy=field.privacy,
        like=said.like,
        required=field.required,
        names=MappingProxyType(names),
        choices=field.values,
        many=field.many,
        since=said.since,
        explicit=said.explicit,
        follows=said.follows,
    )


def _spelled(field: Field) -> str:
    return f"{METADATA}.{field.name}" if field.name in {SIS_ID, PRIMARY_GRADE} else field.name


def _header(field: Field) -> str:
    """How OneRoster's CSV binding writes the name of a reference."""
    if not field.is_reference:
        return field.name
    return f"{field.name.removesuffix('s')}SourcedIds" if field.many else f"{field.name}SourcedId"


def _put_together() -> Mapping[str, Mapping[str, Attribute]]:
    whole: dict[str, dict[str, Attribute]] = {}
    for kind in SHARED.values():
        ours = _WORKED_OUT.get(kind.name, {})
        known = {**DECLARED.get(kind.name, {}), **_EVERYWHERE, **ours}
        more = (SIS, *(Field(name=name, privacy=Privacy.STUDENT) for name in ours))
        fields = (*(f for f in kind.fields if f.privacy is not Privacy.SECRET), *more)
        whole[kind.name] = {f.name: _attribute(kind, f, known[f.name]) for f in fields if f.name in known}
    return MappingProxyType(whole)


CATALOGUE: Mapping[str, Mapping[str, Attribute]] = _put_together()


def attributes(kind: str) -> tuple[Attribute, ...]:
    """Everything of a kind that a consent may name."""
    return tuple(CATALOGUE[kind].values())


def attribute(key: str) -> Attribute:
    """By “kind.name”; raises ``ValueError`` naming what cannot be shared."""
    kind, _, name = key.partition(".")
    if name not in CATALOGUE.get(kind, {}):
        raise ValueError(f"The catalogue knows nothing to share by the name of {key}.")
    return CATALOGUE[kind][name]


def everything(*, kinds: tuple[str, ...] | None = None) -> dict[str, list[str]]:
    """Contents that share every attribute of these kinds (all but demographics, which must be named).

    What is only shared by who names it is not among them.
    """
    chosen = kinds or tuple(k for k in SHARED if k != "demographics")
    return {kind: [a.name for a in attributes(kind) if not a.explicit] for kind in chosen}


def served(terms: Mapping[str, Sequence[str]], *, edition: int) -> dict[str, tuple[str, ...]]:
    """Of what a consent names, that which there was to be had in the edition that it was written by."""
    return {
        kind: tuple(n for n in names if n not in CATALOGUE[kind] or CATALOGUE[kind][n].since <= edition)
        for kind, names in terms.items()
    }


def meant(kind: str, properties: Iterable[str]) -> tuple[str, ...]:
    """The attributes that these properties of a document of 1.1 say, and what is inside of them."""
    named = tuple(dict.fromkeys(properties))
    called = tuple(f.name for f in SHARED[kind].fields if f.v1p1 in named)
    return (*named, *called, *(extensions(kind).values() if METADATA in named else ()))


def extensions(kind: str) -> dict[str, str]:
    """Keys under which documents have what OneRoster 1.1 has no property for, and the attributes that they are."""
    begins = f"{METADATA}."
    return {
        a.names[Dialect.ONEROSTER_1P1].removeprefix(begins): a.name
        for a in attributes(kind)
        if a.names[Dialect.ONEROSTER_1P1].startswith(begins)
    }


def checked(terms: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """The attributes of a consent in the catalogue's order; raises ``ValueError`` naming what cannot be shared."""
    strangers = [k for k in terms if k not in SHARED]
    known = {kind: {a.name for a in attributes(kind)} for kind in terms if kind in SHARED}
    strangers += [
        f"{kind}.{name}" for kind, names in terms.items() if kind in known for name in set(names) - known[kind]
    ]
    if strangers:
        raise ValueError(f"The catalogue knows nothing to share by the name of {', '.join(sorted(strangers))}.")
    return {kind: tuple(a.name for a in attributes(kind) if a.name in terms[kind]) for kind in SHARED if kind in terms}

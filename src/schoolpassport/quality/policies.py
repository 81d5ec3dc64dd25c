"""What a district decides about its data, read from settings into frozen records. Nothing here touches a database."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from schoolpassport.kit import conditions
from schoolpassport.kit.conditions import Attribute, Shape, Tree, Unreadable
from schoolpassport.roster.kinds import KINDS, Field, Kind, Type

METADATA = "metadata."
_SHAPES = {
    Type.BOOLEAN: Shape.BOOLEAN,
    Type.DATE: Shape.DATE,
    Type.DATE_TIME: Shape.DATE,
    Type.YEAR: Shape.NUMBER,
    Type.FLOAT: Shape.NUMBER,
}


class NotUnderstood(ValueError):
    """A setting cannot be taken; the sentence says where and what to do."""


# ---------------------------------------------------------------------------------------------------------- attributes


@dataclass(frozen=True, kw_only=True)
class Asked:
    """An attribute of a row, or of what the row refers to. ``field`` is None for ``sourcedId`` and for metadata."""

    name: str
    field: Field | None = None
    through: Field | None = None  # the reference that leads to it

    @property
    def target(self) -> str:
        return self.through.target if self.through else ""

    @property
    def many(self) -> bool:
        return bool((self.field and self.field.many) or (self.through and self.through.many))

    @property
    def shape(self) -> Shape:
        return _SHAPES.get(self.field.type, Shape.TEXT) if self.field else Shape.TEXT


class Attributes(Mapping[str, Attribute]):
    """Everything that can be asked about the rows of a kind, under its OneRoster name; one reference may be followed.

    Metadata has names of the district's own (``metadata.bus``): any can be asked about.
    """

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._known = {a.name: a for a in _attributes(kind)}

    def asked(self, name: str) -> Asked:
        if name in self._known:
            return self._known[name]
        if name.startswith(METADATA) and name != METADATA:
            return Asked(name=name)
        raise KeyError(name)

    def __getitem__(self, name: str) -> Attribute:
        asked = self.asked(name)
        return Attribute(shape=asked.shape, many=asked.many)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (name in self._known or (name.startswith(METADATA) and name != METADATA))

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def _attributes(kind: Kind) -> Iterator[Asked]:
    yield Asked(name="sourcedId")
    yield from (Asked(name=f.name, field=f) for f in kind.fields if f.type is not Type.JSON)
    for reference in kind.references:
        target = KINDS[reference.target]
        name = target.name if reference.name == "sourcedId" else reference.name
        for f in target.fields:
            if f.type is not Type.JSON and not f.is_reference:
                yield Asked(name=f"{name}.{f.name}", field=f, through=reference)


def attributes(kind: str) -> Attributes:
    return Attributes(KINDS[kind])


# ------------------------------------------------------------------------------------------------------------- filters


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which rows of a kind a source may bring: those that fulfil ``where``. ``linked`` kinds go with the others."""

    kind: str
    where: Tree
    linked: tuple[str, ...] = ()

    @property
    def asks_about(self) -> frozenset[str]:
        """Other kinds whose attributes decide."""
        known = attributes(self.kind)
        targets = (known.asked(name).target for name in conditions.attributes_of(self.where))
        return frozenset(t for t in targets if t)


@dataclass(frozen=True, kw_only=True)
class Filters:
    """The filters of one source, by kind."""

    of: Mapping[str, Filter] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.of)

    def following(self, kind: str) -> tuple[Filter, ...]:
        """The filters with whose rows those of this kind go."""
        return tuple(f for f in self.of.values() if kind in f.linked)

    @property
    def asked_about(self) -> frozenset[str]:
        """Kinds of which other kinds' filters want to know something."""
        return frozenset(target for f in self.of.values() for target in f.asks_about)

    @property
    def ask_the_clock(self) -> bool:
        return any(conditions.asks_the_clock(f.where) for f in self.of.values())

    def reads_in_full(self, kind: str) -> bool:
        """Whether what is decided about unchanged rows may change: another file, or the clock, has a say."""
        own = self.of.get(kind)
        return kind in self.asked_about or bool(own and (own.asks_about or conditions.asks_the_clock(own.where)))


def hangs_on(kind: str) -> tuple[str, ...]:
    """The kinds whose records make no sense without one of this kind, near or far: what goes with it by default."""
    found: list[str] = []
    for other in KINDS.values():
        needed = {r.target for r in other.references if r.required}
        if other.name != kind and needed & {kind, *found}:
            found.append(other.name)
    return tuple(found)


def filters(content: object) -> Filters:
    """The setting ``filters``: kind → {"where": conditions, "linked": true, false, kinds}. Raises ``NotUnderstood``."""
    if content is None:
        return Filters()
    if not isinstance(content, dict):
        raise NotUnderstood("Filters are an object: kind → {“where”: …, “linked”: …}.")
    return Filters(of={kind: _filter(str(kind), said) for kind, said in content.items()})


def _filter(kind: str, said: object) -> Filter:
    if kind not in KINDS:
        raise NotUnderstood(f"There is no kind “{kind}”; there are: {', '.join(KINDS)}.")
    if not isinstance(said, dict) or "where" not in said or set(said) - {"where", "linked"}:
        raise NotUnderstood(f"The filter of {KINDS[kind].plural} has “where” and, if you like, “linked”.")
    try:
        where = conditions.parse(said["where"], known=attributes(kind))
    except Unreadable as unreadable:
        raise NotUnderstood(f"The filter of {KINDS[kind].plural}. {unreadable}") from unreadable
    return Filter(kind=kind, where=where, linked=_linked(kind, said.get("linked", True)))


def _linked(kind: str, said: object) -> tuple[str, ...]:
    able = hangs_on(kind)
    if isinstance(said, bool):
        return able if said else ()
    if isinstance(said, list) and set(said) <= set(able):
        return tuple(k for k in able if k in said)
    raise NotUnderstood(
        f"The filter of {KINDS[kind].plural}: “linked” is true, false, or a list of: {', '.join(able) or 'nothing'}."
    )

"""What a district decides about its data, read from settings into frozen records. Nothing here touches a database."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from uuid import UUID

from schoolpassport.kit import conditions
from schoolpassport.kit.conditions import All, Attribute, Shape, Tree, Unreadable
from schoolpassport.quality.records import Rule, Severity, Touch
from schoolpassport.quality.rules.standing import SHELF
from schoolpassport.roster.kinds import KINDS, Field, Kind, Type

METADATA = "metadata."
OFF = "off"
_MOST_OWN, _LONGEST_MESSAGE, _LARGEST_PARAMETER = 200, 500, 1_000_000
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
        needed = {r.target for r in other.references if r.required or r.binding}
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


def without_orgs(filters_: Filters, keys: tuple[str, ...]) -> Filters:
    """The same, and orgs that are not taken at all: whatever belongs only there goes with them."""
    if not keys:
        return filters_
    others = {"attribute": "sourcedId", "is": "not one of", "value": list(keys)}
    where = conditions.parse(others, known=attributes("org"))
    own = filters_.of.get("org")
    both = All(parts=(where, own.where)) if own else where
    return Filters(of={**filters_.of, "org": Filter(kind="org", where=both, linked=hangs_on("org"))})


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


# --------------------------------------------------------------------------------------------------------------- rules


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """A rule as a district wants it: how bad it is, and for whom. No schools, no roles: for all."""

    rule: Rule
    severity: Severity
    schools: tuple[UUID, ...] = ()
    roles: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        said = (self.rule.name, self.rule.where, self.rule.sql, sorted(self.rule.parameters.items()))
        return repr((*said, self.rule.sentence, self.severity, self.schools, self.roles))


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The rules that are in force in a district."""

    rulings: tuple[Ruling, ...]

    @property
    def standing(self) -> tuple[Ruling, ...]:
        """Those that are said of records that are shared."""
        return tuple(r for r in self.rulings if r.severity is not Severity.SKIP)

    def withholding(self, kind: str) -> tuple[Ruling, ...]:
        return tuple(r for r in self.rulings if r.severity is Severity.SKIP and r.rule.kind == kind)

    @property
    def withheld(self) -> str:
        """A digest of what is withheld; empty when nothing is."""
        said = [r.digest for r in self.rulings if r.severity is Severity.SKIP]
        return hashlib.sha256("".join(said).encode()).hexdigest() if said else ""


def rules(content: object) -> Rules:
    """The setting ``rules``: {"shelf": {name: {"severity": …}}, "own": [{…}]}. Raises ``NotUnderstood``.

    Rules of the shelf that are not named are in force as they stand there.
    """
    said = {} if content is None else content
    if not isinstance(said, dict) or set(said) - {"shelf", "own"}:
        raise NotUnderstood("Rules are an object with “shelf” (changes to built-in rules) and “own”.")
    shelf, own = said.get("shelf", {}), said.get("own", [])
    if not isinstance(shelf, dict) or not isinstance(own, list) or len(own) > _MOST_OWN:
        raise NotUnderstood(f"“shelf” is an object, name → changes; “own” a list of up to {_MOST_OWN} rules.")
    for name in shelf:
        if name not in SHELF:
            close = get_close_matches(str(name), SHELF, n=1)
            meant = f"; did you mean “{close[0]}”?" if close else f"; there are: {', '.join(SHELF)}."
            raise NotUnderstood(f"There is no built-in rule “{name}”{meant}")
    found = [_ruling(rule, shelf.get(rule.name, {})) for rule in SHELF.values()] + [_own(o) for o in own]
    names = [r.rule.name for r in found if r]
    if twice := next((n for n in names if names.count(n) > 1), None):
        raise NotUnderstood(f"Two rules are called “{twice}”; give each a name of its own.")
    return Rules(rulings=tuple(r for r in found if r))


def _ruling(rule: Rule, said: object) -> Ruling | None:
    where = f"The rule “{rule.name}”"
    if not isinstance(said, dict) or (strangers := set(said) - {"severity", "schools", "roles", *rule.parameters}):
        allowed = ", ".join(["severity", "schools", "roles", *rule.parameters])
        raise NotUnderstood(f"{where} can be changed in: {allowed}; not in {', '.join(sorted(map(str, strangers)))}.")
    severity = said.get("severity", rule.severity)
    if severity == OFF:
        return None
    if severity not in list(Severity):
        raise NotUnderstood(f"{where}: the severity is warning, error, skip or off, not “{severity}”.")
    if severity == Severity.SKIP and (rule.where is None or _asks_elsewhere(rule)):
        raise NotUnderstood(
            f"{where} can be a warning or an error, but not skip: only what a row itself says, whatever the day, can "
            "withhold it."
        )
    parameters = {name: _parameter(where, name, said.get(name, value)) for name, value in rule.parameters.items()}
    return Ruling(
        rule=replace(rule, parameters=parameters),
        severity=Severity(severity),
        schools=_schools(where, said.get("schools", [])),
        roles=_roles(where, rule, said.get("roles", [])),
    )


def _asks_elsewhere(rule: Rule) -> bool:
    assert rule.where is not None  # noqa: S101 (the caller has seen to it)
    known = attributes(rule.kind)
    followed = any(known.asked(name).through for name in conditions.attributes_of(rule.where))
    return followed or conditions.asks_the_clock(rule.where)


def _parameter(where: str, name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LARGEST_PARAMETER:
        raise NotUnderstood(f"{where}: “{name}” is a whole number from 0 to {_LARGEST_PARAMETER:,}.")
    return value


def _schools(where: str, said: object) -> tuple[UUID, ...]:
    try:
        return tuple(UUID(str(s)) for s in said) if isinstance(said, list) else ()
    except ValueError as error:
        raise NotUnderstood(f"{where}: “schools” is a list of GG4L IDs of schools.") from error


def _roles(where: str, rule: Rule, said: object) -> tuple[str, ...]:
    if not said:
        return ()
    if "role" not in KINDS[rule.kind]:
        raise NotUnderstood(f"{where}: {KINDS[rule.kind].plural} have no role; leave “roles” away.")
    able = KINDS[rule.kind]["role"].values
    if not isinstance(said, list) or not set(said) <= set(able):
        raise NotUnderstood(f"{where}: “roles” is a list of: {', '.join(able)}.")
    return tuple(said)


def _own(said: object) -> Ruling | None:
    parts = {"name", "kind", "where", "severity", "message", "attribute", "schools", "roles"}
    if not isinstance(said, dict) or not {"name", "kind", "where", "message"} <= set(said) or set(said) - parts:
        raise NotUnderstood(
            "A rule of your own has name, kind, where and message; also severity, attribute, schools, roles."
        )
    name, kind, message = (str(said[part]).strip() for part in ("name", "kind", "message"))
    where = f"The rule “{name}”"
    if not name or len(name) > 80 or name in SHELF or not name.isprintable():  # noqa: PLR2004 (the column's length)
        raise NotUnderstood(f"{where} needs a name of its own, of up to 80 characters.")
    if kind not in KINDS:
        raise NotUnderstood(f"{where}: there is no kind “{kind}”; there are: {', '.join(KINDS)}.")
    if not message or len(message) > _LONGEST_MESSAGE:
        raise NotUnderstood(
            f"{where} needs a message of up to {_LONGEST_MESSAGE} characters: what is wrong, what to do."
        )
    try:
        tree = conditions.parse(said["where"], known=attributes(kind))
    except Unreadable as unreadable:
        raise NotUnderstood(f"{where}. {unreadable}") from unreadable
    attribute = said.get("attribute", min(conditions.attributes_of(tree), default=""))
    if attribute and attribute not in attributes(kind):
        raise NotUnderstood(f"{where}: {KINDS[kind].plural} have no attribute “{attribute}”.")
    rule = Rule(
        name=name,
        kind=kind,
        severity=Severity.WARNING,
        attribute=attribute,
        where=tree,
        sentence=message,
        fix=message,
        touched_by=tuple(map(Touch, sorted({f".{a.through.name}" for a in _asked(kind, tree) if a.through}))),
        by_clock=conditions.asks_the_clock(tree),
        own=True,
    )
    return _ruling(rule, {part: said[part] for part in ("severity", "schools", "roles") if part in said})


def _asked(kind: str, tree: Tree) -> list[Asked]:
    known = attributes(kind)
    return [known.asked(name) for name in conditions.attributes_of(tree)]

"""What a district decides about matching and merging, read from its settings. Bad content is refused with a sentence.

* ``domains``: ``{"user": [["userMasterIdentifier"], ["identifier", "familyName"]]}``: sets of attributes in order;
  equal values of a whole set mean the same person.
* ``masters``: ``{"user": [{"attribute": "email", "source": "Directory", "rule": "master"}]}``: whose value counts.
  ``*`` stands for all attributes of the kind that are not named.
* ``schools``, of a source: ``{"4711": "no", "4712": "01a2…"}``: schools that are not taken, or are one that stands.
  ``{"4712": {"becomes": "01a2…", "attributes": "once"}}``: what it says of the school then is what it says for good.
* ``identity``: ``{"several_roles": true}``: one person may be a student here and a teacher there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from uuid import UUID

from schoolpassport.kit.readable import in_a_sentence, said_of, written
from schoolpassport.roster.kinds import KINDS, Kind, Type
from schoolpassport.roster.records import Authority, Rule

MOST_DOMAINS = 10
BORN = "birthDate"  # of a user's demographics
NAMES = ("givenName", "familyName")
# What can tell a person, by itself or with others; a date of birth only beside both names.
_TELLING = frozenset({"userMasterIdentifier", "identifier", "username", "email"})
_EVERYTHING = "*"


class Unfit(ValueError):
    """The content of a setting cannot be used; the message says where and what to do."""


@dataclass(frozen=True, kw_only=True)
class Domain:
    """A set of attributes whose equal values mean the same record."""

    attributes: tuple[str, ...]

    @property
    def is_email_alone(self) -> bool:
        """One mailbox may serve a family: then a given name must agree, too."""
        return self.attributes == ("email",)


@dataclass(frozen=True, kw_only=True)
class Registered:
    """A source as these rules know it."""

    id: UUID
    name: str
    is_roster: bool


Domains = Mapping[str, tuple[Domain, ...]]

# A number alone is not enough by default: two systems may count from 1001 on, each for itself.
DEFAULT_DOMAINS: Domains = MappingProxyType(
    {
        "user": (
            Domain(attributes=("userMasterIdentifier",)),
            Domain(attributes=("identifier", "givenName", "familyName")),
            Domain(attributes=("email",)),
        )
    }
)


# ------------------------------------------------------------------------------------------------------------- domains


def domains(content: object) -> Domains:
    """The domains of each kind; those of the house where nothing was set. Raises ``Unfit``."""
    if content is None:
        return DEFAULT_DOMAINS
    if not isinstance(content, Mapping):
        raise Unfit('Domains are written by kind, like {"user": [["identifier", "familyName"]]}.')
    return MappingProxyType({name: _of_kind(_kind(name, "domains"), sets) for name, sets in content.items()})


def _of_kind(kind: Kind, sets: object) -> tuple[Domain, ...]:
    if not isinstance(sets, Sequence) or isinstance(sets, str) or len(sets) > MOST_DOMAINS:
        raise Unfit(f"The domains of {kind.plural} are a list of up to {MOST_DOMAINS} lists of attributes.")
    return tuple(_domain(kind, number, names) for number, names in enumerate(sets, 1))


def _domain(kind: Kind, number: int, names: object) -> Domain:
    where = f"Domain {number} of {kind.plural}"
    if not isinstance(names, Sequence) or isinstance(names, str) or not names:
        raise Unfit(f"{where} is empty: name at least one attribute.")
    known = attributes(kind)
    for name in names:
        if name not in known:
            raise Unfit(f"{where} names “{name}”, which cannot be compared. There are: {', '.join(known)}.")
    if kind.name == "user" and not _tells(frozenset(names)):
        raise Unfit(
            f"{where} ({', '.join(names)}) does not tell people apart: many have the same name. Add one of "
            f"{', '.join(sorted(_TELLING))}, or {BORN} beside {' and '.join(NAMES)}."
        )
    return Domain(attributes=tuple(dict.fromkeys(names)))


def _tells(names: frozenset[str]) -> bool:
    return bool(names & _TELLING) or names >= {BORN, *NAMES}


def attributes(kind: Kind) -> tuple[str, ...]:
    """What domains of a kind can be made of: single texts, dates and references, and a user's date of birth."""
    fit = {Type.TEXT, Type.DATE, Type.YEAR, Type.REFERENCE}
    own = tuple(f.name for f in kind.fields if f.type in fit and not f.many and f.target != kind.name)
    return (*own, BORN) if kind.name == "user" else own


# ------------------------------------------------------------------------------------------------------- master fields


def authority(content: object, *, sources: Sequence[Registered]) -> Authority:
    """Whose word counts. ``sources`` in the order of their registration. Raises ``Unfit``."""
    rules: dict[tuple[str, str], tuple[tuple[UUID, Rule], ...]] = {}
    if content is not None and not isinstance(content, Mapping):
        raise Unfit('Master fields are written by kind, like {"user": [{"attribute": "email", "source": …}]}.')
    for name, entries in (content or {}).items():
        kind = _kind(name, "master fields")
        for column, entry in _entries(kind, entries, sources):
            rules[kind.name, column] = (*rules.get((kind.name, column), ()), entry)
    return Authority(
        sources=tuple(s.id for s in sources),
        enrichment=frozenset(s.id for s in sources if not s.is_roster),
        rules=MappingProxyType(rules),
    )


def _entries(kind: Kind, entries: object, sources: Sequence[Registered]) -> Iterator[tuple[str, tuple[UUID, Rule]]]:
    if not isinstance(entries, Sequence) or not all(isinstance(e, Mapping) for e in entries):
        raise Unfit(f"The master fields of {kind.plural} are a list of attribute, source and rule.")
    named = {str(e.get("attribute")) for e in entries}
    seen = set()
    for entry in entries:
        attribute = str(entry.get("attribute") or "")
        if attribute != _EVERYTHING and attribute not in kind:
            what = (
                f"{kind.name} has no attribute “{attribute}”" if attribute else f"{kind.name}: “attribute” is missing"
            )
            raise Unfit(f"{what}. There are: {', '.join(f.name for f in kind.fields)}.")
        rule, source = _rule(kind, entry), _source(kind, entry, sources)
        if (attribute, source) in seen:
            raise Unfit(f"{kind.name}.{attribute} has two rules for one source. Leave one of them.")
        seen.add((attribute, source))
        meant = [f for f in kind.fields if f.name == attribute or (attribute == _EVERYTHING and f.name not in named)]
        yield from ((f.column, (source, rule)) for f in meant)


def _rule(kind: Kind, entry: Mapping[str, object]) -> Rule:
    try:
        return Rule(str(entry.get("rule")))
    except ValueError as unknown:
        words = ", ".join(Rule)
        raise Unfit(
            f"{kind.name}.{entry['attribute']}: {said_of('rule', entry.get('rule'))}; say {words}."
        ) from unknown


def _source(kind: Kind, entry: Mapping[str, object], sources: Sequence[Registered]) -> UUID:
    for source in sources:
        if entry.get("source") in {source.name, str(source.id)}:
            return source.id
    known = ", ".join(f"“{s.name}”" for s in sources) or "none"
    raise Unfit(f"{kind.name}.{entry['attribute']}: {said_of('source', entry.get('source'))}. There are: {known}.")


# ------------------------------------------------------------------------------------------------------------ identity


def several_roles(content: object) -> bool:
    """Whether one person may hold several roles. Raises ``Unfit``."""
    if content is None:
        return False
    said = content.get("several_roles") if isinstance(content, Mapping) else None
    if not isinstance(said, bool):
        raise Unfit('Identity is written as {"several_roles": true} or {"several_roles": false}.')
    return said


# ------------------------------------------------------------------------------------------------------------- schools


ONCE, FOLLOW = "once", "follow"
EVERY_SCHOOL = "*"  # stands for all that are not named


@dataclass(frozen=True, kw_only=True)
class Schools:
    """What becomes of the schools of a source: ``existing`` ones are schools that stand, ``no`` are not taken.

    ``copied``: key → whether its attributes are copied once; of keys that are not named, ``others`` says it.
    """

    existing: Mapping[str, UUID] = field(default_factory=dict)
    no: tuple[str, ...] = ()
    copied: Mapping[str, bool] = field(default_factory=dict)
    others: bool = False

    def once(self, key: str) -> bool:
        """Whether what the source said of the school when it first meant it is what it says for good."""
        return self.copied.get(key, self.others)

    @property
    def any_once(self) -> bool:
        return self.others or any(self.copied.values())


def schools(content: object) -> Schools:
    """The schools mapping of a source: its key → ``"new"``, ``"no"`` or a GG4L ID, or an object that says more.

    Whatever is not named is new. Raises ``Unfit``.
    """
    if content is None:
        return Schools()
    if not isinstance(content, Mapping):
        raise Unfit('Schools are mapped by the source\'s own ids, like {"4711": "no", "4712": a GG4L ID}.')
    existing, no, copied = {}, [], {}
    for key, said in content.items():
        becomes, attributes = _school(str(key), said)
        if attributes:
            copied[str(key)] = attributes == ONCE
        if becomes == "no":
            no.append(str(key))
        elif becomes != "new":
            existing[str(key)] = _id(key, becomes)
    others = copied.pop(EVERY_SCHOOL, False)
    return Schools(
        existing=MappingProxyType(existing), no=tuple(sorted(no)), copied=MappingProxyType(copied), others=others
    )


def _school(key: str, said: object) -> tuple[object, str]:
    """What a school becomes, and how its attributes are taken, if that is said."""
    if not isinstance(said, Mapping):
        said = {"becomes": said}
    becomes, attributes = said.get("becomes", "new"), said.get("attributes", "")
    if said.keys() - {"becomes", "attributes"} or attributes not in {"", ONCE, FOLLOW}:
        raise Unfit(
            f"School “{key}” is mapped to {written(dict(said))}; say what it becomes, and whether its attributes are "
            f'taken “{ONCE}” or “{FOLLOW}” the source, like {{"becomes": "new", "attributes": "{ONCE}"}}.'
        )
    if key == EVERY_SCHOOL and becomes != "new":
        raise Unfit(
            f"“{EVERY_SCHOOL}” stands for all schools that are not named; it only says how attributes are taken."
        )
    return becomes, str(attributes)


def _id(key: object, becomes: object) -> UUID:
    try:
        return UUID(str(becomes))
    except ValueError as wrong:
        raise Unfit(
            f"School “{key}” is mapped to {in_a_sentence(becomes)}; say new, no, or the GG4L ID of a school."
        ) from wrong


def _kind(name: object, subject: str) -> Kind:
    if name not in KINDS:
        raise Unfit(f"There is no kind “{name}” to give {subject} to. There are: {', '.join(KINDS)}.")
    return KINDS[str(name)]

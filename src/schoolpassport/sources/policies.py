"""What a district decides about how a source's files are to be read, parsed from its documents.

``tables``: what files of any make hold (``mapping``). ``attributes``: which column feeds which attribute.
``transforms``: what is done to the values of an attribute, step by step. ``prefix``: what stands before every id of the
source. ``cleaning``: in which country its phones ring.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

from schoolpassport.kit import conditions
from schoolpassport.kit.columns import entries_of, literal
from schoolpassport.kit.conditions import Attribute, Tree
from schoolpassport.roster.kinds.shape import PAIRS
from schoolpassport.sources.cleaning import COUNTRIES
from schoolpassport.sources.mapping import BadPolicy, a_text, tables
from schoolpassport.sources.records import Settings
from schoolpassport.sources.schemas import FileSchema, Schema
from schoolpassport.sources.schemas.shape import METADATA
from schoolpassport.sources.transforms import TRANSFORMS, Given, Made, Parameter, Transform, Wanted, template

SUBJECTS = ("tables", "attributes", "transforms", "prefix", "cleaning")
MOST_STEPS = 20  # for one attribute
_HIGHEST = 1_000  # of a whole number
_LONGEST = 2_000  # characters of a text that a step holds
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,39}")


@dataclass(frozen=True, kw_only=True)
class Feed:
    """Where an attribute's values come from: a column of the file, or always the same text."""

    header: str = ""
    constant: str = ""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One transform in its place. ``when``: only of rows that fulfil it, as the source gives them."""

    transform: Transform
    values: Mapping[str, Any]
    when: Tree | None = None

    @property
    def asks(self) -> frozenset[str]:
        """The other attributes of the row that it looks at."""
        named = set(conditions.attributes_of(self.when)) if self.when is not None else set()
        for parameter in self.transform.parameters:
            value = self.values[parameter.name]
            match parameter.wanted:
                case Wanted.ATTRIBUTE if value:
                    named.add(value)
                case Wanted.ATTRIBUTES:
                    named.update(value)
                case Wanted.TEMPLATE:
                    named.update(template.NAMES.findall(value))
                case _:
                    pass
        return frozenset(named)


@dataclass(frozen=True, kw_only=True)
class Names:
    """What a step may call the attributes of a row. ``check`` (where, name) raises ``BadPolicy`` for what is none."""

    check: Callable[[str, str], object]
    kind: Callable[[str], Attribute]


_NONE: Mapping[str, Any] = MappingProxyType({})


def _within(cell: str, given: Given) -> Made:
    """The prefix before the id that each entry of a list in JSON names; anything else stays what it is."""
    name = given.text("name")
    named = f"{literal(given.text('text'))} || json_extract_string(e, {literal(f'$.{name}')})"
    patched = f"json_merge_patch(e, json_object({literal(name)}, {named}))"
    listed = f"to_json(list_transform({entries_of(cell)}, lambda e: {patched}))::VARCHAR"
    return Made(value=f"coalesce({listed}, {cell})")


_WITHIN = Transform(name="prefix", sentence="", sql=_within, examples=(), each=False)


@dataclass(frozen=True, kw_only=True)
class Shaping:
    """How files become attributes: by kind, and by the column that the schema has for an attribute."""

    feeds: Mapping[str, Mapping[str, Feed]] = field(default_factory=lambda: _NONE)
    steps: Mapping[str, Mapping[str, tuple[Step, ...]]] = field(default_factory=lambda: _NONE)
    prefix: str = ""
    country: str = ""

    @property
    def read(self) -> dict[str, frozenset[str]]:
        """Kind → the columns that feed it, by their headers."""
        return {kind: frozenset(f.header for f in feeds.values() if f.header) for kind, feeds in self.feeds.items()}

    @property
    def hints(self) -> tuple[str, ...]:
        """What whoever wrote the steps may not expect of them."""
        return tuple(
            f"In transforms, {kind}, {header}, step {n}: {hint}"
            for kind, of_kind in self.steps.items()
            for header, steps in of_kind.items()
            for n, each in enumerate(steps, 1)
            if each.transform is TRANSFORMS["template"] and (hint := template.hint(each.values["text"]))
        )

    def feeds_of(self, kind: str) -> Mapping[str, Feed]:
        return self.feeds.get(kind, _NONE)

    def steps_of(self, file: FileSchema) -> dict[str, tuple[Step, ...]]:
        """Those that the district put in order, then what goes with its phones and its prefix."""
        steps = dict(self.steps.get(file.kind.name, _NONE))
        for column in file.columns:
            if self.country and column.field.name in {"phone", "sms"}:
                step = Step(transform=TRANSFORMS["phone"], values={"country": self.country})
                steps[column.header] = (*steps.get(column.header, ()), step)
        if self.prefix:
            step = Step(transform=TRANSFORMS["prefix"], values={"text": self.prefix})
            for header in ("sourcedId", *(c.header for c in file.columns if c.field.is_reference)):
                steps[header] = (*steps.get(header, ()), step)
            for column in (c for c in file.columns if c.field.each_names):
                within = Step(transform=_WITHIN, values={"text": self.prefix, "name": column.field.each_names})
                steps[column.header] = (*steps.get(column.header, ()), within)
        return steps


def shaping(settings: Settings, schema: Schema) -> Shaping:
    """Every document that holds. Raises ``BadPolicy``."""
    tables(settings.get("tables"), schema)
    return Shaping(
        feeds=_by_kind("attributes", settings.get("attributes"), schema, _feeds),
        steps=_by_kind("transforms", settings.get("transforms"), schema, _steps),
        prefix=_word("prefix", settings.get("prefix"), "prefix"),
        country=_word("cleaning", settings.get("cleaning"), "country"),
    )


def check(subject: str, content: object, schema: Schema) -> Shaping:
    """Whether one document can be taken. Raises ``BadPolicy``."""
    if subject not in SUBJECTS:
        raise BadPolicy(f"There is no setting “{subject}” here. There are: {', '.join(SUBJECTS)}.")
    return shaping(Settings().draft(subject, content), schema)


def headers_of(file: FileSchema) -> dict[str, str]:
    """Attribute → the column that the schema has for it; metadata.* stand for themselves."""
    return file.attributes


def column_of(file: FileSchema, attribute: str) -> str:
    return headers_of(file).get(attribute, attribute)


def told(documents: Mapping[str, Any], *, kind: str, attribute: str) -> tuple[str, ...]:
    """What the documents (subject → content) of a source say of one attribute, for a person: a text for each part."""
    found = [
        f"from the table {table['file']}: {_in_json(record['attributes'][attribute])}"
        for table in documents.get("tables") or ()
        for record in table["records"]
        if record["kind"] == kind and attribute in record["attributes"]
    ]
    for feed in (documents.get("attributes") or {}).get(kind, ()):
        if feed["to"] == attribute:
            fed = f"from the column “{feed['from']}”" if "from" in feed else f"always “{feed['constant']}”"
            found.append(fed)
    steps = (documents.get("transforms") or {}).get(kind, {}).get(attribute, ())
    for number, step_ in enumerate(steps, 1):
        more = {name: value for name, value in step_.items() if name != "do"}
        found.append(f"step {number}: {step_['do']} {_in_json(more) if more else ''}".rstrip())
    return tuple(found)


def _in_json(content: object) -> str:
    return json.dumps(content, ensure_ascii=False)


# ------------------------------------------------------------------------------------------------------------- reading


def _by_kind(subject: str, content: object, schema: Schema, read: Any) -> Mapping[str, Any]:  # noqa: ANN401 (_feeds or _steps)
    if not content:
        return _NONE
    files = {f.kind.name: f for f in schema.files}
    if not isinstance(content, dict):
        raise BadPolicy(f"In {subject}: write an object, kind by kind, like {{“user”: …}}.")
    for kind in content:
        if kind not in files:
            raise BadPolicy(f"In {subject}: there is no kind “{kind}” in {schema.title}; there are: {_list(files)}.")
    return {kind: read(f"{subject}, {kind}", told, files[kind]) for kind, told in content.items()}


def _feeds(where: str, content: object, file: FileSchema) -> dict[str, Feed]:
    if not isinstance(content, list):
        raise BadPolicy(f"In {where}: write a list of objects with “to” and “from”, or “to” and “constant”.")
    feeds: dict[str, Feed] = {}
    for number, told in enumerate(content, 1):
        here = f"{where}, entry {number}"
        if not isinstance(told, dict) or set(told) not in ({"to", "from"}, {"to", "constant"}):
            raise BadPolicy(f"In {here}: write “to” and “from”, or “to” and “constant”, and nothing else.")
        header = _attribute(here, told["to"], file)
        if header in feeds:
            raise BadPolicy(f"In {here}: “{told['to']}” has a feed already. Each attribute has one; take one away.")
        word = "from" if "from" in told else "constant"
        text = a_text(here, word, told[word])
        feeds[header] = Feed(header=text) if word == "from" else Feed(constant=text)
    return feeds


def _steps(where: str, content: object, file: FileSchema) -> dict[str, tuple[Step, ...]]:
    if not isinstance(content, dict):
        raise BadPolicy(f"In {where}: write an object, attribute by attribute, like {{“email”: [{{“do”: “trim”}}]}}.")
    steps = {}
    for attribute, told in content.items():
        header = _attribute(where, attribute, file)
        if not isinstance(told, list) or len(told) > MOST_STEPS:
            raise BadPolicy(f"In {where}, {attribute}: write a list of at most {MOST_STEPS} steps.")
        names = Names(check=partial(_attribute, file=file), kind=partial(kind_of, file))
        steps[header] = tuple(step(f"{where}, {attribute}, step {n}", t, names) for n, t in enumerate(told, 1))
    return {header: each for header, each in steps.items() if each}


def step(where: str, content: object, names: Names) -> Step:
    """One step out of JSON. Raises ``BadPolicy``."""
    if not isinstance(content, dict) or not isinstance(content.get("do"), str):
        raise BadPolicy(f"In {where}: write an object with “do”, like {{“do”: “trim”}}.")
    transform = TRANSFORMS.get(content["do"])
    if transform is None:
        raise BadPolicy(f"In {where}: there is no transform “{content['do']}”; there are: {_list(TRANSFORMS)}.")
    where = f"{where} ({transform.name})"
    known = {p.name for p in transform.parameters}
    for name in content:
        if name not in {"do", "when", *known}:
            raise BadPolicy(f"In {where}: there is no parameter “{name}”; there are: {_list(known) or 'none'}.")
    values = {p.name: _value(where, p, content, names) for p in transform.parameters}
    if refusal := transform.refuses(values):
        raise BadPolicy(f"In {where}: {refusal}")
    return Step(transform=transform, values=values, when=_when(where, content.get("when"), names))


def _value(where: str, parameter: Parameter, content: Mapping[str, Any], names: Names) -> Any:  # noqa: ANN401 (by its type)
    name = parameter.name
    if name not in content:
        if parameter.required:
            raise BadPolicy(f"In {where}: “{name}” is missing: {parameter.sentence}.")
        return parameter.default
    value = content[name]
    match parameter.wanted:
        case Wanted.NUMBER:
            if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _HIGHEST:
                raise BadPolicy(f"In {where}: “{name}” must be a whole number.")
            return value
        case Wanted.TEXTS | Wanted.ATTRIBUTES:
            return _texts(where, parameter, value, names)
        case Wanted.WORDS:
            if not isinstance(value, dict) or not value:
                raise BadPolicy(f"In {where}: “{name}” must be an object, text by text.")
            return {a_text(where, name, word): a_text(where, name, each) for word, each in value.items()}
        case _:
            return _word_of(where, parameter, value, names)


def _texts(where: str, parameter: Parameter, value: object, names: Names) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise BadPolicy(f"In {where}: “{parameter.name}” must be a list of texts.")
    texts = tuple(a_text(where, parameter.name, each) for each in value)
    return _named(where, texts, names) if parameter.wanted is Wanted.ATTRIBUTES else texts


def _word_of(where: str, parameter: Parameter, value: object, names: Names) -> str:
    text = a_text(where, parameter.name, value, blank=parameter.default == "")
    if parameter.choices and text not in parameter.choices:
        choices = ", ".join(f"“{c}”" for c in parameter.choices)
        raise BadPolicy(f"In {where}: “{parameter.name}” must be one of: {choices}.")
    if parameter.wanted is Wanted.ATTRIBUTE:
        _named(where, (text,), names)
    if parameter.wanted is Wanted.TEMPLATE:
        _named(where, tuple(template.NAMES.findall(text)), names)
    return text


def _named(where: str, asked: tuple[str, ...], names: Names) -> tuple[str, ...]:
    for name in asked:
        names.check(where, name)
    return asked


def _when(where: str, content: object, names: Names) -> Tree | None:
    if content is None:
        return None
    try:
        tree = conditions.parse(content)
        asked = sorted(conditions.attributes_of(tree))
        for name in asked:
            names.check(where, name)
        conditions.parse(content, known={name: names.kind(name) for name in asked})
    except conditions.Unreadable as unreadable:
        raise BadPolicy(f"In {where}, when: {unreadable}") from unreadable
    if conditions.asks_the_clock(tree):
        raise BadPolicy(f"In {where}, when: what a row says must not depend on the day it is read; give a date.")
    return tree


def kind_of(file: FileSchema, attribute: str) -> Attribute:
    """What can be asked about an attribute: texts, as long as they are as the source gives them."""
    many = any(c.field.name == attribute and c.field.many for c in file.columns)
    return Attribute(many=many)


def _attribute(where: str, name: object, file: FileSchema) -> str:
    known = headers_of(file)
    if isinstance(name, str) and (name in known or METADATA.fullmatch(name)):
        return known.get(name, name)
    called = {header: attribute for attribute, header in known.items()}
    if name in called:
        raise BadPolicy(f"In {where}: “{name}” is the name of a column; the attribute is called “{called[name]}”.")
    raise BadPolicy(
        f"In {where}: {file.kind.plural} have no attribute “{name}”; there are: {_list(known)} and metadata.*."
    )


def _word(subject: str, content: object, name: str) -> str:
    if not content:
        return ""
    if not isinstance(content, dict) or set(content) != {name} or not isinstance(content[name], str):
        raise BadPolicy(f"In {subject}: write an object with “{name}” alone; an empty one takes it away.")
    text: str = content[name]
    if subject == "prefix" and not _PREFIX.fullmatch(text):
        raise BadPolicy(
            f"In prefix: “{text}” cannot stand before ids. Use at most 40 letters, digits, dots, colons, hyphens and "
            "underscores, the first a letter or digit."
        )
    if subject == "cleaning" and text not in COUNTRIES:
        raise BadPolicy(f"In cleaning: phones of “{text}” are not known; there are: {_list(COUNTRIES)}.")
    return text


def _list(names: Any) -> str:  # noqa: ANN401 (any collection of texts)
    return ", ".join(sorted(names))


def fills(steps: tuple[Step, ...]) -> bool:
    """Whether there can be a value where the file has no column."""
    return any(s.transform.fills for s in steps)


def is_list(file: FileSchema, header: str) -> bool:
    return any(c.header == header and c.field.many and c.field.type not in PAIRS for c in file.columns)

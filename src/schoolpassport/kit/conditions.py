"""Conditions that people write: attribute, test, value, joined by all, any and not; data, never code.

``parse`` reads them from JSON and says where they are wrong; ``sql`` writes them for DuckDB or PostgreSQL. Text is
compared without regard to case and to how its accents are encoded. What is blank fulfils no test but *empty*; so
*not equals* asks for a value that differs, and ``Not`` of *equals* for anything but that value. Of a list, one element
that fulfils the test is enough; the tests that begin with *not* ask that no element does.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from enum import StrEnum

from schoolpassport.kit.columns import literal

MOST_PARTS, DEEPEST, MOST_VALUES, LONGEST = 200, 8, 1_000, 2_000
NUMBER = "[+-]?[0-9]{1,15}([.][0-9]{1,15})?"
_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
SHAPES = {
    "e-mail": "[^@ \t,;:<>()]+@[^@ \t,;:<>().]+([.][^@ \t,;:<>().]+)+",
    "phone": "[+]?[0-9 ()./-]*([0-9][ ()./-]*){5,15}((x|ext[.]?) ?[0-9]{1,6})?",
}


class Shape(StrEnum):
    """What an attribute's values are. Texts that are numbers can be compared as such."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    BOOLEAN = "boolean"


class Test(StrEnum):
    EQUALS = "equals"
    DIFFERS = "not equals"
    CONTAINS = "contains"
    LACKS = "not contains"
    BEGINS = "begins with"
    ENDS = "ends with"
    ONE_OF = "one of"
    NONE_OF = "not one of"
    LOOKS_LIKE = "shaped like"
    LOOKS_UNLIKE = "not shaped like"
    EMPTY = "empty"
    FILLED = "not empty"
    GREATER = "greater"
    LESS = "less"
    BETWEEN = "between"  # both ends included
    AFTER = "after"
    BEFORE = "before"
    PAST = "past"
    FUTURE = "future"
    WITHIN = "within days"  # from today on; of a negative number, up to today


_OPPOSITES = {
    Test.DIFFERS: Test.EQUALS,
    Test.LACKS: Test.CONTAINS,
    Test.NONE_OF: Test.ONE_OF,
    Test.LOOKS_UNLIKE: Test.LOOKS_LIKE,
}
_BY_DATE = {Test.AFTER, Test.BEFORE, Test.PAST, Test.FUTURE, Test.WITHIN}
_BY_CLOCK = {Test.PAST, Test.FUTURE, Test.WITHIN}
_BY_NUMBER = {Test.GREATER, Test.LESS}
_WITHOUT_VALUE = {Test.EMPTY, Test.FILLED, Test.PAST, Test.FUTURE}
_WITH_LIST = {Test.ONE_OF, Test.NONE_OF, Test.BETWEEN}


@dataclass(frozen=True)
class Condition:
    """One test. ``value`` is a text, or several where the test asks for them; dates are written 2026-09-01."""

    attribute: str
    test: Test
    value: str | tuple[str, ...] = ""


@dataclass(frozen=True)
class All:
    """Every part holds; an empty one always does."""

    parts: tuple["Tree", ...]


@dataclass(frozen=True)
class Any_:  # noqa: N801 (``any`` and ``typing.Any`` are something else)
    """At least one part holds; an empty one never does."""

    parts: tuple["Tree", ...]


@dataclass(frozen=True)
class Not:
    part: "Tree"


Tree = Condition | All | Any_ | Not


@dataclass(frozen=True, kw_only=True)
class Attribute:
    """What can be asked about: its shape, and whether it holds a list."""

    shape: Shape = Shape.TEXT
    many: bool = False


@dataclass(frozen=True, kw_only=True)
class Column:
    """An attribute as SQL: a text, or a list of texts; dates are written 2026-09-01, too."""

    sql: str
    shape: Shape = Shape.TEXT
    many: bool = False


class Unreadable(ValueError):
    """The conditions cannot be taken; the sentence says where and what to do."""


# ------------------------------------------------------------------------------------------------------------- reading


def parse(content: object, *, known: Mapping[str, Attribute] | None = None) -> Tree:
    """Conditions out of JSON. ``known``: the attributes there are. Raises ``Unreadable``."""
    tree = _parsed(content, known, "the condition", 1)
    if sum(1 for _ in conditions_of(tree)) > MOST_PARTS:
        raise Unreadable(f"There are more than {MOST_PARTS} conditions; write fewer, or use “one of”.")
    return tree


def _parsed(content: object, known: Mapping[str, Attribute] | None, where: str, depth: int) -> Tree:
    if depth > DEEPEST:
        raise Unreadable(f"In {where}: conditions are nested more than {DEEPEST} deep; flatten them.")
    if not isinstance(content, dict):
        raise Unreadable(f"In {where}: write an object with “all”, “any”, “not” or “attribute”.")
    for word, joined in (("all", All), ("any", Any_)):
        if set(content) == {word}:
            parts = content[word]
            if not isinstance(parts, list):
                raise Unreadable(f"In {where}: “{word}” takes a list of conditions.")
            if len(parts) > MOST_PARTS:
                raise Unreadable(f"In {where}: “{word}” has more than {MOST_PARTS} parts; write fewer.")
            return joined(tuple(_parsed(p, known, f"{where}, {word} {n}", depth + 1) for n, p in enumerate(parts, 1)))
    if set(content) == {"not"}:
        return Not(_parsed(content["not"], known, f"{where}, not", depth + 1))
    return _condition(content, known, where)


def _condition(content: dict[str, object], known: Mapping[str, Attribute] | None, where: str) -> Condition:
    if strangers := sorted(set(content) - {"attribute", "is", "value"}):
        raise Unreadable(f"In {where}: “{strangers[0]}” is not understood; a condition has “attribute”, “is”, “value”.")
    name, word = content.get("attribute"), content.get("is")
    if not isinstance(name, str) or not name:
        raise Unreadable(f"In {where}: “attribute” is missing.")
    if known is not None and name not in known:
        raise Unreadable(f"In {where}: there is no attribute “{name}”{_nearest(name, known)}")
    tests: list[str] = [str(t) for t in Test]
    if word is None:
        raise Unreadable(f"In {where}: “is” is missing; there are: {', '.join(sorted(tests))}.")
    if not isinstance(word, str) or word not in tests:
        raise Unreadable(f"In {where}: there is no test “{word}”{_nearest(str(word), tests)}")
    test = Test(word)
    if known is not None:
        _check_shape(known[name].shape, test, name, where)
    shape = known[name].shape if known is not None else None
    return Condition(name, test, _value(content.get("value"), test, shape, where))


def _nearest(name: str, names: Mapping[str, object] | list[str]) -> str:
    folded = {n.casefold(): n for n in names}
    close = get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return f"; did you mean “{folded[close[0]]}”?" if close else f"; there are: {', '.join(sorted(names))}."


def _check_shape(shape: Shape, test: Test, name: str, where: str) -> None:
    if test in _BY_DATE and shape is not Shape.DATE:
        raise Unreadable(f"In {where}: “{test}” compares dates, and {name} is none; use “greater” or “less”.")
    if test in _BY_NUMBER and shape in {Shape.DATE, Shape.BOOLEAN}:
        raise Unreadable(f"In {where}: “{test}” compares numbers, and {name} is none; use “after” or “before”.")
    if test is Test.BETWEEN and shape is Shape.BOOLEAN:
        raise Unreadable(f"In {where}: {name} is true or false; use “equals”.")


def _value(value: object, test: Test, shape: Shape | None, where: str) -> str | tuple[str, ...]:
    if test in _WITHOUT_VALUE:
        if value not in {None, ""}:
            raise Unreadable(f"In {where}: “{test}” takes no value.")
        return ""
    if test not in _WITH_LIST:
        return _one(value, test, shape, where)
    if not isinstance(value, list | tuple):
        raise Unreadable(f"In {where}: “{test}” takes a list of values.")
    if test is Test.BETWEEN and len(value) != 2:  # noqa: PLR2004 (two ends)
        raise Unreadable(f"In {where}: “between” takes two values, the lower and the upper.")
    if not 0 < len(value) <= MOST_VALUES:
        raise Unreadable(f"In {where}: “{test}” takes 1 to {MOST_VALUES:,} values.")
    values = tuple(_one(v, test, shape, where) for v in value)
    if test is Test.BETWEEN and shape is None and len({bool(re.fullmatch(NUMBER, v)) for v in values}) > 1:
        raise Unreadable(f"In {where}: “between” compares two numbers or two dates.")
    return values


def _one(value: object, test: Test, shape: Shape | None, where: str) -> str:
    if isinstance(value, bool):
        value = "true" if value else "false"
    if not isinstance(value, str | int | float) or not str(value).strip():
        raise Unreadable(f"In {where}: “{test}” needs a value; to ask for blanks, use “empty”.")
    text = str(value).strip()
    if len(text) > LONGEST or not text.isprintable():
        raise Unreadable(f"In {where}: a value is too long or holds characters that cannot be printed.")
    _check_value(text, test, shape, where)
    return text


def _check_value(text: str, test: Test, shape: Shape | None, where: str) -> None:
    if test is Test.WITHIN and not re.fullmatch("-?[0-9]{1,5}", text, re.ASCII):
        raise Unreadable(f"In {where}: “{test}” takes a number of days, like 30, or -30 for the last thirty.")
    if test in {Test.LOOKS_LIKE, Test.LOOKS_UNLIKE} and text not in SHAPES:
        raise Unreadable(f"In {where}: there is no shape “{text}”{_nearest(text, SHAPES)}")
    by_date = test in {Test.AFTER, Test.BEFORE} or (shape is Shape.DATE and test in {Test.EQUALS, Test.BETWEEN})
    by_number = test in _BY_NUMBER or (shape in {Shape.TEXT, Shape.NUMBER} and test is Test.BETWEEN)
    if shape is None and test is Test.BETWEEN:
        by_number = not (by_date := _is_date(text))
    if by_date and not _is_date(text):
        raise Unreadable(f"In {where}: “{text}” is no date; write it like 2026-09-01.")
    if by_number and not re.fullmatch(NUMBER, text, re.ASCII):
        raise Unreadable(f"In {where}: “{text}” is no number; write it like 7 or 12.5.")
    if shape is Shape.BOOLEAN and test is Test.EQUALS and text.lower() not in {"true", "false"}:
        raise Unreadable(f"In {where}: write “true” or “false”, not “{text}”.")


def _is_date(text: str) -> bool:
    try:
        return bool(re.fullmatch(_DATE, text, re.ASCII)) and date.fromisoformat(text).year > 0
    except ValueError:
        return False


# ------------------------------------------------------------------------------------------------------------- looking


def to_content(tree: Tree) -> dict[str, object]:
    """The JSON from which ``parse`` makes this tree."""
    match tree:
        case All(parts):
            return {"all": [to_content(p) for p in parts]}
        case Any_(parts):
            return {"any": [to_content(p) for p in parts]}
        case Not(part):
            return {"not": to_content(part)}
        case Condition(attribute, test, value):
            told: dict[str, object] = {"attribute": attribute, "is": str(test)}
            return told | ({} if value == "" else {"value": list(value) if isinstance(value, tuple) else value})


def conditions_of(tree: Tree) -> Iterator[Condition]:
    match tree:
        case All(parts) | Any_(parts):
            for part in parts:
                yield from conditions_of(part)
        case Not(part):
            yield from conditions_of(part)
        case Condition():
            yield tree


def attributes_of(tree: Tree) -> frozenset[str]:
    return frozenset(c.attribute for c in conditions_of(tree))


def asks_the_clock(tree: Tree) -> bool:
    """Whether the answer may differ tomorrow though nothing changed."""
    return any(c.test in _BY_CLOCK for c in conditions_of(tree))


def told(tree: Tree) -> str:
    """The conditions as a person reads them."""
    match tree:
        case All(parts):
            return " and ".join(_bracketed(p) for p in parts) or "anything"
        case Any_(parts):
            return " or ".join(_bracketed(p) for p in parts) or "nothing"
        case Not(part):
            return f"not {_bracketed(part)}"
        case Condition(attribute, test, value):
            values = ", ".join(f"“{v}”" for v in (value if isinstance(value, tuple) else (value,)) if v)
            return f"{attribute} {test} {values}".rstrip()


def _bracketed(tree: Tree) -> str:
    return told(tree) if isinstance(tree, Condition) else f"({told(tree)})"


# ------------------------------------------------------------------------------------------------------------- writing


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """What DuckDB and PostgreSQL say differently."""

    composed: Callable[[str], str]  # a text in the normal form NFC
    matches: Callable[[str, str], str]  # a text as a whole matches a pattern
    number: Callable[[str], str]
    date: Callable[[str], str]
    any_element: Callable[[str, Callable[[str], str]], str]


DUCKDB = Dialect(
    composed=lambda x: f"nfc_normalize({x})",
    matches=lambda x, pattern: f"regexp_full_match({x}, {literal(pattern)})",
    number=lambda x: f"CASE WHEN regexp_full_match({x}, {literal(NUMBER)}) THEN try_cast({x} AS DOUBLE) END",
    date=lambda x: (
        f"CASE WHEN regexp_matches({x}, {literal('^' + _DATE)}) THEN try_cast(try_cast({x} AS TIMESTAMPTZ) AS DATE) END"
    ),
    any_element=lambda values, holds: (
        f"len(list_filter({values}, lambda e: coalesce({holds(_filled('e'))}, false))) > 0"
    ),
)
POSTGRESQL = Dialect(
    composed=lambda x: f"normalize({x}, NFC)",
    matches=lambda x, pattern: f"{x} ~ {literal(f'^({pattern})$')}",
    number=lambda x: f"CASE WHEN {x} ~ {literal(f'^{NUMBER}$')} THEN ({x})::double precision END",
    date=lambda x: f"({x})::date",
    any_element=lambda values, holds: f"EXISTS (SELECT FROM unnest({values}) e WHERE {holds(_filled('e'))})",
)


def sql(tree: Tree, *, column: Callable[[str], Column], today: date | None = None, dialect: Dialect = DUCKDB) -> str:
    """The conditions as SQL that is true or false, never NULL. ``today`` is needed if they ask the clock."""
    match tree:
        case All(parts) | Any_(parts):
            word, nothing = (" AND ", "true") if isinstance(tree, All) else (" OR ", "false")
            written = (sql(p, column=column, today=today, dialect=dialect) for p in parts)
            return f"({word.join(written) or nothing})"
        case Not(part):
            return f"(NOT {sql(part, column=column, today=today, dialect=dialect)})"
        case Condition():
            return _written(tree, column(tree.attribute), today, dialect)


def _written(condition: Condition, column: Column, today: date | None, dialect: Dialect) -> str:
    test = _OPPOSITES.get(condition.test, condition.test)
    filled = _is_filled(column, dialect)
    if test in {Test.EMPTY, Test.FILLED}:
        return filled if test is Test.FILLED else f"(NOT {filled})"

    def holds(value: str) -> str:
        return _holds(Condition(condition.attribute, test, condition.value), value, column.shape, today, dialect)

    if column.many:
        found = f"coalesce({dialect.any_element(column.sql, holds)}, false)"
    else:
        found = f"coalesce({holds(_filled(column.sql))}, false)"
    return f"({filled} AND NOT {found})" if test is not condition.test else f"({found})"


def _is_filled(column: Column, dialect: Dialect) -> str:
    if column.many:
        return f"coalesce({dialect.any_element(column.sql, lambda e: f'{e} IS NOT NULL')}, false)"
    return f"({_filled(column.sql)} IS NOT NULL)"


def _filled(value: str) -> str:
    return f"nullif(trim({value}), '')"


def _holds(condition: Condition, value: str, shape: Shape, today: date | None, dialect: Dialect) -> str:
    test, wanted = condition.test, _values(condition)
    if shape is Shape.DATE or test in _BY_DATE:
        return _date_holds(condition, value, today, dialect)
    if test in _BY_NUMBER or test is Test.BETWEEN:
        number = dialect.number(value)
        sign = {Test.GREATER: ">", Test.LESS: "<"}.get(test)
        return f"({number}) {sign} {wanted[0]}" if sign else f"({number}) BETWEEN {wanted[0]} AND {wanted[1]}"
    if test is Test.LOOKS_LIKE:
        return dialect.matches(value, SHAPES[wanted[0]])
    text, texts = _folded(value, dialect), [_folded(literal(w), dialect) for w in wanted]
    match test:
        case Test.CONTAINS:
            return f"strpos({text}, {texts[0]}) > 0"
        case Test.BEGINS:
            return f"starts_with({text}, {texts[0]})"
        case Test.ENDS:
            return f"right({text}, length({texts[0]})) = {texts[0]}"
        case _:
            return f"{text} IN ({', '.join(texts)})"


def _date_holds(condition: Condition, value: str, today: date | None, dialect: Dialect) -> str:
    test, wanted = condition.test, _values(condition)
    if test in {Test.CONTAINS, Test.BEGINS, Test.ENDS, Test.LOOKS_LIKE} or (
        test is Test.ONE_OF and not all(_is_date(w) for w in wanted)
    ):
        return _holds(condition, value, Shape.TEXT, today, dialect)
    if test in _BY_CLOCK and today is None:
        raise ValueError(f"“{test}” needs to know what day it is")
    day = f"({dialect.date(value)})"
    dates = [f"DATE {literal(w)}" for w in wanted if _is_date(w)]
    now = f"DATE '{today}'"
    match test:
        case Test.AFTER | Test.FUTURE:
            return f"{day} > {dates[0] if dates else now}"
        case Test.BEFORE | Test.PAST:
            return f"{day} < {dates[0] if dates else now}"
        case Test.BETWEEN:
            return f"{day} BETWEEN {dates[0]} AND {dates[1]}"
        case Test.WITHIN:
            low, high = sorted((0, int(wanted[0])))
            return f"{day} - {now} BETWEEN {low} AND {high}"
        case _:
            return f"{day} IN ({', '.join(dates)})"


def _values(condition: Condition) -> tuple[str, ...]:
    return condition.value if isinstance(condition.value, tuple) else (condition.value,)


def _folded(text: str, dialect: Dialect) -> str:
    """Both ways, so that letters with two small forms are alike; what a case adds or composes is composed again."""
    return f"lower(upper({dialect.composed(text)}))"

"""The filter grammar of OneRoster 1.1, read into a tree: pure, and knows no fields.

    filter = clause [ " AND " / " OR " clause ]           one logical operator at most
    clause = path predicate "'" value "'"

The standard gives no way to write an apostrophe inside a value. Some clients double it, most write it raw; both are
read: a value in which every apostrophe is doubled is taken as that, else the closing apostrophe is the first that is
followed by the end or by a logical operator.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from schoolpassport.sharing.records import Fault, Unanswerable


class Predicate(StrEnum):
    EQUAL = "="
    UNEQUAL = "!="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    CONTAINS = "~"


class Logical(StrEnum):
    AND = "AND"
    OR = "OR"


@dataclass(frozen=True)
class Clause:
    path: str
    predicate: Predicate
    value: str


@dataclass(frozen=True)
class Filter:
    """One clause, or two joined."""

    clauses: tuple[Clause, ...]
    joined: Logical = Logical.AND


_END = r"(?=$| (?P<logical>AND|OR) )"
_HEAD = r"(?P<path>[^\s=!<>~']+)\s*(?P<predicate>>=|<=|!=|[=><~])\s*"
_DOUBLED = re.compile(_HEAD + r"'(?P<value>(?:[^']|'')*)'" + _END, re.DOTALL)
_RAW = re.compile(_HEAD + r"'(?P<value>.*?)'" + _END, re.DOTALL)
_MISSPELT = re.compile(r"'\s*(?:and|or)\s+[^\s=!<>~']+\s*[=!<>~]+\s*'?", re.IGNORECASE)


def parse(text: str) -> Filter:
    """Raises ``Unanswerable`` for what the grammar does not have."""
    if "\0" in text:
        raise _bad("a filter holds no NUL character")
    first = _clause(text)
    logical = first["logical"]
    if logical is None:
        return Filter((_read(first),))
    second = _clause(text[first.end() + len(f" {logical} ") :])
    if second["logical"] is not None:
        raise _bad("a filter joins two clauses at most, by one AND or one OR")
    return Filter((_read(first), _read(second)), Logical(logical))


def spelled(filter_: Filter) -> str:
    """The text that is read as this filter and no other."""
    return f" {filter_.joined} ".join(f"{c.path}{c.predicate}'{_doubled(c.value)}'" for c in filter_.clauses)


def _doubled(value: str) -> str:
    return value.replace("'", "''")


def _clause(text: str) -> re.Match[str]:
    found = _DOUBLED.match(text) or _RAW.match(text)
    if found is None:
        raise _bad("a clause is written like familyName='Jones', and two are joined by AND or OR between spaces")
    return found


def _read(found: re.Match[str]) -> Clause:
    value = found["value"]
    if found.re is _DOUBLED:
        value = value.replace("''", "'")
    elif _MISSPELT.search(value):
        raise _bad("AND and OR are written in capital letters between two single spaces")
    return Clause(found["path"], Predicate(found["predicate"]), value)


def _bad(sentence: str) -> Unanswerable:
    return Unanswerable(Fault.FILTER, f"The filter cannot be read: {sentence}.")

"""Patterns are RE2's: what they match is found in time that grows with the text alone, whatever the pattern.

So a pattern can be wrong, but it cannot hang a run. Its size is bounded, and it is tried before it is saved.
"""

from collections.abc import Mapping
from typing import Any

import duckdb

from schoolpassport.kit.columns import literal
from schoolpassport.sources.transforms.shape import Example, Given, Made, Parameter, Transform

_LONGEST = 200


def _sql(cell: str, given: Given) -> Made:
    return Made(value=f"regexp_replace({cell}, {literal(given.text('pattern'))}, {literal(given.text('with'))}, 'g')")


def _refuses(values: Mapping[str, Any]) -> str:
    if len(values["pattern"]) > _LONGEST:
        return f"the pattern has {len(values['pattern'])} characters; {_LONGEST} are allowed."
    try:
        with duckdb.connect(config={"threads": 1}) as db:
            db.execute("SELECT regexp_replace('x', ?, ?, 'g')", [values["pattern"], values["with"]])
    except duckdb.Error:
        return f"“{values['pattern']}” is no pattern that RE2 knows. Look-around and back-references are none of them."
    return ""


TRANSFORM = Transform(
    name="pattern",
    sentence="Puts another text wherever a pattern (RE2) matches; \\1 to \\9 stand for its groups.",
    parameters=(
        Parameter(name="pattern", sentence="what to look for, at most 200 characters", required=True),
        Parameter(name="with", sentence="what takes its place; nothing when left out", default=""),
    ),
    sql=_sql,
    refuses=_refuses,
    examples=(
        Example(given="000123", values={"pattern": "^0+"}, becomes="123"),
        Example(given="Lovelace, Ada", values={"pattern": "^(.+), (.+)$", "with": "\\2 \\1"}, becomes="Ada Lovelace"),
    ),
)

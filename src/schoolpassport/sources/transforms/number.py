import re
from collections.abc import Mapping
from typing import Any

from schoolpassport.kit.columns import literal
from schoolpassport.sources.transforms.shape import (
    UNREADABLE,
    Example,
    Given,
    Made,
    Parameter,
    Transform,
    kept_or_cleared,
)


def _sql(cell: str, given: Given) -> Made:
    point, groups = given.text("decimal"), given.text("thousands")
    whole = f"([0-9]{{1,3}}({re.escape(groups)}[0-9]{{3}})+|[0-9]+)" if groups else "[0-9]+"
    shape = literal(f"[+-]?{whole}({re.escape(point)}[0-9]+)?")
    plain = f"replace({cell}, {literal(groups)}, '')" if groups else cell
    fits = f"regexp_full_match({cell}, {shape})"
    return Made(
        value=f"CASE WHEN {fits} THEN replace({plain}, {literal(point)}, '.') ELSE {kept_or_cleared(cell, given)} END",
        unread=f"NOT {fits}",
    )


def _refuses(values: Mapping[str, Any]) -> str:
    if values["decimal"] == values["thousands"]:
        return "“decimal” and “thousands” are the same sign; nobody could tell them apart."
    return ""


TRANSFORM = Transform(
    name="number",
    sentence="Reads a number as it is written in another country and writes it like 1234.5.",
    parameters=(
        Parameter(name="decimal", sentence="the sign before the fraction", choices=(".", ","), default=","),
        Parameter(
            name="thousands",
            sentence="the sign between groups of three digits, if any",
            choices=("", ".", ",", " ", "'"),
            default="",
        ),
        UNREADABLE,
    ),
    sql=_sql,
    refuses=_refuses,
    examples=(
        Example(given="87,5", becomes="87.5"),
        Example(given="1.234,5", values={"thousands": "."}, becomes="1234.5"),
        Example(given="12.34,5", values={"thousands": "."}, becomes="12.34,5", unread=True),
        Example(given="A+", values={"unreadable": "clear"}, becomes=None, unread=True),
    ),
)

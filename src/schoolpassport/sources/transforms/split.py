from collections.abc import Mapping
from typing import Any

from schoolpassport.kit.columns import literal
from schoolpassport.sources.transforms.shape import Example, Given, Made, Parameter, Transform, Wanted


def _sql(cell: str, given: Given) -> Made:
    return Made(value=f"string_split({cell}, {literal(given.text('at'))})[{int(given.values['part'])}]")


def _refuses(values: Mapping[str, Any]) -> str:
    return "" if values["part"] else "parts are counted from 1, or from the end with -1; there is no part 0."


TRANSFORM = Transform(
    name="split",
    sentence="Takes one part of a value. Where there is no such part, there is no value afterwards.",
    parameters=(
        Parameter(name="at", sentence="the text that stands between the parts", required=True),
        Parameter(name="part", sentence="which: 1 is the first, -1 the last", wanted=Wanted.NUMBER, required=True),
    ),
    sql=_sql,
    each=False,
    refuses=_refuses,
    examples=(
        Example(given="Lovelace, Ada", values={"at": ",", "part": 2}, becomes="Ada"),
        Example(given="ada@amber.example", values={"at": "@", "part": 1}, becomes="ada"),
        Example(given="7/KG/PK", values={"at": "/", "part": -1}, becomes="PK"),
        Example(given="Ada", values={"at": ",", "part": 2}, becomes=None),
    ),
)

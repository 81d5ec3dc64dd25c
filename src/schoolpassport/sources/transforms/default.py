from collections.abc import Mapping
from typing import Any

from schoolpassport.kit.columns import literal
from schoolpassport.sources.transforms.shape import Example, Given, Made, Parameter, Transform, Wanted


def _sql(cell: str, given: Given) -> Made:
    other = given.values["attribute"]
    return Made(value=f"coalesce({cell}, {given.row[other] if other else literal(given.text('value'))})")


def _refuses(values: Mapping[str, Any]) -> str:
    if bool(values["value"]) == bool(values["attribute"]):
        return "give either “value”, a text, or “attribute”, another attribute of the row."
    return ""


TRANSFORM = Transform(
    name="default",
    sentence="Gives a value where there is none: a text, or what another attribute of the row says.",
    parameters=(
        Parameter(name="value", sentence="the text"),
        Parameter(name="attribute", sentence="or the other attribute", wanted=Wanted.ATTRIBUTE),
    ),
    sql=_sql,
    each=False,
    fills=True,
    refuses=_refuses,
    examples=(
        Example(given=None, values={"value": "true"}, becomes="true"),
        Example(given="false", values={"value": "true"}, becomes="false"),
        Example(given=None, values={"attribute": "givenName"}, row={"givenName": "Suharto"}, becomes="Suharto"),
    ),
)

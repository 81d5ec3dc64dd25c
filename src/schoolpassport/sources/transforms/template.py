import json
import re

from schoolpassport.kit.columns import literal
from schoolpassport.sources.transforms.shape import Example, Given, Made, Parameter, Transform, Wanted

NAMES = re.compile(r"\{([^{}]*)\}")


def _sql(cell: str, given: Given) -> Made:
    del cell
    pieces = NAMES.split(given.text("text"))  # texts and names by turns
    parts = [given.row[piece] if n % 2 else literal(piece) for n, piece in enumerate(pieces)]
    return Made(value=" || ".join(parts))


def hint(text: str) -> str:
    """What to write where a blank attribute shall not blank all, if ``join`` can say the same; "" where it cannot."""
    pieces = NAMES.split(text)
    names, between = pieces[1::2], pieces[2:-1:2]
    if len(names) < 2 or pieces[0] or pieces[-1] or len(set(between)) > 1:  # noqa: PLR2004 (something to join)
        return ""
    listed = ", ".join(names)
    return (
        f"where one of {listed} is blank, “{text}” gives no value at all, as for people who have one name only. To "
        f"leave out what is blank, write {{do: join, attributes: [{listed}], with: {json.dumps(between[0])}}} instead."
    )


TRANSFORM = Transform(
    name="template",
    sentence="Writes a text with attributes of the row in it, as the source gives them. Where one of them is blank, "
    "there is no value; *join* leaves out what is blank.",
    parameters=(
        Parameter(
            name="text", sentence="like {givenName}.{familyName}@amber.example", wanted=Wanted.TEMPLATE, required=True
        ),
    ),
    sql=_sql,
    each=False,
    fills=True,
    examples=(
        Example(
            given="old",
            values={"text": "{givenName}.{familyName}@amber.example"},
            row={"givenName": "Ada", "familyName": "Lovelace"},
            becomes="Ada.Lovelace@amber.example",
        ),
        Example(given="old", values={"text": "{givenName} {familyName}"}, row={"givenName": "Ada"}, becomes=None),
    ),
)

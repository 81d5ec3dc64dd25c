import re

from schoolpassport.kit.columns import literal
from schoolpassport.sources.transforms.shape import Example, Given, Made, Parameter, Transform, Wanted

NAMES = re.compile(r"\{([^{}]*)\}")


def _sql(cell: str, given: Given) -> Made:
    del cell
    pieces = NAMES.split(given.text("text"))  # texts and names by turns
    parts = [given.row[piece] if n % 2 else literal(piece) for n, piece in enumerate(pieces)]
    return Made(value=" || ".join(parts))


TRANSFORM = Transform(
    name="template",
    sentence="Writes a text with attributes of the row in it, as the source gives them. Where one of them is blank, "
    "there is no value.",
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

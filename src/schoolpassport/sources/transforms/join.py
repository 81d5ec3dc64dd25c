from schoolpassport.kit.columns import literal
from schoolpassport.sources.transforms.shape import Example, Given, Made, Parameter, Transform, Wanted


def _sql(cell: str, given: Given) -> Made:
    del cell
    parts = ", ".join(given.row[name] for name in given.texts("attributes"))
    return Made(value=f"concat_ws({literal(given.text('with'))}, {parts})")


TRANSFORM = Transform(
    name="join",
    sentence="Puts several attributes of the row together, as the source gives them; blank ones are left out.",
    parameters=(
        Parameter(name="attributes", sentence="which", wanted=Wanted.ATTRIBUTES, required=True),
        Parameter(name="with", sentence="what stands between them", default=" "),
    ),
    sql=_sql,
    each=False,
    fills=True,
    examples=(
        Example(
            given=None,
            values={"attributes": ["givenName", "middleName", "familyName"]},
            row={"givenName": "Ada", "familyName": "Lovelace"},
            becomes="Ada Lovelace",
        ),
        Example(given="x", values={"attributes": ["givenName"]}, becomes=None),
    ),
)

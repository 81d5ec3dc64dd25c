from schoolpassport.kit.columns import literal
from schoolpassport.sources.transforms.shape import Example, Given, Made, Parameter, Transform


def _sql(cell: str, given: Given) -> Made:
    return Made(value=f"replace({cell}, {literal(given.text('find'))}, {literal(given.text('with'))})")


TRANSFORM = Transform(
    name="replace",
    sentence="Puts another text wherever a text stands, letter by letter as it is written.",
    parameters=(
        Parameter(name="find", sentence="the text to look for", required=True),
        Parameter(name="with", sentence="what takes its place; nothing when left out", default=""),
    ),
    sql=_sql,
    examples=(
        Example(given="a_b_c", values={"find": "_", "with": "-"}, becomes="a-b-c"),
        Example(given="O'Hara", values={"find": "'"}, becomes="OHara"),
        Example(given="x", values={"find": "x"}, becomes=None),
    ),
)

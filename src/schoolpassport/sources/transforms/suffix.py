from schoolpassport.kit.columns import literal
from schoolpassport.sources.transforms.shape import Example, Given, Made, Parameter, Transform


def _sql(cell: str, given: Given) -> Made:
    return Made(value=f"{cell} || {literal(given.text('text'))}")


TRANSFORM = Transform(
    name="suffix",
    sentence="Puts a text after every value. Where there is no value, there is none afterwards.",
    parameters=(Parameter(name="text", sentence="what to put there", required=True),),
    sql=_sql,
    examples=(Example(given="ada", values={"text": "@amber.example"}, becomes="ada@amber.example"),),
)

from schoolpassport.kit.columns import literal
from schoolpassport.sources.transforms.shape import Example, Given, Made, Parameter, Transform


def _sql(cell: str, given: Given) -> Made:
    return Made(value=f"{literal(given.text('text'))} || {cell}")


TRANSFORM = Transform(
    name="prefix",
    sentence="Puts a text before every value. Where there is no value, there is none afterwards.",
    parameters=(Parameter(name="text", sentence="what to put there", required=True),),
    sql=_sql,
    examples=(
        Example(given="4711", values={"text": "lincoln-"}, becomes="lincoln-4711"),
        Example(given=None, values={"text": "lincoln-"}, becomes=None),
    ),
)

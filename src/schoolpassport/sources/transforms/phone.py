from schoolpassport.sources.cleaning import COUNTRIES, phone
from schoolpassport.sources.transforms.shape import Example, Given, Made, Parameter, Transform


def _sql(cell: str, given: Given) -> Made:
    return Made(value=phone(cell, country=given.text("country")))


TRANSFORM = Transform(
    name="phone",
    sentence="Writes a national phone number as E.164. What is not certain stays as it is.",
    parameters=(
        Parameter(
            name="country",
            sentence="whose numbers they are",
            choices=tuple(sorted(COUNTRIES)),
            required=True,
        ),
    ),
    sql=_sql,
    examples=(
        Example(given="(212) 555-0142", values={"country": "US"}, becomes="+12125550142"),
        Example(given="1-212-555-0142", values={"country": "US"}, becomes="+12125550142"),
        Example(given="01 23 45 67 89", values={"country": "FR"}, becomes="+33123456789"),
        Example(given="555-0142", values={"country": "US"}, becomes="555-0142"),
        Example(given="+44 20 7946 0018", values={"country": "US"}, becomes="+442079460018"),
        Example(given="(212) 555-0142 x7", values={"country": "US"}, becomes="(212) 555-0142 x7"),
    ),
)

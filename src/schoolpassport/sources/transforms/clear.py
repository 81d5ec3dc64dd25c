from schoolpassport.kit.columns import literal
from schoolpassport.sources.transforms.shape import Example, Given, Made, Parameter, Transform, Wanted


def _sql(cell: str, given: Given) -> Made:
    if not given.texts("values"):
        return Made(value="NULL")
    words = ", ".join(f"lower(nfc_normalize({literal(w)}))" for w in given.texts("values"))
    return Made(value=f"CASE WHEN lower(nfc_normalize({cell})) NOT IN ({words}) THEN {cell} END")


TRANSFORM = Transform(
    name="clear",
    sentence="Takes every value away, or only those that are listed; capitals do not matter.",
    parameters=(Parameter(name="values", sentence="which; all when left out", wanted=Wanted.TEXTS, default=()),),
    sql=_sql,
    examples=(
        Example(given="anything", becomes=None),
        Example(given="N/A", values={"values": ["n/a", "none", "-"]}, becomes=None),
        Example(given="ada@amber.example", values={"values": ["n/a"]}, becomes="ada@amber.example"),
    ),
)

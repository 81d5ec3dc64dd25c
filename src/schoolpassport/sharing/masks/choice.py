"""Any value of the list that it comes from; always the same for a record, and no statement about it."""

from schoolpassport.kit.columns import literal
from schoolpassport.sharing.masks.shape import Given, Like, Mask, nothing


def _sql(given: Given) -> str:
    choices = ", ".join(map(literal, given.choices))
    return f"(ARRAY[{choices}])[1 + mod(get_byte({given.draw}, 0), {len(given.choices)})]"


MASK = Mask(
    name="choice",
    title="Drawn from the list",
    likes=frozenset({Like.CHOICE}),
    sql=_sql,
    keeps="nothing",
    kept=nothing,
    drawn=True,
)

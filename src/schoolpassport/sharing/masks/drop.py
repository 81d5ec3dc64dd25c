"""The attribute is not there at all: what a mask comes to where nothing else makes sense."""

from schoolpassport.sharing.masks.shape import Given, Like, Mask, nothing


def _sql(_given: Given) -> str:
    return "NULL"


MASK = Mask(
    name="drop",
    title="Withheld",
    likes=frozenset(Like),
    sql=_sql,
    keeps="nothing",
    kept=nothing,
    removes=True,
)

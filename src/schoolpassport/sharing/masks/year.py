"""Of a date, its year: the first of January."""

from schoolpassport.sharing.masks.shape import Given, Like, Mask


def _january(value: str) -> str:
    return f"date_trunc('year', {value}::timestamp)::date"


def _sql(given: Given) -> str:
    return _january(given.value)


MASK = Mask(
    name="year",
    title="Year only",
    likes=frozenset({Like.DAY}),
    sql=_sql,
    keeps="the year",
    kept=_january,
)

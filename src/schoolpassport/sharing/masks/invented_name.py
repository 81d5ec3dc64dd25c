"""A word that can be said, in place of a name: people can be told apart, and nobody is called so."""

from schoolpassport.sharing.masks.shape import Given, Like, Mask, nothing

_SYLLABLES = tuple(c + v for c in "bdfgklmnprstvwyz" for v in "aeio")
_PLACES = 4


def _sql(given: Given) -> str:
    words = f"'{{{','.join(_SYLLABLES)}}}'::text[]"
    parts = (f"({words})[1 + mod(get_byte(d.draw, {place}), {len(_SYLLABLES)})]" for place in range(_PLACES))
    # What is drawn is used several times, and fenced so that it is drawn once.
    return f"(SELECT initcap({' || '.join(parts)}) FROM (SELECT {given.draw} AS draw OFFSET 0) d)"


MASK = Mask(
    name="invented-name",
    title="Invented name",
    likes=frozenset({Like.NAME}),
    sql=_sql,
    keeps="nothing",
    kept=nothing,
    drawn=True,
    traceable=True,
)

"""Twenty letters in place of what somebody is called by: 80 bits, so no two records share them."""

from schoolpassport.sharing.masks.shape import Given, Like, Mask, nothing


def letters(draw: str) -> str:
    """SQL: 20 letters, without those that are taken for others (l, o)."""
    return f"translate(substr(encode({draw}, 'hex'), 1, 20), '0123456789abcdef', 'abcdefghijkmnpqr')"


def _sql(given: Given) -> str:
    return letters(given.draw)


MASK = Mask(
    name="pseudonym",
    title="Pseudonym",
    likes=frozenset({Like.HANDLE}),
    sql=_sql,
    keeps="nothing",
    kept=nothing,
    drawn=True,
    traceable=True,
)

"""An e-mail address that looks like one and reaches nobody: its domain is set apart for examples (RFC 2606)."""

from schoolpassport.sharing.masks.pseudonym import letters
from schoolpassport.sharing.masks.shape import Given, Like, Mask, nothing

DOMAIN = "masked.example.org"


def _sql(given: Given) -> str:
    return f"({letters(given.draw)} || '@{DOMAIN}')"


MASK = Mask(
    name="alias",
    title="Alias address",
    likes=frozenset({Like.EMAIL}),
    sql=_sql,
    keeps="nothing",
    kept=nothing,
    drawn=True,
    traceable=True,
)

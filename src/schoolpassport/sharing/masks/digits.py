"""A phone number of the same shape with other digits. Whatever else was written beside the number goes."""

from schoolpassport.sharing.masks.shape import Given, Like, Mask

_LONGEST = 24  # signs; no number is longer, and each place is an expression of its own


def _number(value: str) -> str:
    return f"left(regexp_replace({value}, '[^-+(). /0-9]', '', 'g'), {_LONGEST})"


def _sql(given: Given) -> str:
    drawn = f"translate(left(encode({given.draw}, 'hex'), {_LONGEST}), '0abcdef', '1234567')"
    # Of the signs that are left, digits come last in ASCII.
    places = (
        f"CASE WHEN substr(d.number, {place}, 1) >= '0' THEN substr(d.digits, {place}, 1) "
        f"ELSE substr(d.number, {place}, 1) END"
        for place in range(1, _LONGEST + 1)
    )
    each = f'SELECT {_number(given.value)} COLLATE "C" AS number, {drawn} AS digits OFFSET 0'
    return f"(SELECT nullif(concat({', '.join(places)}), '') FROM ({each}) d)"


def _shape(value: str) -> str:
    return f"nullif(regexp_replace({_number(value)}, '[0-9]', '0', 'g'), '')"


MASK = Mask(
    name="digits",
    title="Other digits",
    likes=frozenset({Like.PHONE}),
    sql=_sql,
    keeps="how many digits, and how they are grouped",
    kept=_shape,
    drawn=True,
)

"""A phone number of the same shape with other digits. Whatever else was written beside the number goes."""

from schoolpassport.sharing.masks.shape import Given, Like, Mask


def _number(value: str) -> str:
    return f"regexp_replace({value}, '[^-+(). /0-9]', '', 'g')"


def _sql(given: Given) -> str:
    drawn = f"SELECT translate(encode({given.draw}, 'hex'), '0abcdef', '1234567') AS digits OFFSET 0"
    sign = "CASE WHEN strpos('0123456789', c.sign) > 0 THEN substr(d.digits, c.place::int, 1) ELSE c.sign END"
    return (
        f"(SELECT string_agg({sign}, '' ORDER BY c.place) "
        f"FROM ({drawn}) d, string_to_table({_number(given.value)}, NULL) WITH ORDINALITY AS c(sign, place))"
    )


def _shape(value: str) -> str:
    return f"regexp_replace({_number(value)}, '[0-9]', '0', 'g')"


MASK = Mask(
    name="digits",
    title="Other digits",
    likes=frozenset({Like.PHONE}),
    sql=_sql,
    keeps="how many digits, and how they are grouped",
    kept=_shape,
    drawn=True,
)

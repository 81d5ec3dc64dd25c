from schoolpassport.kit.columns import literal
from schoolpassport.sources.transforms.shape import Example, Given, Made, Transform

# White space of every script, and signs that take no room: zero-width space, word joiner, byte order mark.
_BLANK = r"[\s\x{85}\p{Z}\x{200B}\x{2060}\x{FEFF}]"


def _sql(cell: str, given: Given) -> Made:
    del given
    ends = literal(f"^{_BLANK}+|{_BLANK}+$")
    return Made(value=f"regexp_replace(regexp_replace({cell}, {ends}, '', 'g'), {literal(_BLANK + '+')}, ' ', 'g')")


TRANSFORM = Transform(
    name="trim",
    sentence="Takes white space and invisible signs away at both ends, and makes one blank of several within.",
    sql=_sql,
    examples=(
        Example(given="\u200bAda\t Maria\u00a0", becomes="Ada Maria"),
        Example(given="Ada", becomes="Ada"),
        Example(given="\ufeff\u2003", becomes=None),
    ),
)

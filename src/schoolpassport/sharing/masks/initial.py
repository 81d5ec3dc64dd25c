"""Of a name, its first letter. Signs that are a whole name (Chinese, Korean, Japanese) go, too."""

from schoolpassport.sharing.masks.shape import Given, Like, Mask

_FIRST_OF_WHOLE_WORDS = 0x2E80  # where alphabets end in Unicode: CJK, kana, Hangul, and signs beyond


def _letter(value: str) -> str:
    first = f"left(ltrim({value}), 1)"
    return f"CASE WHEN ascii({first}) < {_FIRST_OF_WHOLE_WORDS} THEN {first} ELSE '' END"


def _sql(given: Given) -> str:
    return f"({_letter(given.value)} || '***')"


MASK = Mask(
    name="initial",
    title="First letter only",
    likes=frozenset({Like.NAME}),
    sql=_sql,
    keeps="the first letter",
    kept=_letter,
)

"""Standard cleaning: what is done to every value of every source, without being asked. The list is in the docs.

Cleaning changes only what is certain and says the same thing afterwards; applied again it changes nothing. What is
not certain stays as it is, and a rule of ``quality`` speaks of it where it should.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from schoolpassport.kit.columns import literal
from schoolpassport.roster.kinds import KINDS, Field
from schoolpassport.sources.tables.grades import CODES as GRADES

# country → its code, what may stand before a number within it, and the numbers that are complete. Only countries
# whose numbers can be told from their length; a library that knows all of them would have to be asked row by row.
COUNTRIES = {
    "AU": ("61", "0", "[2-478][0-9]{8}"),
    "CA": ("1", "1?", "[2-9][0-9]{2}[2-9][0-9]{6}"),
    "DK": ("45", "", "[2-9][0-9]{7}"),
    "ES": ("34", "", "[6-9][0-9]{8}"),
    "FR": ("33", "0", "[1-9][0-9]{8}"),
    "NL": ("31", "0", "[1-9][0-9]{8}"),
    "NO": ("47", "", "[2-9][0-9]{7}"),
    "PL": ("48", "", "[1-9][0-9]{8}"),
    "US": ("1", "1?", "[2-9][0-9]{2}[2-9][0-9]{6}"),
}
_SIGNS = "[0-9 ().\u00a0\u2010-\u2015/-]*"
# With its country code: E.164 has at most 15 digits; those of North America exactly 11, none begins with 0.
_WHOLE = "[+](1[2-9][0-9]{2}[2-9][0-9]{6}|[2-9][0-9]{6,14})"


@dataclass(frozen=True, kw_only=True)
class Cleaning:
    """One entry of the list. ``attributes``: kind.attribute, or nothing where every value is meant."""

    what: str
    sentence: str
    attributes: tuple[str, ...] = ()
    examples: tuple[tuple[str, str], ...] = ()


def phone(cell: str, *, country: str = "") -> str:
    """SQL: the number as E.164 where that is certain, else as it is."""
    digits = f"regexp_replace({cell}, '[^+0-9]', '', 'g')"
    # A number in which a zero stands in brackets says two things at once.
    plain = f"regexp_full_match({cell}, {literal('[+]?' + _SIGNS)}) AND NOT contains({cell}, '(0)')"
    cases = f"WHEN regexp_full_match({digits}, {literal(_WHOLE)}) THEN {digits} "
    if country:
        code, before, number = COUNTRIES[country]
        national = literal(f"{before}({number})")
        cases += (
            f"WHEN regexp_full_match({digits}, {national}) "
            f"THEN {literal('+' + code)} || regexp_extract({digits}, {literal(f'^{before}({number})$')}, 1) "
        )
    return f"CASE WHEN {plain} THEN CASE {cases}ELSE {cell} END ELSE {cell} END"


_SURE = {
    **{str(n): f"{n:02d}" for n in range(1, 14)},
    **dict.fromkeys(("k", "kindergarten"), "KG"),
    **dict.fromkeys(("pre-k", "prek", "prekindergarten", "pre-kindergarten"), "PK"),
    **{code.lower(): code for code in GRADES},
}
# As one text, X word Y code X: a word in small letters has neither mark in it, and is found as a whole or not at all.
# DuckDB binds one constant sooner than a hundred, on every night of every small district.
_SURE_TEXT = literal("".join(f"X{word}Y{code}" for word, code in _SURE.items()) + "X")


def grade(cell: str) -> str:
    """SQL: a grade in the words of CEDS, where there is only one thing it can mean."""
    told = f"regexp_replace(lower({cell}), '^(grade|gr[.]?)? *0*([0-9]+)([.]0|st|nd|rd|th)?( *grade)?$', '\\2')"
    return f"coalesce(string_split(string_split({_SURE_TEXT}, 'X' || {told} || 'Y')[2], 'X')[1], {cell})"


def grades(cell: str) -> str:
    """SQL: a list of grades, each by itself; what is right already is not touched."""
    known = ", ".join(map(literal, GRADES))
    each = f"array_to_string(list_transform(string_split({cell}, ','), lambda g: {grade('trim(g)')}), ',')"
    return f"CASE WHEN {cell} IS NULL OR {cell} IN ({known}) THEN {cell} ELSE {each} END"


_BY_FIELD: dict[str, Callable[[str], str]] = {"grades": grades, "phone": phone, "sms": phone}


def cleaned(field: Field | None, cell: str) -> str:
    """SQL: a value after cleaning."""
    clean = _BY_FIELD.get(field.name) if field else None
    return clean(cell) if clean else cell


def digest() -> str:
    """Changes when cleaning does: then what a source said last must be read again."""
    return hashlib.sha256("".join(f("x") for f in _BY_FIELD.values()).encode()).hexdigest()[:8]


def _having(*names: str) -> tuple[str, ...]:
    return tuple(f"{kind.name}.{name}" for kind in KINDS.values() for name in names if name in kind)


LIST = (
    Cleaning(
        what="white space",
        sentence="Blanks of every script at both ends of a value go, the no-break space among them. A value that is "
        "nothing else is no value. Within a value nothing is touched; tabs and line ends are no blanks.",
        examples=(("\u00a0Ada\u2003", "Ada"),),
    ),
    Cleaning(
        what="comparison",
        sentence="Values are compared as Unicode NFC without regard to capitals, wherever they are compared: in "
        "conditions, look-up tables and matching. They are kept and served byte by byte as the source wrote them.",
    ),
    Cleaning(
        what="grades",
        sentence=f"Where there is only one thing a grade can mean it is written as CEDS does ({', '.join(GRADES)}). "
        "Any other is kept, with the finding *not standard*.",
        attributes=_having("grades"),
        examples=(
            ("K", "KG"),
            ("1", "01"),
            ("grade 1", "01"),
            ("Pre-K,kg", "PK,KG"),
            ("12th", "12"),
            ("9.0", "09"),
            ("7a", "7a"),
        ),
    ),
    Cleaning(
        what="phone numbers",
        sentence="A number that is complete with its country code is written as E.164. Of a national one that is "
        "certain only where the setting *cleaning* names the country. Any other is kept.",
        attributes=_having("phone", "sms"),
        examples=(
            ("+1 (212) 555-0142", "+12125550142"),
            ("+49 30 901820", "+4930901820"),
            ("+49 (0)30 901820", "+49 (0)30 901820"),
            ("(212) 555-0142", "(212) 555-0142"),
            ("+1 555 0101", "+1 555 0101"),
        ),
    ),
    Cleaning(
        what="e-mail addresses",
        sentence="Never changed. One that has not the shape of an address is kept; the rule *bad e-mail* speaks of it.",
        attributes=_having("email"),
    ),
)

"""Words of OneRoster in those of the Clever API. What a vocabulary lacks is said by its word for anything else."""

from collections.abc import Iterable
from typing import Final

from schoolpassport.rosterapi.documents import Demographics

CHANGES: Final = {"c": "created", "u": "updated", "d": "deleted", "r": "restored", "m": "idRemapped"}
_GRADES: Final = {
    "IT": "InfantToddler",
    "PR": "Preschool",
    "PS": "Preschool",
    "PK": "PreKindergarten",
    "TK": "TransitionalKindergarten",
    "KG": "Kindergarten",
    "K": "Kindergarten",
    **{f"{number:02}": str(number) for number in range(1, 14)},
    **{str(number): str(number) for number in range(1, 14)},
    "PG": "PostGraduate",
    "UG": "Ungraded",
}
_SUBJECTS: Final = (  # a word in the name of a subject → the dialect's own name; the first that fits
    ("english", "english/language arts"),
    ("language arts", "english/language arts"),
    ("reading", "english/language arts"),
    ("math", "math"),
    ("algebra", "math"),
    ("geometry", "math"),
    ("science", "science"),
    ("biology", "science"),
    ("chemistry", "science"),
    ("physics", "science"),
    ("social", "social studies"),
    ("history", "social studies"),
    ("geography", "social studies"),
    ("homeroom", "homeroom/advisory"),
    ("technology", "technology and engineering"),
    ("engineering", "technology and engineering"),
    ("physical education", "PE and health"),
    ("health", "PE and health"),
    ("art", "arts and music"),
    ("music", "arts and music"),
    ("language", "language"),
)
_RACES: Final = {
    "white": "Caucasian",
    "asian": "Asian",
    "black_or_african_american": "Black or African American",
    "american_indian_or_alaska_native": "American Indian",
    "native_hawaiian_or_other_pacific_islander": "Hawaiian or Other Pacific Islander",
}
_GENDERS: Final = {"male": "M", "female": "F"}


def grade(grades: Iterable[str]) -> str | None:
    """The first of them; None when there is none."""
    first = next(iter(grades), None)
    return None if first is None else _GRADES.get(first.upper(), "Other")


def subject(subjects: Iterable[str]) -> str | None:
    first = next(iter(subjects), None)
    if first is None:
        return None
    lower = first.lower()
    return next((said for word, said in _SUBJECTS if word in lower), "other")


def gender(sex: str | None) -> str | None:
    return None if sex is None else _GENDERS.get(sex, "X")


def race(known: Demographics) -> str | None:
    """None when no flag is shared or told."""
    told = {name: getattr(known, name) for name in _RACES}
    named = [said for name, said in _RACES.items() if told[name] == "true"]
    if known.demographic_race_two_or_more_races == "true" or len(named) > 1:
        return "Two or More Races"
    if named:
        return named[0]
    return "Unknown" if any(value is not None for value in told.values()) else None


def yes_or_no(boolean: str | None) -> str | None:
    return None if boolean is None else {"true": "Y", "false": "N"}.get(boolean, "")


def american_date(date: str | None) -> str | None:
    """``2012-05-07`` as ``5/7/2012``."""
    if date is None:
        return None
    year, month, day = date.split("-")
    return f"{int(month)}/{int(day)}/{year}"

"""What is compared about two people, level by level; and what each level is called.

A level's weights (how often true pairs and strangers reach it) are learned by ``bench.training`` and lie in
``weights.json``; this file holds everything that is decided rather than learned.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

Weights = Mapping[str, Sequence[tuple[float, float]]]
"""Comparison → (m, u) of each level, in order, the last for everything else."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """One answer to a comparison: its name, the SQL that tells it (columns end in _l and _r), and how people say it."""

    name: str
    when: str
    says: str
    common: str = ""  # the column whose frequent values weigh less
    at_most: bool = False  # and whose rare ones weigh no more than was learned


@dataclass(frozen=True, kw_only=True)
class Comparison:
    name: str
    title: str
    unknown: str  # SQL: nothing can be said
    levels: tuple[Level, ...]
    otherwise: str


_ALIKE = "jaro_winkler_similarity({0}_l, {0}_r) >= 0.88"
_ONE_SYSTEM = "list_has_any(sources_l, sources_r)"
_GIVEN, _FAMILY = "given_l = given_r", "family_l = family_r"
_FURTHER = "regexp_extract({0}, ' (.*)$', 1)"  # the given names after the first
_CALLED = (  # a short form is one of the first name: Mary Ann is no Mary Lou
    f"(list_has_any(nicknames_l, nicknames_r) AND ({_FURTHER.format('given_l')} = {_FURTHER.format('given_r')} "
    "OR NOT contains(given_l, ' ') OR NOT contains(given_r, ' '))) "
    "OR given_l = preferred_r OR preferred_l = given_r OR preferred_l = preferred_r"
)
_BEGUN = (
    "(length(given_l) >= 3 AND starts_with(given_r, given_l)) "
    "OR (length(given_r) >= 3 AND starts_with(given_l, given_r))"
)
_NICKNAME = f"{_CALLED} OR {_BEGUN}"
_FAMILY_PART = (
    "list_has_any(string_split(family_l, ' '), string_split(family_r, ' ')) AND (contains(family_l, ' ') "
    "OR contains(family_r, ' '))"
)

COMPARISONS = (
    Comparison(
        name="name",
        title="Name",
        unknown="other_script_l <> other_script_r OR given_l IS NULL OR given_r IS NULL",
        levels=(
            Level(name="same", when="full_name_l = full_name_r", says="The same name, in full", common="full_name"),
            Level(
                name="crosswise",
                when="given_l = family_r AND family_l = given_r",
                says="Given and family name the other way round",
            ),
            Level(
                name="part",
                when=f"{_GIVEN} AND ({_FAMILY_PART})",
                says="The same given name; the family names share a part",
            ),
            Level(
                name="short",
                when=f"({_CALLED}) AND {_FAMILY}",
                says="The same family name; a short form of the given name, or the preferred one",
            ),
            Level(  # José and Josefa may be twins; José and Pepe are hardly
                name="begun",
                when=f"({_BEGUN}) AND {_FAMILY}",
                says="The same family name; one given name is the beginning of the other",
            ),
            Level(
                name="given_alike",
                when=f"{_ALIKE.format('given')} AND {_FAMILY}",
                says="The same family name; given names alike",
            ),
            Level(
                name="family_alike",
                when=f"{_GIVEN} AND {_ALIKE.format('family')}",
                says="The same given name; family names alike",
            ),
            Level(
                name="short_alike",
                when=f"({_NICKNAME}) AND ({_ALIKE.format('family')} OR ({_FAMILY_PART}))",
                says="A short form of the given name, or the preferred one; family names alike",
            ),
            Level(
                name="both_alike",
                when=f"{_ALIKE.format('given')} AND ({_ALIKE.format('family')} OR ({_FAMILY_PART}))",
                says="Given and family names alike",
            ),
            Level(name="given_only", when=_GIVEN, says="The same given name, another family name"),
            Level(name="family_only", when=_FAMILY, says="The same family name, another given name"),
        ),
        otherwise="Other names",
    ),
    Comparison(
        name="birth_date",
        title="Birth date",
        unknown="birth_date_l IS NULL OR birth_date_r IS NULL",
        levels=(
            Level(name="same", when="birth_date_l = birth_date_r", says="Born on the same day"),
            Level(
                name="crosswise",
                when="birth_year_l = birth_year_r AND day(birth_date_l) = month(birth_date_r) "
                "AND month(birth_date_l) = day(birth_date_r)",
                says="Day and month of birth the other way round",
            ),
            Level(
                name="digit",
                when="damerau_levenshtein(birth_date_l::VARCHAR, birth_date_r::VARCHAR) <= 1",
                says="One digit of the birth date differs",
            ),
        ),
        otherwise="Another birth date",
    ),
    Comparison(
        name="sex",
        title="Sex",
        unknown="sex_l IS NULL OR sex_r IS NULL",
        levels=(Level(name="same", when="sex_l = sex_r", says="The same"),),
        otherwise="Not the same",
    ),
    Comparison(
        name="middle",
        title="Middle name",
        unknown="middle_l IS NULL OR middle_r IS NULL",
        levels=(
            Level(name="same", when="middle_l = middle_r", says="The same middle name"),
            Level(name="initial", when="left(middle_l, 1) = left(middle_r, 1)", says="The same first letter"),
        ),
        otherwise="Another middle name",
    ),
    Comparison(
        name="email",
        title="E-mail",
        unknown="email_l IS NULL OR email_r IS NULL",
        levels=(
            Level(name="same", when="email_l = email_r", says="The same address", common="email"),
            Level(
                name="same_domain",
                when="string_split(email_l, '@')[2] = string_split(email_r, '@')[2]",
                says="Two addresses of the same kind",
            ),
        ),
        otherwise="Another address",
    ),
    Comparison(
        name="phone",
        title="Phone",
        unknown="phone_l IS NULL OR phone_r IS NULL",
        levels=(Level(name="same", when="phone_l = phone_r", says="The same number", common="phone"),),
        otherwise="Another number",
    ),
    Comparison(
        name="identifier",
        title="Number of the person",
        # A source that speaks of both calls them by two ids: that says as much, whether it has numbers beside or not.
        unknown=f"(identifier_l IS NULL OR identifier_r IS NULL) AND NOT coalesce({_ONE_SYSTEM}, false)",
        levels=(
            Level(name="same", when="identifier_l = identifier_r", says="The same number"),
            Level(name="two_in_one_system", when=_ONE_SYSTEM, says="Two numbers, or two ids, in the same system"),
        ),
        otherwise="Each system has a number of its own",
    ),
    Comparison(
        name="username",
        title="User name",
        unknown="username_l IS NULL OR username_r IS NULL",
        levels=(Level(name="same", when="username_l = username_r", says="The same user name"),),
        otherwise="Another user name",
    ),
    Comparison(
        name="school",
        title="School",
        unknown="school_l IS NULL OR school_r IS NULL",
        levels=(
            Level(
                name="same",
                when="list_has_any(schools_l, schools_r)",
                says="At the same school",
                common="school",
                at_most=True,
            ),
        ),
        otherwise="At another school",
    ),
    Comparison(
        name="grade",
        title="Grade",
        unknown="grade_l IS NULL OR grade_r IS NULL",
        levels=(
            Level(name="same", when="grade_l = grade_r", says="In the same grade", common="grade", at_most=True),
            Level(name="one_apart", when="abs(grade_l - grade_r) = 1", says="One grade apart"),
        ),
        otherwise="In another grade",
    ),
)

# Which pairs are looked at. Every rule also asks that one of the two is fresh, and that both play the same part.
BLOCKS = (
    "l.birth_date = r.birth_date AND l.family3 = r.family3",
    "l.birth_date = r.birth_date AND l.given3 = r.given3",
    "l.birth_date = r.birth_date AND l.family3 = r.given3",
    "l.birth_date = r.birth_date AND l.school = r.school AND l.other_script <> r.other_script",
    "l.full_name = r.full_name AND l.birth_day = r.birth_day",
    "l.full_name = r.full_name AND l.birth_year = r.birth_year",
    "l.full_name = r.full_name AND l.school = r.school",
    "l.email = r.email",
    "l.identifier = r.identifier",
    "l.username = r.username",
    "l.phone = r.phone AND l.given3 = r.given3",
)
DUPLICATES_PER_RECORD = 0.5  # what is expected before anything is compared; the model's prior follows from it


UNKNOWN, OTHER = "unknown", "other"  # the answers that every comparison has beside its levels


def sentence(comparison: str, level: str) -> tuple[str, str]:
    """Title of the field, and what is said about it."""
    found = next(c for c in COMPARISONS if c.name == comparison)
    said = {UNKNOWN: "Not known on both sides", OTHER: found.otherwise, **{v.name: v.says for v in found.levels}}
    return found.title, said[level]


def prior(records: int) -> float:
    """How likely two records drawn at random are one person: the larger the district, the less."""
    return min(0.1, 2 * DUPLICATES_PER_RECORD / max(records, 1))


@cache
def weights() -> Weights:
    """The shipped ones."""
    text = resources.files("schoolpassport.matching").joinpath("weights.json").read_text("utf-8")
    made: Weights = json.loads(text)["levels"]
    return made

"""Every transform on the shelf keeps the same contract; its examples are tests."""

import duckdb
import pytest

from schoolpassport.kit.columns import literal
from schoolpassport.sources import cleaning
from schoolpassport.sources.tables import TABLES
from schoolpassport.sources.transforms import TRANSFORMS, Given
from schoolpassport.sources.transforms.shape import Transform, Wanted

EXAMPLES = [pytest.param(t, e, id=f"{t.name}-{n}") for t in TRANSFORMS.values() for n, e in enumerate(t.examples, 1)]
# As careless a district as can be: each is a value, and a word in every parameter.
ODD = ("'", '"', "\\", "\\1", "$$", "%s", "{}", "a,b", "x" * 300, "🙂", "O'Hara'); DROP TABLE t; --", "e\u0301", "İ")


def given(transform: Transform, values, row=()) -> Given:
    missing = {p.name: p.default for p in transform.parameters if p.name not in values}
    names = {p.name for p in transform.parameters if p.wanted is Wanted.TEMPLATE}
    everything = {"givenName": None, "middleName": None, "familyName": None} | dict(row)
    told = {n: literal(v) if v is not None else "NULL::VARCHAR" for n, v in everything.items()}
    assert names <= set(values) | set(missing)
    return Given(values={**missing, **values}, row=told)


def put(transform: Transform, cell: str | None, with_: Given) -> tuple[str | None, bool]:
    """As a layer does it: a blank result is none, and what was blank can always be read."""
    made = transform.sql("v", with_)
    found = duckdb.execute(
        f"SELECT nullif(trim({made.value}), ''), v IS NOT NULL AND coalesce({made.unread or 'false'}, false) "
        "FROM (SELECT ?::VARCHAR AS v)",
        [cell],
    ).fetchone()
    assert found is not None
    return found


@pytest.mark.parametrize(("transform", "example"), EXAMPLES)
def test_what_an_example_says_is_true(transform, example):
    with_ = given(transform, example.values, example.row)
    assert not transform.refuses(with_.values)
    assert put(transform, example.given, with_) == (example.becomes, example.unread)


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=list(TRANSFORMS))
def test_a_transform_says_what_it_does_and_shows_it(transform):
    assert transform.sentence.endswith(".")
    assert transform.examples
    assert all(p.sentence for p in transform.parameters)


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=list(TRANSFORMS))
def test_blank_stays_blank_but_where_a_transform_makes_values(transform):
    made = {put(transform, None, given(transform, e.values, e.row))[0] for e in transform.examples}
    assert transform.fills or made == {None}


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=list(TRANSFORMS))
def test_a_value_is_either_read_or_named_whatever_it_is(transform):
    """No text makes the statement fail; a value that is gone or changed without a finding was asked to."""
    for example in transform.examples:
        for odd in ODD:
            put(transform, odd, given(transform, example.values, example.row))


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=list(TRANSFORMS))
def test_a_districts_words_are_constants_in_the_statement_and_nothing_else(transform):
    for parameter in transform.parameters:
        if parameter.choices or parameter.wanted not in {Wanted.TEXT, Wanted.TEXTS, Wanted.WORDS, Wanted.TEMPLATE}:
            continue
        for odd in ODD:
            shaped = {Wanted.TEXTS: (odd,), Wanted.WORDS: {odd: odd}}.get(parameter.wanted, odd)
            values = {**transform.examples[0].values, parameter.name: shaped}
            if transform.refuses(given(transform, values).values) or "{" in odd:
                continue
            put(transform, "Ada", given(transform, values, transform.examples[0].row))


@pytest.mark.parametrize("pattern", ["(", "a{2000}", "(?=a)", r"(a)\1", "x" * 201])
def test_a_pattern_that_re2_does_not_take_is_refused_before_it_is_saved(pattern):
    assert TRANSFORMS["pattern"].refuses({"pattern": pattern, "with": ""})
    assert not TRANSFORMS["pattern"].refuses({"pattern": "^a+$", "with": ""})


@pytest.mark.parametrize("wanted", ["DD/MM", "%d/%m/%Y", "DD/MM/YYYY HH", "DD/DD/YYYY", "soon", "MM/MM/YYYY"])
def test_a_format_that_is_none_of_a_date_is_refused(wanted):
    assert TRANSFORMS["date"].refuses({"formats": (wanted,)})


@pytest.mark.parametrize("name", TABLES)
def test_a_ready_table_leads_to_values_that_it_leaves_alone(name):
    words = TABLES[name].words
    folded = [w.casefold() for w in words]
    assert len(folded) == len(set(folded))
    assert all(words[becomes] == becomes for becomes in words.values())


# -------------------------------------------------------------------------------------------------- standard cleaning

CLEANED = [
    (name, given_, becomes)
    for entry in cleaning.LIST
    for name in entry.attributes
    for given_, becomes in entry.examples
]
FIELDS = {"grades": cleaning.grades, "phone": cleaning.phone, "sms": cleaning.phone}


def clean(name: str, value: str | None) -> str | None:
    found = duckdb.execute(f"SELECT {FIELDS[name]('v')} FROM (SELECT ?::VARCHAR AS v)", [value]).fetchone()
    assert found is not None
    return found[0]


@pytest.mark.parametrize(("attribute", "value", "becomes"), CLEANED)
def test_cleaning_does_what_the_list_says_and_nothing_when_it_is_done_again(attribute, value, becomes):
    name = attribute.partition(".")[2]
    assert clean(name, value) == becomes
    assert clean(name, becomes) == becomes


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("value", [None, *ODD, "14", "grade 14", "99999999999999999999", "+", "++49", "+0123456789"])
def test_cleaning_touches_nothing_that_it_does_not_know_for_certain(name, value):
    assert clean(name, value) == value


@pytest.mark.parametrize(
    "value", ["1.5", "0x1", "Grade 1.05", "14.0", "0.0", "1Y01X2", "X1Y", "Y01X", "1y01x2", "K-1", "0", "00"]
)
def test_what_holds_a_grade_is_none(value):
    assert clean("grades", f"9,{value}") == f"09,{value}"


@pytest.mark.parametrize("code", cleaning.GRADES)
def test_every_grade_of_ceds_is_left_as_it_is_and_found_in_small_letters(code):
    assert (clean("grades", code), clean("grades", code.lower())) == (code, code)


def test_every_country_of_the_phone_table_makes_a_number_that_is_complete():
    numbers = {"AU": "0291234567", "CA": "416-555-0142", "DK": "32 12 34 56", "ES": "912 34 56 78"}
    numbers |= {"FR": "01 23 45 67 89", "NL": "020 123 4567", "NO": "22 12 34 56", "PL": "22 123 45 67"}
    numbers |= {"US": "1 (212) 555-0142"}
    assert set(numbers) == set(cleaning.COUNTRIES)
    for country, number in numbers.items():
        cell = cleaning.phone("v", country=country)
        (made,) = duckdb.execute(f"SELECT {cell} FROM (SELECT ? AS v)", [number]).fetchone() or ("",)
        assert made.startswith(f"+{cleaning.COUNTRIES[country][0]}"), (country, made)
        assert clean("phone", made) == made

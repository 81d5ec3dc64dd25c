"""The filter grammar, end to end, against plain Python over the same documents."""

import operator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schoolpassport.sharing import filters
from schoolpassport.sharing.contract import Collection, Subset
from schoolpassport.sharing.filters import Clause, Filter, Logical, Predicate
from schoolpassport.sharing.queries import view_for
from schoolpassport.sharing.records import PageRequest, Selection
from tests.property.people import IDS, PATHS, documents, literals
from tests.support.plain_views import FIRST_MORNING, a_plain_view

NOW = FIRST_MORNING + timedelta(days=30)
EVERYBODY = Collection(Subset("user"))
COMPARED = {
    Predicate.EQUAL: operator.eq,
    Predicate.GREATER: operator.gt,
    Predicate.GREATER_OR_EQUAL: operator.ge,
    Predicate.LESS: operator.lt,
    Predicate.LESS_OR_EQUAL: operator.le,
}


# ---------------------------------------------------------------------------------------------------------- the oracle


def fold(text: str) -> str:
    """Lower case, letter by letter, as a database does it."""
    return "".join(low if len(low := letter.lower()) == 1 else letter for letter in text)


def value_of(document: dict[str, Any], path: str) -> Any:
    """What the path leads to: a text, a list of texts, or None."""
    name, _, rest = path.partition(".")
    found = document.get(name)
    if not rest or found is None:
        return found
    if name == "metadata":
        return found.get(rest)
    if rest == "type" and name in {"orgs", "agents"}:
        return [{"orgs": "org", "agents": "user"}[name] for _ in found]
    return [each[rest] for each in found] if isinstance(found, list) else found[rest]


def comparable(path: str, text: str) -> Any:
    if path != "dateLastModified":
        return fold(text)
    return datetime.fromisoformat(text if "T" in text else f"{text}T00:00:00+00:00").astimezone(UTC)


def holds(clause: Clause, document: dict[str, Any]) -> bool:
    if clause.predicate is Predicate.UNEQUAL:
        return not holds(Clause(clause.path, Predicate.EQUAL, clause.value), document)
    value = value_of(document, clause.path)
    if value is None:
        return False
    if isinstance(value, list):
        wanted = {fold(item.strip()) for item in clause.value.split(",")}
        held = {fold(item) for item in value}
        return wanted <= held if clause.predicate is Predicate.EQUAL else bool(wanted & held)
    if clause.predicate is Predicate.CONTAINS:
        return fold(clause.value) in fold(value)
    return COMPARED[clause.predicate](comparable(clause.path, value), comparable(clause.path, clause.value))


def keeps(wanted: Filter, document: dict[str, Any]) -> bool:
    judge = all if wanted.joined is Logical.AND else any
    return judge(holds(clause, document) for clause in wanted.clauses)


# ------------------------------------------------------------------------------------------------------ what is tried


@st.composite
def clauses(draw: st.DrawFn) -> Clause:
    path = draw(st.sampled_from(PATHS))
    predicates = [Predicate.EQUAL, Predicate.UNEQUAL, Predicate.CONTAINS]
    if not path.startswith(("grades", "orgs.", "agents.", "userIds.")):
        predicates += COMPARED
    return Clause(path, draw(st.sampled_from(predicates)), draw(literals(path)))


FILTERS = st.builds(Filter, st.lists(clauses(), min_size=1, max_size=2).map(tuple), st.sampled_from(Logical))


def spelled(wanted: Filter) -> str:
    """With doubled apostrophes, which say it without doubt."""
    doubled = "'{}'".format
    texts = [c.path + c.predicate + doubled(c.value.replace("'", "''")) for c in wanted.clauses]
    return f" {wanted.joined} ".join(texts)


@pytest.fixture(scope="module")
def view():
    from schoolpassport.tenancy.actions import register_district

    district = register_district(name=f"Filter Falls {UUID(int=IDS[0].int)}", now=FIRST_MORNING)
    plain = a_plain_view(district.id)
    everybody = documents()
    plain.publish({"user": everybody})
    plain.publish({"user": [each | {"middleName": "Later"} if n % 3 else each for n, each in enumerate(everybody[5:])]})
    return plain


@settings(max_examples=300)
@given(FILTERS)
def test_a_filter_keeps_what_plain_python_keeps(view, wanted):
    reader = view_for(district_id=view.district_id, integration_id=view.integration_id, base="", now=NOW)
    page = reader.page(
        PageRequest(Selection(EVERYBODY, filter=spelled(wanted)), limit=1000, offset=0, fields="sourcedId")
    )
    expected = sorted(d["sourcedId"] for d in view.shown("user").values() if keeps(wanted, d))
    assert page.documents.decode() == ",".join(f'{{"sourcedId":"{key}"}}' for key in expected)
    assert page.total == len(expected)


@given(FILTERS)
def test_what_is_spelled_with_doubled_apostrophes_is_read_as_it_was_meant(wanted):
    expected = wanted if len(wanted.clauses) > 1 else Filter(wanted.clauses)
    assert filters.parse(spelled(wanted)) == expected


RAW_VALUES = st.text("abc' =,O", max_size=12).filter(lambda text: "''" not in text and not text.endswith("'"))


@given(RAW_VALUES, RAW_VALUES, st.sampled_from(Logical))
def test_apostrophes_may_stand_raw_in_a_value(first, second, joined):
    text = f"familyName='{first}' {joined} givenName~'{second}'"
    meant = (Clause("familyName", Predicate.EQUAL, first), Clause("givenName", Predicate.CONTAINS, second))
    assert filters.parse(text) == Filter(meant, joined)


@given(st.text(st.sampled_from("ab.'=!<>~ ANDOR"), max_size=40) | st.text(max_size=40))
def test_any_text_is_read_or_refused_with_a_sentence(text):
    assert outcome(text) in {"one clause", "two clauses", "refused"}


def outcome(text: str) -> str:
    try:
        read = filters.parse(text)
    except filters.Unanswerable as refused:
        return "refused" if refused.notice.sentence.startswith("The filter cannot be read: ") else "refused badly"
    return {1: "one clause", 2: "two clauses"}.get(len(read.clauses), "too many")


def test_the_people_differ_in_everything_that_is_filtered_by():
    """Otherwise the comparison above would prove little."""
    everybody = documents()
    for path in PATHS:
        if path not in {"status", "dateLastModified"}:
            values = [str(value_of(each, path)) for each in everybody]
            assert len(set(values)) > 1, path
    assert all(earlier["sourcedId"] < later["sourcedId"] for earlier, later in pairwise(everybody))
    assert date.fromisoformat("2026-09-01").year == FIRST_MORNING.year

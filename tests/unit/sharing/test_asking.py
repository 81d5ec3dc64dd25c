"""What a client may ask for, before a database is asked: filters, fields, orders, and names of what is shared."""

import pytest

from schoolpassport.roster.kinds import KINDS, SHARED
from schoolpassport.sharing import catalogue, filters, ordering, selection, values
from schoolpassport.sharing.filters import Clause, Filter, Logical, Predicate
from schoolpassport.sharing.records import Fault, Notice, Shared, Unanswerable

EQUAL, CONTAINS = Predicate.EQUAL, Predicate.CONTAINS
USER, ENROLLMENT, CLASS = KINDS["user"], KINDS["enrollment"], KINDS["class"]
NARROW = Shared({"user": frozenset({"familyName", "grades", "orgs", catalogue.SIS_ID})})
WHOLE = Shared({kind: frozenset(names) for kind, names in catalogue.everything(kinds=tuple(SHARED)).items()})


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("familyName='O'Neil'", Filter((Clause("familyName", EQUAL, "O'Neil"),))),
        ("familyName='O''Neil'", Filter((Clause("familyName", EQUAL, "O'Neil"),))),
        ("a = 'x'", Filter((Clause("a", EQUAL, "x"),))),
        ("a>='1'", Filter((Clause("a", Predicate.GREATER_OR_EQUAL, "1"),))),
        ("a!=''", Filter((Clause("a", Predicate.UNEQUAL, ""),))),
        ("a='x AND y'", Filter((Clause("a", EQUAL, "x AND y"),))),
        ("a='x' AND b.c~'y'", Filter((Clause("a", EQUAL, "x"), Clause("b.c", CONTAINS, "y")))),
        ("a='x' OR a='y'", Filter((Clause("a", EQUAL, "x"), Clause("a", EQUAL, "y")), Logical.OR)),
        ("a='d'Or' OR b='e'", Filter((Clause("a", EQUAL, "d'Or"), Clause("b", EQUAL, "e")), Logical.OR)),
    ],
)
def test_a_filter_is_read_as_it_was_meant(text, meant):
    assert filters.parse(text) == meant


@pytest.mark.parametrize(
    "text",
    [
        *("", "a", "a='x", "a=x", "='x'", "a=='x'", "a='\0'", "a='x' AND", "a='x'  AND b='y'"),
        *("a='x' and b='y'", "a='x' AND b='y' OR c='z'"),
    ],
)
def test_what_is_no_filter_is_refused_and_never_taken_for_a_value(text):
    with pytest.raises(Unanswerable) as caught:
        filters.parse(text)
    assert caught.value.notice.fault is Fault.FILTER


def test_fields_are_taken_in_the_order_they_were_named_and_once():
    assert selection.chosen(" b , a,b", frozenset({"a", "b", "c"})) == (("b", "a"), None)
    names, notice = selection.chosen("a,nosuch,", frozenset({"a"}))
    assert names is None
    assert notice == Notice(Fault.UNKNOWN_FIELDS, "There is no property (nothing), nosuch; every property is sent.")
    for blank in ("", " ", ",", " , "):
        with pytest.raises(Unanswerable):
            selection.chosen(blank, frozenset({"a"}))


def test_a_document_is_reduced_without_being_understood():
    documents = '{"a":1.0,"b":{"x":[1, 2]},"c":"é\\u00e9"},{"c":null}'.encode()
    assert selection.reduced(documents, ("c", "b")) == '{"c":"é\\u00e9","b":{"x":[1, 2]}},{"c":null}'.encode()
    assert selection.reduced(b"", ("a",)) == b""


def test_what_is_not_shared_is_as_unknown_as_what_there_is_not():
    for path in ("email", "agents.sourcedId", "metadata.house", "nosuch", "userIds.type", "status.x", "orgs", ""):
        assert values.find(USER, NARROW, path, prefix="f0") is None, path
    for path in ("familyName", "grades", "orgs.sourcedId", f"metadata.{catalogue.SIS_ID}", "status", "sourcedId"):
        assert values.find(USER, NARROW, path, prefix="f0") is not None, path
    assert values.find(ENROLLMENT, NARROW, "role", prefix="f0") is None


def test_names_of_properties_are_those_of_the_standard_that_are_shared():
    assert values.names(USER, NARROW) == values.UNIVERSAL | {"familyName", "grades", "orgs", "metadata"}
    assert values.names(ENROLLMENT, NARROW) == values.UNIVERSAL
    assert "pronouns" not in values.names(USER, WHOLE), "OneRoster 1.1 has no such property"
    assert {"resources", "terms"} <= values.names(CLASS, WHOLE)


def test_a_value_of_the_client_is_never_part_of_the_statement():
    path = "metadata.x' OR true --.y"
    found = values.find(USER, WHOLE, path, prefix="f0")
    assert found is not None
    assert "OR true" not in found.sql
    assert found.parameters == {"f0_key": "x' OR true --.y", "f0_steps": ["x' OR true --", "y"]}


def test_an_order_ends_with_the_id_and_puts_records_without_the_field_last():
    for descending, word in ((False, "ASC"), (True, "DESC")):
        order = ordering.compiled(USER, WHOLE, "familyName", descending=descending)
        assert order is not None
        assert order.sql == f'r."family_name" COLLATE "C" {word} NULLS LAST, r.id'
    for no_order in ("grades", "orgs.sourcedId", "nosuch", "fam\0ily"):
        assert ordering.compiled(USER, WHOLE, no_order, descending=False) is None, no_order


def test_terms_of_a_consent_are_put_in_order_and_strangers_are_named():
    asked = {"user": ["role", "email"], "org": ["name", catalogue.SIS_ID]}
    assert catalogue.checked(asked) == {"org": ("name", catalogue.SIS_ID), "user": ("role", "email")}
    assert list(catalogue.checked(asked)) == ["org", "user"]
    with pytest.raises(ValueError, match=r"by the name of janitor, user\.password\.$"):
        catalogue.checked({"user": ["role", "password"], "janitor": []})


def test_everything_is_all_but_demographics():
    assert set(catalogue.everything()) == set(SHARED) - {"demographics"}
    assert set(catalogue.everything(kinds=("demographics",))) == {"demographics"}

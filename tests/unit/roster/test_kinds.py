"""The catalogue of kinds holds together: what tables, projections and paths are made from."""

import pytest

from schoolpassport.roster.kinds import KINDS, Field, Kind, Privacy, Type, Version

EVERY = pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))


def test_a_kind_comes_after_those_it_refers_to():
    before: set[str] = set()
    for name, kind in KINDS.items():
        assert {f.target for f in kind.references} <= before | {name}, name
        before.add(name)


@EVERY
def test_names_lead_somewhere(kind):
    assert kind.school in {"", "id"} or kind[kind.school].target == "org"
    for derived in kind.derived:
        back = KINDS[derived.kind][derived.field]
        assert (back.target, back.is_single_reference, back.in_view) == (kind.name, True, True), derived.name
    for field in kind.fields:
        assert bool(field.target) == field.is_reference, field.name
        assert field.is_reference or not field.binding, field.name


@EVERY
def test_columns_differ_and_none_is_taken_by_what_every_table_has(kind):
    universal = {"district_id", "id", "rev_from", "rev_to", "status", "modified_at", "seq", "change", "doc", "view"}
    assert len(set(kind.columns)) == len(kind.columns)
    assert not universal & set(kind.columns)


@EVERY
def test_a_kind_without_a_stored_document_keeps_all_it_shows_in_columns(kind):
    shown = {f.name for f in kind.fields if Version.V1P1 in f.versions and f.name != "metadata"}
    kept = {f.name for f in kind.fields if f.in_view}
    assert kind.stored_document or shown <= kept


@pytest.mark.parametrize(
    ("field", "column"),
    [
        (Field(name="givenName", privacy=Privacy.PUBLIC), "given_name"),
        (Field(name="parent", privacy=Privacy.PUBLIC, type=Type.REFERENCE, target="org"), "parent_id"),
        (Field(name="orgs", privacy=Privacy.PUBLIC, type=Type.REFERENCE, target="org", many=True), "orgs"),
        (Field(name="resultValueMin", privacy=Privacy.PUBLIC, type=Type.FLOAT), "result_value_min"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_column_is_the_name_in_small_letters_and_one_reference_ends_in_id(field, column):
    assert field.column == column


def test_whoever_has_the_id_of_another_refers_to_it():
    badge = Kind(name="lockerBadge", plural="lockerBadges", fields=(), same_id_as="user")
    assert [(f.name, f.target, f.required, f.binding) for f in badge.references] == [("sourcedId", "user", True, True)]
    assert badge.table == "locker_badge"

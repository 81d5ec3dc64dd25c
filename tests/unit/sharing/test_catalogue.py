"""The catalogue of what can be shared: complete, each attribute once, and true to the standard's names."""

import dataclasses

import pytest

from schoolpassport.roster.kinds import SHARED, Field, Privacy
from schoolpassport.sharing import catalogue, shield
from schoolpassport.sharing.attributes import DECLARED, Declared, Dialect
from schoolpassport.sharing.catalogue import CATALOGUE, METADATA, PRIMARY_GRADE, SIS_ID, lacking
from schoolpassport.sharing.masks import MASKS, Like
from schoolpassport.sources.schemas import SCHEMAS

ELSEWHERE = {"roles", "userProfiles", "resources", "scoreScale"}  # are files of their own in CSV


def test_every_attribute_of_every_kind_is_in_the_catalogue_once():
    assert lacking(SHARED, DECLARED) == []
    assert {a.key for kind in CATALOGUE for a in catalogue.attributes(kind)} == {
        f"{kind.name}.{name}" for kind in SHARED.values() for name in (*(f.name for f in kind.fields), SIS_ID)
    } | {f"user.{PRIMARY_GRADE}"}


def test_the_check_of_the_catalogue_can_fail():
    user = SHARED["user"]
    more = dataclasses.replace(user, fields=(*user.fields, Field(name="shoeSize", privacy=Privacy.STUDENT)))
    assert lacking({**SHARED, "user": more}, DECLARED) == [
        "user.shoeSize is declared by no file of sharing/attributes",
    ]
    named = {**DECLARED["category"], "hue": Declared("hue", " ", data_api="")}
    assert lacking(SHARED, {**DECLARED, "category": named}) == [
        "category.hue is declared, and no attribute of a kind",
        "category.hue has no label",
    ]


def test_every_attribute_has_a_name_in_every_dialect_or_none_there_on_purpose():
    for kind in CATALOGUE:
        for attribute in catalogue.attributes(kind):
            assert set(attribute.names) == set(Dialect), attribute.key
            assert attribute.names[Dialect.ONEROSTER_1P2], attribute.key
            assert attribute.names[Dialect.CSV], attribute.key


def test_names_in_csv_are_those_that_packages_have():
    """Held against the schemas by which files are read, which were written from the standard."""
    v1p2 = {header for file in SCHEMAS["oneroster-1.2"].inputs for header in file.columns}
    for file in (f for f in SCHEMAS["oneroster-1.1"].files if f.kind.shared):
        ours = {a.name: a.names[Dialect.CSV] for a in catalogue.attributes(file.kind.name)}
        assert {c.field.name: c.header for c in file.columns}.items() <= ours.items(), file.kind.name
        more = set(ours) - {c.field.name for c in file.columns} - {METADATA, SIS_ID, PRIMARY_GRADE, *ELSEWHERE}
        assert {ours[name] for name in more} <= v1p2, file.kind.name


def test_what_identifies_or_harms_a_person_can_be_masked_or_withheld():
    for kind in ("user", "demographics", "enrollment", "result"):
        for attribute in catalogue.attributes(kind):
            assert attribute.masks or attribute.required, attribute.key
    assert {a.key for a in catalogue.attributes("user") if a.required and not a.masks} == {
        *("user.enabledUser", "user.role", "user.orgs")
    }


@pytest.mark.parametrize(
    ("key", "masks"),
    [
        ("user.familyName", ("initial", "invented-name")),
        ("user.middleName", ("initial", "invented-name", "drop")),
        ("user.username", ("pseudonym",)),
        ("user.grades", ("drop",)),
        ("user.role", ()),
        ("demographics.birthDate", ("year", "drop")),
        ("class.gg4l.sisId", ("pseudonym", "drop")),
    ],
)
def test_which_masks_fit_follows_from_what_an_attribute_is_like(key, masks):
    assert catalogue.attribute(key).masks == masks


def test_what_must_be_named_is_in_no_bundle():
    assert {a.key for kind in CATALOGUE for a in catalogue.attributes(kind) if a.explicit} == {
        *("user.pronouns", "user.userProfiles")
    }
    assert not {"pronouns", "userProfiles"} & set(catalogue.everything()["user"])


def test_an_older_consent_gets_nothing_that_could_not_be_had_when_it_was_written():
    named = {"user": ["givenName", "preferredFirstName", "pronouns", "primaryOrg"]}
    assert catalogue.served({"user": named["user"]}, edition=1) == {"user": ("givenName",)}
    assert catalogue.served({"user": named["user"]}, edition=catalogue.EDITION) == {"user": tuple(named["user"])}


def test_levels_of_the_shield_hold_one_another_and_fit():
    assert shield.LEVELS[0] == {}
    for lower, higher in zip(shield.LEVELS, shield.LEVELS[1:], strict=False):
        assert lower.items() < higher.items()
    for key, mask in shield.LEVELS[-1].items():
        assert mask in catalogue.attribute(key).masks, key
        assert not MASKS[mask].removes, key
    people = {"user": catalogue.attributes("user")}
    names = {a.key for a in people["user"] if a.like in {Like.NAME, Like.EMAIL, Like.PHONE}}
    assert names < shield.LEVELS[3].keys()


def test_the_catalogue_says_what_it_does_not_know():
    for stranger in ("user.password", "janitor.name", "email"):
        with pytest.raises(ValueError, match=f"nothing to share by the name of {stranger}"):
            catalogue.attribute(stranger)

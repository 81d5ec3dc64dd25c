"""Every field about a person has a privacy class, and nothing that must not be kept has a place."""

import dataclasses

import pytest
from django.apps import apps

from schoolpassport.roster.kinds import KINDS, Field, Kind, Privacy
from schoolpassport.roster.models import RECORDS
from schoolpassport.sharing.models import VIEW_ROWS
from tests.house import privacy


def kind(**changes) -> Kind:
    """A kind with one field, which is fine but for the changes."""
    field = Field(name="nickname", privacy=Privacy.DIRECTORY)
    return Kind(name="pet", plural="pets", fields=(dataclasses.replace(field, **changes),))


def test_every_field_of_every_kind_has_a_privacy_class():
    assert list(privacy.unclassified(KINDS.values())) == []
    assert list(privacy.unclassified([kind()])) == []
    assert list(privacy.unclassified([kind(privacy=None)])) == ["pet.nickname has no privacy class"]


def test_nothing_secret_is_kept():
    assert list(privacy.kept_secrets(KINDS.values())) == []
    assert list(privacy.kept_secrets([kind()])) == []
    assert list(privacy.kept_secrets([kind(privacy=Privacy.SECRET)])) == ["pet.nickname is secret, and would be stored"]
    assert list(privacy.kept_secrets([kind(privacy=Privacy.SECRET, in_view=True)])) == [
        "pet.nickname is secret, and would be in a view"
    ]


def test_what_can_identify_or_harm_a_pupil_is_classed_accordingly():
    """The classes themselves, for the fields where a mistake would hurt most."""
    classes = {f"{k.name}.{f.name}": f.privacy for k in KINDS.values() for f in k.fields}
    for name in ("user.phone", "user.sms", "demographics.birthDate", "demographics.sex"):
        assert classes[name] is Privacy.SENSITIVE
    public = {name for name, privacy_class in classes.items() if privacy_class is Privacy.PUBLIC}
    about_people = {"user", "demographics", "enrollment", "result"}
    assert {name for name in public if name.partition(".")[0] in about_people} == set()


def test_no_password_has_a_place_in_kinds_models_or_tables(database):
    assert list(privacy.passwords(privacy.names_of_kinds(KINDS.values()))) == []
    assert list(privacy.passwords(privacy.names_of_models(apps.get_models()))) == []
    with database.as_owner() as owner:
        columns = owner.execute(
            "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public'"
        ).fetchall()
    assert list(privacy.passwords(name for (name,) in columns)) == []
    assert {("roster_user.username",), ("sharing_user.username",)} <= set(columns)


@pytest.mark.parametrize("name", ["password", "userPassword", "passwd", "PWD", "passphrase_hash"])
def test_the_check_for_passwords_can_fail(name):
    assert list(privacy.passwords(privacy.names_of_kinds([kind(name=name)]))) == [f"pet.{name} would hold a password"]


def test_the_check_of_models_reads_field_names():
    names = set(privacy.names_of_models([RECORDS["user"], VIEW_ROWS["user"]]))
    assert {"UserRecord.given_name", "UserView.given_name"} <= names


def test_names_in_the_catalogue_can_be_written_into_sql_as_they_are():
    assert list(privacy.unfit_for_sql(KINDS.values())) == []
    for name in ('x"; --', "two words", "naïve", "1st"):
        assert list(privacy.unfit_for_sql([kind(name=name)])) == [f"pet: {name.lower()!r} is no plain name"]
    unfit = dataclasses.replace(kind(), plural="pet's")
    assert list(privacy.unfit_for_sql([unfit])) == ['"pet\'s" is no plain word']

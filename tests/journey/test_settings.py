"""What a district decides is a numbered document that stays readable."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from schoolpassport.audit.models import Event
from schoolpassport.sources import actions, queries
from schoolpassport.sources.models import Setting
from schoolpassport.sources.records import Settings
from schoolpassport.tenancy import scope

BY = "Rosa Delgado"


@pytest.fixture
def source(district, now):
    return actions.register_source(district_id=district.id, name="SIS", schema="oneroster-1.1", by=BY, now=now)


def write(district, now, content, **where):
    return actions.write_setting(district_id=district.id, subject="filters", content=content, by=BY, now=now, **where)


def held(district, source_id=None) -> Settings:
    with scope.inside(district.id):
        return queries.settings(district_id=district.id, source_id=source_id)


def test_each_change_is_a_new_version_and_the_highest_holds(district, source, now):
    assert held(district, source.id).version("filters") == 0
    assert write(district, now, {"user": 1}, source_id=source.id) == 1
    assert write(district, now + timedelta(hours=1), {"user": 2}, source_id=source.id) == 2
    assert held(district, source.id).get("filters") == {"user": 2}
    with scope.inside(district.id):
        versions = queries.setting_versions(district_id=district.id, source_id=source.id, subject="filters")
    assert [(v.version, v.content, v.by) for v in versions] == [(2, {"user": 2}, BY), (1, {"user": 1}, BY)]


def test_the_same_document_again_is_no_new_version(district, source, now):
    assert write(district, now, {"user": 1}, source_id=source.id) == 1
    assert write(district, now, {"user": 1}, source_id=source.id) == 1


def test_a_sources_own_document_wins_over_the_districts(district, source, now):
    write(district, now, {"of": "district"})
    assert held(district, source.id).get("filters") == {"of": "district"}
    write(district, now, {"of": "source"}, source_id=source.id)
    assert held(district, source.id).get("filters") == {"of": "source"}
    assert held(district).get("filters") == {"of": "district"}


def test_another_district_sees_none_of_it(district, other_district, source, now):
    write(district, now, {"user": 1}, source_id=source.id)
    assert held(other_district, source.id) == Settings()
    assert held(district, source.id) != Settings()


def test_the_ledger_names_subject_and_versions_but_not_the_document(district, source, now):
    write(district, now, {"user": "Zebediah"}, source_id=source.id)
    with scope.inside(district.id):
        (event,) = Event.objects.filter(district_id=district.id, act="sources:setting:write")
    assert (event.about, event.by, event.facts) == (str(source.id), BY, {"subject": "filters", "before": 0, "after": 1})


@pytest.mark.parametrize("statement", ["UPDATE sources_setting SET content = '{}'", "DELETE FROM sources_setting"])
def test_no_version_is_changed_or_deleted(district, source, now, statement):
    write(district, now, {"user": 1}, source_id=source.id)
    with pytest.raises(DatabaseError), scope.inside(district.id), connection.cursor() as cursor:
        cursor.execute(statement)
    with scope.inside(district.id):
        assert [s.content for s in Setting.objects.filter(district_id=district.id)] == [{"user": 1}]


def test_versions_count_from_one(district, source, now):
    with pytest.raises(DatabaseError, match="settings_count_from_one"), scope.inside(district.id), transaction.atomic():
        Setting.objects.create(
            district_id=district.id, source_id=source.id, subject="filters", version=0, content={}, by=BY, at=now
        )


def test_a_draft_takes_the_place_of_what_holds_and_is_saved_nowhere(district, source, now):
    write(district, now, {"user": 1}, source_id=source.id)
    before = held(district, source.id)
    draft = before.draft("filters", {"user": 2})
    assert (draft.get("filters"), draft.version("filters")) == ({"user": 2}, -1)
    assert held(district, source.id) == before


def test_the_digest_is_of_the_documents_asked_for():
    settings = Settings(versions={"a": 1, "b": 1}, contents={"a": {"x": 1}, "b": {}})
    assert settings.digest("b", "c") == ""
    assert settings.digest("a") == settings.digest("a", "b") == settings.draft("c", {"y": 1}).digest("a")
    assert settings.digest("a") != settings.draft("a", {"x": 2}).digest("a")

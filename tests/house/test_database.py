"""The tests' own ground: what conftest promises is so."""

from django.db import connection

from schoolpassport.kit import postgres
from schoolpassport.tenancy.models import District


def test_tests_run_as_the_runtime_role(database):
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, session_user")
        assert cursor.fetchone() == (postgres.RUNTIME, postgres.RUNTIME)
    with database.as_owner() as owner:
        assert owner.execute("SELECT current_user").fetchone() == (postgres.OWNER,)


def test_each_test_gets_two_districts_of_its_own(district, other_district, now):
    assert {d.id for d in District.objects.filter(created_at=now)} >= {district.id, other_district.id}
    assert district.id != other_district.id

"""Commands start side by side: what is missing is made once, and where nothing is missing nothing is written."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import sql

from schoolpassport.config import startup
from schoolpassport.kit import postgres

PREPARE = "from schoolpassport.config import startup; startup.prepare()"
SIDE_BY_SIDE = 2


@pytest.fixture
def elsewhere(database):
    """The environment of a process whose database is another one of this server's, empty at first."""
    with psycopg.connect(database.superuser_url, autocommit=True) as superuser:
        superuser.execute(sql.SQL("CREATE DATABASE empty_one OWNER {}").format(sql.Identifier(postgres.OWNER)))
        try:
            yield {
                **os.environ,
                "DATABASE_OWNER_URL": f"{database.owner_url}&dbname=empty_one",
                "DATABASE_URL": f"{database.runtime_url}&dbname=empty_one",
            }
        finally:
            superuser.execute("DROP DATABASE empty_one WITH (FORCE)")


def prepare(environment):
    return subprocess.run(
        [sys.executable, "-c", PREPARE], env=environment, capture_output=True, text=True, check=False, timeout=300
    )


def side_by_side(environment):
    with ThreadPoolExecutor(SIDE_BY_SIDE) as threads:
        return list(threads.map(prepare, [environment] * SIDE_BY_SIDE))


def test_processes_that_start_at_once_in_an_empty_database_make_its_tables_once(elsewhere):
    assert [done.stderr for done in side_by_side(elsewhere)] == [""] * SIDE_BY_SIDE
    with psycopg.connect(elsewhere["DATABASE_OWNER_URL"]) as owner:
        assert owner.execute(
            "SELECT count(*) FROM (SELECT FROM django_migrations GROUP BY app, name HAVING count(*) > 1)"
        ).fetchone() == (0,)
        assert owner.execute(
            "SELECT has_table_privilege(%s, 'roster_user', 'INSERT')", [postgres.RUNTIME]
        ).fetchone() == (True,)
        # The control: a migration that the database has not recorded is run, and fails, as its table is there.
        assert not startup._lacks_migrations(owner)
        owner.execute("DELETE FROM django_migrations WHERE app = 'quality'")
        assert startup._lacks_migrations(owner)
    lacking = prepare(elsewhere)
    assert lacking.returncode
    assert "already exists" in lacking.stderr


def test_where_all_is_there_nothing_is_written(database):
    def written():
        with psycopg.connect(database.superuser_url) as superuser:
            return superuser.execute("SELECT max(xmin::text::bigint), count(*) FROM pg_default_acl").fetchone()

    before = written()
    startup._bring_up_to_date(database.owner_url, migrate=True)
    assert written() == before


def test_a_role_that_may_bypass_row_level_security_is_refused(database):
    with psycopg.connect(database.superuser_url, autocommit=True) as superuser:
        superuser.execute(sql.SQL("ALTER ROLE {} BYPASSRLS").format(sql.Identifier(postgres.RUNTIME)))
        try:
            with pytest.raises(startup.DatabaseUnfit, match="may bypass row-level security; take that from it"):
                startup._bring_up_to_date(database.owner_url, migrate=True)
        finally:
            superuser.execute(sql.SQL("ALTER ROLE {} NOBYPASSRLS").format(sql.Identifier(postgres.RUNTIME)))

"""Everything ready before Django is: the database runs, its roles are right, the tables are there.

``prepare`` is called by the command line once per process tree; it leaves the database address in the environment,
so that worker processes connect without starting anything.
"""

import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import django
import psycopg
from django.apps import apps
from psycopg import sql

from schoolpassport.config import environment
from schoolpassport.kit import postgres

RUNTIME_URL = "SCHOOLPASSPORT_RUNTIME_URL"  # set by prepare, read by settings; not for people
OLDEST_POSTGRES = 150_000


class DatabaseUnfit(Exception):
    """The database behind DATABASE_URL cannot be used; the message says why and what to do."""


def prepare(*, migrate: bool = True) -> postgres.EmbeddedServer | None:
    """Start the embedded database when none is configured, bring its tables up to date, and set Django up."""
    env = environment.read()
    server = None
    if env.database_url:
        runtime, owner = env.database_url, env.database_owner_url
    else:
        server = postgres.ensure_running(data_dir=env.data_dir)
        runtime, owner = server.dsn(role=postgres.RUNTIME), server.dsn(role=postgres.OWNER)
    os.environ[RUNTIME_URL] = runtime
    set_up_django()
    _bring_up_to_date(owner, migrate=migrate)
    if server is None:
        _check_login(runtime)
    return server


def set_up_django() -> None:
    """Models can be imported; nothing is connected yet."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "schoolpassport.config.settings")
    django.setup()


def _bring_up_to_date(owner_url: str, *, migrate: bool) -> None:
    """Make sure of the server's version, of the runtime role and of the tables; raises ``DatabaseUnfit``.

    Where all is in place, as it nearly always is, nothing is written: commands start side by side. Else one process
    at a time does what is missing, and the others wait for it.
    """
    try:
        with psycopg.connect(owner_url, autocommit=True, connect_timeout=10) as connection:
            _check_version(connection)
            if _has_runtime_role(connection) and not (migrate and _lacks_migrations(connection)):
                return
            connection.execute("SELECT pg_advisory_lock(hashtextextended('startup', 6))")
            if not _has_runtime_role(connection):
                _make_runtime_role(connection)
            if migrate and _lacks_migrations(connection):
                _let_runtime_role_use_what_comes(connection)
                _migrate(owner_url)
    except psycopg.OperationalError as error:
        raise DatabaseUnfit(f"The database cannot be reached: {error}") from error


def _check_version(connection: psycopg.Connection) -> None:
    if connection.info.server_version < OLDEST_POSTGRES:
        raise DatabaseUnfit(f"PostgreSQL {connection.info.server_version // 10_000} is too old; 15 or newer is needed.")


def _has_runtime_role(connection: psycopg.Connection) -> bool:
    """The role every request and job runs as: neither owner nor superuser, so row-level security holds for it."""
    found = connection.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = %s", [postgres.RUNTIME])
    row = found.fetchone()
    if row is not None and row[0]:
        raise DatabaseUnfit(f"The role {postgres.RUNTIME} may bypass row-level security; take that from it.")
    return row is not None


def _make_runtime_role(connection: psycopg.Connection) -> None:
    role, me = sql.Identifier(postgres.RUNTIME), sql.Identifier(connection.info.user)
    try:
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN NOSUPERUSER NOBYPASSRLS").format(role))
    except psycopg.errors.InsufficientPrivilege as error:
        raise DatabaseUnfit(
            f"{connection.info.user} may not create roles. Ask the database's administrator for: "
            f"CREATE ROLE {postgres.RUNTIME} NOLOGIN; GRANT {postgres.RUNTIME} TO {connection.info.user};"
        ) from error
    connection.execute(sql.SQL("GRANT {} TO {}").format(role, me))


def _lacks_migrations(connection: psycopg.Connection) -> bool:
    """Whether the code has a migration that the database does not. Only their names are read, not what is in them."""
    (there,) = connection.execute("SELECT to_regclass('django_migrations') IS NOT NULL").fetchone() or (False,)
    if not there:
        return True
    applied = set(connection.execute("SELECT app, name FROM django_migrations").fetchall())
    return not applied.issuperset(
        (app.label, module.name)
        for app in apps.get_app_configs()
        for module in pkgutil.iter_modules([str(Path(app.path) / "migrations")])
    )


def _let_runtime_role_use_what_comes(connection: psycopg.Connection) -> None:
    """What the owner makes from now on, the runtime role may use; the ledger takes UPDATE and DELETE away again."""
    role = sql.Identifier(postgres.RUNTIME)
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(role))
    for what, rights in (
        ("TABLES", "SELECT, INSERT, UPDATE, DELETE"),
        ("SEQUENCES", "USAGE, SELECT"),
        ("FUNCTIONS", "EXECUTE"),
    ):
        connection.execute(
            sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {} ON {} TO {}").format(
                sql.SQL(rights), sql.SQL(what), role
            )
        )


def _check_login(runtime_url: str) -> None:
    """The login of DATABASE_URL steps down to the runtime role, so it must be allowed to."""
    with psycopg.connect(runtime_url, autocommit=True, connect_timeout=10) as connection:
        found = connection.execute("SELECT pg_has_role(current_user, %s, 'MEMBER')", [postgres.RUNTIME]).fetchone()
        if not (found and found[0]):
            raise DatabaseUnfit(
                f"{connection.info.user} may not act as {postgres.RUNTIME}. Ask the database's administrator for: "
                f"GRANT {postgres.RUNTIME} TO {connection.info.user};"
            )


def _migrate(owner_url: str) -> None:
    """Run the migrations in a child process, as the owner: this one never holds the owner's rights."""
    child = {
        **os.environ,
        RUNTIME_URL: owner_url,
        "SCHOOLPASSPORT_AS_OWNER": "1",
        "DJANGO_SETTINGS_MODULE": "schoolpassport.config.settings",
    }
    done = subprocess.run(
        [sys.executable, "-m", "django", "migrate", "--no-input", "-v", "0"],
        env=child,
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise DatabaseUnfit(f"The tables could not be brought up to date:\n{done.stderr.strip()}")

"""The one database of a test session, made when the first test needs it: on a server of its own in a fresh directory.

Or on the server that ``TESTS_DATABASE_URL`` names, as a superuser: to try another version of PostgreSQL.
"""

import os
import shutil
import tempfile
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from schoolpassport.kit import postgres

ELSEWHERE = "TESTS_DATABASE_URL"
# Nothing here needs to survive a power cut; the server is started by us, so that these settings are in force.
SETTINGS = {"fsync": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class TestDatabase:
    __test__ = False  # not a test class, whatever its name begins with

    data_dir: Path
    superuser_url: str
    owner_url: str
    runtime_url: str

    def as_owner(self) -> psycopg.Connection:
        """A connection with the owner's rights, for tests of the tables themselves. Row-level security still holds."""
        return psycopg.connect(self.owner_url)


def forget_settings(env: MutableMapping[str, str]) -> None:
    """Whatever the person at the keyboard has configured, tests never touch it."""
    for name in [n for n in env if n.startswith(("SCHOOLPASSPORT_", "DATABASE_", "DJANGO_", "PG"))]:
        del env[name]


def start() -> TestDatabase:
    """Make the database, migrate, and set Django up as the runtime role: what the product does, in a fresh directory."""
    # Not pytest's own temporary directory: as root that one is closed to the server's account.
    parent = Path(tempfile.mkdtemp(prefix="sp-tests-"))
    parent.chmod(0o711)
    data_dir = parent / "data"
    os.environ["SCHOOLPASSPORT_DATA_DIR"] = str(data_dir)
    os.environ["SCHOOLPASSPORT_REQUESTS_PER_MINUTE"] = "0"  # tests ask as often as they like
    database = None
    try:
        server = os.environ.get(ELSEWHERE, "")
        database = _on_that_server(server, data_dir) if server else _embedded(data_dir)
        from schoolpassport.config import startup

        startup.prepare()
    except BaseException:
        _remove(data_dir, database)
        raise
    return database


def stop(database: TestDatabase) -> None:
    from django.db import connections

    connections.close_all()
    _remove(database.data_dir, database)


def _embedded(data_dir: Path) -> TestDatabase:
    server = postgres.ensure_running(data_dir=data_dir, settings=SETTINGS)
    return TestDatabase(data_dir, *(server.dsn(role=r) for r in (postgres.SUPERUSER, postgres.OWNER, postgres.RUNTIME)))


def _on_that_server(url: str, data_dir: Path) -> TestDatabase:
    """A database of its own there. The two roles stay behind: they belong to the whole server, and to others' tests."""
    data_dir.mkdir()
    parts = conninfo_to_dict(url)
    name = f"sp_tests_{uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as superuser:
        for role in (postgres.OWNER, postgres.RUNTIME):
            if superuser.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone() is None:
                made = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
                superuser.execute(made.format(sql.Identifier(role), sql.Literal(parts.get("password"))))
        new = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'")
        superuser.execute(new.format(sql.Identifier(name), sql.Identifier(postgres.OWNER)))
    roles = (str(parts.get("user", postgres.SUPERUSER)), postgres.OWNER, postgres.RUNTIME)
    urls = [_url({**parts, "user": role, "dbname": name}) for role in roles]
    os.environ["DATABASE_OWNER_URL"], os.environ["DATABASE_URL"] = urls[1:]
    return TestDatabase(data_dir, *urls)


def _url(parts: dict[str, object]) -> str:
    return "postgresql:///?" + urlencode({k: v for k, v in parts.items() if v is not None}, quote_via=quote)


def _remove(data_dir: Path, database: TestDatabase | None) -> None:
    if os.environ.get(ELSEWHERE, ""):
        if database is not None:
            name = conninfo_to_dict(database.superuser_url)["dbname"]
            with psycopg.connect(os.environ[ELSEWHERE], autocommit=True) as superuser:
                superuser.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(str(name))))
    else:
        postgres.stop(data_dir=data_dir, mode="immediate")
    shutil.rmtree(data_dir.parent, ignore_errors=True)

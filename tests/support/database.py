"""The one database of a test session: a real server in a fresh directory, made when the first test needs it."""

import os
import shutil
import tempfile
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from schoolpassport.kit import postgres


@dataclass(frozen=True)
class TestDatabase:
    __test__ = False  # not a test class, whatever its name begins with

    data_dir: Path
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
    """Start the server, migrate, and set Django up as the runtime role: what the product does, in a fresh directory."""
    # Not pytest's own temporary directory: as root that one is closed to the server's account.
    parent = Path(tempfile.mkdtemp(prefix="sp-tests-"))
    parent.chmod(0o711)
    data_dir = parent / "data"
    os.environ["SCHOOLPASSPORT_DATA_DIR"] = str(data_dir)
    try:
        # Nothing here needs to survive a power cut; started by us, so that these settings are in force.
        server = postgres.ensure_running(data_dir=data_dir, settings={"fsync": "off", "full_page_writes": "off"})
        from schoolpassport.config import startup

        startup.prepare()
    except BaseException:
        remove(data_dir)
        raise
    return TestDatabase(
        data_dir=data_dir,
        owner_url=server.dsn(role=postgres.OWNER),
        runtime_url=server.dsn(role=postgres.RUNTIME),
    )


def stop(database: TestDatabase) -> None:
    from django.db import connections

    connections.close_all()
    remove(database.data_dir)


def remove(data_dir: Path) -> None:
    postgres.stop(data_dir=data_dir, mode="immediate")
    shutil.rmtree(data_dir.parent, ignore_errors=True)

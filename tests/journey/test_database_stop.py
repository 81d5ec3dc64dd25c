"""``schoolpassport database stop``: the embedded database of one data directory, and no other."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from schoolpassport.kit import postgres
from schoolpassport.kit.postgres import EmbeddedServer


@pytest.fixture
def server() -> Iterator[EmbeddedServer]:
    # Not pytest's own temporary directory: as root that one is closed to the server's account.
    data_dir = Path(tempfile.mkdtemp(prefix="sp-stop-")) / "data"
    data_dir.parent.chmod(0o711)
    try:
        yield postgres.ensure_running(data_dir=data_dir)
    finally:
        postgres.stop(data_dir=data_dir, mode="immediate")
        shutil.rmtree(data_dir.parent)


def answers(server: EmbeddedServer) -> bool:
    try:
        psycopg.connect(server.dsn(role=postgres.RUNTIME)).close()
    except psycopg.OperationalError:
        return False
    return True


def stop(*words: str, **settings: str) -> str:
    command = [sys.executable, "-m", "schoolpassport.cli.main", "database", "stop", *words]
    done = subprocess.run(
        command, env={**os.environ, **settings}, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_it_stops_the_database_that_is_meant_and_starts_none(server, tmp_path):
    folder = str(server.data_dir)
    assert stop(SCHOOLPASSPORT_DATA_DIR=str(tmp_path)) == f"No database runs in {tmp_path}."
    assert answers(server)
    assert stop(SCHOOLPASSPORT_DATA_DIR=folder) == f"The database in {folder} is stopped."
    assert not answers(server)
    assert stop("--data-dir", folder) == f"No database runs in {folder}."
    assert postgres.ensure_running(data_dir=server.data_dir).started_here
    assert stop("--data-dir", folder, SCHOOLPASSPORT_DATA_DIR=str(tmp_path)) == f"The database in {folder} is stopped."
    assert list(tmp_path.iterdir()) == []

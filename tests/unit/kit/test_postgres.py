"""The embedded server as its callers see it. What happens when things break is in tests/faults."""

import os
import platform
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from schoolpassport.kit import postgres
from schoolpassport.kit.postgres import OWNER, RUNTIME, SUPERUSER, EmbeddedServer


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    # Not pytest's own temporary directory: as root that one is closed to the server's account.
    data_dir = Path(tempfile.mkdtemp(prefix="sp-unit-")) / "data"
    data_dir.parent.chmod(0o711)
    try:
        yield postgres.ensure_running(data_dir=data_dir)
    finally:
        postgres.stop(data_dir=data_dir, mode="immediate")
        shutil.rmtree(data_dir.parent)


def one(server: EmbeddedServer, query: str, *, role: str = SUPERUSER, dbname: str = postgres.DATABASE) -> tuple:
    with psycopg.connect(server.dsn(role=role, dbname=dbname)) as connection:
        return connection.execute(query).fetchone()


def test_the_first_call_starts_the_server_and_the_second_shares_it(server):
    again = postgres.ensure_running(data_dir=server.data_dir)
    assert (server.started_here, again.started_here) == (True, False)
    assert again.socket_dir == server.socket_dir


def test_the_database_belongs_to_the_owner_and_the_runtime_role_has_no_power(server):
    assert one(server, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'schoolpassport'") == (OWNER,)
    flags = "rolcanlogin, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication"
    for role in (OWNER, RUNTIME):
        assert one(server, f"SELECT {flags} FROM pg_roles WHERE rolname = '{role}'") == (True, *[False] * 5)
        assert one(server, "SELECT current_user", role=role) == (role,)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        one(server, "CREATE TABLE public.mine ()", role=RUNTIME)


def test_power_given_to_the_runtime_role_by_hand_is_taken_back(server):
    with psycopg.connect(server.dsn(role=SUPERUSER), autocommit=True) as connection:
        connection.execute(f"ALTER ROLE {RUNTIME} BYPASSRLS SUPERUSER")
    postgres.ensure_running(data_dir=server.data_dir)
    assert one(server, f"SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = '{RUNTIME}'") == (False, False)


def test_every_setting_is_in_force(server):
    for name, value in postgres.SETTINGS.items():
        assert one(server, f"SHOW {name}") == (value,)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told what to keep")
def test_memory_for_one_large_answer_serves_the_next_one_too(server):
    with psycopg.connect(server.dsn(role=SUPERUSER), autocommit=True) as connection:
        stat = Path(f"/proc/{connection.info.backend_pid}/stat")

        def pages_fetched(size: int) -> int:
            before = int(stat.read_text().rpartition(")")[2].split()[7])
            connection.execute("SELECT repeat('x', %s::int)", [size])
            return int(stat.read_text().rpartition(")")[2].split()[7]) - before

        large, too_large = 2 << 20, 32 << 20
        for size in (large, too_large):
            pages_fetched(size)
        assert pages_fetched(large) < large >> 14
        assert pages_fetched(too_large) > too_large >> 14, "memory beyond any measure is given back"


def test_the_cluster_is_utf8_sorted_by_code_point_with_checksums_and_no_network(server):
    query = "SELECT pg_encoding_to_char(encoding), datlocprovider, datlocale, datcollate FROM pg_database"
    assert one(server, f"{query} WHERE datname = 'schoolpassport'") == ("UTF8", "b", "C.UTF-8", "C")
    assert one(server, "SELECT lower('ÉCOLE'), 'Z' < 'a'") == ("école", True)
    assert one(server, "SHOW data_checksums") == ("on",)
    assert one(server, "SHOW listen_addresses") == ("",)


def test_nobody_else_may_enter_the_data_or_the_socket(server):
    for private in (server.data_dir / "postgres", server.socket_dir, server.log_dir):
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert stat.S_IMODE(server.data_dir.stat().st_mode) & 0o067 == 0
    for log in server.log_dir.iterdir():
        assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_the_server_never_runs_as_root(server):
    pid = int((server.data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    assert (server.data_dir / "postgres").stat().st_uid != 0
    if Path("/proc").is_dir():
        assert Path(f"/proc/{pid}").stat().st_uid == (server.data_dir / "postgres").stat().st_uid != 0


def test_the_address_survives_odd_names():
    server = EmbeddedServer(data_dir=Path("/d"), socket_dir=Path("/a b/ü&host=x%/?#"), started_here=False)
    dsn = server.dsn(role="o'w@n:er", dbname="a/b?c")
    assert conninfo_to_dict(dsn) == {
        "user": "o'w@n:er",
        "dbname": "a/b?c",
        "host": "/a b/ü&host=x%/?#",
        "port": "5432",
    }
    assert parse_qs(urlsplit(dsn).query)["host"] == ["/a b/ü&host=x%/?#"]


def test_databases_are_made_copied_and_dropped_even_while_in_use(server):
    postgres.create_database(server, 'first "one"')
    with psycopg.connect(server.dsn(role=OWNER, dbname='first "one"')) as connection:
        connection.execute("CREATE TABLE public.seen AS SELECT 7 AS number")
    postgres.create_database(server, "second", template='first "one"')
    assert one(server, "SELECT number FROM public.seen", role=OWNER, dbname="second") == (7,)
    with psycopg.connect(server.dsn(role=OWNER, dbname="second")):
        postgres.drop_database(server, "second")
    postgres.drop_database(server, 'first "one"')
    postgres.drop_database(server, "never there")
    assert one(server, "SELECT count(*) FROM pg_database WHERE datname IN ('first \"one\"', 'second')") == (0,)


def provoke_errors(server: EmbeddedServer) -> None:
    """Errors whose sentence, detail, statement or parameters hold the canary."""
    with psycopg.connect(server.dsn(role=OWNER), autocommit=True) as connection:
        connection.execute("CREATE TEMP TABLE pupil (email text UNIQUE, born date)")
        connection.execute("INSERT INTO pupil VALUES ('canary@example.org')")
        for command, parameters in (
            ("INSERT INTO pupil VALUES ('canary@example.org')", ()),
            ("INSERT INTO pupil (born) VALUES (%s)", ("canary",)),
            ("SELECT 'canary'::uuid", ()),
            ("SELECT canary FROM pupil", ()),
        ):
            with pytest.raises(psycopg.Error):
                connection.execute(command, parameters)


def logged(server: EmbeddedServer) -> str:
    return "".join(log.read_text() for log in server.log_dir.iterdir())


def test_no_personal_data_reaches_the_log(server):
    provoke_errors(server)
    assert "ready to accept connections" in logged(server)
    assert "canary" not in logged(server)


def test_settings_of_the_caller_win_and_the_log_test_can_fail(server):
    """The control of the test above: with PostgreSQL's own log level, the canary is in the log."""
    postgres.stop(data_dir=server.data_dir)
    postgres.ensure_running(data_dir=server.data_dir, settings={"log_min_messages": "warning", "work_mem": "5MB"})
    try:
        assert one(server, "SHOW work_mem") == ("5MB",)
        provoke_errors(server)
        deadline = time.monotonic() + 20  # the collector writes when it gets to it
        while "canary" not in logged(server) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert "canary" in logged(server)
    finally:
        postgres.stop(data_dir=server.data_dir)
        shutil.rmtree(server.log_dir)
        postgres.ensure_running(data_dir=server.data_dir)
    assert one(server, "SHOW work_mem") == ("64MB",)


@pytest.mark.parametrize("settings", [{"work_mem": "1MB'\nport = '1"}, {"work_mem = 1 #": "x"}])
def test_a_setting_cannot_smuggle_in_another(server, settings):
    postgres.stop(data_dir=server.data_dir)
    with pytest.raises(ValueError, match="not a PostgreSQL setting"):
        postgres.ensure_running(data_dir=server.data_dir, settings=settings)
    assert postgres.ensure_running(data_dir=server.data_dir).started_here


def test_the_usual_data_directory_follows_the_machine(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert postgres.default_data_dir() == Path("/var/lib/schoolpassport")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", "/home/mara")
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert postgres.default_data_dir() == Path("/home/mara/.local/share/schoolpassport")
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert postgres.default_data_dir() == Path("/home/mara/.local/share/schoolpassport")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert postgres.default_data_dir() == Path("/data/schoolpassport")
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    assert postgres.default_data_dir() == Path("/home/mara/Library/Application Support/schoolpassport")

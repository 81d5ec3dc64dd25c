"""What breaks under an embedded server, and what happens then. Real processes, real signals, real disks."""

import contextlib
import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from schoolpassport.kit import account as accounts
from schoolpassport.kit import postgres
from schoolpassport.kit.postgres import OWNER, DataDirNotWritable, DiskFull, EmbeddedServer, ServerFailed

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
as_user = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")

CHILD = """
import sys
from pathlib import Path
from schoolpassport.kit import postgres
try:
    print(postgres.ensure_running(data_dir=Path(sys.argv[1])).started_here)
except postgres.EmbeddedPostgresError as error:
    print(type(error).__name__, error)
"""


def quick_disk() -> Path | None:
    """Memory, where there is plenty: a first start writes forty megabytes, and no test here cuts the power."""
    memory = Path("/dev/shm")  # noqa: S108 (mkdtemp makes a private directory there)
    if not memory.is_dir() or shutil.disk_usage(memory).free < 2 * 1024**3:
        return None
    return None if os.statvfs(memory).f_flag & getattr(os, "ST_NOEXEC", 0) else memory


@pytest.fixture
def room() -> Iterator[Path]:
    """A directory that other accounts may pass (pytest's own is closed); servers in it are stopped at the end."""
    room = Path(tempfile.mkdtemp(prefix="sp-faults-", dir=quick_disk()))
    room.chmod(0o755)
    try:
        yield room
    finally:
        for cluster in room.rglob("postgres/PG_VERSION"):
            with contextlib.suppress(postgres.EmbeddedPostgresError):
                postgres.stop(data_dir=cluster.parent.parent, mode="immediate")
        shutil.rmtree(room)


def child_environment(*first: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([*map(str, first), *sys.path])}


def start_child(data_dir: Path, *, uid: int | None = None, path_first: tuple[Path, ...] = ()) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable if uid is None else python_for(uid), "-c", CHILD, str(data_dir)],
        env=child_environment(*path_first),
        stdout=subprocess.PIPE,
        text=True,
        user=uid,
        group=uid,
        extra_groups=None if uid is None else [],
        cwd="/",
        start_new_session=True,
    )


def child_says(data_dir: Path, *, uid: int | None = None, path_first: tuple[Path, ...] = ()) -> str:
    with start_child(data_dir, uid=uid, path_first=path_first) as child:
        said, _ = child.communicate(timeout=120)
        assert child.returncode == 0
    return said.strip()


def python_for(uid: int) -> str:
    """A Python that this account can run, with this code; the one of a virtual environment may lie in a closed home."""
    imports = "import psycopg, schoolpassport"
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            run_as(uid, [python, "-c", imports]).check_returncode()
            return python
    return pytest.skip("no Python that can run this code is in reach of another account")


def run_as(uid: int, command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=child_environment(),
        user=uid,
        group=uid,
        extra_groups=[],
        cwd="/",
        check=False,
        capture_output=True,
        text=True,
    )  # fmt: skip (one case a line)


def postmaster(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def born(server: EmbeddedServer) -> object:
    with psycopg.connect(server.dsn(role=OWNER)) as connection:
        return connection.execute("SELECT pg_postmaster_start_time()").fetchone()


def write_number(server: EmbeddedServer, number: int) -> None:
    with psycopg.connect(server.dsn(role=OWNER)) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS public.kept (number int)")
        connection.execute("INSERT INTO public.kept VALUES (%s)", (number,))


def numbers(server: EmbeddedServer) -> list[int]:
    with psycopg.connect(server.dsn(role=OWNER)) as connection:
        return [number for (number,) in connection.execute("SELECT number FROM public.kept ORDER BY number")]


# ------------------------------------------------------------------------------------------------------------- sharing


def test_a_server_outlives_the_process_that_started_it_and_the_next_shares_it(room):
    assert child_says(room / "data") == "True"
    server = postgres.ensure_running(data_dir=room / "data")
    before = born(server)
    assert not server.started_here
    assert child_says(room / "data") == "False"
    assert born(server) == before


def test_a_signal_to_the_starters_terminal_does_not_reach_the_server(room):
    postgres.ensure_running(data_dir=room / "data")
    assert os.getsid(postmaster(room / "data")) != os.getsid(0)


def test_processes_that_race_for_the_very_first_start_share_one_server(room):
    racing = [start_child(room / "data") for _ in range(4)]
    said = sorted(child.communicate(timeout=120)[0].strip() for child in racing)
    assert said == ["False", "False", "False", "True"]


def test_threads_that_race_for_the_very_first_start_share_one_server(room):
    started = []
    racing = [
        threading.Thread(target=lambda: started.append(postgres.ensure_running(data_dir=room / "data").started_here))
        for _ in range(4)
    ]
    for each in racing:
        each.start()
    for each in racing:
        each.join()
    assert sorted(started) == [False, False, False, True]


def test_stopping_is_final_repeatable_and_the_data_is_there_at_the_next_start(room):
    server = postgres.ensure_running(data_dir=room / "data")
    write_number(server, 1)
    postgres.stop(data_dir=room / "data")
    with pytest.raises(psycopg.OperationalError):
        numbers(server)
    postgres.stop(data_dir=room / "data")
    again = postgres.ensure_running(data_dir=room / "data")
    assert (again.started_here, numbers(again)) == (True, [1])


def test_stopping_where_nothing_ever_ran_makes_nothing(room):
    postgres.stop(data_dir=room / "never")
    assert list(room.iterdir()) == []


# ------------------------------------------------------------------------------------------------------------- crashes


def test_after_kill_9_of_the_server_the_data_is_intact(room):
    data_dir = room / "data"
    server = postgres.ensure_running(data_dir=data_dir)
    for number in range(3):
        write_number(server, number)
        os.kill(postmaster(data_dir), signal.SIGKILL)
        server = postgres.ensure_running(data_dir=data_dir)
        assert server.started_here
        assert numbers(server) == list(range(number + 1))


def test_after_kill_9_the_start_waits_for_a_child_that_is_still_busy(room):
    data_dir = room / "data"
    server = postgres.ensure_running(data_dir=data_dir)
    write_number(server, 1)

    def count() -> None:
        with contextlib.suppress(psycopg.Error), psycopg.connect(server.dsn(role=OWNER)) as connection:
            connection.execute("SELECT sum(number) FROM generate_series(1, 15000000) AS number")

    busy = threading.Thread(target=count)
    busy.start()
    time.sleep(0.3)
    os.kill(postmaster(data_dir), signal.SIGKILL)
    assert numbers(postgres.ensure_running(data_dir=data_dir)) == [1]
    busy.join()


@pytest.mark.parametrize("left", ["somebody's number", "half a file", "nothing in it"])
def test_a_pid_file_left_by_a_crash_misleads_nobody(room, left):
    data_dir = room / "data"
    write_number(postgres.ensure_running(data_dir=data_dir), 1)
    pid_file = data_dir / "postgres" / "postmaster.pid"
    whole = pid_file.read_text()
    os.kill(postmaster(data_dir), signal.SIGKILL)
    time.sleep(0.2)
    _, rest = whole.split("\n", 1)
    # After a restart of the machine the number may be anybody's: here ours, and we are certainly alive.
    pid_file.write_text({"somebody's number": f"{os.getpid()}\n{rest}", "half a file": whole[:9]}.get(left, ""))
    assert numbers(postgres.ensure_running(data_dir=data_dir)) == [1]


def test_a_first_start_that_is_killed_halfway_is_begun_anew(room):
    data_dir = room / "data"
    deadline = time.monotonic() + 60
    with start_child(data_dir) as child:
        while not (data_dir / "postgres.new" / "PG_VERSION").exists() and time.monotonic() < deadline:
            time.sleep(0.005)
        os.kill(child.pid, signal.SIGKILL)
    assert not (data_dir / "postgres").exists()
    server = postgres.ensure_running(data_dir=data_dir)
    write_number(server, 1)
    assert (server.started_here, numbers(server)) == (True, [1])
    assert not (data_dir / "postgres.new").exists()


def test_a_server_whose_socket_was_removed_is_reported_and_a_stop_heals_it(room):
    data_dir = room / "data"
    server = postgres.ensure_running(data_dir=data_dir)
    write_number(server, 1)
    (server.socket_dir / ".s.PGSQL.5432").unlink()
    with pytest.raises(ServerFailed, match="stop it and start again"):
        postgres.ensure_running(data_dir=data_dir)
    postgres.stop(data_dir=data_dir)
    assert numbers(postgres.ensure_running(data_dir=data_dir)) == [1]


# ------------------------------------------------------------------------------------------------------ disks and files


@contextlib.contextmanager
def small_disk(at: Path, size: str) -> Iterator[None]:
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root can mount a small disk")
    at.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", at], check=False).returncode:
        pytest.skip("no leave to mount a small disk here")
    try:
        yield
    finally:
        with contextlib.suppress(postgres.EmbeddedPostgresError):
            postgres.stop(data_dir=at / "data", mode="immediate")
        # Lazily: processes of a server that was stopped at once may take a moment more to be gone.
        subprocess.run(["umount", "--lazy", at], check=True)


def test_too_little_room_for_a_first_start_is_said_before_anything_is_made(room):
    with small_disk(room / "disk", "5m"):
        with pytest.raises(DiskFull, match=r"The disk that holds .*disk/data is full \([0-5] MB free"):
            postgres.ensure_running(data_dir=room / "disk" / "data")
        assert not (room / "disk" / "data" / "postgres").exists()


def test_a_disk_that_fills_up_during_the_first_start_is_said_and_leaves_no_half_database(room, monkeypatch):
    monkeypatch.setattr(postgres, "FREE_AT_FIRST_START", 0)
    with small_disk(room / "disk", "20m"):
        with pytest.raises(DiskFull, match="Free some space"):
            postgres.ensure_running(data_dir=room / "disk" / "data")
        assert sorted(path.name for path in (room / "disk" / "data").iterdir()) == ["embedded.lock"]


def test_a_full_disk_at_a_later_start_is_said_and_nothing_is_lost(room):
    with small_disk(room / "disk", "400m"):
        data_dir = room / "disk" / "data"
        write_number(postgres.ensure_running(data_dir=data_dir), 1)
        postgres.stop(data_dir=data_dir)
        ballast = room / "disk" / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while file.write(bytes(65536)):
                pass
        with pytest.raises(DiskFull, match=r"\(0 MB free"):
            postgres.ensure_running(data_dir=data_dir)
        ballast.unlink()
        assert numbers(postgres.ensure_running(data_dir=data_dir)) == [1]


def test_a_container_with_little_shared_memory_still_runs_parallel_queries(room, monkeypatch):
    with small_disk(room / "disk", "5m"):
        monkeypatch.setattr(postgres, "_SHARED_MEMORY", room / "disk")
        server = postgres.ensure_running(data_dir=room / "data")
    with psycopg.connect(server.dsn(role=OWNER)) as connection:
        assert connection.execute("SHOW dynamic_shared_memory_type").fetchone() == ("sysv",)
        connection.execute("SET debug_parallel_query = on")
        plan = "\n".join(line for (line,) in connection.execute("EXPLAIN ANALYZE SELECT count(*) FROM pg_class"))
        assert "Workers Launched: 1" in plan


@as_user
def test_a_directory_that_is_not_ours_to_write_is_refused(room):
    room.chmod(0o555)
    try:
        with pytest.raises(DataDirNotWritable, match="cannot be used by"):
            postgres.ensure_running(data_dir=room / "data")
    finally:
        room.chmod(0o755)


@as_root
def test_an_ordinary_user_is_told_that_a_directory_is_not_writable(room):
    said = child_says(room / "data", uid=NOBODY)
    assert said.startswith(f"DataDirNotWritable The data directory {room}/data cannot be used by nobody: ")
    assert "Make it writable for this account, or choose another directory." in said


def test_a_data_directory_that_is_a_file_or_has_an_unsafe_name_is_refused(room):
    (room / "file").write_text("")
    for bad in (room / "file", room / "file" / "below", room / "$(touch x)", room / 'a"b', room / "a\nb", room / "a`b"):
        with pytest.raises(DataDirNotWritable):
            postgres.ensure_running(data_dir=bad)
    assert [path.name for path in room.iterdir()] == ["file"]


def test_a_database_of_another_version_is_not_touched(room):
    postgres.ensure_running(data_dir=room / "data")
    postgres.stop(data_dir=room / "data")
    (room / "data" / "postgres" / "PG_VERSION").write_text("17\n")
    with pytest.raises(ServerFailed, match=r"is of PostgreSQL 17; this program brings PostgreSQL 18"):
        postgres.ensure_running(data_dir=room / "data")


def test_a_server_that_does_not_start_says_why(room):
    with pytest.raises(ServerFailed, match=r'(?s)did not start.*unrecognized configuration parameter "no_such_thing"'):
        postgres.ensure_running(data_dir=room / "data", settings={"no_such_thing": "1"})
    assert postgres.ensure_running(data_dir=room / "data").started_here


@pytest.mark.parametrize("name", ["d" * 120, "with space", "with,comma", "größe'q"])
def test_long_and_odd_paths_work(room, name):
    data_dir = room / name / "data"
    server = postgres.ensure_running(data_dir=data_dir)
    write_number(server, 1)
    assert len(os.fsencode(server.socket_dir / ".s.PGSQL.5432")) <= 103
    assert stat.S_IMODE(server.socket_dir.stat().st_mode) == 0o700
    assert numbers(postgres.ensure_running(data_dir=data_dir)) == [1]
    postgres.stop(data_dir=data_dir)
    assert server.socket_dir.parent == data_dir or not server.socket_dir.exists()


@pytest.mark.parametrize("planted", ["open directory", "link", "file", "somebody's directory"])
def test_a_socket_directory_that_somebody_planted_is_refused(room, planted):
    data_dir = room / ("d" * 120)
    server = postgres.ensure_running(data_dir=data_dir)
    postgres.stop(data_dir=data_dir)
    spot = server.socket_dir
    if planted == "file":
        spot.write_text("")
    elif planted == "link":
        (room / "elsewhere").mkdir(mode=0o700)
        spot.symlink_to(room / "elsewhere")
    else:
        spot.mkdir(mode=0o700)
        if planted == "open directory":
            os.chown(spot, (data_dir / "postgres").stat().st_uid, -1)
            spot.chmod(0o777)
        elif os.geteuid() == 0:
            os.chown(spot, 4242, 4242)
        else:
            spot.rmdir()
            pytest.skip("only root can give a directory away")
    try:
        with pytest.raises(ServerFailed, match="nobody else can enter, and is not"):
            postgres.ensure_running(data_dir=data_dir)
    finally:
        spot.rmdir() if spot.is_dir() and not spot.is_symlink() else spot.unlink()
    assert postgres.ensure_running(data_dir=data_dir).started_here


# ------------------------------------------------------------------------------------------------ root and other people


@as_root
def test_an_ordinary_user_has_a_server_of_their_own(room):
    home = room / "home"
    home.mkdir(mode=0o700)
    os.chown(home, NOBODY, NOBODY)
    assert child_says(home / "data", uid=NOBODY) == "True"
    assert child_says(home / "data", uid=NOBODY) == "False"
    assert (home / "data" / "postgres").stat().st_uid == NOBODY
    os.kill(postmaster(home / "data"), signal.SIGKILL)
    assert child_says(home / "data", uid=NOBODY) == "True"


@as_root
def test_the_server_lets_nobody_else_in_even_with_the_door_open(room):
    """Two locks: with the directory and the socket open to all, PostgreSQL still asks the system who is calling."""
    server = postgres.ensure_running(data_dir=room / "data")
    runs_as = (room / "data" / "postgres").stat().st_uid
    if runs_as == NOBODY:
        pytest.skip("the server runs as nobody on this machine")
    room.joinpath("data").chmod(0o755)
    server.socket_dir.chmod(0o755)
    (server.socket_dir / ".s.PGSQL.5432").chmod(0o777)
    knock = ["-c", f"import psycopg; psycopg.connect({server.dsn(role=OWNER)!r})"]
    assert "Peer authentication failed" in run_as(NOBODY, [python_for(NOBODY), *knock]).stderr
    assert run_as(runs_as, [python_for(runs_as), *knock]).returncode == 0


@as_root
def test_an_empty_directory_of_roots_is_made_passable_for_the_servers_group_only(room):
    data_dir = room / "given"
    data_dir.mkdir(mode=0o700)
    assert postgres.ensure_running(data_dir=data_dir).started_here
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o710
    assert data_dir.stat().st_uid == 0


@as_root
@pytest.mark.parametrize("closed", ["parent", "itself"])
def test_a_directory_that_was_not_ours_keeps_its_permissions_and_the_error_says_what_to_do(room, closed):
    kept = room / "closed"
    kept.mkdir(mode=0o700)
    (kept / "letters.txt").write_text("private")
    data_dir = kept / "data" if closed == "parent" else kept
    with pytest.raises(DataDirNotWritable, match=rf"may not pass through {kept} to .* chmod o\+x {kept}"):
        postgres.ensure_running(data_dir=data_dir)
    assert (stat.S_IMODE(kept.stat().st_mode), kept.stat().st_uid, kept.stat().st_gid) == (0o700, 0, 0)


@as_root
def test_a_database_that_belongs_to_root_is_refused_with_the_cure(room):
    (room / "data" / "postgres").mkdir(parents=True)
    with pytest.raises(DataDirNotWritable, match=r"belongs to another account \(uid 0\).*chown -R"):
        postgres.ensure_running(data_dir=room / "data")


@as_root
def test_a_virtual_environment_in_roots_closed_home_works(room):
    """The server's account cannot reach the wheel there, so it runs from a copy in the data directory."""
    (source,) = importlib.util.find_spec(postgres.WHEEL).submodule_search_locations
    home = room / "root"
    home.mkdir(mode=0o700)
    shutil.copytree(source, home / "site" / postgres.WHEEL, ignore=shutil.ignore_patterns("pginstall", "include"))
    libraries = Path(source).with_name(f"{postgres.WHEEL}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, home / "site" / libraries.name)
    assert child_says(room / "data", path_first=(home / "site",)) == "True"
    assert (room / "data" / "software").is_dir()
    assert child_says(room / "data", path_first=(home / "site",)) == "False"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    with psycopg.connect(postgres.ensure_running(data_dir=room / "data").dsn(role=OWNER)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_the_callers_own_postgres_variables_mislead_nothing(room, monkeypatch):
    for name, value in {
        "PGDATA": "/nowhere",
        "PGPORT": "1",
        "PGHOST": "/nowhere",
        "PGUSER": "x",
        "PGDATABASE": "y",
    }.items():
        monkeypatch.setenv(name, value)
    assert child_says(room / "data") == "True"
    assert not postgres.ensure_running(data_dir=room / "data").started_here


def test_programs_run_with_a_clean_environment_and_the_accounts_rights():
    account = accounts.unprivileged(owner_uid=None)
    outcome = accounts.run(["/bin/sh", "-c", "id -u; id -G; env; umask"], account=account, timeout=30)
    uid, groups, *environment, umask = outcome.said.split("\n")[:-1]
    assert (int(uid), int(umask, 8)) == (account.uid, 0o077)
    assert uid != "0"
    if account.switch:
        assert groups == str(account.gid)
    names = {line.split("=")[0] for line in environment}
    assert names - {"PWD", "SHLVL", "_", "OLDPWD", "__CF_USER_TEXT_ENCODING"} == {"PATH", "LC_ALL", "TZ", "HOME"}

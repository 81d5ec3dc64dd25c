"""Running a program as another, unprivileged operating system account, when we are root.

PostgreSQL refuses to run as root. No account is created for it: an existing one is borrowed, in a child process only.
"""

import os
import pwd
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

# The first that exists. `schoolpassport` is there if the operator made it; `nobody` is everywhere, but may be shared.
CANDIDATES = ("schoolpassport", "postgres", "_postgres", "nobody")

_CLOSED = 'for d in "$@"; do [ -x "$d" ] || { printf %s "$d"; exit 1; }; done'

_NOTHING_MORE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Account:
    """An account that a child process runs under. `switch` is false when it is the one we already are."""

    name: str
    uid: int
    gid: int
    switch: bool


@dataclass(frozen=True)
class Outcome:
    """How a program ended, and all it said."""

    code: int
    said: str


def current() -> Account:
    uid = os.geteuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    return Account(name=name, uid=uid, gid=os.getegid(), switch=False)


def unprivileged(*, owner_uid: int | None) -> Account | None:
    """The account to run a server under, or None when we are root and there is no account to borrow.

    An ordinary user stays who they are. Root takes the account that already owns the files (`owner_uid`), so that an
    account which appears later on the machine does not take over existing data; else the first candidate.
    """
    if os.geteuid() != 0:
        return current()
    if owner_uid:
        try:
            return _borrowed(pwd.getpwuid(owner_uid))
        except KeyError:
            return None
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return _borrowed(entry)
    return None


def _borrowed(entry: pwd.struct_passwd) -> Account:
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid, switch=True)


def run(
    command: Sequence[str | Path],
    *,
    account: Account,
    timeout: float,
    home: Path = Path("/"),
    keep: Sequence[int] = (),
    more: Mapping[str, str] = _NOTHING_MORE,
) -> Outcome:
    """Run a program to its end, in a clean environment and with no rights but the account's.

    Our environment is not handed on: PGDATA, PGOPTIONS and their like would change what PostgreSQL's programs do.
    `more` goes into that of the program.
    File descriptors in `keep` stay open in it: a lock among them is then held until the program ends, even if we are
    killed before.
    Raises `OSError` when the program or the account cannot be used and `subprocess.TimeoutExpired`.
    """
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", "HOME": str(home), **more}
    try:
        done = subprocess.run(  # noqa: S603 (fixed programs, no shell)
            [str(part) for part in command],
            check=False,
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
            pass_fds=keep,
            umask=0o077,
            user=account.uid if account.switch else None,
            group=account.gid if account.switch else None,
            extra_groups=[] if account.switch else None,
        )
    except subprocess.SubprocessError as error:
        if isinstance(error, subprocess.TimeoutExpired):
            raise
        # What fails between fork and exec without an errno of its own (a user namespace without that account).
        raise PermissionError(str(error)) from error
    return Outcome(code=done.returncode, said=done.stdout)


def first_closed(directories: Sequence[Path], *, account: Account) -> Path | None:
    """The first of these directories that the account may not pass through. Asked of the system, not computed.

    Computing it from mode bits would miss access lists and mount options.
    """
    outcome = run(["/bin/sh", "-c", _CLOSED, "sh", *directories], account=account, timeout=30)
    if outcome.code == 0:
        return None
    return Path(outcome.said or directories[0])

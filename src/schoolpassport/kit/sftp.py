"""The only way out by SFTP: files pulled from and put onto a server whose key is pinned, whole or not at all.

Connections are opened by ``kit.egress``. No agent, key file, configuration or list of hosts of the account is used.
Until the server has shown the pinned key, it is told no name and no password. A pull that breaks off goes on where it
was, if the file is still the same. What is put has a name of its own until all its bytes are there.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import stat
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn, Self, TypeVar

import asyncssh

from schoolpassport.kit import egress
from schoolpassport.kit.egress import Deadline, Policy
from schoolpassport.kit.http import FILE, USUAL, Limits, Pace
from schoolpassport.kit.recovery import NeedsAttention, Retry

Got = TypeVar("Got")
MOST_NAMES: Final = 100_000
_WINDOW = 4 << 20  # read at once, in many requests on their way together
_NOW = 60.0

# Nothing with SHA-1, CBC or 3DES.
KEX: Final = (
    *("curve25519-sha256", "curve25519-sha256@libssh.org"),
    *("ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521"),
    *("diffie-hellman-group-exchange-sha256", "diffie-hellman-group16-sha512", "diffie-hellman-group14-sha256"),
)
CIPHERS: Final = (
    *("chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes128-gcm@openssh.com"),
    *("aes256-ctr", "aes192-ctr", "aes128-ctr"),
)
MACS: Final = (
    *("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"),
    *("hmac-sha2-256", "hmac-sha2-512"),
)
HOST_KEYS: Final = (
    *("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    *("rsa-sha2-512", "rsa-sha2-256"),
)
logging.getLogger("asyncssh").setLevel(logging.WARNING)  # it writes hosts and names of users at INFO


@dataclass(frozen=True, kw_only=True)
class Login:
    """Where, as whom, and which keys the server may show (``SHA256:…``, as ssh-keygen -l writes them)."""

    host: str
    port: int = 22
    user: str
    password: str = field(default="", repr=False)
    key: str = field(default="", repr=False)  # a private key, as OpenSSH or PEM write it
    passphrase: str = field(default="", repr=False)
    fingerprints: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Found:
    """A file as the server lists it."""

    size: int
    changed: int  # seconds, by the server's clock


class UnknownKey(NeedsAttention):
    """The server showed a key that is not pinned. Nothing was told it."""

    def __init__(self, fingerprint: str, sentence: str) -> None:
        super().__init__(sentence)
        self.fingerprint = fingerprint


class Session:
    """A server's files. Connects when something is asked for, and again when the connection is lost.

    All that it does must be over by the deadline of ``limits``.
    """

    def __init__(self, login: Login, *, policy: Policy, limits: Limits = FILE, pace: Pace = USUAL) -> None:
        self._login, self._policy, self._limits, self._pace = login, policy, limits, pace
        self._keys = [_private_key(login)] if login.key else None
        self._deadline = Deadline(limits.seconds)
        self._runner = asyncio.Runner()
        self._connection: asyncssh.SSHClientConnection | None = None
        self._files: asyncssh.SFTPClient | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._drop()
        self._runner.close()

    def look(self, folder: str) -> dict[str, Found]:
        """The ordinary files of a folder. Raises ``Retry`` and ``NeedsAttention``, like all that follows."""
        return self._tried(lambda: self._look(folder))

    def fetch(self, folder: str, name: str, found: Found, into: Path) -> None:
        """Bring the file that was found there, and no other that took its place; it gets its name when it is whole."""
        if "/" in name or "\0" in name or name in {"", ".", ".."}:
            raise NeedsAttention(f"{self._host} lists a file under a name that is none.")
        if found.size > self._limits.bytes:
            raise NeedsAttention(
                f"{name!r} has {found.size:,} bytes; the most that is taken is {self._limits.bytes:,}."
            )
        unfinished = into.with_name(f".{into.name}.part")
        try:
            self._tried(lambda: self._fetch(_joined(folder, name), name, found, unfinished))
            unfinished.rename(into)
        finally:
            unfinished.unlink(missing_ok=True)

    def put(self, local: Path, folder: str, name: str) -> None:
        """Bring a file there under this name, in the place of one that is there; others see either, never a part."""
        if "/" in name or "\0" in name or name in {"", ".", ".."}:
            raise NeedsAttention(f"{name!r} is no name for a file.")
        unfinished = _joined(folder, f".{name[:100]}.{secrets.token_hex(6)}.part")
        try:
            self._tried(lambda: self._put(local, local.stat().st_size, unfinished, _joined(folder, name)))
        except (Retry, NeedsAttention):
            self._forget(unfinished)
            raise

    def remove(self, folder: str, name: str) -> None:
        """Take a file away there, if it is there."""
        self._tried(lambda: self._remove(_joined(folder, name)))

    @property
    def _host(self) -> str:
        return egress.shown(self._login.host)

    def _tried(self, ask: Callable[[], Coroutine[Any, Any, Got]]) -> Got:
        attempt = 0
        while True:
            attempt += 1
            try:
                if self._files is None:
                    self._connect()
                return self._runner.run(self._in_time(ask()))
            except _Lost as lost:
                self._drop()
                pause = self._pace.pause(attempt)
                if attempt >= self._pace.tries or self._deadline.over(pause):
                    raise Retry(_NOW, str(lost)) from None
            time.sleep(pause)

    async def _in_time(self, asked: Coroutine[Any, Any, Got]) -> Got:
        try:
            return await asyncio.wait_for(asked, self._deadline.left())
        except TimeoutError:
            asked.close()
            raise _Lost(
                f"{self._host} was too slow: not everything had come in time. It is tried again later."
            ) from None
        except asyncssh.SFTPNoSuchFile:
            raise NeedsAttention(f"{self._host} has no such folder or file. Correct the path.") from None
        except asyncssh.SFTPPermissionDenied:
            raise NeedsAttention(
                f"{self._host} does not let this user do that there. Ask for the right to it."
            ) from None
        except (asyncssh.Error, OSError):
            raise _Lost(f"{self._host} broke off in the middle. It is tried again.") from None

    def _connect(self) -> None:
        try:
            opened = egress.dial(
                self._login.host, self._login.port, policy=self._policy, ports=egress.SSH, deadline=self._deadline
            )
        except Retry as unreachable:
            raise _Lost(unreachable.sentence) from None
        except TimeoutError:
            raise _Lost(f"{self._host} cannot be reached in time. It is tried again later.") from None
        opened.setblocking(False)  # noqa: FBT003 (a word of the standard library)
        guard = _Guard(self._login.fingerprints)
        try:
            self._runner.run(asyncio.wait_for(self._log_in(opened, guard), self._deadline.left(self._limits.silence)))
        except (TimeoutError, asyncssh.Error, OSError) as error:
            opened.close()
            self._name_failure(error, guard)

    def _name_failure(self, error: Exception, guard: "_Guard") -> NoReturn:
        if guard.shown and not guard.known:
            raise self._unknown(guard.shown) from None
        if isinstance(error, asyncssh.PermissionDenied):
            raise NeedsAttention(
                f"{self._host} does not let this user in. Check the user's name, and the password or the key."
            ) from None
        if isinstance(error, asyncssh.KeyExchangeFailed):
            raise NeedsAttention(
                f"{self._host} offers only encryption that is not trusted any more. It must be updated."
            ) from None
        if isinstance(error, TimeoutError):
            raise _Lost(f"{self._host} was too slow to let us in. It is tried again later.") from None
        raise _Lost(f"{self._host} did not answer as an SFTP server does. It is tried again.") from None

    def _unknown(self, shown: str) -> UnknownKey:
        if not self._login.fingerprints:
            return UnknownKey(
                shown,
                f"First contact: {self._host} shows the key {shown}. Compare it with what those who run the server "
                "say, then set it as “Host key”.",
            )
        return UnknownKey(
            shown,
            f"{self._host} shows another key than before: {shown}. Nothing was sent. Ask those who run the server; "
            "only if they changed it, set it as “Host key”.",
        )

    async def _log_in(self, opened: Any, guard: "_Guard") -> None:  # noqa: ANN401 (a socket, as asyncssh types it)
        self._connection = await asyncssh.connect(
            host=self._login.host,
            port=self._login.port,
            sock=opened,
            client_factory=lambda: guard,
            known_hosts=([], [], []),
            config=None,
            agent_path=None,
            client_keys=self._keys,
            username=self._login.user,
            password=self._login.password or None,
            preferred_auth="publickey,password" if self._keys else "password,keyboard-interactive",
            gss_host=None,
            x509_trusted_certs=None,
            host_based_auth=False,
            kex_algs=KEX,
            encryption_algs=CIPHERS,
            mac_algs=MACS,
            server_host_key_algs=HOST_KEYS,
            compression_algs=None,
            login_timeout=self._limits.silence,
            keepalive_interval=max(1, int(self._limits.silence / 2)),
            keepalive_count_max=2,
        )
        self._files = await self._connection.start_sftp_client()

    async def _look(self, folder: str) -> dict[str, Found]:
        found: dict[str, Found] = {}
        async for entry in self._opened().scandir(folder or "."):
            attributes, name = entry.attrs, entry.filename
            text = name if isinstance(name, str) else name.decode("utf-8", "replace")
            if attributes.permissions is not None and stat.S_ISREG(attributes.permissions):
                found[text] = Found(attributes.size or 0, attributes.mtime or 0)
            if len(found) > MOST_NAMES:
                raise NeedsAttention(
                    f"The folder on {self._host} holds too many files. Point to one for packages only."
                )
        return found

    async def _fetch(self, path: str, name: str, found: Found, unfinished: Path) -> None:
        files = self._opened()
        await self._same(files, path, name, found)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "ab") as target:
            have = os.fstat(descriptor).st_size
            async with files.open(path, "rb") as source:
                while have < found.size:
                    wanted = min(_WINDOW, found.size - have)
                    chunk = await asyncio.wait_for(source.read(wanted, have), self._limits.silence)
                    if not chunk:
                        raise _Lost(f"{name!r} on {self._host} ended too early. It is tried again.")
                    have += target.write(_bytes(chunk))
                if await asyncio.wait_for(source.read(1, have), self._limits.silence):
                    raise Retry(_NOW, f"{name!r} on {self._host} is still growing. It is waited for.")
            target.flush()
            os.fsync(descriptor)
        await self._same(files, path, name, found)

    async def _put(self, local: Path, size: int, unfinished: str, final: str) -> None:
        """From its beginning each time: pieces are on their way together, so a size does not tell what is there."""
        files = self._opened()
        with local.open("rb") as source:
            async with files.open(unfinished, "wb") as target:
                at = 0
                while chunk := source.read(_WINDOW):
                    at += await asyncio.wait_for(target.write(chunk, at), self._limits.silence)
                with contextlib.suppress(asyncssh.SFTPOpUnsupported):
                    await asyncio.wait_for(target.fsync(), self._limits.silence)
        there = (await asyncio.wait_for(files.stat(unfinished), self._limits.silence)).size
        if there != size:
            raise _Lost(f"Of {size:,} bytes {self._host} has {there or 0:,}. It is tried again.")
        try:
            await asyncio.wait_for(files.posix_rename(unfinished, final), self._limits.silence)
        except asyncssh.SFTPOpUnsupported:
            await self._rename_anew(files, unfinished, final)

    async def _rename_anew(self, files: asyncssh.SFTPClient, unfinished: str, final: str) -> None:
        """Without OpenSSH's own rename a name cannot be given twice, and in between there would be no file."""
        if await asyncio.wait_for(files.exists(final), self._limits.silence):
            raise NeedsAttention(
                f"{self._host} cannot put a file in the place of another in one step (posix-rename). Use names that "
                "differ each time, like those with {date}, or have the older file taken away."
            )
        await asyncio.wait_for(files.rename(unfinished, final), self._limits.silence)

    async def _remove(self, path: str) -> None:
        with contextlib.suppress(asyncssh.SFTPNoSuchFile):
            await asyncio.wait_for(self._opened().remove(path), self._limits.silence)

    def _forget(self, unfinished: str) -> None:
        """What is left of a file that did not get its name. Nobody takes it for one, so this may fail."""
        if self._files is not None:
            with contextlib.suppress(_Lost, NeedsAttention):
                self._runner.run(self._in_time(self._remove(unfinished)))

    async def _same(self, files: asyncssh.SFTPClient, path: str, name: str, found: Found) -> None:
        try:
            now = await asyncio.wait_for(files.stat(path), self._limits.silence)
        except asyncssh.SFTPNoSuchFile:
            raise Retry(_NOW, f"{name!r} on {self._host} was taken away meanwhile. It is waited for.") from None
        if (now.size, now.mtime) != (found.size, found.changed):
            raise Retry(_NOW, f"{name!r} on {self._host} changed meanwhile. It is waited for.")

    def _opened(self) -> asyncssh.SFTPClient:
        if self._files is None:
            raise _Lost(f"The connection to {self._host} is lost. It is tried again.")
        return self._files

    def _drop(self) -> None:
        connection, self._connection, self._files = self._connection, None, None
        if connection is not None:
            connection.abort()
            with contextlib.suppress(TimeoutError, asyncssh.Error, OSError):
                self._runner.run(asyncio.wait_for(connection.wait_closed(), 1))


class _Lost(Exception):
    """It may work with a new connection."""


class _Guard(asyncssh.SSHClient):
    """Lets a server pass whose key is pinned. This comes before any name or password is sent."""

    def __init__(self, pinned: frozenset[str]) -> None:
        self._pinned = pinned
        self.shown, self.known = "", False

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        del host, addr, port
        self.shown = key.get_fingerprint("sha256")
        self.known = self.shown in self._pinned
        return self.known


def _private_key(login: Login) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_private_key(login.key, login.passphrase or None)
    except asyncssh.KeyEncryptionError:
        raise NeedsAttention("The private key does not open with this passphrase. Give the right one.") from None
    except (asyncssh.KeyImportError, ValueError):
        what = "needs its passphrase" if "ENCRYPTED" in login.key or not login.passphrase else "is none"
        raise NeedsAttention(
            f"The private key {what}, or is in a form that is not read. Give it as ssh-keygen writes it."
        ) from None


def _bytes(chunk: str | bytes) -> bytes:
    return chunk.encode() if isinstance(chunk, str) else chunk


def _joined(folder: str, name: str) -> str:
    return f"{folder.rstrip('/')}/{name}" if folder else name

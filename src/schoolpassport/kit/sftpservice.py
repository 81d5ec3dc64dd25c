"""An SFTP server of flat folders: who logs in sees one folder of files, and nothing else of this machine.

No shell, no command, no forwarding, no links, no folders in it. A folder is one to put files into, or one to fetch
files from. What is put is kept aside until its sender closes it; then it takes its place in one step, so others see a
whole file or none. Who guesses is soon not listened to any more, by address and by name.
"""

import asyncio
import contextlib
import errno
import inspect
import ipaddress
import logging
import os
import posixpath
import secrets
import stat
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import asyncssh
from asyncssh import SFTPAttrs, SFTPName

from schoolpassport.kit import fetched
from schoolpassport.kit.egress import Networks
from schoolpassport.kit.sftp import CIPHERS, HOST_KEYS, KEX, MACS

logging.getLogger("asyncssh").setLevel(logging.WARNING)  # it writes addresses and names of users at INFO
_LONGEST_NAME = 200
_WINDOW: Final = 600.0  # seconds in which failures count
_BY_PAIR, _BY_ADDRESS, _BY_NAME = 5, 20, 50  # failures
_REMEMBERED = 10_000


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What one account may do. ``aside``: where unfinished files are kept, on the same disk as ``folder``.

    ``uploads``: files are put and taken away, and never read; else they are read, and nothing is changed. ``quota``:
    bytes in all. ``since``: files of before are not there (seconds of Unix time). ``keys``: public keys as OpenSSH
    writes them; ``networks`` None: from anywhere. ``mark``: another one when what ``opens`` is another. Whose entry is
    not equal any more to that of its login is put out.
    """

    folder: Path
    aside: Path
    uploads: bool
    quota: int
    since: float = 0.0
    keys: tuple[str, ...] = ()
    networks: Networks | None = None
    mark: str = field(repr=False, default="")
    opens: Callable[[str], bool] = field(repr=False, compare=False, default=lambda _: False)  # it is the right one


class Doorkeeper(Protocol):
    """Asked in a thread of its own, at each login and every few seconds from then on.

    Unknown names get an entry that nothing opens, or None.
    """

    def __call__(self, login: str) -> Entry | None: ...


class Guesses:
    """Failures within a while, by address and name. ``clock``: seconds that only rise."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def note(self, address: str, name: str) -> None:
        for key in ((address, name), (address, ""), ("", name)):
            self._failures.setdefault(key, deque(maxlen=_BY_NAME)).append(self._clock())
            self._failures.move_to_end(key)
        while len(self._failures) > _REMEMBERED:
            self._failures.popitem(last=False)

    def too_many(self, address: str, name: str = "") -> bool:
        limits = {(address, ""): _BY_ADDRESS} | ({(address, name): _BY_PAIR, ("", name): _BY_NAME} if name else {})
        return any(self._recent(key) >= limit for key, limit in limits.items())

    def _recent(self, key: tuple[str, str]) -> int:
        since = self._clock() - _WINDOW
        return sum(at > since for at in self._failures.get(key, ()))


@dataclass(frozen=True, kw_only=True)
class Service:
    """``known``: what an account may do. ``connections``: the most at the same time.

    ``recheck``: seconds after which it is asked again what an account that is logged in may do.
    """

    known: Doorkeeper
    host_key: Path
    host: str = "127.0.0.1"
    port: int = 2222
    connections: int = 100
    recheck: float = 2.0


def fingerprint(host_key: Path) -> str:
    """Of the server's key, which is made where there is none."""
    return _host_key(host_key).get_fingerprint("sha256")


async def start(service: Service, *, guesses: Guesses | None = None) -> asyncssh.SSHAcceptor:
    """Listen; close what is returned to end."""
    doors = _Doors(service, guesses or Guesses())
    return await asyncssh.listen(
        service.host,
        service.port,
        server_host_keys=[_host_key(service.host_key)],
        server_factory=lambda: _Door(doors),
        sftp_factory=_folder_of,
        sftp_version=3,
        allow_scp=False,
        allow_pty=False,
        agent_forwarding=False,
        x11_forwarding=False,
        gss_host="localhost",  # else it asks the network for this machine's name
        kex_algs=KEX,
        encryption_algs=CIPHERS,
        mac_algs=MACS,
        signature_algs=HOST_KEYS,
        compression_algs=None,
        config=None,
        login_timeout=30,
        keepalive_interval=30,
        keepalive_count_max=3,
        server_version="SchoolPassport",
    )


def _host_key(path: Path) -> asyncssh.SSHKey:
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(asyncssh.generate_private_key("ssh-ed25519").export_private_key())
        with contextlib.suppress(FileExistsError):
            os.link(new, path)  # the first of several makers wins
        new.unlink()
    return asyncssh.read_private_key(path)


class _Doors:
    """What all connections share."""

    def __init__(self, service: Service, guesses: Guesses) -> None:
        self.service = service
        self.guesses = guesses
        self.open = 0
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="sftp-door")

    async def ask(self, question: Callable[[], Any]) -> Any:  # noqa: ANN401 (whatever is asked)
        return await asyncio.get_running_loop().run_in_executor(self._threads, question)


class _Door(asyncssh.SSHServer):
    def __init__(self, doors: _Doors) -> None:
        self._doors = doors
        self._address = ""
        self._entry: Entry | None = None
        self._connection: asyncssh.SSHServerConnection | None = None
        self._login = ""
        self._watch: asyncio.Task[None] | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._doors.open += 1
        self._connection, self._address = conn, str(conn.get_extra_info("peername")[0])
        if self._doors.open > self._doors.service.connections or self._doors.guesses.too_many(self._address):
            conn.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._doors.open -= 1
        if self._watch is not None:
            self._watch.cancel()

    async def begin_auth(self, username: str) -> bool:
        found: Entry | None = await self._doors.ask(lambda: self._doors.service.known(username))
        self._login = username
        if found is not None and (found.networks is None or found.networks.hold(_numbers(self._address))):
            self._entry = found
        if self._connection is not None:
            self._connection.set_extra_info(entry=self._entry)
        return True

    def auth_completed(self) -> None:
        self._watch = asyncio.get_running_loop().create_task(self._put_out())

    async def _put_out(self) -> None:
        """Close the connection once the account is not what it was at the login; what it was putting is lost."""
        found = self._entry
        while found == self._entry:
            await asyncio.sleep(self._doors.service.recheck)
            # Who cannot be asked has not ended anything meanwhile; the next look will tell.
            with contextlib.suppress(Exception):
                found = await self._doors.ask(lambda: self._doors.service.known(self._login))
        if self._connection is not None:
            self._connection.disconnect(asyncssh.DISC_BY_APPLICATION, "The account has ended, or was changed.")

    def password_auth_supported(self) -> bool:
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        """As long and as silent for a name that nobody has as for a wrong word."""
        guesses, entry = self._doors.guesses, self._entry
        if guesses.too_many(self._address, username):
            return False
        if entry is not None and await self._doors.ask(lambda: entry.opens(password)):
            return True
        guesses.note(self._address, username)
        return False

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        del username
        known = self._entry.keys if self._entry is not None else ()
        return any(key.public_data == asyncssh.import_public_key(each).public_data for each in known)


def _numbers(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    found = ipaddress.ip_address(address.partition("%")[0])
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found


def _folder_of(channel: "asyncssh.SSHServerChannel[bytes]") -> "_Folder":
    entry = channel.get_extra_info("entry")
    if not isinstance(entry, Entry):  # nobody is let in without one
        raise asyncssh.PermissionDenied("no account")
    return _Folder(channel, entry)


@dataclass
class _Open:
    """A file in use. ``name``: under which it is put, when it is closed. ``broken``: not all of it was taken.

    ``parts``: what of it was fetched.
    """

    descriptor: int
    path: Path
    name: str = ""
    size: int = 0
    broken: bool = False
    parts: fetched.Parts = field(default_factory=fetched.Parts)

    def seek(self, offset: int, whence: int) -> int:
        """Asyncssh's own clients ask where a file has holes before they fetch it. None here has any."""
        size = os.fstat(self.descriptor).st_size
        if offset >= size:
            raise OSError(errno.ENXIO, "that is the end")
        return offset if whence == os.SEEK_DATA else size


class _Folder(asyncssh.SFTPServer):
    """The whole world of one account: a root without folders."""

    def __init__(self, channel: "asyncssh.SSHServerChannel[bytes]", entry: Entry) -> None:
        super().__init__(channel)
        self._entry = entry
        self._putting: list[_Open] = []
        for folder in (entry.folder, entry.aside):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    # ------------------------------------------------------------------------------------------------------- names

    def _name(self, path: bytes) -> str:
        """The one name in a path; "" is the root itself."""
        parts = [p for p in posixpath.normpath(b"/" + path).split(b"/") if p]
        if not parts:
            return ""
        try:
            name = parts[0].decode()
        except UnicodeDecodeError:
            raise asyncssh.SFTPNoSuchFile("names are UTF-8") from None
        if len(parts) > 1:
            raise asyncssh.SFTPNoSuchFile("there are no folders here")
        if len(parts[0]) > _LONGEST_NAME or not name.isprintable() or name.startswith("."):
            raise asyncssh.SFTPPermissionDenied("not a name for a file here")
        return name

    def _file(self, path: bytes) -> Path:
        """A plain file of the folder; links and the like are not there."""
        found = self._entry.folder / self._named(path)
        if not found.is_file() or found.is_symlink() or found.stat().st_mtime < self._entry.since:
            raise asyncssh.SFTPNoSuchFile("no such file")
        return found

    def _named(self, path: bytes) -> str:
        name = self._name(path)
        if not name:
            raise asyncssh.SFTPPermissionDenied("that is the root")
        return name

    def _may_put(self) -> None:
        if not self._entry.uploads:
            raise asyncssh.SFTPPermissionDenied("files are fetched here, and nothing is changed")

    # ------------------------------------------------------------------------------------------------------ looking

    def realpath(self, path: bytes) -> bytes:
        return b"/" + self._name(path).encode()

    def stat(self, path: bytes) -> SFTPAttrs:
        name = self._name(path)
        return _told(self._file(path).stat()) if name else _root()

    def lstat(self, path: bytes) -> SFTPAttrs:
        return self.stat(path)

    def fstat(self, file_obj: object) -> SFTPAttrs:
        return _told(os.fstat(_opened(file_obj).descriptor))

    async def scandir(self, path: bytes) -> AsyncIterator[SFTPName]:
        if self._name(path):
            raise asyncssh.SFTPNoSuchFile("there are no folders here")
        for dots in (b".", b".."):
            yield SFTPName(dots, attrs=_root())
        for each in sorted(self._there()):
            with contextlib.suppress(FileNotFoundError):
                yield SFTPName(each.name.encode(), attrs=_told(each.lstat()))

    def _there(self) -> list[Path]:
        return [p for p in self._entry.folder.iterdir() if not p.name.startswith(".") and self._is_there(p.lstat())]

    def _is_there(self, found: os.stat_result) -> bool:
        return stat.S_ISREG(found.st_mode) and found.st_mtime >= self._entry.since

    # ---------------------------------------------------------------------------------------------- reading, putting

    def open(self, path: bytes, pflags: int, attrs: SFTPAttrs) -> object:
        del attrs
        writes = pflags & (asyncssh.FXF_WRITE | asyncssh.FXF_APPEND | asyncssh.FXF_CREAT | asyncssh.FXF_TRUNC)
        if not writes:
            if self._entry.uploads:
                raise asyncssh.SFTPPermissionDenied("files are put here, and not read")
            found = self._file(path)
            return _Open(fetched.begin(found), found)
        return self._begin(path, pflags)

    def _begin(self, path: bytes, pflags: int) -> _Open:
        self._may_put()
        name = self._named(path)
        if pflags & asyncssh.FXF_APPEND or pflags & asyncssh.FXF_READ or not pflags & asyncssh.FXF_CREAT:
            raise asyncssh.SFTPOpUnsupported("files are put whole, and not changed")
        if pflags & asyncssh.FXF_EXCL and (self._entry.folder / name).exists():
            raise asyncssh.SFTPFailure("there is such a file already")
        if len(self._there()) + len(self._putting) >= fetched.MOST_FILES:
            raise asyncssh.SFTPFailure("there are too many files")
        aside = self._entry.aside / secrets.token_hex(12)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        made = _Open(os.open(aside, flags, 0o600), aside, name)
        self._putting.append(made)
        return made

    def read(self, file_obj: object, offset: int, size: int) -> bytes:
        of = _opened(file_obj)
        found = os.pread(of.descriptor, min(size, 1 << 20), offset)
        if found:
            of.parts.add(offset, offset + len(found))
        return found

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        to = _opened(file_obj)
        end = max(to.size, offset + len(data))
        others = sum(each.size for each in self._putting if each is not to)
        if sum(p.lstat().st_size for p in self._there() if p.name != to.name) + others + end > self._entry.quota:
            to.broken = True
            raise asyncssh.SFTPFailure("there is no room for so much")
        to.size = end
        written = 0
        try:
            written = os.pwrite(to.descriptor, data, offset)
        finally:
            to.broken = to.broken or written < len(data)
        return written

    def close(self, file_obj: object) -> None:
        """Asked for by the client, a whole file that was put takes its place; at the end of a session it does not.

        Likewise one that was fetched counts as fetched: until its reader closes it the last bytes may be on their way.
        """
        done = _opened(file_obj)
        try:
            if done in self._putting:
                self._putting.remove(done)
                if done.broken:
                    raise asyncssh.SFTPFailure("not all of the file was taken, so none of it was")
                if _is_asked_for():
                    os.fsync(done.descriptor)
                    done.path.rename(self._entry.folder / done.name)
            elif not self._entry.uploads and done.parts.are_all(os.fstat(done.descriptor).st_size) and _is_asked_for():
                fetched.end(done.descriptor)
        finally:
            os.close(done.descriptor)
            if done.name:
                done.path.unlink(missing_ok=True)

    def remove(self, path: bytes) -> None:
        self._may_put()
        self._file(path).unlink()

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        self._may_put()
        new = self._entry.folder / self._named(newpath)
        if new.exists():
            raise asyncssh.SFTPFailure("there is such a file already")
        self._file(oldpath).rename(new)

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        self._may_put()
        self._file(oldpath).rename(self._entry.folder / self._named(newpath))

    def setstat(self, path: bytes, attrs: SFTPAttrs) -> None:
        """Clients set times and permissions after an upload. They are not kept, which harms nobody."""
        del attrs
        self._may_put()
        self._named(path)

    def lsetstat(self, path: bytes, attrs: SFTPAttrs) -> None:
        self.setstat(path, attrs)

    def fsetstat(self, file_obj: object, attrs: SFTPAttrs) -> None:
        del file_obj, attrs
        self._may_put()

    def fsync(self, file_obj: object) -> None:
        os.fsync(_opened(file_obj).descriptor)

    # -------------------------------------------------------------------------------------------- what is not there

    def mkdir(self, path: bytes, attrs: SFTPAttrs) -> None:
        del path, attrs
        raise asyncssh.SFTPPermissionDenied("there are no folders here")

    def rmdir(self, path: bytes) -> None:
        del path
        raise asyncssh.SFTPPermissionDenied("there are no folders here")

    def readlink(self, path: bytes) -> bytes:
        del path
        raise asyncssh.SFTPOpUnsupported("there are no links here")

    def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        del oldpath, newpath
        raise asyncssh.SFTPOpUnsupported("there are no links here")

    def link(self, oldpath: bytes, newpath: bytes) -> None:
        del oldpath, newpath
        raise asyncssh.SFTPOpUnsupported("there are no links here")

    def statvfs(self, path: bytes) -> Any:  # noqa: ANN401 (it never returns)
        del path
        raise asyncssh.SFTPOpUnsupported("that is nobody's affair")

    def fstatvfs(self, file_obj: object) -> Any:  # noqa: ANN401 (it never returns)
        del file_obj
        raise asyncssh.SFTPOpUnsupported("that is nobody's affair")


def _is_asked_for() -> bool:
    """Whether ``close`` was called for a request of the client, and not at the end of its session."""
    here = inspect.currentframe()
    caller = here.f_back.f_back if here is not None and here.f_back is not None else None
    return caller is not None and caller.f_code.co_name == "_process_close"


def _opened(file_obj: object) -> _Open:
    if not isinstance(file_obj, _Open):
        raise asyncssh.SFTPInvalidHandle("no open file")
    return file_obj


def _root() -> SFTPAttrs:
    return SFTPAttrs(permissions=stat.S_IFDIR | 0o700, uid=0, gid=0, size=0, atime=0, mtime=0)


def _told(found: os.stat_result) -> SFTPAttrs:
    """Without the names and numbers of this machine's users."""
    return SFTPAttrs(
        size=found.st_size,
        uid=0,
        gid=0,
        permissions=stat.S_IFREG | 0o600,
        atime=int(found.st_mtime),
        mtime=int(found.st_mtime),
    )


def is_public_key(text: str) -> bool:
    """As OpenSSH writes them."""
    try:
        asyncssh.import_public_key(text)
    except (asyncssh.KeyImportError, ValueError):
        return False
    return True

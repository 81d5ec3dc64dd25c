"""An SFTP server on this machine, of a library, that misbehaves when it is told to."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

USER, PASSWORD = "roster", "Pa55-7f3e9c"


@dataclass
class Behaviour:
    """What goes wrong. Numbers count down: so many times, and fine from then on."""

    drop_after: int | None = None  # bytes of one file, then the connection is gone
    drops: int = 0
    stall: bool = False
    on_stat: Callable[[], None] | None = None
    on_list: Callable[[], None] | None = None
    strange_name: bytes = b""
    no_posix_rename: bool = False


@dataclass
class SftpServer:
    port: int
    root: Path
    key: asyncssh.SSHKey
    behaviour: Behaviour
    logins: list[str] = field(default_factory=list)
    read_from: list[int] = field(default_factory=list)

    @property
    def fingerprint(self) -> str:
        return self.key.get_fingerprint("sha256")


def _server_class(state: SftpServer, authorized: asyncssh.SSHKey | None) -> type[asyncssh.SSHServer]:
    class Server(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            state.logins.append(username)
            return True

        def password_auth_supported(self) -> bool:
            return authorized is None

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == (USER, PASSWORD)

        def public_key_auth_supported(self) -> bool:
            return authorized is not None

        def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
            return username == USER and authorized is not None and key.public_data == authorized.public_data

    return Server


def _sftp_class(state: SftpServer) -> type[asyncssh.SFTPServer]:  # noqa: C901 (one branch for each misbehaviour)
    class Files(asyncssh.SFTPServer):
        def __init__(self, channel: asyncssh.SSHServerChannel) -> None:
            super().__init__(channel, chroot=str(state.root).encode())
            self._connection = channel.get_connection()

        async def read(self, file_obj: object, offset: int, size: int) -> bytes:
            how = state.behaviour
            state.read_from.append(offset)
            if how.stall:
                await asyncio.sleep(2.5)
            if how.drop_after is not None and offset >= how.drop_after and how.drops:
                how.drops -= 1
                self._connection.abort()
                raise asyncssh.SFTPConnectionLost("gone")
            return super().read(file_obj, offset, size)

        def stat(self, path: bytes) -> object:
            if state.behaviour.on_stat:
                state.behaviour.on_stat()
            return super().stat(path)

        def posix_rename(self, oldpath: bytes, newpath: bytes) -> object:
            if state.behaviour.no_posix_rename:
                raise asyncssh.SFTPOpUnsupported("no such extension")
            return super().posix_rename(oldpath, newpath)

        async def scandir(self, path: bytes) -> object:
            if state.behaviour.on_list:
                state.behaviour.on_list()
            async for entry in super().scandir(path):
                if state.behaviour.strange_name and entry.filename.endswith(b".csv"):
                    entry.filename = state.behaviour.strange_name
                yield entry

    return Files


@contextmanager
def serving(
    root: Path, behaviour: Behaviour | None = None, *, authorized: asyncssh.SSHKey | None = None, **what: object
) -> Iterator[SftpServer]:
    key = asyncssh.generate_private_key("ssh-ed25519")
    state = SftpServer(0, root, key, behaviour or Behaviour())
    loop = asyncio.new_event_loop()

    async def start() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[key],
            gss_host="localhost",  # else it asks the network for this machine's name
            server_factory=_server_class(state, authorized),
            sftp_factory=_sftp_class(state),
            **what,
        )

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    acceptor = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    state.port = acceptor.get_port()

    async def stop() -> None:
        acceptor.close()
        for task in asyncio.all_tasks():
            if task is not asyncio.current_task():
                task.cancel()
        await asyncio.sleep(0.05)

    try:
        yield state
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()

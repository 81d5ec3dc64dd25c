"""The managed SFTP service on a port of this machine, and clients of it."""

import asyncio
import os
import subprocess
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

import asyncssh
from django.db import connections

from schoolpassport.delivery import actions, queries
from schoolpassport.delivery.records import Access
from schoolpassport.kit import clock, fetched, sftpservice
from schoolpassport.kit.sftpservice import Guesses, Service
from tests.support import openssh
from tests.support.nights import BY


@contextmanager
def serving(tmp_path, guesses: Guesses | None = None, recheck: float = 2.0):
    """The service on a port of this machine. Yields the port."""
    loop = asyncio.new_event_loop()
    service = Service(known=known, host_key=tmp_path / "host_key", port=0, recheck=recheck)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    acceptor = asyncio.run_coroutine_threadsafe(sftpservice.start(service, guesses=guesses), loop).result(10)

    async def stop() -> None:
        acceptor.close()
        for _ in range(40):  # who has gone is noticed soon
            if asyncio.all_tasks() == {asyncio.current_task()}:
                break
            await asyncio.sleep(0.05)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0.05)

    try:
        yield acceptor.get_port()
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


def known(login: str):
    """As the product asks; the connection of a thread that ends with the test is given back."""
    try:
        return queries.entry(login, now=clock.now())
    finally:
        connections.close_all()


def account(district, now, name: str, *, app=None, **access):
    return actions.add_account(
        district_id=district.id, name=name, integration_id=app, access=Access(**access), by=BY, now=now
    )


class Steps(asyncio.Runner):
    """Runs whatever can be awaited."""

    def do(self, asked):
        async def done():
            return await asked

        return self.run(done())


@contextmanager
def logged_in(port: int, made, **other):
    """An SFTP client of asyncssh's, driven step by step."""
    with Steps() as runner:
        told = {"password": made.secret, "username": made.login, "client_keys": None, "agent_path": None, **other}
        connection = runner.do(
            asyncssh.connect("127.0.0.1", port, known_hosts=None, config=None, gss_host=None, **told)
        )
        try:
            yield runner, connection, runner.do(connection.start_sftp_client())
        finally:
            connection.abort()


@contextmanager
def session(tmp_path, port: int, login: str):
    """OpenSSH's client, at work until it is told to end. Yields the process; it takes one command a line."""
    sftp = openssh.program("sftp", "openssh-client")
    options = ["StrictHostKeyChecking=no", f"UserKnownHostsFile={tmp_path}/known", "IdentitiesOnly=yes"]
    words = [w for o in options for w in ("-o", o)]
    command = [sftp, "-q", "-b", "-", "-i", f"{tmp_path}/key", "-P", str(port), *words, f"{login}@127.0.0.1"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        try:
            yield process
        finally:
            with suppress(BrokenPipeError):
                process.stdin.close()
            process.wait(5)


def got(folder: Path) -> None:
    """Mark what lies there as fetched whole, as the service does."""
    for path in folder.iterdir():
        descriptor = fetched.begin(path)
        fetched.end(descriptor)
        os.close(descriptor)


def with_a_key(district, now, name: str, folder: Path, *, app=None):
    """An account, and the key for it under the name ``key`` in the folder, as OpenSSH wants it."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    (folder / "key").write_bytes(key.export_private_key())
    (folder / "key").chmod(0o600)
    return account(district, now, name, app=app, keys=(key.export_public_key().decode().strip(),))

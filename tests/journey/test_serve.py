"""The server as an operator starts it: what it answers, and what it keeps to itself."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MARK = "the-name-of-a-pupil"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def status_of(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


@contextmanager
def serving(log: Path) -> Iterator[int]:
    """`schoolpassport serve` on the tests' own database, until the block ends; all it says is in the log."""
    port = free_port()
    words = [sys.executable, "-m", "schoolpassport.cli.main", "serve", "--port", str(port), "--workers", "1"]
    with log.open("w") as said, subprocess.Popen(words, env=os.environ, stdout=said, stderr=said) as process:
        try:
            wait_until_up(port, log)
            yield port
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def wait_until_up(port: int, log: Path) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            status_of(port, "/")
        except OSError:
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.1)
        else:
            return


@pytest.mark.usefixtures("database")
def test_what_is_asked_of_a_roster_is_written_into_no_log(tmp_path):
    log = tmp_path / "said.txt"
    with serving(log) as port:
        statuses = [
            status_of(port, f"/ims/oneroster/v1p1/users?filter=familyName%3D'{MARK}'"),
            status_of(port, f"/ims/oneroster/v1p1/users/{MARK}"),
            status_of(port, f"/datahub/services/ims/oneroster/v1p1/{MARK}"),
        ]
    assert statuses == [401, 401, 401]
    assert MARK not in log.read_text()

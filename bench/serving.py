"""Starting a server for a bench, each exactly as ``schoolpassport serve`` starts the product: granian, one worker.

Run as a module, it serves another WSGI application with the options of that command.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from bench.processes import tree_cpu

PRODUCT = "schoolpassport.config.wsgi:application"
_PATIENCE = 60.0  # seconds for a server to come up


@dataclass(frozen=True)
class Serving:
    port: int
    pid: int

    def cpu(self) -> float:
        return tree_cpu(self.pid)


@contextmanager
def serving(target: str, env: Mapping[str, str] | None = None, *, workers: int = 1) -> Iterator[Serving]:
    port = _free_port()
    if target == PRODUCT:
        command = [sys.executable, "-m", "schoolpassport.cli.main", "serve", "--workers", str(workers)]
        command += ["--port", str(port)]
    else:
        command = [sys.executable, "-m", "bench.serving", json.dumps({"target": target, "port": port})]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, env={**os.environ, **(env or {})}, stdout=said, stderr=said)
        try:
            _wait(process, port, said)
            yield Serving(port=port, pid=process.pid)
        finally:
            _stop(process)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(process: "subprocess.Popen[bytes]", port: int, said: IO[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            said.seek(0)
            raise RuntimeError(f"the server ended with {process.returncode}: {said.read().decode()[-2000:]}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the server did not come up")


def main() -> None:
    """The command of the product, with another application in the place of its own."""
    task = json.loads(sys.argv[1])
    from schoolpassport.config import startup  # noqa: PLC0415 (the server's process only)

    startup.prepare(migrate=False)
    from schoolpassport.cli.commands import serve  # noqa: PLC0415 (not before Django is set up)

    product: Any = serve.Granian  # type: ignore[attr-defined]  # what the command imported, and will call

    def another(_: str, **options: Any) -> Any:
        return product(task["target"], **options)

    serve.Granian = another  # type: ignore[attr-defined,assignment]  # no types come with it
    serve.command.main(["--workers", "1", "--port", str(task["port"])], standalone_mode=False)


if __name__ == "__main__":
    main()

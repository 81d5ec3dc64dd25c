"""A partner's server for webhooks, on this machine."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

GONE, MOVED, FAULT, BUSY, FINE = "410 Gone", "302 Found", "500 Oops", "429 Slow down", "204 No Content"


@dataclass
class Receiver:
    """A partner's server: it answers as it is told to, the last way for ever, and keeps what it was sent."""

    answers: list[str]
    port: int = 0
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks?from=passport"

    def serve(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    self._one(connection)

    def _one(self, connection: socket.socket) -> None:
        connection.settimeout(10)
        head, _, body = _until(connection, b"\r\n\r\n")
        lines = [line.partition(": ") for line in head.decode().split("\r\n")[1:]]
        headers = {name.lower(): value for name, _, value in lines}
        while len(body) < int(headers["content-length"]):
            body += connection.recv(65536)
        self.got.append((headers, body))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer:
            connection.sendall(f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n".encode())


def _until(connection: socket.socket, end: bytes) -> tuple[bytes, bytes, bytes]:
    got = b""
    while end not in got:
        got += connection.recv(65536)
    return got.partition(end)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """One that takes everything, until it is told otherwise."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Receiver([FINE], listener.getsockname()[1])
        threading.Thread(target=made.serve, args=(listener,), daemon=True).start()
        yield made
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)

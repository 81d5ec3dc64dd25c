"""A keep-alive HTTP client with next to no cost of its own, the same for every server that is measured."""

import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_BLOCK = 1 << 18
_IN_A_ROW = 10  # requests to one server before the next one's turn


class Client:
    def __init__(self, port: int, headers: Mapping[str, str] | None = None) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines = [f"Host: 127.0.0.1:{port}", *(f"{k}: {v}" for k, v in (headers or {}).items())]
        self._rest = (" HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode()

    def get(self, path: str) -> tuple[dict[str, str], bytes]:
        """Headers by lower-case name, and the body. Anything but 200 is an error."""
        self._socket.sendall(b"GET " + path.encode() + self._rest)
        received = bytearray()
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._more()
        status, *lines = received[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = received[end + 4 :]
        length = int(headers["content-length"])
        while len(body) < length:
            body += self._more()
        if " 200 " not in status:
            raise RuntimeError(f"{path}: {status} {bytes(body[:500])!r}")
        return headers, bytes(body)

    def skim(self, path: str) -> None:
        """The same, and nothing is kept of it: what is timed is the server."""
        self._socket.sendall(b"GET " + path.encode() + self._rest)
        received = bytearray()
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._more()
        if not received.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{path}: {bytes(received[:500])!r}")
        place = received.lower().index(b"content-length:") + 15
        left = int(received[place : received.index(b"\r\n", place)]) - (len(received) - end - 4)
        buffer = memoryview(bytearray(_BLOCK))
        while left > 0:
            left -= self._socket.recv_into(buffer)

    def _more(self) -> bytes:
        block = self._socket.recv(_BLOCK)
        if not block:
            raise RuntimeError("the server closed the connection")
        return block

    def close(self) -> None:
        self._socket.close()


@dataclass
class Walk:
    """Requests to be made one after the other, and how long each took."""

    client: Client
    paths: Sequence[str]
    records: int
    seconds: list[float] = field(default_factory=list)

    @property
    def total(self) -> float:
        return sum(self.seconds)

    @property
    def rate(self) -> float:
        return self.records / self.total


def side_by_side(*walks: Walk, in_a_row: int = _IN_A_ROW) -> None:
    """Take turns, so that whatever else the machine does is felt by all of them alike."""
    places = [0] * len(walks)
    while any(place < len(walk.paths) for place, walk in zip(places, walks, strict=True)):
        for number, walk in enumerate(walks):
            for path in walk.paths[places[number] : places[number] + in_a_row]:
                begun = time.perf_counter()
                walk.client.skim(path)
                walk.seconds.append(time.perf_counter() - begun)
            places[number] += in_a_row

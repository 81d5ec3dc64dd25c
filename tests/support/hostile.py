"""Servers on this machine that misbehave on purpose: each way of it is a function of one connection."""

import contextlib
import gzip
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Behaviour = Callable[[socket.socket, str, int], None]  # the connection, the head of the request, how many came before


def answer(status: str, body: bytes = b"", **headers: str) -> Behaviour:
    """A whole answer as it should be."""

    def behave(connection: socket.socket, head: str, before: int) -> None:
        lines = {"Content-Length": str(len(body)), **{n.replace("_", "-"): v for n, v in headers.items()}}
        said = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        connection.sendall(f"HTTP/1.1 {status}\r\n{said}\r\n".encode() + body)

    return behave


def raw(*parts: bytes, pause: float = 0.0) -> Behaviour:
    """These bytes and no others, and then the connection is closed."""

    def behave(connection: socket.socket, head: str, before: int) -> None:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)

    return behave


def endless(head: bytes, block: bytes, pause: float = 0.0) -> Behaviour:
    def behave(connection: socket.socket, request: str, before: int) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(block)
            time.sleep(pause)

    return behave


def first(times: int, bad: Behaviour, then: Behaviour) -> Behaviour:
    """Bad so many times, and fine from then on."""

    def behave(connection: socket.socket, head: str, before: int) -> None:
        (bad if before < times else then)(connection, head, before)

    return behave


def silent(connection: socket.socket, head: str, before: int) -> None:
    time.sleep(30)


@dataclass
class Server:
    """``paths`` tells how to behave at which path; what was asked for stands in ``heads``."""

    port: int
    paths: dict[str, Behaviour]
    scheme: str = "http"
    keeps: bool = False  # the connection, for whoever asks on; otherwise it is closed after each answer
    hits: Counter[str] = field(default_factory=Counter)
    heads: list[str] = field(default_factory=list)
    connections: int = 0

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"


@contextmanager
def serving(
    paths: dict[str, Behaviour], context: ssl.SSLContext | None = None, *, keeps: bool = False
) -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(listener.getsockname()[1], paths, "https" if context else "http", keeps)
        threading.Thread(target=_accept, args=(listener, server, context), daemon=True).start()
        yield server
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, server: Server, context: ssl.SSLContext | None) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            server.connections += 1
            threading.Thread(target=_serve, args=(connection, server, context), daemon=True).start()


def _serve(connection: socket.socket, server: Server, context: ssl.SSLContext | None) -> None:
    with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
        connection.settimeout(20)
        stack.enter_context(connection)
        if context:
            connection = stack.enter_context(context.wrap_socket(connection, server_side=True))
        _serve_one(connection, server)
        while server.keeps:
            _serve_one(connection, server)


def _serve_one(connection: socket.socket, server: Server) -> None:
    head = _request(connection)
    path = head.split(" ")[1].partition("?")[0]
    server.heads.append(head)
    before, server.hits[path] = server.hits[path], server.hits[path] + 1
    server.paths.get(path, answer("404 Not Found"))(connection, head, before)


def _request(connection: socket.socket) -> str:
    """The head. What is announced after it is read too: closing on it would tear our answer from their hands."""
    lines: list[bytes] = []
    with connection.makefile("rb") as reader:
        while (line := reader.readline()) not in {b"\r\n", b""}:
            lines.append(line)
        if not line:
            raise ConnectionError
        announced = [said.split(b":")[1] for said in lines if said.lower().startswith(b"content-length:")]
        reader.read(int(announced[0]) if announced else 0)
    return b"".join(lines).decode("latin-1")


CSV = b"sourcedId,name\n" + b"".join(b"o%d,School %d\n" % (n, n) for n in range(400))
PAGE = b"<!DOCTYPE html><html><head><title>Log in</title></head><body><form>\xe2\x80\xa6</form></body></html>"
METADATA = "http://169.254.169.254/latest/meta-data/"


def head(*lines: str) -> bytes:
    return ("HTTP/1.1 200 OK\r\n" + "".join(f"{line}\r\n" for line in lines) + "\r\n").encode()


LENGTH = f"Content-Length: {len(CSV)}"
PACKED = gzip.compress(CSV)
BOMB = gzip.compress(bytes(50_000_000))

# What every connector over HTTP must survive: how the server behaves → a word of the sentence that it must say.
HOSTILE: dict[str, tuple[Behaviour, str]] = {
    "429 for ever": (answer("429 Too Many Requests"), "less often"),
    "429 with a pause": (answer("429 Too Many Requests", Retry_After="4000"), "less often"),
    "429 with an absurd pause": (answer("429 Too Many Requests", Retry_After="9" * 30), "less often"),
    "429 with a senseless pause": (answer("429 Too Many Requests", Retry_After="soon"), "less often"),
    "500 for ever": (answer("500 Internal Server Error"), "fault"),
    "login page": (answer("200 OK", PAGE, Content_Type="text/html"), "web page"),
    "login page called CSV": (answer("200 OK", PAGE, Content_Type="text/csv"), "web page"),
    "401": (answer("401 Unauthorized"), "credentials"),
    "404": (answer("404 Not Found"), "address"),
    "cut": (raw(head(LENGTH), CSV[:5000]), "broke off"),
    "longer than announced": (raw(head("Content-Length: 1000"), CSV), "garbled"),
    "cut in a chunk": (raw(head("Transfer-Encoding: chunked"), b"1000\r\n" + CSV[:500]), "broke off"),
    "cut between chunks": (raw(head("Transfer-Encoding: chunked"), b"1f4\r\n" + CSV[:500] + b"\r\n"), "broke off"),
    "no length": (raw(head("Connection: close"), CSV), "Content-Length"),
    "cut gzip": (raw(head("Content-Encoding: gzip", "Content-Length: 500"), PACKED[:500]), "garbled"),
    "no gzip": (answer("200 OK", CSV, Content_Encoding="gzip"), "garbled"),
    "packed otherwise": (answer("200 OK", CSV, Content_Encoding="br"), "packs"),
    "no HTTP": (raw(b"SSH-2.0-OpenSSH_9.2p1\r\n"), "garbled"),
    "closed at once": (raw(), "broke off"),
    "silent": (silent, "slow"),
    "slow body": (endless(head("Content-Length: 999999"), b"x", pause=0.05), "slow"),
    "endless head": (endless(b"HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n" * 100), "garbled"),
    "endless body": (endless(head("Transfer-Encoding: chunked"), b"ffff\r\n" + b"x" * 65535 + b"\r\n"), "most that is"),
    "gzip bomb": (answer("200 OK", BOMB, Content_Encoding="gzip"), "most that is"),
    "redirect to metadata": (answer("302 Found", Location=METADATA), ""),
    "redirect in a circle": (answer("302 Found", Location="/x"), ""),
}

"""httpx on connections that ``kit.egress`` opens: to the address that was judged, with the certificate verified.

No wait is longer than what is left until the deadline, whatever trickles in meanwhile.
"""

import select
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import certifi
import httpcore
import httpx

from schoolpassport.kit import egress
from schoolpassport.kit.egress import Deadline, Policy
from schoolpassport.kit.recovery import NeedsAttention

_HEAD_END = b"\r\n\r\n"
_ASKED_TWICE: Final = frozenset({"GET", "HEAD"})  # the only safe methods that are sent here
_OTHER_NAME = "its certificate was made for another name; correct the address, or the certificate there"
_UNKNOWN = "its certificate is signed by nobody we know; it must send its chain, or give its authority with this source"
_WHY_NOT: Final = {  # by OpenSSL's codes of X509_STORE_CTX_get_error(3)
    9: "its certificate is not valid yet; look at the clocks of both sides",
    10: "its certificate has expired; it must be renewed there",
    62: _OTHER_NAME,
    64: _OTHER_NAME,
    **dict.fromkeys((18, 19, 20, 21), _UNKNOWN),
}


def verifying(authorities: str = "") -> ssl.SSLContext:
    """TLS 1.2 or newer, with the certificate verified: against the system's authorities, and these (PEM)."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(certifi.where())
    if authorities.strip():
        try:
            context.load_verify_locations(cadata=authorities)
        except (ssl.SSLError, ValueError):
            raise NeedsAttention(
                "The certificate authority of this source is no certificate in PEM form. Paste the text from "
                "-----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----."
            ) from None
    return context


def distrusted(host: str, error: ssl.SSLError) -> NeedsAttention:
    """What is wrong with the certificate, for whoever looks after the other side."""
    code = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else 0
    reason = _WHY_NOT.get(code, "it speaks no TLS that we trust (1.2 or newer, with a valid certificate)")
    return NeedsAttention(f"{egress.shown(host)} is not trusted: {reason}.")


class Transport(httpx.BaseTransport):
    """httpx on connections that ``kit.egress`` opens.

    What may be asked twice shares connections. Anything else gets its own: on one that the other side closes at that
    moment nobody knows whether it was acted on (RFC 9110, 9.2.2).
    """

    def __init__(self, policy: Policy, context: ssl.SSLContext) -> None:
        self._open, self._tls = _Dialler(policy), _TlsDialler(policy)
        self._kept, self._fresh = self._pools(context, idle=2), self._pools(context, idle=0)

    def _pools(self, context: ssl.SSLContext, *, idle: int) -> dict[str, httpcore.ConnectionPool]:
        pool = partial(httpcore.ConnectionPool, max_connections=2, max_keepalive_connections=idle)
        return {
            "http": pool(network_backend=self._open),
            "https": pool(ssl_context=context, network_backend=self._tls),
        }

    def begin(self, deadline: Deadline, silence: float) -> None:
        """All calls from now on end by this."""
        for dialler in (self._open, self._tls):
            dialler.patience.deadline, dialler.patience.silence = deadline, silence

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        pools = self._kept if request.method in _ASKED_TWICE else self._fresh
        answer = pools[request.url.scheme].handle_request(
            httpcore.Request(
                request.method, url, headers=request.headers.raw, content=request.stream, extensions=request.extensions
            )
        )
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Streamed(answer), extensions=answer.extensions
        )

    def close(self) -> None:
        for pool in (*self._kept.values(), *self._fresh.values()):
            pool.close()


class _Streamed(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


@dataclass
class _Patience:
    deadline: Deadline = field(default_factory=lambda: Deadline(0))
    silence: float = 0.0

    def left(self) -> float:
        return self.deadline.left(self.silence)


class _Dialler(httpcore.NetworkBackend):
    """Opens connections without encryption, within networks of one's own."""

    def __init__(self, policy: Policy) -> None:
        self.policy, self.patience = policy, _Patience()

    def connect_tcp(self, host: str, port: int, *_: object, **__: object) -> httpcore.NetworkStream:
        return Stream(self._dialled(host, port), self.patience)

    def connect_unix_socket(self, path: str, *_: object, **__: object) -> httpcore.NetworkStream:
        raise NotImplementedError

    def _dialled(self, host: str, port: int) -> socket.socket:
        return egress.dial_own(host, port, policy=self.policy, deadline=self.patience.deadline)


class _TlsDialler(_Dialler):
    def _dialled(self, host: str, port: int) -> socket.socket:
        return egress.dial(host, port, policy=self.policy, ports=egress.HTTPS, deadline=self.patience.deadline)


class Stream(httpcore.NetworkStream):
    """A connection that never waits beyond the deadline, and counts what comes after the head of an answer."""

    def __init__(self, connection: socket.socket, patience: _Patience) -> None:
        self._socket, self._patience = connection, patience
        self._head, self._in_body, self._body_bytes = b"", False, 0

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        del timeout
        with _named(httpcore.ReadTimeout, httpcore.ReadError):
            self._socket.settimeout(self._patience.left())
            data = self._socket.recv(max_bytes)
        self._count(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        del timeout
        self._head, self._in_body, self._body_bytes = b"", False, 0
        with _named(httpcore.WriteTimeout, httpcore.WriteError):
            self._socket.settimeout(self._patience.left())
            self._socket.sendall(buffer)

    def close(self) -> None:
        self._socket.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        del timeout
        host = server_hostname or ""
        try:
            self._socket.settimeout(self._patience.left())
            return Stream(ssl_context.wrap_socket(self._socket, server_hostname=host), self._patience)
        except ssl.SSLEOFError:
            raise httpcore.ConnectError("closed") from None
        except ssl.SSLError as error:
            raise distrusted(host, error) from None
        except TimeoutError:
            raise httpcore.ConnectTimeout("slow") from None
        except OSError:
            raise httpcore.ConnectError("broken") from None

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 (httpcore's words)
        if info == "is_readable":  # an idle connection on which something comes is of no use any more
            return bool(select.select([self._socket], [], [], 0)[0])
        return None

    def surplus(self, announced: int, *, seconds: float) -> bool:
        """Whether more came than was announced, or comes within so long when the other side should be done."""
        if self._body_bytes > announced:
            return True
        try:
            self._socket.settimeout(seconds)
            return bool(self._socket.recv(1))
        except OSError:
            return False

    def _count(self, data: bytes) -> None:
        if self._in_body:
            self._body_bytes += len(data)
            return
        self._head += data
        while (end := self._head.find(_HEAD_END)) >= 0:
            interim = self._head.startswith((b"HTTP/1.1 1", b"HTTP/1.0 1"))
            rest = self._head[end + len(_HEAD_END) :]
            self._head = rest if interim else b""
            if not interim:
                self._in_body, self._body_bytes = True, len(rest)
                return


@contextmanager
def _named(slow: type[Exception], broken: type[Exception]) -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise slow from None
    except OSError:
        raise broken from None

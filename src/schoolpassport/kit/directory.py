"""The only way out to directories (LDAP, Active Directory): searched in pages, over TLS that is verified.

The words of LDAP are libldap's, by python-ldap (``pip install 'schoolpassport[ldap]'``). The connection is ours: opened
by ``kit.egress``, encrypted and verified as for ``kit.http``, and handed to libldap as a pair of sockets, so that it
neither looks names up nor reads the machine's configuration of TLS. Referrals are not followed: they lead elsewhere.
"""

import importlib
import re
import select
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from schoolpassport.kit import egress
from schoolpassport.kit.egress import Deadline, Policy
from schoolpassport.kit.recovery import NeedsAttention, Retry
from schoolpassport.kit.wire import distrusted, verifying

Values = Mapping[str, list[bytes]]
_PAGE = 500
_MOST = 2_000_000
_SECONDS = 1800.0
_SILENCE = 30
_IDLE = 120
_CHUNK = 1 << 16
_ASK_FOR_TLS = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"
_SUCCESS = b"\x0a\x01\x00"
_SEQUENCE, _SHORT_FORM, _LONGEST_ANSWER = b"\x30", 127, 10_000
STARTTLS, LDAPS = "starttls", "ldaps"
PORTS: Final = {STARTTLS: 389, LDAPS: 636}


@dataclass(frozen=True, kw_only=True)
class Login:
    host: str
    port: int
    security: str = STARTTLS
    user: str = ""
    password: str = field(default="", repr=False)
    authority: str = ""  # PEM


class Directory:
    """An open, authenticated connection."""

    def __init__(self, ldap: Any, connection: Any, host: str, deadline: Deadline) -> None:  # noqa: ANN401 (python-ldap has no types)
        self._ldap, self._connection, self._host, self._deadline = ldap, connection, host, deadline

    def search(self, base: str, filter_: str, attributes: list[str]) -> Iterator[tuple[str, Values]]:
        """Everything below ``base`` that the filter finds, page by page, with values that come in ranges completed."""
        control = self._ldap.controls.SimplePagedResultsControl(criticality=True, size=_PAGE, cookie=b"")
        count = 0
        while True:
            with _named(self._ldap, self._host):
                asked = self._connection.search_ext(
                    base, self._ldap.SCOPE_SUBTREE, filter_, attributes, serverctrls=[control]
                )
                answer = self._connection.result3(asked, timeout=self._deadline.left(_SILENCE))
            for name, values in answer[1]:
                if name is None:
                    continue  # a referral
                count += 1
                if count > _MOST:
                    raise NeedsAttention(f"{self._host} has more than {_MOST:,} entries there. Narrow the base.")
                yield name, self._completed(name, values)
            cookie = next((c.cookie for c in answer[3] if c.controlType == control.controlType), b"")
            if not cookie:
                return
            control.cookie = cookie

    def shows(self, name: str) -> bool:
        """Whether the user may see that there is an entry of this name."""
        with _named(self._ldap, self._host):
            try:
                answer = self._connection.search_ext_s(
                    name, self._ldap.SCOPE_BASE, "(objectClass=*)", ["1.1"], timeout=self._deadline.left(_SILENCE)
                )
            except (self._ldap.NO_SUCH_OBJECT, self._ldap.INSUFFICIENT_ACCESS, self._ldap.INVALID_DN_SYNTAX):
                return False
        return any(found is not None for found, _ in answer)

    def _completed(self, name: str, values: dict[str, list[bytes]]) -> Values:
        """Active Directory gives the members of a large group in ranges: ``member;range=0-1499`` and so on."""
        whole = {key.partition(";")[0].lower(): list(found) for key, found in values.items() if ";range=" not in key}
        for key, part in values.items():
            attribute, _, at = key.partition(";range=")
            if not at:
                continue
            found = list(part)
            while not at.endswith("-*"):
                start = int(at.partition("-")[2]) + 1
                with _named(self._ldap, self._host):
                    answer = self._connection.search_ext_s(
                        name,
                        self._ldap.SCOPE_BASE,
                        "(objectClass=*)",
                        [f"{attribute};range={start}-*"],
                        timeout=self._deadline.left(_SILENCE),
                    )
                more = next(((k, v) for k, v in answer[0][1].items() if ";range=" in k), None) if answer else None
                if more is None or not more[1]:
                    raise Retry(60, f"{self._host} gave only a part of a group. It is tried again.")
                at, found = more[0].partition(";range=")[2], [*found, *more[1]]
            whole[attribute.lower()] = found
        return whole


_ESCAPED = re.compile(rb"\\([0-9a-fA-F]{2}|.)", re.DOTALL)
_SPECIAL = b',+"\\<>;=# '


def spelled(name: str) -> str:
    """A distinguished name in one of the ways in which it may be written: servers escape now so, now so (RFC 4514)."""

    def again(found: re.Match[bytes]) -> bytes:
        sign = bytes.fromhex(found[1].decode()) if len(found[1]) > 1 else found[1]
        return b"\\" + sign if sign in _SPECIAL else sign

    whole = _ESCAPED.sub(again, name.encode()).decode("utf-8", "replace")
    return re.sub(r"(?<!\\) *, *", ",", whole)


@contextmanager
def opened(login: Login, *, policy: Policy) -> Iterator[Directory]:
    """Log in, over verified TLS or not at all. Raises ``Retry`` and ``NeedsAttention``."""
    ldap = _library()
    if bool(login.user) != bool(login.password):
        raise NeedsAttention("A user needs a password, and a password a user: half a login is let in as nobody.")
    host, deadline = egress.shown(login.host), Deadline(_SECONDS)
    encrypted = _encrypted(login, policy, deadline)
    ours, theirs = socket.socketpair()
    pump = threading.Thread(target=_pump, args=(encrypted, ours), daemon=True)
    pump.start()
    connection = _prepared(ldap, theirs)
    try:
        with _named(ldap, host):
            connection.simple_bind_s(login.user, login.password)
        yield Directory(ldap, connection, host, deadline)
    finally:
        with suppress(ldap.LDAPError):
            connection.unbind_ext_s()
        pump.join(_SILENCE)


def _encrypted(login: Login, policy: Policy, deadline: Deadline) -> ssl.SSLSocket:
    context, host = verifying(login.authority), egress.shown(login.host)
    dialled = egress.dial(login.host, login.port, policy=policy, ports=egress.LDAP, deadline=deadline)
    try:
        dialled.settimeout(_SILENCE)
        if login.security == STARTTLS:
            _start_tls(dialled, host)
        return context.wrap_socket(dialled, server_hostname=login.host)
    except ssl.SSLError as error:
        dialled.close()
        raise distrusted(host, error) from None
    except OSError:
        dialled.close()
        raise Retry(60, f"{host} broke off before the connection was encrypted. It is tried again.") from None
    except NeedsAttention:
        dialled.close()
        raise


def _start_tls(dialled: socket.socket, host: str) -> None:
    """Ask for TLS (RFC 4511, 4.14). What comes before it is not trusted with anything, nor believed."""
    dialled.sendall(_ASK_FOR_TLS)
    if (answer := _message(dialled)) is None:
        raise NeedsAttention(f"{host} does not answer as a directory does. Check host and port.")
    if _SUCCESS not in answer:
        raise NeedsAttention(f"{host} does not offer StartTLS. Choose ldaps, or let those who run it switch it on.")


def _message(dialled: socket.socket) -> bytes | None:
    """One message of LDAP, without its head; None for what is none, or longer than an answer to this request.

    Its length stands in one byte, or in as many as that one says: Active Directory takes four (X.690, 8.1.3).
    """
    tag, length = _exactly(dialled, 1), _exactly(dialled, 1)
    if tag != _SEQUENCE or not length:
        return None
    size = length[0]
    if size > _SHORT_FORM:
        more = _exactly(dialled, size - _SHORT_FORM - 1)
        size = int.from_bytes(more, "big")
    return _exactly(dialled, size) or None if size <= _LONGEST_ANSWER else None


def _exactly(dialled: socket.socket, size: int) -> bytes:
    """So many bytes and none behind them, where TLS begins; nothing at all where they do not come."""
    got = b""
    while len(got) < size:
        part = dialled.recv(size - len(got))
        if not part:
            return b""
        got += part
    return got


def _pump(encrypted: ssl.SSLSocket, ours: socket.socket) -> None:
    """Carry bytes between libldap and the encrypted connection, until either side is done or too long silent."""
    with encrypted, ours, suppress(OSError):
        while True:
            ready = [encrypted] if encrypted.pending() else select.select([encrypted, ours], [], [], _IDLE)[0]
            if not ready:
                return
            for one, other in ((encrypted, ours), (ours, encrypted)):
                if one in ready:
                    data = one.recv(_CHUNK)
                    if not data:
                        return
                    other.sendall(data)


def _prepared(ldap: Any, theirs: socket.socket) -> Any:  # noqa: ANN401 (python-ldap has no types)
    # From here on, this end is libldap's, which closes it. The host's name says nothing any more.
    connection = ldap.initialize("ldap://directory", fileno=theirs.detach())
    for option, value in (
        (ldap.OPT_PROTOCOL_VERSION, 3),
        (ldap.OPT_REFERRALS, 0),
        (ldap.OPT_NETWORK_TIMEOUT, _SILENCE),
        (ldap.OPT_TIMEOUT, _SILENCE),
    ):
        connection.set_option(option, value)
    return connection


def _library() -> Any:  # noqa: ANN401 (python-ldap has no types)
    try:
        importlib.import_module("ldap.controls.libldap")
        return importlib.import_module("ldap")
    except ImportError:
        raise NeedsAttention(
            "Directories need a library that is not installed here. Let the operator install it: "
            "pip install 'schoolpassport[ldap]' (Debian: apt install libldap-dev libsasl2-dev gcc python3-dev first)."
        ) from None


@contextmanager
def _named(ldap: Any, host: str) -> Iterator[None]:  # noqa: ANN401 (python-ldap has no types)
    try:
        yield
    except ldap.INVALID_CREDENTIALS:
        raise NeedsAttention(f"{host} does not let this user in. Check the user (a DN) and the password.") from None
    except (ldap.NO_SUCH_OBJECT, ldap.INVALID_DN_SYNTAX):
        raise NeedsAttention(f"{host} has no entry of this name. Correct the base.") from None
    except ldap.FILTER_ERROR:
        raise NeedsAttention("The filter is none that a directory reads. Correct it.") from None
    except (ldap.SIZELIMIT_EXCEEDED, ldap.ADMINLIMIT_EXCEEDED, ldap.UNAVAILABLE_CRITICAL_EXTENSION):
        raise NeedsAttention(
            f"{host} gives this user only a part of its entries. Let those who run it raise the limit for the user, "
            "and allow paged results."
        ) from None
    except (ldap.INSUFFICIENT_ACCESS, ldap.INAPPROPRIATE_AUTH, ldap.STRONG_AUTH_REQUIRED):
        raise NeedsAttention(f"{host} does not let this user read there. Ask for the right to read.") from None
    except (ldap.TIMEOUT, TimeoutError):
        raise Retry(60, f"{host} was too slow. It is tried again later.") from None
    except ldap.LDAPError:
        raise Retry(60, f"{host} broke off, or cannot be reached. It is tried again.") from None

"""The one place where connections to other machines are opened: looked up once, judged, and dialled as judged.

An address that a district or a partner types in must not lead into the network we stand in. A host may be written in
hundreds of ways (``2130706433`` is 127.0.0.1), a name may answer differently the second time, and some addresses of
version 6 carry one of version 4. So no spelling is judged here: only what the look-up gives counts, all of it must be
fit, and the connection goes to that very address. Whoever needs a machine of one's own network is told by the
operator's list of networks, and by nothing else.
"""

import ipaddress
import queue
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, Final, Self

from schoolpassport.kit.recovery import NeedsAttention, Retry

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolver = Callable[..., list[tuple[Any, ...]]]

HTTPS: Final = frozenset({443, 4443, 7443, 8443, 9443, 10443})
SSH: Final = frozenset({22, 2022, 2222, 22022})
LDAP: Final = frozenset({389, 636, 3268, 3269})

# The registries of special-purpose addresses (RFC 6890 and what came after). Python's `is_global` knows most of them,
# but which ones depends on its patch release, and it takes multicast and addresses that carry another for global.
_SPECIAL: Final = tuple(
    map(
        ipaddress.ip_network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24"),
            *("192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
            *("224.0.0.0/4", "240.0.0.0/4"),
            *("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
        ),
    )
)
_UNICAST_V6: Final = ipaddress.ip_network("2000::/3")  # the only part of version 6 that is handed out to the public
# No operator's list opens these: link-local (where clouds keep their keys), "this network", multicast.
_NEVER: Final = tuple(
    map(
        ipaddress.ip_network,
        (
            *("0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"),
            *("::/128", "fe80::/10", "fd00:ec2::/32", "ff00::/8"),
        ),
    )
)
_ISATAP: Final = 0x5EFE  # in the third quarter: the last one is an address of version 4 (RFC 5214)
_WIDEST: Final = {4: 8, 6: 16}
_DIAL_SECONDS = 10.0
_LOOK_UP_SECONDS = 15.0


@dataclass(frozen=True)
class Networks:
    """Networks of one's own that may be reached, by the operator's word."""

    allowed: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``10.1.0.0/16, fd12::/48``. Raises ``ValueError`` that says what to give."""
        return cls(tuple(_network(part) for part in text.replace(",", " ").split()))

    def hold(self, address: Address) -> bool:
        return any(address in network for network in self.allowed) and not any(address in n for n in _NEVER)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What an installation lets out: public addresses on usual ports, and networks of its own on any port."""

    networks: Networks = Networks()
    more_ports: frozenset[int] = frozenset()
    resolve: Resolver = field(default=socket.getaddrinfo, repr=False)


@dataclass
class Deadline:
    """The instant by which all must be over, however much trickles in meanwhile."""

    seconds: float
    begun: float = field(default_factory=time.monotonic)

    def left(self, most: float | None = None) -> float:
        """Seconds that remain, at most ``most``. Raises ``TimeoutError`` when there are none."""
        left = self.begun + self.seconds - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left if most is None else min(left, most)

    def over(self, pause: float) -> bool:
        """Whether there is no time for a pause any more."""
        return self.begun + self.seconds - time.monotonic() <= pause


def is_public(address: Address) -> bool:
    """Whether the address belongs to the public internet, and carries none that does not."""
    if isinstance(address, IPv6Address):
        isatap = int(address) >> 32 & 0xFDFF_FFFF == _ISATAP
        if address not in _UNICAST_V6 or address.scope_id or isatap:
            return False
    return address.is_global and not address.is_multicast and not any(address in special for special in _SPECIAL)


def dial(host: str, port: int, *, policy: Policy, ports: frozenset[int], deadline: Deadline) -> socket.socket:
    """Open a connection to ``host``, if all its addresses are fit. Raises ``Retry`` and ``NeedsAttention``."""
    addresses = _look_up(host, port, policy, deadline)
    for address in addresses:
        if policy.networks.hold(address):
            continue
        if not is_public(address):
            raise NeedsAttention(
                f"{shown(host)} is not on the public internet, so it was not called. If it is a system of your own "
                "network, let the operator add its address to SCHOOLPASSPORT_ALLOW_NETWORKS."
            )
        if port not in ports | policy.more_ports:
            raise NeedsAttention(
                f"Port {port} of {shown(host)} is none that is called ({', '.join(map(str, sorted(ports)))}). "
                "Correct the port, or let the operator add it to SCHOOLPASSPORT_ALLOW_PORTS."
            )
    return _connect(host, port, addresses, deadline)


def dial_own(host: str, port: int, *, policy: Policy, deadline: Deadline) -> socket.socket:
    """Open a connection to a host of the operator's own networks: for what is not encrypted."""
    addresses = _look_up(host, port, policy, deadline)
    if not all(policy.networks.hold(address) for address in addresses):
        raise NeedsAttention(
            f"{shown(host)} would be called without encryption, which is done within networks of "
            "SCHOOLPASSPORT_ALLOW_NETWORKS only. Use https://."
        )
    return _connect(host, port, addresses, deadline)


def shown(host: str) -> str:
    """A host in a sentence: what somebody typed, without what would break the line or hide something."""
    return "".join(c if c.isprintable() else "?" for c in host)[:100] or "(no host)"


def _network(text: str) -> Network:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        raise ValueError(f"“{shown(text)}” is no network; give networks like 10.1.0.0/16") from None
    if network.prefixlen < _WIDEST[network.version]:
        raise ValueError(f"“{text}” is too wide; name the networks that your systems are in")
    if any(network.version == never.version and network.overlaps(never) for never in _NEVER):
        raise ValueError(f"“{text}” cannot be allowed: link-local and multicast addresses are never called")
    return network


def _look_up(host: str, port: int, policy: Policy, deadline: Deadline) -> list[Address]:
    """All addresses of a host, in the order of the system. A look-up has no time-out of its own, so a thread waits."""
    if not host or not host.isprintable() or any(c in host for c in "%/@ "):
        raise NeedsAttention(f"“{shown(host)}” is no name of a host. Correct the address.")
    answers: queue.SimpleQueue[list[tuple[Any, ...]] | BaseException] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(policy.resolve(host, port, type=socket.SOCK_STREAM))
        except BaseException as error:  # noqa: BLE001 (it is raised again by whoever asked)
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=deadline.left(_LOOK_UP_SECONDS))
    except (queue.Empty, TimeoutError):
        raise Retry(60, f"The name {shown(host)} was not looked up in time. It is tried again.") from None
    if isinstance(answer, OSError | UnicodeError):
        if isinstance(answer, socket.gaierror) and answer.errno == socket.EAI_AGAIN:
            raise Retry(60, f"The name {shown(host)} cannot be looked up at the moment. It is tried again.") from None
        raise NeedsAttention(f"There is no host {shown(host)}. Correct the address.") from None
    if isinstance(answer, BaseException):
        raise answer
    found = dict.fromkeys(ipaddress.ip_address(sockaddr[0]) for *_, sockaddr in answer)
    if not found:
        raise NeedsAttention(f"There is no host {shown(host)}. Correct the address.")
    return list(found)


def _connect(host: str, port: int, addresses: list[Address], deadline: Deadline) -> socket.socket:
    said = ""
    for address in addresses:
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 (the version of IP)
        made = socket.socket(family, socket.SOCK_STREAM)
        try:
            made.settimeout(deadline.left(_DIAL_SECONDS))
            made.connect((str(address), port))
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            made.close()
            said = error.strerror or "no answer in time"
        else:
            return made
    raise Retry(
        60, f"{shown(host)}, port {port}, cannot be reached: {said.lower()}. It is tried again; see that it runs."
    )

"""Tests do not talk to the world.

An audit hook of the interpreter, because that is below every library: it sees TCP, UDP and name look-ups, however they
are called. It does not see what C libraries open by themselves (libpq, DuckDB), the look-up of a name that is handed to
``connect`` itself (the connection is refused all the same), or what child processes do; those are given no address but
this machine's.
"""

import socket
import sys
from typing import Any

HERE = ("127.0.0.1", "::1", "localhost", "", None)
_DIALS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind"})
_ASKS = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"})


class OutsideWorld(AssertionError):
    """A test tried to reach something that is not on this machine. No code under test catches this."""


def stay_here() -> None:
    """From now on, and for the rest of this process: there is no way to undo it."""
    sys.addaudithook(_refuse_the_world)


def _refuse_the_world(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _DIALS:
        connection, address = arguments
        if connection.family == socket.AF_UNIX or address is None:  # None: a message on a connection made before
            return
        host = address[0]
    elif event in _ASKS:
        host = arguments[0][0] if isinstance(arguments[0], tuple) else arguments[0]
    else:
        return
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host not in HERE:
        raise OutsideWorld(f"{event}: {host!r} is not this machine")

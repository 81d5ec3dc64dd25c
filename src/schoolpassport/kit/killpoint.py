"""Places where a test may kill the process, as a power cut would."""

import itertools
import os
import signal

VARIABLE = "SCHOOLPASSPORT_KILLPOINT"


def _parsed(wanted: str) -> tuple[str, int]:
    name, colon, number = wanted.rpartition(":")
    if not colon:
        return wanted, 1
    if not name or not number.isdecimal() or int(number) < 1:
        raise ValueError(f"{VARIABLE} must be a name, or a name, a colon and a number from 1: {wanted!r}")
    return name, int(number)


_name, _time = _parsed(os.environ.get(VARIABLE, ""))
_reached = itertools.count(1)


def reach(name: str) -> None:
    """End this process at once and without clearing up, if the environment named this point when the process began.

    This is in production code, and not patched in by tests, because the promise is about production code: killed at any
    step, the next run finishes the work. Only a point that stands between two real lines, in a real process, with its
    real transactions, tests that; the points are also the readable list of moments at which a run may be cut. Whoever
    can set our environment can stop us anyway. When it is not set, a point costs one comparison.

    `name:3` is the third time that this point is reached.
    """
    if name == _name and next(_reached) == _time:
        os.kill(os.getpid(), signal.SIGKILL)

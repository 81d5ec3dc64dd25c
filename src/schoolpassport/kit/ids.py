"""Identifiers: time-ordered UUIDs, and their short spelling."""

import base64
import os
import re
import time
from functools import lru_cache
from uuid import UUID

_SHORT = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)
_last = 0


def new_id() -> UUID:
    """Make a UUID of version 7 (RFC 9562): rows made together lie together in an index.

    The 12 bits after the milliseconds hold the fraction of the millisecond, so ids of one process rise strictly, also
    when the clock stands still or steps back. Two threads may draw one instant; the 62 random bits tell them apart.
    """
    global _last  # noqa: PLW0603 (the one thing a clock must remember)
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    instant = max((milliseconds << 12) | (rest << 12) // 1_000_000, _last + 1)
    _last = instant
    noise = int.from_bytes(os.urandom(8), "big") & ((1 << 62) - 1)
    return UUID(int=(instant >> 12) << 80 | 7 << 76 | (instant & 0xFFF) << 64 | 2 << 62 | noise)


def short(value: UUID) -> str:
    """22 characters that are safe in an address, a file name and a header."""
    return base64.urlsafe_b64encode(value.bytes).rstrip(b"=").decode("ascii")


@lru_cache(maxsize=4096)
def from_short(text: str) -> UUID:
    """Read what `short` wrote, and nothing else: each UUID has exactly one spelling. Raises `ValueError`."""
    if _SHORT.fullmatch(text):
        value = UUID(bytes=base64.urlsafe_b64decode(text + "=="))
        if short(value) == text:
            return value
    raise ValueError("not a short identifier")

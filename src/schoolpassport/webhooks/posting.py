"""One attempt to tell a receiver something, and when the next one is due."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from schoolpassport.kit import http
from schoolpassport.kit.egress import Policy

_LIMITS: Final = http.Limits(bytes=0, seconds=20, silence=15)

# Standard Webhooks recommends these pauses: ten attempts in a little more than three days.
PAUSES: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)


def post(url: str, *, body: bytes, headers: Mapping[str, str], policy: Policy) -> http.Reply:
    """Judged anew each time by where the name leads now; redirects lead nowhere."""
    with http.Client(policy=policy) as client:
        return client.hand_over(
            url, content=body, headers={"Content-Type": "application/json", **headers}, limits=_LIMITS
        )


def pause(*, attempts: int, after: float) -> timedelta | None:
    """How long to wait after so many failed attempts, and at least as long as was asked; None after the last one."""
    if attempts > len(PAUSES):
        return None
    return max(PAUSES[attempts - 1], timedelta(seconds=after))

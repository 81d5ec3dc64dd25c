"""How often one application may ask about one district: so many requests in each minute of the clock.

Every server process counts for itself and allows its share, so that a request costs no trip to count it. What a client
is told (``X-RateLimit-…``) is about the process that answered.
"""

import threading
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime
from functools import wraps
from http import HTTPStatus
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from schoolpassport.rosterapi.errors import Answer, Failure, Minor

_SECONDS = 60


class Allowance(NamedTuple):
    """What is left of a minute. ``resets``: the second of Unix time in which the next one begins."""

    limit: int
    remaining: int
    resets: int

    @property
    def headers(self) -> dict[str, str]:
        told = {"Limit": self.limit, "Remaining": self.remaining, "Reset": self.resets}
        return {f"X-RateLimit-{name}": str(value) for name, value in told.items()}


class Limiter:
    """Counts by account. Only the minute that runs is remembered."""

    def __init__(self, what: str = "requests") -> None:
        self._what = what
        self._minute = 0
        self._used: Counter[tuple[UUID, UUID]] = Counter()
        self._lock = threading.Lock()

    def take(self, account: tuple[UUID, UUID], *, limit: int, now: datetime) -> Allowance:
        """One request more. Raises ``Failure`` (429) for one too many; those are not counted on."""
        second = int(now.timestamp())
        minute = second // _SECONDS
        with self._lock:
            if minute != self._minute:
                self._minute, self._used = minute, Counter()
            used = self._used[account]
            if used < limit:
                self._used[account] = used + 1
        allowance = Allowance(limit, max(limit - used - 1, 0), (minute + 1) * _SECONDS)
        if used >= limit:
            wait = allowance.resets - second
            sentence = f"More than {limit} {self._what} in this minute; ask again in {wait} seconds."
            raise Failure(Minor.TOO_MANY, sentence, {"Retry-After": str(wait), **allowance.headers})
        return allowance


_limiter = Limiter()
_writing = Limiter("writing requests")
_granted: ContextVar[Allowance | None] = ContextVar("allowance of the request in hand", default=None)


def count(*, district_id: UUID, integration_id: UUID, now: datetime) -> None:
    """Called when it is known whose request it is. Raises ``Failure`` (429)."""
    limit = settings.ENVIRONMENT.requests_per_minute
    if limit:
        _granted.set(_limiter.take((district_id, integration_id), limit=limit, now=now))


def count_once(*, district_id: UUID, integration_id: UUID, now: datetime) -> None:
    """The same, wherever in the answer to one request it becomes known whose it is: also where nothing is read."""
    if _granted.get() is None:
        count(district_id=district_id, integration_id=integration_id, now=now)


def count_writing(*, district_id: UUID, integration_id: UUID, now: datetime) -> None:
    """The same for requests that write, of which there may be fewer. Raises ``Failure`` (429)."""
    limit = settings.ENVIRONMENT.writes_per_minute
    if limit:
        _writing.take((district_id, integration_id), limit=limit, now=now)


def told_by(view: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """A view of Django's whose answers say what is left."""

    @wraps(view)
    def answer(request: HttpRequest) -> HttpResponseBase:
        _granted.set(None)
        given = view(request)
        for name, value in _left(given.status_code).items():
            given.headers[name] = value
        return given

    return answer


def told(answerer: Callable[..., Answer]) -> Callable[..., Answer]:
    """An answerer whose answers say what is left."""

    def answer(environ: dict[str, Any], *, prefix: str, path: str) -> Answer:
        _granted.set(None)
        given = answerer(environ, prefix=prefix, path=path)
        given.headers.update(_left(given.status))
        return given

    return answer


def _left(status: int) -> dict[str, str]:
    """Headers, but for a refusal of one too many, which has its own."""
    allowance = _granted.get()
    return allowance.headers if allowance and status != HTTPStatus.TOO_MANY_REQUESTS else {}

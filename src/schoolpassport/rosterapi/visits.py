"""A request in a dialect of its own, from its first byte to its last: who asks, what is read, how refusals look."""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4

from django.core.exceptions import DisallowedHost

from schoolpassport.kit import clock
from schoolpassport.partners.contract import DEMOGRAPHICS, ROSTER, ROSTER_CORE, meant
from schoolpassport.partners.records import Bearer, Refused
from schoolpassport.rosterapi import access, authentication, limits
from schoolpassport.rosterapi.authentication import Caller
from schoolpassport.rosterapi.base_url import address_of
from schoolpassport.rosterapi.errors import Answer, Failure, Minor
from schoolpassport.sharing.queries import Reader
from schoolpassport.sharing.records import NothingShared, Unanswerable, Unknown

Environ = dict[str, Any]
Refusal = Callable[[HTTPStatus, str, Minor | None], Answer]


class Methods(NamedTuple):
    """By which methods an address is asked, and what is said to others."""

    names: frozenset[str]
    sentence: str


READ: Final = Methods(frozenset({"GET", "HEAD"}), "Rosters are read here, by GET.")
SENT: Final = Methods(frozenset({"POST"}), "What you hold is compared here; send it by POST.")

_log = logging.getLogger(__name__)


class Trouble(Exception):
    """A refusal in the words of HTTP, for dialects that have no others."""

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


class Visit:
    """One caller's request. The reader's door proves the token in each trip; until then nobody was let in.

    ``wants_titles``: the dialect shows the titles of courses and terms inside of classes. ``scopes``: what opens it.
    """

    outlet = ""  # what the ledger of readings calls the dialect
    wants_titles = False
    scopes = frozenset({ROSTER, ROSTER_CORE})

    def __init__(self, environ: Environ, caller: Caller, now: datetime) -> None:
        self.environ = environ
        self.now = now
        self._caller = caller
        self._bearer: Bearer | None = caller.proved

    @property
    def district_id(self) -> UUID:
        return self._caller.district_id

    @property
    def puller(self) -> bytes:
        return self._caller.token_digest

    @cached_property
    def reader(self) -> Reader:
        base = address_of(self.environ)
        return access.reader_for(
            self._caller, self.scopes, base=base, now=self.now, outlet=self.outlet, admitted=self._let_in
        )

    def writer(self, scope: str) -> tuple[Bearer, Reader]:
        """Who writes, proved and counted, and what reads its view."""
        base = address_of(self.environ)
        return access.writer_for(self._caller, scope, base=base, now=self.now, outlet=self.outlet)

    def bearer(self) -> Bearer:
        """Who was let in; asks, where no trip has proved it yet."""
        if self._bearer is None:
            self._bearer = access.proved(self._caller, now=self.now)
        known = self._bearer
        limits.count_once(district_id=known.district_id, integration_id=known.integration_id, now=self.now)
        return known

    def may_see_demographics(self) -> bool:
        return DEMOGRAPHICS in meant(self.bearer().scopes)

    def _let_in(self, bearer: Bearer) -> None:
        self._bearer = bearer


def answered(
    environ: Environ, work: Callable[[Visit], Answer], refused: Refusal, *, outlet: str, methods: Methods = READ
) -> Answer:
    """What ``work`` answers, or why not, in the dialect's own shape."""
    try:
        answer = _admitted(environ, work, outlet, methods)
    except Failure as failure:
        answer = refused(failure.minor.status, failure.sentence, failure.minor)
        answer.headers.update(failure.headers)
    except Trouble as trouble:
        answer = refused(trouble.status, trouble.sentence, None)
    except DisallowedHost:
        answer = refused(HTTPStatus.BAD_REQUEST, "The Host header is no host.", Minor.INVALID_DATA)
    except Exception:  # noqa: BLE001 (whatever it was: an answer in the dialect's shape, and a note in the log)
        reference = str(uuid4())
        _log.exception("a request failed, reference %s", reference)
        sentence = f"Something went wrong here; it is noted as {reference}."
        answer = refused(HTTPStatus.INTERNAL_SERVER_ERROR, sentence, Minor.SERVER_ERROR)
    return answer if environ["REQUEST_METHOD"] != "HEAD" else answer._replace(body=b"")


def _admitted(environ: Environ, work: Callable[[Visit], Answer], outlet: str, methods: Methods) -> Answer:
    now = clock.now()
    caller = authentication.caller_of(environ, now=now)
    if isinstance(caller, Refused):
        raise access.unauthorized(caller)
    visit = Visit(environ, caller, now)
    visit.outlet = outlet
    try:
        _check_method(environ, methods)
        return work(visit)
    except (Trouble, DisallowedHost, Failure) as error:
        _let_in_first(visit, error)
        raise
    except Unanswerable as error:
        raise Trouble(HTTPStatus.BAD_REQUEST, error.notice.sentence) from error
    except Unknown:
        raise Trouble(HTTPStatus.NOT_FOUND, "There is no such record here.") from None
    except NothingShared as nothing:
        raise Failure(Minor.FORBIDDEN, str(nothing)) from None


def _check_method(environ: Environ, methods: Methods) -> None:
    if environ["REQUEST_METHOD"] not in methods.names:
        raise not_by(methods)


def within(after: int, last: int) -> None:
    """Raises ``Trouble`` for a place that the change log has not reached: whoever waits there would hear nothing."""
    if after > last:
        sentence = f"The change log ends at {last}, and never reached {after}: begin again with all of it."
        raise Trouble(HTTPStatus.BAD_REQUEST, sentence)


def not_by(methods: Methods) -> Failure:
    """The address is asked by these methods, and by no others."""
    return Failure(Minor.UNSUPPORTED, methods.sentence, {"Allow": ", ".join(sorted(methods.names))})


def _let_in_first(visit: Visit, error: Exception) -> None:
    """Who is not let in hears nothing else."""
    if not (isinstance(error, Failure) and error.minor in {Minor.UNAUTHORIZED, Minor.FORBIDDEN}):
        visit.bearer()

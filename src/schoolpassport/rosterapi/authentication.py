"""Who sends this request? Reads the Authorization header: an OAuth 2 bearer token or an OAuth 1.0a signature."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest

from schoolpassport.kit.recent import Recent
from schoolpassport.kit.secrets import token_digest
from schoolpassport.partners import actions, queries
from schoolpassport.partners.contract import READING, WRITING
from schoolpassport.partners.records import Bearer, Reason, Refused, SignedRequest
from schoolpassport.rosterapi.base_url import absolute_url

REALM: Final = "School Passport"

_MISSING: Final = Refused(Reason.MISSING, "Send an access token (Authorization: Bearer ...) or sign the request.")
_MALFORMED: Final = Refused(Reason.MALFORMED, "The Authorization header is neither a bearer token nor a signature.")
_WRONG_KIND: Final = Refused(
    Reason.WRONG_KIND, "This is a partner's own token, which opens Discovery only; get one for the district."
)


@dataclass(frozen=True)
class Caller:
    """Who says to be sending a request.

    `proved` is there for a signed request: its proof costs a transaction of its own. A bearer token is only read here;
    whoever reads rows proves it in the same round trip (`partners.queries.bearer_state_sql`), or by `prove`.
    """

    district_id: UUID
    token_digest: bytes
    proved: Bearer | None


_callers: Recent[bytes, Caller] = Recent(10_000)  # what a token says, by its hash; proved is none of them


def caller(request: HttpRequest, *, now: datetime) -> Caller | Refused:
    """Ask the database only for a signed request, which is marked as seen in a transaction of its own."""
    return _caller(request.META, lambda: request, now)


def caller_of(environ: dict[str, Any], *, now: datetime) -> Caller | Refused:
    """The same from a bare WSGI environment; a request is made of it only for a signature."""
    return _caller(environ, lambda: WSGIRequest(environ), now)


def _caller(environ: Mapping[str, Any], request: Callable[[], HttpRequest], now: datetime) -> Caller | Refused:
    header = environ.get("HTTP_AUTHORIZATION", "").strip()
    scheme, _, credentials = header.partition(" ")
    match scheme.lower():
        case "":
            return _MISSING
        case "bearer":
            return _token_caller(credentials.strip())
        case "oauth":
            return _signing_caller(request(), header, now)
        case _:
            return _MALFORMED


def prove(caller: Caller, *, now: datetime) -> Bearer | Refused:
    return caller.proved or queries.bearer_of(district_id=caller.district_id, digest=caller.token_digest, now=now)


def challenge(refused: Refused) -> str:
    """The WWW-Authenticate header of a 401 (RFC 6750, section 3): without a reason when nothing was sent."""
    if refused.reason is Reason.MISSING:
        return f'Bearer realm="{REALM}", OAuth realm="{REALM}"'
    described = f'error="invalid_token", error_description="{refused.sentence}"'
    return f'Bearer realm="{REALM}", {described}, OAuth realm="{REALM}"'


def _token_caller(token: str) -> Caller | Refused:
    digest = token_digest(token)
    known = _callers.get(digest)
    if known is not None:
        return known
    named = queries.parse_token(token)
    if named is None:
        return _WRONG_KIND if queries.parse_partner_token(token) else queries.UNKNOWN_TOKEN
    read = Caller(district_id=named[0], token_digest=named[1], proved=None)
    _callers.put(digest, read)
    return read


def _signing_caller(request: HttpRequest, header: str, now: datetime) -> Caller | Refused:
    signed = SignedRequest(
        method=request.method or "",
        url=absolute_url(request),
        # WSGI hands bytes on as latin-1.
        query=request.META.get("QUERY_STRING", "").encode("latin-1", "replace").decode("utf-8", "replace"),
        authorization=header,
    )
    bearer = actions.accept_signed(request=signed, scopes=READING | WRITING, now=now)
    if isinstance(bearer, Refused):
        return bearer
    return Caller(district_id=bearer.district_id, token_digest=bearer.token_digest, proved=bearer)

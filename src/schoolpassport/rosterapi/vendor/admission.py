"""A partner asks for itself, with its own token: who it is, and how it is refused."""

import json
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, Self

from django.http import HttpRequest, HttpResponse, JsonResponse

from schoolpassport.kit import clock
from schoolpassport.kit.instants import iso
from schoolpassport.partners import queries
from schoolpassport.partners.records import Bearer, PartnerBearer, Reason, Refused
from schoolpassport.rosterapi.authentication import challenge
from schoolpassport.rosterapi.errors import Failure

READING: Final = ("GET", "HEAD")
_MOST_BYTES: Final = 64 << 10
_MISSING: Final = Refused(Reason.MISSING, "Send the partner's own access token (Authorization: Bearer ...).")
_NOT_A_PARTNERS: Final = "This is a district's token; send the partner's own."

Work = Callable[[PartnerBearer, datetime], HttpResponse]


class Declined(Exception):
    """An answer that says no: ``code`` for machines, ``sentence`` for whoever reads it."""

    def __init__(self, status: HTTPStatus, code: str, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status, self.code, self.sentence, self.headers = status, code, sentence, headers or {}

    @classmethod
    def method(cls, methods: Collection[str]) -> Self:
        """Whoever asks by a method that is not taken."""
        verbs = [each for each in methods if each != "HEAD"]
        sentence = f"Send a {verbs[0]}." if len(verbs) == 1 else f"Send one of {', '.join(verbs)}."
        return cls(HTTPStatus.METHOD_NOT_ALLOWED, "invalid_request", sentence, {"Allow": ", ".join(methods)})


def answered(request: HttpRequest, methods: Collection[str], work: Work) -> HttpResponse:
    """What ``work`` answers to the partner whose token came along; for no cache, as it holds secrets or nearly so."""
    try:
        answer = _admitted(request, methods, work)
    except Failure as failure:  # too many requests
        answer = refusal(Declined(failure.minor.status, "slow_down", failure.sentence, failure.headers))
    except Declined as declined:
        answer = refusal(declined)
    answer["Cache-Control"] = "no-store"
    return answer


def _admitted(request: HttpRequest, methods: Collection[str], work: Work) -> HttpResponse:
    if request.method not in methods:
        raise Declined.method(methods)
    now = clock.now()
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    bearer = _bearer(token.strip(), now) if scheme.lower() == "bearer" else _MISSING
    match bearer:
        case Refused():
            headers = {"WWW-Authenticate": challenge(bearer)}
            raise Declined(HTTPStatus.UNAUTHORIZED, "invalid_token", bearer.sentence, headers)
        case Bearer():
            raise Declined(HTTPStatus.FORBIDDEN, "insufficient_scope", _NOT_A_PARTNERS)
        case PartnerBearer():
            return work(bearer, now)


def _bearer(token: str, now: datetime) -> Bearer | PartnerBearer | Refused:
    if queries.parse_token(token) is not None:
        return queries.bearer(token=token, now=now)
    return queries.partner_bearer(token=token, now=now)


def refusal(declined: Declined) -> HttpResponse:
    body = {"error": declined.code, "error_description": declined.sentence}
    return JsonResponse(body, status=declined.status, headers=dict(declined.headers))


def sent(request: HttpRequest, **known: type) -> dict[str, Any]:
    """The object in the body: of the members that are known, those that are there. Raises ``Declined``."""
    if int(request.headers.get("Content-Length") or 0) > _MOST_BYTES:
        raise unusable(f"The body has more than {_MOST_BYTES >> 10} KB.")
    try:
        found = json.loads(request.body or b"{}")
    except ValueError:
        raise unusable("The body is no JSON.") from None
    if not isinstance(found, dict):
        raise unusable("The body is an object.")
    for name, value in found.items():
        if name not in known:
            raise unusable(f"“{name}” is not understood; there are: {', '.join(known) or 'none'}.")
        if type(value) is not known[name]:
            raise unusable(f"“{name}” is {'a text' if known[name] is str else 'a whole number'}.")
    return found


def unusable(sentence: str) -> Declined:
    return Declined(HTTPStatus.BAD_REQUEST, "invalid_request", sentence)


def instant(at: datetime | None) -> str | None:
    """`yyyy-MM-dd'T'HH:mm:ss.SSSXXX`, in UTC, for which XXX is a Z."""
    return None if at is None else iso(at)

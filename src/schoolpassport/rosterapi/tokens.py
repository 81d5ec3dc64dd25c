"""The token endpoint: OAuth 2 client credentials (RFC 6749, section 4.4), as tolerant as real clients need it."""

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_plus

from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.views.decorators.csrf import csrf_exempt

from schoolpassport.kit import clock
from schoolpassport.partners import actions, queries
from schoolpassport.partners.contract import READING, WRITING
from schoolpassport.partners.records import Client, NewToken, PartnerClient, Reason, Refused
from schoolpassport.rosterapi.authentication import REALM

LARGEST_BODY: Final = 64 * 1024
_NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_NOT_SENT: Final = Refused(Reason.MISSING, "Send client_id and client_secret, by HTTP Basic or in the body.")
_UNREADABLE: Final = Refused(Reason.MALFORMED, "The Authorization header is not HTTP Basic in base64.")


class _Unreadable(ValueError):
    """The body cannot be read as what it says it is."""


@csrf_exempt  # no cookie speaks here: the client shows its secret
def token(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        refusal = _error("invalid_request", "Send a POST with grant_type=client_credentials.", status=405)
        refusal["Allow"] = "POST"
        return refusal
    return _answer(request, clock.now())


def _answer(request: HttpRequest, now: datetime) -> HttpResponse:
    try:
        sent = _parameters(request)
    except _Unreadable as error:
        return _error("invalid_request", str(error))
    if not sent.get("grant_type"):
        return _error("invalid_request", "grant_type is missing; send grant_type=client_credentials.")
    if sent["grant_type"] != "client_credentials":
        return _error("unsupported_grant_type", "The only grant type here is client_credentials.")
    client = _client(request, sent, now)
    if isinstance(client, Refused):
        return _unauthorized(client)
    new = _granted(client, frozenset(sent.get("scope", "").split()), now)
    if isinstance(new, Refused):
        return _error("invalid_scope", new.sentence)
    return JsonResponse(
        {
            "access_token": new.token,
            "token_type": "bearer",
            "expires_in": new.expires_in,
            "scope": " ".join(sorted(new.scopes)),
        },
        headers=_NO_STORE,
    )


def client_of(request: HttpRequest, now: datetime) -> Client | PartnerClient | Refused:
    """Who shows the secret in the Authorization header (HTTP Basic)."""
    return _client(request, {}, now)


def _client(request: HttpRequest, sent: Mapping[str, str], now: datetime) -> Client | PartnerClient | Refused:
    shown = _credentials(request, sent)
    if isinstance(shown, Refused):
        return shown
    return queries.client(client_id=shown[0], client_secret=shown[1], now=now)


def _granted(client: Client | PartnerClient, asked: frozenset[str], now: datetime) -> NewToken | Refused:
    """Every integration may have every scope: what comes is the consent's matter, what it may write the district's.

    Whoever asks for none gets those of reading.
    """
    by, lifetime = f"client:{client.client_id}", timedelta(seconds=settings.ENVIRONMENT.token_seconds)
    if isinstance(client, PartnerClient):
        return actions.grant_partner_token(client=client, lifetime=lifetime, by=by, now=now)
    may = READING | WRITING if asked else READING
    return actions.grant_token(client=client, asked=asked, may=may, lifetime=lifetime, by=by, now=now)


# --------------------------------------------------------------------------------------------------- what clients send


def _parameters(request: HttpRequest) -> dict[str, str]:
    """From the query (some clients put all there) and the body, which wins. Raises `_Unreadable`."""
    try:
        if len(request.body) > LARGEST_BODY:
            raise _Unreadable(f"The body is longer than {LARGEST_BODY} bytes.")
        return {**request.GET.dict(), **_body(request)}
    except (BadRequest, MultiPartParserError, RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent) as error:
        raise _Unreadable("The body cannot be read as a form.") from error
    except UnreadablePostError as error:
        raise _Unreadable("The body did not arrive whole.") from error


def _body(request: HttpRequest) -> Mapping[str, str]:
    if request.content_type == "multipart/form-data":
        return request.POST.dict()
    if request.body.lstrip()[:1] in {b"{", b"["}:
        return _json(request.body)
    return dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))


def _json(body: bytes) -> dict[str, str]:
    try:
        sent: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _Unreadable("The body is not JSON.") from error
    if not isinstance(sent, dict):
        raise _Unreadable("The body is not a JSON object.")
    return {name: _text(value) for name, value in sent.items()}


def _text(value: object) -> str:
    """A list of scopes is what some clients make of a space-separated string; anything else but text is no value."""
    if isinstance(value, list):
        return " ".join(each for each in value if isinstance(each, str))
    return value if isinstance(value, str) else ""


def _credentials(request: HttpRequest, sent: Mapping[str, str]) -> tuple[str, str] | Refused:
    """Id and secret by HTTP Basic, or else as parameters."""
    scheme, _, encoded = request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() == "basic":
        return _basic(encoded.strip())
    if not sent.get("client_id"):
        return _NOT_SENT
    return sent["client_id"], sent.get("client_secret", "")


def _basic(encoded: str) -> tuple[str, str] | Refused:
    """RFC 6749 (2.3.1) wants both parts form-encoded first, and many clients do not.

    Our ids and secrets have no character that decoding would change, so decoding is right for both.
    """
    try:
        decoded = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return _UNREADABLE
    client_id, colon, secret = decoded.partition(":")
    return (unquote_plus(client_id), unquote_plus(secret)) if colon else _UNREADABLE


# ---------------------------------------------------------------------------------------------------- what they hear


def _unauthorized(refused: Refused) -> JsonResponse:
    answer = _error("invalid_client", refused.sentence, status=401)
    answer["WWW-Authenticate"] = f'Basic realm="{REALM}", charset="UTF-8"'
    return answer


def _error(code: str, sentence: str, *, status: int = 400) -> JsonResponse:
    """RFC 6749, section 5.2."""
    return JsonResponse({"error": code, "error_description": sentence}, status=status, headers=_NO_STORE)

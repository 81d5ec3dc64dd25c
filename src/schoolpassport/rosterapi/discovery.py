"""Discovery: a partner asks, with its own token, which districts it may connect to and with which credentials."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from django.http import HttpRequest, HttpResponse, JsonResponse

from schoolpassport.kit import clock
from schoolpassport.partners import queries
from schoolpassport.partners.records import Bearer, Onboarding, PartnerBearer, Reason, Refused
from schoolpassport.rosterapi.authentication import challenge
from schoolpassport.rosterapi.base_url import base_url

TOKEN_PATH: Final = "/datahub/oauth/token"  # noqa: S105 (an address, no secret)
API_PATH: Final = "/datahub/services/ims/oneroster/v1p1"

_MISSING: Final = Refused(Reason.MISSING, "Send the partner's own access token (Authorization: Bearer ...).")
_NOT_A_PARTNERS: Final = "This is a district's token; Discovery needs the partner's own."


def credentials(request: HttpRequest) -> HttpResponse:
    if request.method not in {"GET", "HEAD"}:
        refusal = _error(HTTPStatus.METHOD_NOT_ALLOWED, "invalid_request", "Send a GET.")
        refusal["Allow"] = "GET, HEAD"
        return refusal
    return _answer(request, clock.now())


def _answer(request: HttpRequest, now: datetime) -> HttpResponse:
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() != "bearer":
        return _unauthorized(_MISSING)
    bearer = _bearer(token.strip(), now)
    match bearer:
        case Refused():
            return _unauthorized(bearer)
        case Bearer():
            return _error(HTTPStatus.FORBIDDEN, "insufficient_scope", _NOT_A_PARTNERS)
        case PartnerBearer():
            found = queries.onboardings(partner_id=bearer.partner_id, now=now)
            return _closed(JsonResponse([_shown(each, base_url(request)) for each in found], safe=False))


def _bearer(token: str, now: datetime) -> Bearer | PartnerBearer | Refused:
    if queries.parse_token(token) is not None:
        return queries.bearer(token=token, now=now)
    return queries.partner_bearer(token=token, now=now)


def _shown(onboarding: Onboarding, base: str) -> dict[str, str | None]:
    return {
        "districtName": onboarding.district_name,
        "clientId": onboarding.client_id,
        "clientSecret": onboarding.client_secret,
        "createdTimestamp": _instant(onboarding.activated_at),
        "lastDataProcessingCompletedTimestamp": _instant(onboarding.data_completed_at),
        "tokenUrl": base + TOKEN_PATH,
        "apiUrl": base + API_PATH,
        "districtGuid": str(onboarding.district_id),
        "expiryDate": _instant(onboarding.expires_at),
    }


def _instant(at: datetime | None) -> str | None:
    """`yyyy-MM-dd'T'HH:mm:ss.SSSXXX`, in UTC, for which XXX is a Z."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _unauthorized(refused: Refused) -> JsonResponse:
    answer = _error(HTTPStatus.UNAUTHORIZED, "invalid_token", refused.sentence)
    answer["WWW-Authenticate"] = challenge(refused)
    return answer


def _error(status: HTTPStatus, code: str, sentence: str) -> JsonResponse:
    return _closed(JsonResponse({"error": code, "error_description": sentence}, status=status))


def _closed(answer: JsonResponse) -> JsonResponse:
    """It holds secrets, or says who may have them."""
    answer["Cache-Control"] = "no-store"
    return answer

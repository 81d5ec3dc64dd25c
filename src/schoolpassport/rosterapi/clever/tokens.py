"""The dialect's list of districts that authorised the client, each with a token that works in every dialect."""

import json
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from schoolpassport.kit import clock
from schoolpassport.kit.instants import iso
from schoolpassport.partners import actions, queries
from schoolpassport.partners.contract import READING
from schoolpassport.partners.records import Client, NewToken, Onboarding, PartnerClient, Refused
from schoolpassport.rosterapi import tokens
from schoolpassport.rosterapi.authentication import REALM
from schoolpassport.sharing.queries import short_of
from schoolpassport.tenancy import queries as tenancy

_READING = frozenset({"GET", "HEAD"})
_SCOPES = [
    f"read:{what}" for what in ("districts", "resources", "schools", "sections", "students", "teachers", "users")
]


def districts(request: HttpRequest) -> HttpResponse:
    """``GET /oauth/tokens?owner_type=district``, with the client's id and secret by HTTP Basic."""
    if request.method not in _READING:
        return _said(HTTPStatus.BAD_REQUEST, {"message": "Codes of a sign-on are not exchanged here."})
    if request.GET.get("owner_type") != "district":
        return _said(HTTPStatus.BAD_REQUEST, {"message": "Send owner_type=district."})
    return _answer(request, clock.now())


def _answer(request: HttpRequest, now: datetime) -> HttpResponse:
    client = tokens.client_of(request, now)
    if isinstance(client, Refused):
        refusal = _said(HTTPStatus.UNAUTHORIZED, {"message": client.sentence})
        refusal["WWW-Authenticate"] = f'Basic realm="{REALM}", charset="UTF-8"'
        return refusal
    found = [client] if isinstance(client, Client) else _clients(client, now)
    wanted = request.GET.get("district", "")
    data = [token for each in found if (token := _token(each, wanted, now))]
    links = [{"rel": "self", "uri": "/oauth/tokens?owner_type=district"}]
    return _said(HTTPStatus.OK, {"data": data, "links": links})


def _clients(partner: PartnerClient, now: datetime) -> list[Client]:
    """A partner's own id stands for all its districts, as this dialect has it."""
    opened = (_opened(each, now) for each in queries.onboardings(partner_id=partner.partner_id, now=now))
    return [client for client in opened if isinstance(client, Client)]


def _opened(onboarding: Onboarding, now: datetime) -> Client | PartnerClient | Refused:
    return queries.client(client_id=onboarding.client_id, client_secret=onboarding.client_secret, now=now)


def _token(client: Client, wanted: str, now: datetime) -> dict[str, Any] | None:
    """None for another district than the one that is wanted."""
    named = short_of({client.district_id, client.integration_id}, district_id=client.district_id)
    if wanted and wanted != named[client.district_id]:
        return None
    lifetime = timedelta(seconds=settings.ENVIRONMENT.token_seconds)
    by = f"client:{client.client_id}"
    new = actions.grant_token(client=client, asked=frozenset(), may=READING, lifetime=lifetime, by=by, now=now)
    if not isinstance(new, NewToken):
        return None
    return {
        "id": named[client.integration_id],
        "created": iso(new.issued_at),
        "owner": {"type": "district", "id": named[client.district_id]},
        "access_token": new.token,
        "expires_in": new.expires_in,
        "scopes": _SCOPES,
        "district_name": tenancy.district(client.district_id).name,
    }


def _said(status: HTTPStatus, value: object) -> HttpResponse:
    headers = {"Cache-Control": "no-store", "Pragma": "no-cache"}
    return HttpResponse(json.dumps(value), status=status, headers=headers, content_type="application/json")

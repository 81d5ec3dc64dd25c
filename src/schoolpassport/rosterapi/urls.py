"""The addresses of this room. What a caller asked under, links and hrefs stay under."""

from collections.abc import Callable, Mapping

from django.http import HttpResponse
from django.urls import URLPattern, path

from schoolpassport.rosterapi import answering, keys, limits, tokens, views
from schoolpassport.rosterapi.clever import answering as clever
from schoolpassport.rosterapi.clever import tokens as clever_tokens
from schoolpassport.rosterapi.native import answering as native
from schoolpassport.rosterapi.oneroster_1p2 import answering as oneroster_1p2
from schoolpassport.rosterapi.oneroster_1p2.services import SERVICES
from schoolpassport.rosterapi.vendor import description as vendor
from schoolpassport.rosterapi.vendor import discovery, webhooks
from schoolpassport.rosterapi.views import Answerer
from schoolpassport.rosterapi.whole import answering as whole
from schoolpassport.rosterapi.whole import exporting, reconciling
from schoolpassport.rosterapi.whole.asked import PREFIX as WHOLE

PREFIXES = ("/ims/oneroster/v1p1", "/datahub/services/ims/oneroster/v1p1")
DESCRIPTION = "/openapi.json"
EXPORT = WHOLE + "/export"
RECONCILE = WHOLE + "/reconcile"
_DIALECTS: Mapping[str, Answerer] = {
    **dict.fromkeys(PREFIXES, answering.roster),
    **dict.fromkeys(clever.PREFIXES, clever.roster),
    native.PREFIX: native.roster,
    **dict.fromkeys(SERVICES, oneroster_1p2.roster),
    WHOLE: whole.view,
}
ANSWERERS: Mapping[str, Answerer] = {prefix: limits.told(answerer) for prefix, answerer in _DIALECTS.items()}

VENDOR = "datahub/services/vendor"
_ENDPOINT = "integrations/<uuid:integration>/webhooks/<uuid:endpoint>"
_VENDOR: Mapping[str, Callable[..., HttpResponse]] = {
    "onboarding/credentials": discovery.credentials,
    "applications": discovery.applications,
    "openapi.json": vendor.described,
    "integrations/<uuid:integration>/webhooks": webhooks.webhooks,
    _ENDPOINT: webhooks.webhook,
    f"{_ENDPOINT}/secret": webhooks.secret,
    f"{_ENDPOINT}/trial": webhooks.trial,
    f"{_ENDPOINT}/messages": webhooks.messages,
    f"{_ENDPOINT}/replay": webhooks.replay,
}


def _api(prefix: str, answerer: Answerer) -> list[URLPattern]:
    base, under = prefix.removeprefix("/"), {"prefix": prefix, "answerer": answerer}
    return [
        path(f"{base}/<path:path>", views.roster, under),
        path(f"{base}/", views.roster, {**under, "path": ""}),
        path(base, views.roster, {**under, "path": ""}),
    ]


urlpatterns = [
    *(path(prefix.removeprefix("/") + DESCRIPTION, views.description, {"prefix": prefix}) for prefix in PREFIXES),
    path(EXPORT.removeprefix("/"), exporting.export),
    path(RECONCILE.removeprefix("/"), reconciling.reconcile),
    *(pattern for prefix, answerer in ANSWERERS.items() for pattern in _api(prefix, answerer)),
    path("oauth/token", tokens.token),
    path("datahub/oauth/token", tokens.token),
    path("oauth/tokens", clever_tokens.districts),
    path(".well-known/jwks.json", keys.key_set),
    *(path(f"{VENDOR}/{address}", view) for address, view in _VENDOR.items()),
]

handler400, handler404, handler500 = views.bad_request, views.nothing_here, views.went_wrong

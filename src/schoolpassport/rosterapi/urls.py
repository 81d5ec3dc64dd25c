"""The addresses of this room. Both bases answer the same; what a caller asked under, links and hrefs stay under."""

from django.urls import URLPattern, path

from schoolpassport.rosterapi import discovery, tokens, views

PREFIXES = ("/ims/oneroster/v1p1", "/datahub/services/ims/oneroster/v1p1")
DESCRIPTION = "/openapi.json"


def _api(prefix: str) -> list[URLPattern]:
    base, under = prefix.removeprefix("/"), {"prefix": prefix}
    return [
        path(base + DESCRIPTION, views.description, under),
        path(f"{base}/<path:path>", views.roster, under),
        path(f"{base}/", views.roster, {**under, "path": ""}),
        path(base, views.roster, {**under, "path": ""}),
    ]


urlpatterns = [
    *(pattern for prefix in PREFIXES for pattern in _api(prefix)),
    path("oauth/token", tokens.token),
    path("datahub/oauth/token", tokens.token),
    path("datahub/services/vendor/onboarding/credentials", discovery.credentials),
]

handler400, handler404, handler500 = views.bad_request, views.nothing_here, views.went_wrong

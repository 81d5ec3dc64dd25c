"""The keys that receipts of consents are checked with: for everybody, and for caches, too."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse

from schoolpassport.sharing import agreements

_MINUTES = 5  # how long a new key may take to get around


def key_set(request: HttpRequest) -> HttpResponse:
    """A JSON Web Key Set (RFC 7517). It has no private part of any key, and no district's name."""
    if request.method not in {"GET", "HEAD"}:
        return JsonResponse(
            {"error": "invalid_request", "error_description": "Send a GET."},
            status=HTTPStatus.METHOD_NOT_ALLOWED,
            headers={"Allow": "GET, HEAD"},
        )
    headers = {"Cache-Control": f"public, max-age={_MINUTES * 60}"}
    return JsonResponse(agreements.signing_keys(), content_type="application/jwk-set+json", headers=headers)

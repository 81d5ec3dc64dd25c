"""A shorter way for roster requests: past Django's requests, responses, resolver and signals, which they do not need.

The same code answers as behind `urls`, and every other address goes on to Django. It saves a tenth of a millisecond,
which is a fifth of what a page of a hundred records costs.
"""

from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from django.http.response import HttpResponseBase

from schoolpassport.rosterapi.urls import ANSWERERS, DESCRIPTION, EXPORT, RECONCILE

Application = Callable[[WSGIEnvironment, StartResponse], Iterable[bytes] | HttpResponseBase]


def before(application: Application) -> Application:
    """The application, with this room in front of it."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | HttpResponseBase:
        address = environ["PATH_INFO"]
        prefix = next((p for p in ANSWERERS if address.startswith(p + "/")), None)
        if prefix is None or address in {prefix + DESCRIPTION, EXPORT, RECONCILE} or _is_signed(environ):
            return application(environ, start_response)
        status, headers, body = ANSWERERS[prefix](environ, prefix=prefix, path=address[len(prefix) + 1 :])
        start_response(f"{status.value} {status.phrase}", list(headers.items()))
        return [body]

    return answer


def _is_signed(environ: WSGIEnvironment) -> bool:
    """A signature is checked by way of Django's models."""
    header: str = environ.get("HTTP_AUTHORIZATION", "")
    return header[:5].lower() == "oauth"

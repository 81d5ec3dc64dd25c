"""A shorter way for roster requests: past Django's resolver, middleware and signals, of which they need nothing.

The same view answers as behind `urls`, and every other address goes on to Django. It saves a tenth of a millisecond,
which is a fifth of what a page of a hundred records costs.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.core.handlers.wsgi import WSGIRequest

from schoolpassport.rosterapi import views
from schoolpassport.rosterapi.urls import DESCRIPTION, PREFIXES

Application = Callable[[dict[str, Any], Callable[..., object]], Iterable[bytes]]


def before(application: Application) -> Application:
    """The application, with this room in front of it."""

    def answer(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        address = environ["PATH_INFO"]
        prefix = next((p for p in PREFIXES if address.startswith(p + "/")), None)
        if prefix is None or address == prefix + DESCRIPTION:
            return application(environ, start_response)
        request = WSGIRequest(environ)
        response = views.roster(request, prefix, request.path_info[len(prefix) + 1 :])
        start_response(f"{response.status_code} {response.reason_phrase}", list(response.items()))
        return [response.content]

    return answer

"""The room's answers as Django wants them, and what is said at addresses that are nowhere."""

from typing import Any, Protocol

from django.http import HttpRequest, HttpResponse

from schoolpassport.rosterapi import answering, errors
from schoolpassport.rosterapi.errors import Answer, Failure, Minor


class Answerer(Protocol):
    """Answers all that is asked under a base, from the bare WSGI environment."""

    def __call__(self, environ: dict[str, Any], *, prefix: str, path: str) -> Answer: ...


def roster(request: HttpRequest, prefix: str, path: str, answerer: Answerer) -> HttpResponse:
    return _response(answerer(request.META, prefix=prefix, path=path))


def description(request: HttpRequest, prefix: str) -> HttpResponse:
    return _response(answering.description(request.META, prefix=prefix))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 (Django hands them over)
    return _failed(Minor.INVALID_DATA, "The request cannot be read.")


def nothing_here(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 (Django hands them over)
    return _failed(Minor.UNKNOWN_OBJECT, "There is nothing here.")


def went_wrong(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 (Django hands it over)
    return _failed(Minor.SERVER_ERROR, "Something went wrong here.")


def _failed(minor: Minor, sentence: str) -> HttpResponse:
    return _response(errors.refused(Failure(minor, sentence), operation=errors.NO_OPERATION))


def _response(answer: Answer) -> HttpResponse:
    return HttpResponse(answer.body, status=answer.status, headers=answer.headers)

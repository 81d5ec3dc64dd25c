"""The address under which clients reach us: as configured, or else as the request itself says."""

from functools import lru_cache
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest
from django.utils.encoding import escape_uri_path


def base_url(request: HttpRequest) -> str:
    """Without a slash at its end. Raises Django's `DisallowedHost` (a 400) for a Host header that is no host."""
    configured: str = settings.ENVIRONMENT.public_url
    return configured or f"{request.scheme}://{request.get_host()}{request.META.get('SCRIPT_NAME', '').rstrip('/')}"


def address_of(environ: dict[str, Any]) -> str:
    """The same, without a request having been made of the environment."""
    configured: str = settings.ENVIRONMENT.public_url
    return configured or _said(
        environ["wsgi.url_scheme"],
        environ.get("HTTP_HOST"),
        environ["SERVER_NAME"],
        environ["SERVER_PORT"],
        environ.get("SCRIPT_NAME", ""),
    )


@lru_cache(maxsize=64)
def _said(scheme: str, host: str | None, server: str, port: str, script: str) -> str:
    where = {"wsgi.url_scheme": scheme, "SERVER_NAME": server, "SERVER_PORT": port, "SCRIPT_NAME": script}
    said = {} if host is None else {"HTTP_HOST": host}
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "wsgi.input": BytesIO(), **where, **said}
    return base_url(WSGIRequest(environ))


def absolute_url(request: HttpRequest) -> str:
    """The request's own address as the client wrote it, without the query."""
    return base_url(request) + escape_uri_path(request.path_info)

"""The address under which clients reach us: as configured, or else as the request itself says."""

from django.conf import settings
from django.http import HttpRequest
from django.utils.encoding import escape_uri_path


def base_url(request: HttpRequest) -> str:
    """Without a slash at its end. Raises Django's `DisallowedHost` (a 400) for a Host header that is no host."""
    configured: str = settings.ENVIRONMENT.public_url
    return configured or f"{request.scheme}://{request.get_host()}{request.META.get('SCRIPT_NAME', '').rstrip('/')}"


def absolute_url(request: HttpRequest) -> str:
    """The request's own address as the client wrote it, without the query."""
    return base_url(request) + escape_uri_path(request.path_info)

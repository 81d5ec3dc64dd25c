"""One request to a WSGI application, as the server makes it."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def call(
    application: Callable[..., Any], path: str, *, method: str = "GET", body: bytes | None = None, **headers: str
) -> Answer:
    parts, started = urlsplit(path), []
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": unquote(parts.path),
        "QUERY_STRING": parts.query,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "HTTP_HOST": "testserver",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body or b""),
        **({} if body is None else {"CONTENT_LENGTH": str(len(body))}),
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
    }
    answer = b"".join(application(environ, lambda status, found: started.append((status, dict(found)))))
    ((status, found),) = started
    return Answer(int(status.split()[0]), found, answer)

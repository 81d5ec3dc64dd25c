"""HTTP as it is on the wire: no redirects followed, no address tidied, every header kept."""

import base64
import http.client
import json
import re
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

FORM = "application/x-www-form-urlencoded"
PART = re.compile(r'<([^<>\s]+)>; rel="([a-z]+)"')  # exactly what the strictest known client takes


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body.decode("utf-8"))

    @property
    def total(self) -> int:
        return int(self.headers["X-Total-Count"])

    @property
    def links(self) -> dict[str, str]:
        """The Link header as a strict client reads it: split at every comma, each part exactly `<url>; rel="x"`."""
        found = {}
        for part in (self.headers["Link"] or "").split(","):
            if part.strip():
                match = PART.fullmatch(part.strip())
                assert match, f"not a strict link: {part!r}"
                assert match[2] not in found, f"two links for {match[2]}"
                found[match[2]] = match[1]
        return found

    def __str__(self) -> str:
        return f"{self.status} {self.body[:600]!r}"


def call(url: str, *, method: str = "GET", headers: dict[str, str] | None = None, body: str | None = None) -> Answer:
    """One request. The address goes out as it is given."""
    parts = urlsplit(url)
    target = url[len(f"{parts.scheme}://{parts.netloc}") :] or "/"
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    try:
        connection.request(method, target, body=body, headers=headers or {})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def now() -> float:
    """The clock that client and server share: both are this machine."""
    return time.time()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def basic(name: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


def query(**params: object) -> str:
    """Query parameters with spaces as %20, which every server understands."""
    return urlencode({k: str(v) for k, v in params.items()}, quote_via=quote)


def ask_for_token(url: str, *, headers: dict[str, str] | None = None, **form: str) -> Answer:
    return call(url, method="POST", headers={"Content-Type": FORM} | (headers or {}), body=urlencode(form))

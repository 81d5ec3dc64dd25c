"""What a warm page spends on its total, seen from inside: the application is called without a server in between."""

import io
import time
from statistics import median
from typing import Any

_REQUESTS = 60
_WARM = 5


def time_of_total(token: str, path: str, query: str) -> float:
    """Milliseconds per page of 1000 between asking for a total and having it: the look-up of the listing."""
    from schoolpassport.config.wsgi import application  # noqa: PLC0415 (Django is set up by now)
    from schoolpassport.sharing import listings  # noqa: PLC0415 (not before Django is set up)

    spent: list[float] = []
    original = listings.Cache.get

    def timed(self: Any, key: Any) -> Any:
        begun = time.perf_counter()
        found = original(self, key)
        spent.append(time.perf_counter() - begun)
        return found

    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": "&".join(q for q in ("limit=1000", query) if q),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "HTTP_AUTHORIZATION": f"Bearer {token}",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
    }
    listings.Cache.get = timed  # type: ignore[method-assign]  # no types come with it
    try:
        pages = []
        for number in range(_REQUESTS):
            spent.clear()
            answer = b"".join(application(dict(environ), lambda *_: bytes))
            assert b'"users"' in answer[:20], answer[:300]
            if number >= _WARM:
                pages.append(sum(spent))
    finally:
        listings.Cache.get = original  # type: ignore[method-assign]  # no types come with it
    return median(pages) * 1000

"""Answers of many lines, all of one revision, sent while they are read."""

import zlib
from collections.abc import Iterator
from typing import Final

from django.http import HttpRequest, StreamingHttpResponse

_GZIP: Final = 31  # zlib's word for the format of gzip, with the widest window


class BrokenOff(RuntimeError):
    """The revision cannot be read any more: the rest of a stream would be of another."""


def streamed(request: HttpRequest, lines: Iterator[bytes], *, revision: int) -> StreamingHttpResponse:
    headers = {"Cache-Control": "no-store", "X-Revision": str(revision), "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        lines, headers["Content-Encoding"] = _zipped(lines), "gzip"
    return StreamingHttpResponse(lines, content_type="application/x-ndjson", headers=headers)


def _zipped(lines: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(level=5, wbits=_GZIP)
    for each in lines:
        if packed := packer.compress(each):
            yield packed
    yield packer.flush()

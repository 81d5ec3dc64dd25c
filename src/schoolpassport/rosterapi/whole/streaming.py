"""Answers of many lines, all of one revision, sent while they are read."""

import re
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol

from django.http import HttpRequest, StreamingHttpResponse

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_GZIP: Final = 31  # zlib's word for the format of gzip, with the widest window
_GZIP_EFFORT: Final = 5
# Windows of 2 MB; RFC 9659 lets clients refuse more than 8. Of an export of 60 MB gzip makes 4.5 MB in 0.32 s of the
# processor; this 3.0 MB in 0.08 s, level 5 2.7 MB in 0.2 s, level 1 3.2 MB in 0.05 s.
_ZSTD_EFFORT: Final = 3
_OFFER = re.compile(
    r"\s*([!#$%&'*+.^_`|~0-9a-z-]+)\s*(?:;\s*q\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*)?", re.ASCII
)


class BrokenOff(RuntimeError):
    """The revision cannot be read any more: the rest of a stream would be of another."""


class _Packer(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


def _gzip() -> _Packer:
    return zlib.compressobj(level=_GZIP_EFFORT, wbits=_GZIP)


def _zstd() -> _Packer:
    """With a checksum at the end, as gzip has one."""
    parameter = zstd.CompressionParameter
    return zstd.ZstdCompressor(options={parameter.compression_level: _ZSTD_EFFORT, parameter.checksum_flag: 1})


_PACKERS: Mapping[str, Callable[[], _Packer]] = {"zstd": _zstd, "gzip": _gzip}  # of two as welcome, the first
CODINGS: Final = tuple(_PACKERS)


def streamed(request: HttpRequest, lines: Iterator[bytes], *, revision: int) -> StreamingHttpResponse:
    headers = {"Cache-Control": "no-store", "X-Revision": str(revision), "Vary": "Accept-Encoding"}
    if coding := _welcome(request.headers.get("Accept-Encoding", "")):
        lines, headers["Content-Encoding"] = _packed(lines, _PACKERS[coding]()), coding
    return StreamingHttpResponse(lines, content_type="application/x-ndjson", headers=headers)


def _welcome(accepted: str) -> str:
    """The coding that a client would like best (RFC 9110, 12.5.3); empty: as it is.

    Only what it names is sent: ``*`` is also said by those who unpack nothing.
    """
    offers = (_OFFER.fullmatch(each) for each in accepted.lower().split(","))
    liked = {found[1]: float(found[2] or 1) for found in offers if found}
    best = max(_PACKERS, key=lambda coding: liked.get(coding, 0))
    return best if liked.get(best, 0) > 0 and liked[best] >= liked.get("identity", 0) else ""


def _packed(lines: Iterator[bytes], packer: _Packer) -> Iterator[bytes]:
    for each in lines:
        if packed := packer.compress(each):
            yield packed
    yield packer.flush()

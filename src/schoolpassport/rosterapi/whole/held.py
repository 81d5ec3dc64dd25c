"""What a client says that it holds: lines of ids and hashes, read within limits into a file for the database."""

import zlib
from collections.abc import Collection, Iterator
from http import HTTPStatus
from typing import IO, Annotated, Final
from uuid import UUID

import msgspec
from django.http import HttpRequest, UnreadablePostError

from schoolpassport.rosterapi.visits import Trouble

MOST_SENT: Final = 128 << 20
MOST_UNPACKED: Final = 1 << 30
LONGEST_LINE: Final = 1000
_BLOCK: Final = 1 << 16
_GZIP: Final = 31  # zlib's word for the format of gzip, with the widest window
_LIKE: Final = '{"sourcedId": "…", "hash": "…"} with a GG4L ID and 64 hexadecimal digits'


class _Line(msgspec.Struct, rename="camel", gc=False):
    sourced_id: UUID
    hash: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]


_read = msgspec.json.Decoder(_Line).decode


def write(request: HttpRequest, into: IO[bytes], *, buckets: Collection[str] | None) -> None:
    """Number, id and hash of each line, with tabs between. Raises ``Trouble``, with the line where there is one.

    What was sent is read to its end all the same: many clients hear nothing before they have sent everything.
    """
    _check_length(request)
    try:
        _write(request, into, buckets)
    except Trouble:
        for _ in _blocks(request):
            pass
        raise


def _write(request: HttpRequest, into: IO[bytes], buckets: Collection[str] | None) -> None:
    for place, line in enumerate(_lines(_content(request)), 1):
        if not line.strip():
            continue
        try:
            found = _read(line)
        except msgspec.MsgspecError:
            raise Trouble(HTTPStatus.BAD_REQUEST, f"Line {place} is not like {_LIKE}.") from None
        id_ = str(found.sourced_id)
        if buckets is not None and id_[-3:] not in buckets:
            sentence = f"Line {place} is of a record in bucket {id_[-3:]}, which buckets does not name."
            raise Trouble(HTTPStatus.BAD_REQUEST, sentence)
        into.write(f"{place}\t{id_}\t\\\\x{found.hash}\n".encode())


def _check_length(request: HttpRequest) -> None:
    """More than is said is never read."""
    length = request.headers.get("Content-Length", "")
    if not length.isdecimal():
        raise Trouble(HTTPStatus.LENGTH_REQUIRED, "Say how much you send (Content-Length).")
    if int(length) > MOST_SENT:
        raise _too_much(MOST_SENT, "sent")


def _content(request: HttpRequest) -> Iterator[bytes]:
    blocks = _blocks(request)
    match request.headers.get("Content-Encoding", "identity").strip().lower():
        case "identity":
            return blocks
        case "gzip":
            return _limited(_unpacked(blocks))
        case _:
            raise Trouble(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send it as it is, or as gzip.")


def _blocks(request: HttpRequest) -> Iterator[bytes]:
    try:
        while block := request.read(_BLOCK):
            yield block
    except UnreadablePostError:
        raise Trouble(HTTPStatus.BAD_REQUEST, "What you sent broke off.") from None


def _limited(blocks: Iterator[bytes]) -> Iterator[bytes]:
    taken = 0
    for block in blocks:
        taken += len(block)
        if taken > MOST_UNPACKED:
            raise _too_much(MOST_UNPACKED, "unpacked")
        yield block


def _too_much(most: int, what: str) -> Trouble:
    sentence = f"More than {most >> 20} MB {what} at once are too many; send it bucket by bucket."
    return Trouble(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, sentence)


def _unpacked(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """However well something is packed, no more than a block of it is unpacked at once."""
    unpacker = zlib.decompressobj(wbits=_GZIP)
    try:
        for block in blocks:
            rest = block
            while rest:
                yield unpacker.decompress(rest, _BLOCK)
                rest = unpacker.unconsumed_tail
                if unpacker.unused_data or (rest and unpacker.eof):
                    raise Trouble(HTTPStatus.BAD_REQUEST, "Behind the end of the gzip that you sent there is more.")
        yield unpacker.flush()
    except zlib.error:
        raise Trouble(HTTPStatus.BAD_REQUEST, "What you sent is no gzip.") from None
    if not unpacker.eof:
        raise Trouble(HTTPStatus.BAD_REQUEST, "What you sent as gzip broke off.")


def _lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    rest, place = b"", 1
    for block in blocks:
        *whole, rest = (rest + block).split(b"\n")
        yield from whole
        place += len(whole)
        if len(rest) > LONGEST_LINE:
            raise Trouble(HTTPStatus.BAD_REQUEST, f"Line {place} has more than {LONGEST_LINE} bytes.")
    if rest:
        yield rest

"""Text files of unknown encoding, as UTF-8 with line feeds: read as what they surely are, or not at all.

Streams: memory is bounded whatever the size. Lines keep their numbers.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_BLOCK = 1 << 20
_SHOWN = 4096  # bytes by which a web page shows what it is
_BOMS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
ENCODINGS: Final = ("utf-8", "utf-16-le", "utf-16-be", "windows-1252")
WEB_PAGE: Final = "is a web page (HTML), whatever its name says."
AS_A_TABLE: Final = "Open it in a spreadsheet program, and save it as .xlsx or as CSV."
_NOT_1252 = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x81\x8d\x8f\x90\x9d]")
_WEB_PAGE = re.compile(
    rb"(mime-version:|(<\?xml[^>]*>\s*)?((?><!--.*?-->)\s*)*+<(!doctype html|html|head|body|meta|style|table)\b)",
    re.IGNORECASE | re.DOTALL,
)
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
_PAIR = re.compile(rb"[\xc3-\xdf][\x80-\xbf]|[\xe2-\xef][\x80-\xbf]{2}")


class NoText(ValueError):
    """The sentence says what the file seems to be; the caller puts its name before it."""


def is_web_page(start: bytes) -> bool:
    """Whether a file begins as HTML does, which many systems save under the name of a spreadsheet."""
    return _WEB_PAGE.match(_plain(start[:_SHOWN]).lstrip()) is not None


def is_text(start: bytes) -> bool:
    """Whether a file begins as text does, in any encoding."""
    return bool(start) and _BINARY.search(_plain(start)) is None


def _plain(start: bytes) -> bytes:
    """Without a mark, and without the half of UTF-16 that is no letter."""
    mark = next((m for m, _ in _BOMS if start.startswith(m)), b"")
    rest = start.removeprefix(mark)
    return rest.replace(b"\0", b"") if mark in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE} else rest


@dataclass(frozen=True, kw_only=True)
class Text:
    """``path``: the file itself where it is as it should be, else a copy. ``guessed``: nothing in it tells for sure."""

    path: Path
    encoding: str
    guessed: bool


def as_utf8(path: Path, *, into: Path, encoding: str = "") -> Text:
    """The file in UTF-8 without a mark, its lines ended by line feeds. Writes ``into`` when it must be made so.

    ``encoding``: what it is, where somebody knows; else it is found out. Raises ``NoText``.
    """
    with path.open("rb") as file:
        start = file.read(_BLOCK)
    if is_web_page(start):
        raise NoText(f"{WEB_PAGE} {AS_A_TABLE}")
    mark, marked = next(((m, name) for m, name in _BOMS if start.startswith(m)), (b"", ""))
    guessed = False
    if encoding and marked and encoding != marked:
        raise NoText(f"begins with the mark of {marked}, but is set to {encoding}.")
    encoding = encoding or marked
    if not encoding:
        encoding, guessed = _found(path)
    old_mac = b"\r" in start and b"\n" not in start and "16" not in encoding
    if encoding == "utf-8" and not mark and not old_mac and _is_utf8(path):
        return Text(path=path, encoding=encoding, guessed=False)
    try:
        with into.open("w", encoding="utf-8", newline="") as out:
            for text in _decoded(path, "cp1252" if encoding == "windows-1252" else encoding, len(mark)):
                out.write(text.replace("\r", "\n") if old_mac else text)
    except UnicodeDecodeError as error:
        raise NoText(f"is no text in {encoding} (byte {error.start + 1:,} of a block). Save it as UTF-8.") from error
    return Text(path=into, encoding=encoding, guessed=guessed)


def _decoded(path: Path, encoding: str, skip: int) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as file:
        file.seek(skip)
        while block := file.read(_BLOCK):
            yield decoder.decode(block)
        yield decoder.decode(b"", final=True)


def _is_utf8(path: Path) -> bool:
    try:
        for _ in _decoded(path, "utf-8", 0):
            pass
    except UnicodeDecodeError:
        return False
    return True


def _found(path: Path) -> tuple[str, bool]:
    high, pairs = 0, 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            if b"\0" in block:
                raise NoText("is no text: it holds binary data. Save it as CSV (UTF-8).")
            high += len(block) - len(block.translate(None, bytes(range(128, 256))))
            pairs += sum(map(len, _PAIR.findall(block)))
    if _is_utf8(path):
        return "utf-8", False
    if pairs * 2 > high:
        raise NoText("is UTF-8 in most places and broken in others. Export it again as UTF-8.")
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            if _NOT_1252.search(block):
                raise NoText("is neither UTF-8 nor Windows-1252 text. Save it as CSV (UTF-8).")
    return "windows-1252", True

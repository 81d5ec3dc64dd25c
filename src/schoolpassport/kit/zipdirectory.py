"""The directory of a zip file, read strictly: what it says it holds, and where the bytes of each member lie.

The standard library's reader trusts more than we may: it accepts members that share bytes (a bomb of 120 KB that claims
20 GB), data before and after the archive, and a local header that says something else than the directory. Here a zip
file is read one way or refused, so nobody can show one thing to us and another to a virus scanner.
Follows PKWARE's APPNOTE.TXT 6.3, sections 4.3 to 4.5, with ZIP64.
"""

import os
import re
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final, Never

from schoolpassport.kit.plaintext import AS_A_TABLE, WEB_PAGE, is_text, is_web_page
from schoolpassport.kit.refusal import Code, PackageRefused

STORED, DEFLATED = 0, 8
_METHODS: Final = {
    1: "Shrink",
    6: "Implode",
    9: "Deflate64",
    12: "bzip2",
    14: "LZMA",
    93: "Zstandard",
    95: "XZ",
    98: "PPMd",
}

_END: Final = struct.Struct("<4s4H2LH")
_END64_LOCATOR: Final = struct.Struct("<4sLQL")
_END64: Final = struct.Struct("<4sQ2H2L4Q")
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
_LOCAL: Final = struct.Struct("<4s5H3L2H")
_MAX_COMMENT = 0xFFFF
_BEGINNING = 1024  # bytes by which a file shows what it is
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # how files of old Office programs begin, and encrypted ones
_NAMED_A_WORKBOOK: Final = re.compile(r"\.xls[xmb]?$", re.IGNORECASE)
_MAX_DIRECTORY_BYTES_PER_MEMBER = 4096
_16, _32 = 0xFFFF, 0xFFFFFFFF
_ZIP64_EXTRA = 1
_ENCRYPTED = 1 << 0 | 1 << 6 | 1 << 13
_SIZES_FOLLOW = 1 << 3
_PATCHED = 1 << 5
_UTF8 = 1 << 11


@dataclass(frozen=True)
class Entry:
    """One member, as the directory and its local header agree on it."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    header_at: int
    mode: int
    data_at: int = 0

    @property
    def is_folder(self) -> bool:
        return self.name.endswith("/")

    @property
    def is_special(self) -> bool:
        """Whether it is anything else than an ordinary file or an empty folder entry, or cannot decide which."""
        if self.is_folder and self.size > 0:
            return True
        return stat.S_IFMT(self.mode) not in {0, stat.S_IFDIR if self.is_folder else stat.S_IFREG}


@dataclass(frozen=True)
class Wanted:
    """What a file should be that is read as a zip file, and what to do where it is something else.

    `table`: it may also be a table by itself, of another make.
    """

    what: str = "zip file"
    otherwise: str = "Send a zip file with the CSV files at its root."
    table: bool = False


PACKAGE: Final = Wanted()


@dataclass(frozen=True)
class _Where:
    """Where the directory lies, and what the file is called in sentences."""

    package: str
    count: int
    at: int
    size: int


def read_directory(file: BinaryIO, *, path: Path, most: int, wanted: Wanted = PACKAGE) -> list[Entry]:
    """All entries in the order of the directory, folders and ignorable ones included. Raises `PackageRefused`.

    At most `most` of them are read, whatever the file claims, so the memory for it is bounded.
    """
    where = _find(file, path.name, wanted)
    if where.count > most or where.size > most * _MAX_DIRECTORY_BYTES_PER_MEMBER:
        raise PackageRefused(
            Code.TOO_MANY_MEMBERS,
            f"{where.package}: the zip file holds {where.count} members; a package has one file per kind of record. "
            "Send only the CSV files.",
        )
    file.seek(where.at)
    directory = file.read(where.size)
    entries = [_with_data(file, entry, where) for entry in _entries(directory, where)]
    _refuse_overlap(entries, where)
    return entries


def _damaged(package: str, what: str) -> Never:
    raise PackageRefused(
        Code.DAMAGED, f"{package}: the zip file is damaged or was cut off ({what}). Make it again and send it again."
    )


# ------------------------------------------------------------------------------------------------ finding the directory


def _find(file: BinaryIO, package: str, wanted: Wanted) -> _Where:
    end = file.seek(0, os.SEEK_END)
    tail_at = max(0, end - _MAX_COMMENT - _END.size)
    file.seek(tail_at)
    tail = file.read(_MAX_COMMENT + _END.size)
    # The comment must fill the file to its last byte. A comment that holds an end record of its own is a trick.
    found = [at for at in _places(tail, b"PK\5\6") if at + _END.size + _comment_length(tail, at) == len(tail)]
    if len(found) != 1:
        file.seek(0)
        begins = file.read(_BEGINNING)
        if begins.startswith(b"PK"):
            _damaged(package, "its end is missing" if not found else "it has two ends")
        raise PackageRefused(Code.NOT_A_PACKAGE, f"{package} {_something_else(package, begins, wanted)}")
    _, disk, directory_disk, here, count, size, at, _ = _END.unpack_from(tail, found[0])
    end_at = tail_at + found[0]
    if _16 in {disk, directory_disk, here, count} or _32 in {size, at}:
        return _find64(file, package, end_at)
    return _checked(_Where(package, count, at, size), disks=(disk, directory_disk), here=here, end_at=end_at)


def _something_else(package: str, begins: bytes, wanted: Wanted) -> str:
    """What a file is that is no zip file, and what to do. Programs name web pages and CSV like workbooks."""
    if begins.startswith(_OLE):
        return "is a workbook of Excel 97 to 2003, or has a password. Save it as .xlsx without one."
    if is_web_page(begins):
        return f"{WEB_PAGE} {AS_A_TABLE if wanted.table else wanted.otherwise}"
    if wanted.table and _NAMED_A_WORKBOOK.search(package) and is_text(begins):
        return (
            "is text, as CSV is, and no workbook. Give it a name that ends in .csv, or save it as a workbook (.xlsx)."
        )
    return f"is not a {wanted.what}. {wanted.otherwise}"


def _find64(file: BinaryIO, package: str, end_at: int) -> _Where:
    locator_at = end_at - _END64_LOCATOR.size
    if locator_at < 0:
        _damaged(package, "its ZIP64 end is missing")
    signature, _, record_at, disks = _END64_LOCATOR.unpack(_read_at(file, package, locator_at, _END64_LOCATOR.size))
    if signature != b"PK\6\7" or disks > 1 or not 0 <= record_at <= locator_at - _END64.size:
        _damaged(package, "its ZIP64 end is missing")
    record = _END64.unpack(_read_at(file, package, record_at, _END64.size))
    signature, length, _, _, disk, directory_disk, here, count, size, at = record
    if signature != b"PK\6\6" or record_at + 12 + length != locator_at:
        _damaged(package, "its ZIP64 end is wrong")
    return _checked(_Where(package, count, at, size), disks=(disk, directory_disk), here=here, end_at=record_at)


def _checked(where: _Where, *, disks: tuple[int, int], here: int, end_at: int) -> _Where:
    if disks != (0, 0) or here != where.count:
        _damaged(where.package, "it is one part of several")
    if where.at + where.size != end_at:
        _damaged(where.package, "its directory is not where it should be")
    return where


def _places(tail: bytes, signature: bytes) -> Iterator[int]:
    at = tail.find(signature)
    while at >= 0:
        if at + _END.size <= len(tail):
            yield at
        at = tail.find(signature, at + 1)


def _comment_length(tail: bytes, at: int) -> int:
    return int.from_bytes(tail[at + 20 : at + 22], "little")


def _read_at(file: BinaryIO, package: str, at: int, size: int) -> bytes:
    file.seek(at)
    found = file.read(size)
    if len(found) != size:
        _damaged(package, "it ends too early")
    return found


# -------------------------------------------------------------------------------------------------- reading its entries


def _entries(directory: bytes, where: _Where) -> Iterator[Entry]:
    at = 0
    for _ in range(where.count):
        if at + _CENTRAL.size > len(directory):
            _damaged(where.package, "its directory is too short")
        fields = _CENTRAL.unpack_from(directory, at)
        names_at = at + _CENTRAL.size
        name_length, extra_length, comment_length = fields[10:13]
        at = names_at + name_length + extra_length + comment_length
        if fields[0] != b"PK\1\2" or at > len(directory):
            _damaged(where.package, "its directory is wrong")
        raw_name = directory[names_at : names_at + name_length]
        extra = directory[names_at + name_length : names_at + name_length + extra_length]
        yield _entry(fields, raw_name, extra, where)
    if at != len(directory):
        _damaged(where.package, "its directory is too long")


def _entry(fields: tuple[int, ...], raw_name: bytes, extra: bytes, where: _Where) -> Entry:
    flags, method = fields[3:5]
    crc, packed, size = fields[7:10]
    disk, attributes, header_at = fields[13], fields[15], fields[16]
    name = _decoded(raw_name, flags, where)
    size, packed, header_at = _widened([size, packed, header_at], extra, where)
    if disk not in {0, _16}:
        _damaged(where.package, "it is one part of several")
    _refuse_unreadable(name, flags, method, where)
    if method == STORED and packed != size:
        _damaged(where.package, f"{name!r} has two sizes")
    mode = attributes >> 16
    return Entry(name, raw_name, flags, method, crc, packed, size, header_at, mode)


def _decoded(raw_name: bytes, flags: int, where: _Where) -> str:
    try:
        return raw_name.decode("utf-8")
    except UnicodeDecodeError:
        if not flags & _UTF8:
            # The standard's way without the flag; but programs on Unix write UTF-8 and forget the flag.
            return raw_name.decode("cp437")
        raise PackageRefused(
            Code.UNSAFE_NAME, f"{where.package}: the member {raw_name!r} has a name that cannot be read. Rename it."
        ) from None


def _widened(values: list[int], extra: bytes, where: _Where) -> list[int]:
    """Sizes and offset, from the ZIP64 extra field where the directory says so (APPNOTE 4.5.3)."""
    wide = _zip64_extra(extra, where)
    widened = []
    for value in values:
        if value != _32:
            widened.append(value)
            continue
        if len(wide) < 8:  # noqa: PLR2004 (a 64-bit number)
            _damaged(where.package, "its ZIP64 sizes are missing")
        widened.append(int.from_bytes(wide[:8], "little"))
        wide = wide[8:]
    return widened


def _zip64_extra(extra: bytes, where: _Where) -> bytes:
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if at + 4 + length > len(extra):
            _damaged(where.package, "an extra field is too long")
        if kind == _ZIP64_EXTRA:
            return extra[at + 4 : at + 4 + length]
        at += 4 + length
    return b""


def _refuse_unreadable(name: str, flags: int, method: int, where: _Where) -> None:
    if flags & _ENCRYPTED:
        raise PackageRefused(
            Code.ENCRYPTED,
            f"{where.package}: {name!r} is encrypted. Send the package without a password; the way it is sent is safe.",
        )
    if method not in {STORED, DEFLATED} or flags & _PATCHED:
        raise PackageRefused(
            Code.UNSUPPORTED,
            f"{where.package}: {name!r} is compressed by a method that is not supported "
            f"({_METHODS.get(method, f'number {method}')}). Make the zip file with the usual method, Deflate.",
        )


def _with_data(file: BinaryIO, entry: Entry, where: _Where) -> Entry:
    """The entry with the place of its bytes, from its local header, which must say the same as the directory."""
    if entry.header_at + _LOCAL.size > where.at:
        _damaged(where.package, f"{entry.name!r} lies outside")
    header = _LOCAL.unpack(_read_at(file, where.package, entry.header_at, _LOCAL.size))
    signature, _, flags, method, _, _, crc, packed, size, name_length, extra_length = header
    raw_name = _read_at(file, where.package, entry.header_at + _LOCAL.size, name_length)
    same = (signature, method, raw_name) == (b"PK\3\4", entry.method, entry.raw_name)
    if not same or (flags ^ entry.flags) & (_ENCRYPTED | _PATCHED | _SIZES_FOLLOW):
        _damaged(where.package, f"{entry.name!r} is described in two ways")
    if not flags & _SIZES_FOLLOW and not (
        crc == entry.crc and packed in {entry.packed, _32} and size in {entry.size, _32}
    ):
        _damaged(where.package, f"{entry.name!r} is described in two ways")
    data_at = entry.header_at + _LOCAL.size + name_length + extra_length
    if data_at + entry.packed > where.at:
        _damaged(where.package, f"{entry.name!r} lies outside")
    return replace(entry, data_at=data_at)


def _refuse_overlap(entries: list[Entry], where: _Where) -> None:
    last: Entry | None = None
    for entry in sorted(entries, key=lambda each: (each.header_at, each.data_at)):
        if last and entry.header_at < last.data_at + last.packed:
            raise PackageRefused(
                Code.OVERLAP,
                f"{where.package}: {last.name!r} and {entry.name!r} share the same bytes, as in a zip bomb. "
                "Make the zip file again with an ordinary program.",
            )
        last = entry

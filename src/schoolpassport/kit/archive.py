"""Packages from outside, a zip file or a folder, read without trusting them.

Nothing is unpacked before the whole directory was judged, and while unpacking only the bytes count that really come,
not what headers claim. Memory is bounded whatever the package holds.
"""

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import stat
import sys
import unicodedata
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from io import BufferedReader, BufferedWriter
from pathlib import Path
from typing import Final, Never, Protocol

from schoolpassport.kit.plaintext import AS_A_TABLE
from schoolpassport.kit.refusal import Code, PackageRefused
from schoolpassport.kit.zipdirectory import DEFLATED, PACKAGE, Entry, Wanted, read_directory

__all__ = [
    "USUAL",
    "WITH_WORKBOOKS",
    "Budget",
    "Code",
    "Package",
    "PackageRefused",
    "check_workbook",
    "open_package",
]

MB, GB = 1024**2, 1024**3
_READ = MB
_PEEK = 1024
_LONGEST_NAME = 255
_DIRECTORY_FACTOR = 10
"""Folders and the files that macOS adds are not members, but reading their names costs too."""

_ARCHIVE_NAME = re.compile(
    r"\.(zip|zipx|jar|xlsx|xlsm|gz|tgz|bz2|tbz2?|xz|txz|zst|lz4?|lzma|z|tar|7z|rar|cab|iso|dmg)$", re.IGNORECASE
)
_ARCHIVE_MAGIC: Final = (
    (0, b"PK\3\4"),
    (0, b"PK\5\6"),
    (0, b"\x1f\x8b"),
    (0, b"\x1f\x9d"),
    (0, b"BZh"),
    (0, b"\xfd7zXZ\0"),
    (0, b"7z\xbc\xaf\x27\x1c"),
    (0, b"Rar!\x1a\x07"),
    (0, b"\x28\xb5\x2f\xfd"),
    (0, b"MSCF\0\0\0\0"),
    (257, b"ustar"),
)
_BZIP2_BLOCK = b"1AY&SY"
_WORKBOOK = re.compile(r"\.xls[xm]$", re.IGNORECASE)
_TABLE = re.compile(r"\.(csv|tsv|txt|xls[xm])$", re.IGNORECASE)


@dataclass(frozen=True)
class Budget:
    """How much a package may hold. The ratio counts from `ratio_from_bytes` on: small files may repeat themselves.

    `workbooks`: Excel files may be in it (each is judged by `check_workbook` before it is opened), and a single table
    is a package, too.
    """

    max_members: int = 100
    max_member_bytes: int = 10 * GB
    max_total_bytes: int = 20 * GB
    max_ratio: int = 100
    ratio_from_bytes: int = 10 * MB
    workbooks: bool = False


USUAL: Final = Budget()
WITH_WORKBOOKS: Final = Budget(workbooks=True)
_TABLES: Final = Wanted(
    otherwise="Send a table (.csv, .tsv, .txt, .xlsx or .xlsm), or a zip file with such tables at its root.", table=True
)
_WORKBOOK_ITSELF: Final = Wanted(what="workbook of Excel (.xlsx)", otherwise=AS_A_TABLE, table=True)
_PACKED: Final = "an archive or a spreadsheet. Put the CSV files into the package themselves, not packed again."
_PACKED_TABLES: Final = (
    "an archive, or a workbook under another name. Put the tables into the package themselves, not packed again; call "
    "a workbook .xlsx."
)
_OF_A_WORKBOOK: Final = Budget(max_members=1_000, max_member_bytes=2 * GB, max_total_bytes=4 * GB)


class _Source(Protocol):
    def digest(self) -> str: ...

    def chunks(self, name: str, size: int) -> Iterator[bytes]: ...

    def write(self, name: str, into: BufferedWriter) -> None: ...


@dataclass(frozen=True)
class Package:
    """A package that was judged and found safe. It is read again for each call; if it changed meanwhile, refused."""

    path: Path
    names: tuple[str, ...]
    _source: _Source = field(repr=False)

    def digest(self) -> str:
        """SHA-256 in hex: of the zip file's bytes, or of a folder's names, sizes and bytes in the order of names."""
        return self._source.digest()

    def extract(self, into: Path) -> dict[str, Path]:
        """Unpack all members as files of `into`, which must not exist or be empty. All or nothing: a rename at the end.

        Raises `PackageRefused` for what only shows when unpacking (a wrong check sum, more bytes than announced).
        """
        unfinished = into.with_name(f".{into.name}.{secrets.token_hex(8)}")
        unfinished.mkdir(mode=0o700, parents=True)
        try:
            for name in self.names:
                with _new(unfinished / name) as file:
                    self._source.write(name, file)
            unfinished.rename(into)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        return {name: into / name for name in self.names}


def open_package(path: Path, *, budget: Budget = USUAL) -> Package:
    """Judge the zip file or folder at `path`. Raises `PackageRefused`; after that, reading is safe and bounded."""
    try:
        path = path.resolve()
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            return _judged(path, _folder(path, budget), budget)
        if stat.S_ISREG(found.st_mode) and budget.workbooks and _TABLE.search(path.name):
            return _judged(path, _single(path, budget), budget)
        if stat.S_ISREG(found.st_mode):
            return _judged(path, _zip(path, budget), budget)
    except (OSError, ValueError, RuntimeError) as error:
        # Python tells a NUL in the path by ValueError, and a circle of links by RuntimeError.
        raise _unreadable(path, error) from error
    raise PackageRefused(Code.NOT_A_PACKAGE, f"{path.name!r} is neither a zip file nor a folder. Name one of these.")


def check_workbook(path: Path) -> None:
    """Judge an Excel file, which is a zip file with XML in it, by the same rules. Raises `PackageRefused`."""
    with _opened(path, None) as file:
        entries = read_directory(file, path=path, most=_OF_A_WORKBOOK.max_members, wanted=_WORKBOOK_ITSELF)
    for entry in entries:
        _refuse_unsafe_name(path.name, entry.name)
        if entry.is_special:
            raise _special(path.name, entry.name)
    _refuse_bad_names(path.name, [entry.name for entry in entries])
    _refuse_size(path.name, {entry.name: entry.size for entry in entries}, _OF_A_WORKBOOK)
    _refuse_ratio(path.name, entries, _OF_A_WORKBOOK)


def _judged(path: Path, source: "_Zip | _Folder", budget: Budget) -> Package:
    """The judgement that needs the first bytes of each member."""
    names = tuple(source.members)
    for name in names:
        if budget.workbooks and _WORKBOOK.search(name):
            continue
        if _is_archive(name, next(source.chunks(name, _PEEK), b"")):
            what = _PACKED_TABLES if budget.workbooks else _PACKED
            raise PackageRefused(Code.NESTED, f"{path.name}: {name!r} is itself {what}")
    return Package(path=path, names=names, _source=source)


def _is_archive(name: str, start: bytes) -> bool:
    magic = any(start[at : at + len(sign)] == sign for at, sign in _ARCHIVE_MAGIC)
    if start.startswith(b"BZh"):
        magic = start[4:10] == _BZIP2_BLOCK
    return magic or _ARCHIVE_NAME.search(name) is not None


def _unreadable(path: Path, error: Exception) -> PackageRefused:
    code = Code.MISSING if isinstance(error, FileNotFoundError) else Code.NOT_A_PACKAGE
    reason = error.strerror if isinstance(error, OSError) else "its path makes no sense"
    return PackageRefused(code, f"{path.name!r} cannot be read: {reason}. Check its name and its permissions.")


def _changed(path: Path) -> Never:
    raise PackageRefused(
        Code.CHANGED, f"{path.name} changed while it was read. Wait until it is completely there, then send it again."
    )


# ------------------------------------------------------------------------------------------------------ names and sizes


def _refuse_unsafe_name(package: str, name: str) -> None:
    parts = name.removesuffix("/").split("/")
    reason = None
    if any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} for character in name):
        reason = "holds invisible characters"
    elif "\\" in name or ":" in name:
        reason = "holds a backslash or a colon"
    elif any(part in {"", ".", ".."} for part in parts):
        reason = "is a path that leads elsewhere"
    elif any(len(os.fsencode(part)) > _LONGEST_NAME for part in parts):
        reason = "is too long"
    if reason:
        raise PackageRefused(
            Code.UNSAFE_NAME, f"{package}: the member name {name!r} {reason}. Give the files plain names, as users.csv."
        )


def _is_ignored(name: str) -> bool:
    """What macOS adds by itself."""
    return name.startswith("__MACOSX/") or name.rsplit("/", 1)[-1] == ".DS_Store"


def _refuse_bad_names(package: str, names: Iterable[str]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        # What file systems that ignore case, or the way an accent is written, would take for the same name.
        key = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
        other = seen.setdefault(key, name)
        if other is name:
            continue
        if other == name:
            raise PackageRefused(Code.DUPLICATE, f"{package}: {name!r} is there twice. Keep one of them.")
        raise PackageRefused(
            Code.CASE_CLASH, f"{package}: {other!r} and {name!r} are too much alike. Keep one of them."
        )


def _refuse_folders(package: str, names: Iterable[str]) -> None:
    inside = [name for name in names if "/" in name]
    if not inside:
        return
    folders = {name.split("/", 1)[0] for name in inside}
    one = next(iter(folders))
    how = (
        f"Open the folder {one!r}, select the files in it, and zip those"
        if len(folders) == 1
        else "Zip the files themselves"
    )
    raise PackageRefused(
        Code.IN_FOLDER,
        f"{package}: {inside[0]!r} is in a folder, but all files must lie at the root of the package. {how}.",
    )


def _refuse_size(package: str, sizes: dict[str, int], budget: Budget) -> None:
    if not sizes:
        raise PackageRefused(Code.EMPTY, f"{package} holds no files. Put the CSV files into it.")
    if len(sizes) > budget.max_members:
        raise PackageRefused(
            Code.TOO_MANY_MEMBERS,
            f"{package} holds {len(sizes)} files; {budget.max_members} are allowed. Send only the CSV files.",
        )
    largest = max(sizes, key=lambda name: sizes[name])
    for what, size, most in (
        (f"{package}: {largest!r}", sizes[largest], budget.max_member_bytes),
        (package, sum(sizes.values()), budget.max_total_bytes),
    ):
        if size > most:
            raise PackageRefused(
                Code.TOO_LARGE, f"{what} holds {size} bytes; {most} are allowed. Send less, or ask for a larger budget."
            )


# ------------------------------------------------------------------------------------------------------------ zip files


@dataclass(frozen=True)
class _Zip:
    path: Path
    stamp: tuple[int, ...]
    members: dict[str, Entry]

    def digest(self) -> str:
        with _opened(self.path, self.stamp) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def chunks(self, name: str, size: int) -> Iterator[bytes]:
        entry = self.members[name]
        with _opened(self.path, self.stamp) as file:
            file.seek(entry.data_at)
            packed = _exactly(file, entry.packed, size, lambda: self._damaged(name, "it ends too early"))
            yield from self._checked(entry, self._inflated(name, packed, size) if entry.method == DEFLATED else packed)

    def write(self, name: str, into: BufferedWriter) -> None:
        into.writelines(self.chunks(name, _READ))

    def _inflated(self, name: str, packed: Iterator[bytes], size: int) -> Iterator[bytes]:
        engine = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        pending = b""
        while not engine.eof:
            pending = pending or next(packed, b"")
            try:
                unpacked = engine.decompress(pending, size)
            except zlib.error:
                self._damaged(name, "its bytes make no sense")
            if not unpacked and not pending and not engine.eof:
                self._damaged(name, "it ends too early")
            pending = engine.unconsumed_tail
            if unpacked:
                yield unpacked
        if pending or engine.unused_data or next(packed, b""):
            self._damaged(name, "something is hidden behind it")

    def _checked(self, entry: Entry, unpacked: Iterator[bytes]) -> Iterator[bytes]:
        size, crc = 0, 0
        for chunk in unpacked:
            size += len(chunk)
            if size > entry.size:
                self._damaged(entry.name, "it holds more than it says")
            crc = zlib.crc32(chunk, crc)
            yield chunk
        if size != entry.size:
            self._damaged(entry.name, "it holds less than it says")
        if crc != entry.crc:
            raise PackageRefused(
                Code.BAD_CRC,
                f"{self.path.name}: {entry.name!r} was changed or damaged on its way (wrong check sum). Send it again.",
            )

    def _damaged(self, name: str, what: str) -> Never:
        raise PackageRefused(
            Code.DAMAGED, f"{self.path.name}: {name!r} is damaged: {what}. Make the zip file again and send it again."
        )


def _zip(path: Path, budget: Budget) -> _Zip:
    with _opened(path, None) as file:
        stamp = _stamp(os.fstat(file.fileno()))
        most, wanted = budget.max_members * _DIRECTORY_FACTOR, _TABLES if budget.workbooks else PACKAGE
        entries = read_directory(file, path=path, most=most, wanted=wanted)
    for entry in entries:
        _refuse_unsafe_name(path.name, entry.name)
        if entry.is_special:
            raise _special(path.name, entry.name)
    members = [entry for entry in entries if not entry.is_folder and not _is_ignored(entry.name)]
    _refuse_bad_names(path.name, [entry.name for entry in members])
    _refuse_folders(path.name, [entry.name for entry in members])
    _refuse_size(path.name, {entry.name: entry.size for entry in members}, budget)
    _refuse_ratio(path.name, members, budget)
    return _Zip(path=path, stamp=stamp, members={entry.name: entry for entry in members})


def _special(package: str, name: str) -> PackageRefused:
    return PackageRefused(
        Code.SPECIAL_FILE,
        f"{package}: {name!r} is a link, a device or otherwise no ordinary file. Put the file itself into the package.",
    )


def _refuse_ratio(package: str, members: list[Entry], budget: Budget) -> None:
    together = (package, sum(entry.size for entry in members), sum(entry.packed for entry in members))
    for what, size, packed in [
        *((f"{package}: {entry.name!r}", entry.size, entry.packed) for entry in members),
        together,
    ]:
        if size > budget.ratio_from_bytes and size > packed * budget.max_ratio:
            raise PackageRefused(
                Code.RATIO,
                f"{what} unpacks {packed} bytes to {size}, more than {budget.max_ratio} times as many, as in a zip "
                "bomb. If it is real, send it less compressed, or as a folder.",
            )


# -------------------------------------------------------------------------------------------------------------- folders


@dataclass(frozen=True)
class _Folder:
    path: Path
    members: dict[str, tuple[int, ...]]

    def digest(self) -> str:
        total = hashlib.sha256()
        for name in sorted(self.members):
            encoded = os.fsencode(name)
            with _opened(self.path / name, self.members[name]) as file:
                size = os.fstat(file.fileno()).st_size
                total.update(len(encoded).to_bytes(8, "big") + encoded + size.to_bytes(8, "big"))
                for chunk in _exactly(file, size, _READ, lambda: _changed(self.path)):
                    total.update(chunk)
        return total.hexdigest()

    def chunks(self, name: str, size: int) -> Iterator[bytes]:
        with _opened(self.path / name, self.members[name]) as file:
            yield from _exactly(file, os.fstat(file.fileno()).st_size, size, lambda: _changed(self.path))

    def write(self, name: str, into: BufferedWriter) -> None:
        if sys.platform != "linux":
            into.writelines(self.chunks(name, _READ))
            return
        with _opened(self.path / name, self.members[name]) as file:
            left = os.fstat(file.fileno()).st_size
            while left > 0:
                # From file to file Linux copies by itself, in a fifth of the time of reading and writing.
                sent = os.sendfile(into.fileno(), file.fileno(), None, min(left, _READ))
                if not sent:
                    _changed(self.path)
                left -= sent


def _folder(path: Path, budget: Budget) -> _Folder:
    members: dict[str, tuple[int, ...]] = {}
    sizes: dict[str, int] = {}
    with os.scandir(path) as entries:
        for count, entry in enumerate(entries, start=1):
            if count > budget.max_members * _DIRECTORY_FACTOR:
                raise PackageRefused(
                    Code.TOO_MANY_MEMBERS, f"{path.name} holds more than {count - 1} files. Send only the CSV files."
                )
            _refuse_unsafe_name(path.name, entry.name)
            found = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                _refuse_full_folder(path.name, entry)
            elif not stat.S_ISREG(found.st_mode):
                raise _special(path.name, entry.name)
            elif not _is_ignored(entry.name):
                members[entry.name], sizes[entry.name] = _stamp(found), found.st_size
    _refuse_bad_names(path.name, sorted(members))
    _refuse_size(path.name, sizes, budget)
    return _Folder(path=path, members=dict(sorted(members.items())))


def _single(path: Path, budget: Budget) -> _Folder:
    """One table that stands for a package of its own."""
    _refuse_unsafe_name(path.parent.name, path.name)
    found = path.stat()
    _refuse_size(path.name, {path.name: found.st_size}, budget)
    return _Folder(path=path.parent, members={path.name: _stamp(found)})


def _refuse_full_folder(package: str, folder: os.DirEntry[str]) -> None:
    with os.scandir(folder.path) as entries:
        inside = (f"{folder.name}/{entry.name}" for entry in entries)
        _refuse_folders(package, [name for name in inside if not _is_ignored(name)][:1])


# -------------------------------------------------------------------------------------------------- reading and writing


def _stamp(found: os.stat_result) -> tuple[int, ...]:
    """What tells that a file is another one, or was written to, since it was judged."""
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


@contextlib.contextmanager
def _opened(path: Path, stamp: tuple[int, ...] | None) -> Iterator[BufferedReader]:
    """Open without being led elsewhere by a link, or held up by a pipe, that took the file's place."""
    links = os.O_NOFOLLOW if stamp else 0
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | links)
    except OSError:
        if stamp is None:
            raise
        _changed(path)
    with os.fdopen(descriptor, "rb") as file:
        if stamp and _stamp(os.fstat(descriptor)) != stamp:
            _changed(path)
        yield file


def _exactly(file: BufferedReader, total: int, size: int, too_short: Callable[[], Never]) -> Iterator[bytes]:
    while total > 0:
        chunk = file.read(min(size, total))
        if not chunk:
            too_short()
        total -= len(chunk)
        yield chunk


def _new(path: Path) -> BufferedWriter:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    return os.fdopen(descriptor, "wb")

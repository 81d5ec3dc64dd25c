"""Packages that are fine, and packages that are made to do harm: each built by hand, byte by byte."""

import hashlib
import io
import os
import random
import shutil
import socket
import stat
import struct
import subprocess
import sys
import tracemalloc
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from schoolpassport.kit.archive import (
    WITH_WORKBOOKS,
    Budget,
    Code,
    PackageRefused,
    check_workbook,
    open_package,
)

USERS = b"sourcedId,status\n" + b"".join(b"u%d,active\n" % number for number in range(50))
ORGS = b"sourcedId,name\no1,Oak School\n"
SMALL = Budget(max_members=5, max_member_bytes=20_000, max_total_bytes=50_000, ratio_from_bytes=10_000)


@dataclass
class Member:
    """One member of a zip file, in which anything can be a lie. What is None is told truly."""

    name: bytes = b"users.csv"
    data: bytes = USERS
    packed: bytes | None = None
    method: int = 8
    flags: int = 0
    crc: int | None = None
    size: int | None = None
    packed_size: int | None = None
    mode: int = 0
    offset: int | None = None
    extra: bytes = b""
    local_name: bytes | None = None
    local_method: int | None = None
    local_flags: int | None = None
    local_size: int | None = None
    local_extra: bytes = b""
    gap: bytes = b""

    def __post_init__(self) -> None:
        if self.packed is None:
            self.packed = deflate(self.data) if self.method == 8 else self.data
        self.crc = zlib.crc32(self.data) if self.crc is None else self.crc
        self.size = len(self.data) if self.size is None else self.size
        self.packed_size = len(self.packed) if self.packed_size is None else self.packed_size


def deflate(data: bytes) -> bytes:
    engine = zlib.compressobj(wbits=-15)
    return engine.compress(data) + engine.flush()


def or_else(value, other):
    return other if value is None else value


def build(*members: Member, prefix: bytes = b"", comment: bytes = b"", tail: bytes = b"", **end: int) -> bytes:
    """A zip file; `end` overrides count, size or at in its end record."""
    out, directory = bytearray(prefix), bytearray()
    for each in members:
        at = or_else(each.offset, len(out))
        local_name = or_else(each.local_name, each.name)
        out += struct.pack(
            "<4s5H3L2H",
            *(b"PK\3\4", 20, or_else(each.local_flags, each.flags), or_else(each.local_method, each.method), 0, 0x21),
            *(each.crc, each.packed_size, or_else(each.local_size, each.size), len(local_name), len(each.local_extra)),
        )
        out += local_name + each.local_extra + each.packed + each.gap
        directory += struct.pack(
            "<4s6H3L5H2L",
            *(b"PK\1\2", 0x0314, 20, each.flags, each.method, 0, 0x21, each.crc, each.packed_size, each.size),
            *(len(each.name), len(each.extra), 0, 0, 0, each.mode << 16, at),
        )
        directory += each.name + each.extra
    count, at, size = (end.get("count", len(members)), end.get("at", len(out)), end.get("size", len(directory)))
    disk = end.get("disk", 0)
    end_record = struct.pack("<4s4H2LH", b"PK\5\6", disk, disk, count, count, size, at, len(comment))
    return bytes(out + directory) + end_record + comment + tail


def quoted_overlap() -> bytes:
    """The first member's bytes hold the second member whole: David Fifield's way to say the same bytes twice."""
    inner = build(Member(b"b.csv", ORGS, method=0))[: 30 + 5 + len(ORGS)]
    first = Member(b"a.csv", inner, method=0)
    second = Member(b"b.csv", ORGS, method=0, offset=30 + 5)
    whole = build(first, second)
    # Drop the second's own copy: only the quoted one is left.
    doubled = build(first)[: 30 + 5 + len(inner)]
    directory = whole[whole.index(b"PK\1\2") : whole.rindex(b"PK\5\6")]
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 2, 2, len(directory), len(doubled), 0)
    return doubled + directory + end


def overlap_bomb() -> bytes:
    """Many entries on one kernel of zeros, as in 42.zip's successors: 20 entries, 2 MB each, from 4 KB."""
    zeros = bytes(2_000_000)
    kernel = Member(b"0.csv", zeros)
    return build(
        kernel, *(Member(b"0.csv", zeros, packed=b"", packed_size=len(kernel.packed), offset=0) for _ in range(19))
    )


def end_with_zip64(*, locator: bytes = b"PK\6\7", record: bytes = b"PK\6\6", count: int = 1, length: int = 44) -> bytes:
    whole = build(Member())
    body, end_at = whole[: whole.rindex(b"PK\5\6")], whole.rindex(b"PK\5\6")
    directory_at = whole.index(b"PK\1\2")
    record64 = struct.pack(
        "<4sQ2H2L4Q", record, length, 45, 45, 0, 0, count, count, end_at - directory_at, directory_at
    )
    locator64 = struct.pack("<4sLQL", locator, 0, end_at, 1)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return body + record64 + locator64 + end


def gap_before_the_end() -> bytes:
    whole = build(Member())
    end_at = whole.rindex(b"PK\5\6")
    return whole[:end_at] + b"gap" + whole[end_at:]


def zipped(**files: bytes) -> bytes:
    return build(*(Member(name.replace("_", ".").encode(), data) for name, data in files.items()))


def tar(name: bytes) -> bytes:
    return name.ljust(257, b"\0") + b"ustar\x0000" + bytes(248)


HIDDEN = deflate(USERS)
HOSTILE: dict[str, tuple[Code, Callable[[], bytes]]] = {
    # -- the same bytes several times
    "overlap bomb": (Code.OVERLAP, overlap_bomb),
    "quoted overlap": (Code.OVERLAP, quoted_overlap),
    "two entries on one header": (
        Code.OVERLAP,
        lambda: build(Member(flags=8), Member(flags=8, packed_size=9, offset=0)),
    ),
    # -- names
    "parent folder": (Code.UNSAFE_NAME, lambda: build(Member(b"../evil.csv"))),
    "parent folder deep inside": (Code.UNSAFE_NAME, lambda: build(Member(b"a/b/../../../evil.csv"))),
    "absolute path": (Code.UNSAFE_NAME, lambda: build(Member(b"/etc/evil.csv"))),
    "backslashes": (Code.UNSAFE_NAME, lambda: build(Member(b"..\\evil.csv"))),
    "drive letter": (Code.UNSAFE_NAME, lambda: build(Member(b"C:evil.csv"))),
    "alternate data stream": (Code.UNSAFE_NAME, lambda: build(Member(b"users.csv:evil"))),
    "network path": (Code.UNSAFE_NAME, lambda: build(Member(b"//server/evil.csv"))),
    "NUL in the name": (Code.UNSAFE_NAME, lambda: build(Member(b"users.csv\0.exe"))),
    "line break in the name": (Code.UNSAFE_NAME, lambda: build(Member(b"users.csv\nevil"))),
    "escape sequence in the name": (Code.UNSAFE_NAME, lambda: build(Member(b"\x1b[2Jusers.csv"))),
    "right-to-left override": (Code.UNSAFE_NAME, lambda: build(Member("users\u202evsc.exe".encode(), flags=1 << 11))),
    "zero width space": (Code.UNSAFE_NAME, lambda: build(Member("users\u200b.csv".encode(), flags=1 << 11))),
    "empty name": (Code.UNSAFE_NAME, lambda: build(Member(b""))),
    "only a dot": (Code.UNSAFE_NAME, lambda: build(Member(b"."))),
    "dot segment": (Code.UNSAFE_NAME, lambda: build(Member(b"./users.csv"))),
    "empty segment": (Code.UNSAFE_NAME, lambda: build(Member(b"a//users.csv"))),
    "very long name": (Code.UNSAFE_NAME, lambda: build(Member(b"u" * 256 + b".csv"))),
    "name that is not UTF-8": (Code.UNSAFE_NAME, lambda: build(Member(b"\xff\xfe.csv", flags=1 << 11))),
    "escape through an ignored folder": (Code.UNSAFE_NAME, lambda: build(Member(), Member(b"__MACOSX/../../evil"))),
    "same name twice": (Code.DUPLICATE, lambda: build(Member(), Member(data=ORGS))),
    "names differ in case": (Code.CASE_CLASH, lambda: build(Member(), Member(b"Users.CSV"))),
    "names differ in the way of an accent": (
        Code.CASE_CLASH,
        lambda: build(
            *(Member(unicodedata.normalize(form, "é.csv").encode(), flags=1 << 11) for form in ("NFC", "NFD"))
        ),
    ),
    "enclosing folder": (Code.IN_FOLDER, lambda: build(Member(b"export/", b""), Member(b"export/users.csv"))),
    "two folders": (Code.IN_FOLDER, lambda: build(Member(b"a/users.csv"), Member(b"b/orgs.csv"))),
    "one file in a folder": (Code.IN_FOLDER, lambda: build(Member(), Member(b"old/orgs.csv"))),
    # -- what is no ordinary file
    "symbolic link": (Code.SPECIAL_FILE, lambda: build(Member(data=b"/etc/passwd", mode=stat.S_IFLNK | 0o777))),
    "character device": (Code.SPECIAL_FILE, lambda: build(Member(mode=stat.S_IFCHR | 0o666))),
    "pipe": (Code.SPECIAL_FILE, lambda: build(Member(mode=stat.S_IFIFO | 0o666))),
    "file that says it is a folder": (Code.SPECIAL_FILE, lambda: build(Member(mode=stat.S_IFDIR | 0o755))),
    "folder that says it is a link": (
        Code.SPECIAL_FILE,
        lambda: build(Member(), Member(b"a/", b"", mode=stat.S_IFLNK)),
    ),
    "folder with content": (Code.SPECIAL_FILE, lambda: build(Member(), Member(b"a/"))),
    # -- archives in archives
    "zip in a zip": (Code.NESTED, lambda: build(Member(b"inner.zip", zipped(users_csv=USERS)))),
    "zip under another name": (Code.NESTED, lambda: build(Member(data=zipped(users_csv=USERS)))),
    "empty zip under another name": (Code.NESTED, lambda: build(Member(data=build()))),
    "spreadsheet": (Code.NESTED, lambda: build(Member(b"users.XLSX"))),
    "gzip under another name": (Code.NESTED, lambda: build(Member(data=zlib.compress(USERS, wbits=31)))),
    "tar under another name": (Code.NESTED, lambda: build(Member(data=tar(b"users.csv")))),
    "bzip2 under another name": (Code.NESTED, lambda: build(Member(data=b"BZh91AY&SY" + bytes(20)))),
    "7z, stored": (Code.NESTED, lambda: build(Member(data=b"7z\xbc\xaf\x27\x1c" + bytes(20), method=0))),
    # -- too much
    "too many members": (Code.TOO_MANY_MEMBERS, lambda: build(*(Member(b"%d.csv" % n, b"x") for n in range(6)))),
    "too many folders": (Code.TOO_MANY_MEMBERS, lambda: build(*(Member(b"%d/" % n, b"") for n in range(51)))),
    "count that is not true": (Code.TOO_MANY_MEMBERS, lambda: build(Member(), count=0xFFFE)),
    "count in ZIP64 that is not true": (Code.TOO_MANY_MEMBERS, lambda: end_with_zip64(count=2**60)),
    "huge directory": (
        Code.TOO_MANY_MEMBERS,
        lambda: build(
            *(
                Member(b"%d.csv" % n, b"x", extra=b"\xab\xcd" + struct.pack("<H", 60_000) + bytes(60_000))
                for n in range(4)
            )
        ),
    ),
    "one member too large": (Code.TOO_LARGE, lambda: build(Member(data=os.urandom(20_001)))),
    "one member that says it is huge": (Code.TOO_LARGE, lambda: build(Member(size=2**31))),
    "together too large": (
        Code.TOO_LARGE,
        lambda: build(*(Member(b"%d.csv" % n, os.urandom(19_000)) for n in range(3))),
    ),
    "compressed too well": (Code.RATIO, lambda: build(Member(data=bytes(20_000)))),
    "together compressed too well": (
        Code.RATIO,
        lambda: build(*(Member(b"%d.csv" % n, bytes(9_000)) for n in range(5))),
    ),
    # -- secrets and strange methods
    "encrypted": (Code.ENCRYPTED, lambda: build(Member(flags=1))),
    "strongly encrypted": (Code.ENCRYPTED, lambda: build(Member(flags=1 | 1 << 6))),
    "masked headers": (Code.ENCRYPTED, lambda: build(Member(flags=1 << 13))),
    "patch data": (Code.UNSUPPORTED, lambda: build(Member(flags=1 << 5))),
    **{
        f"method {method}": (Code.UNSUPPORTED, lambda method=method: build(Member(method=method)))
        for method in (1, 6, 9, 12, 14, 93, 95, 98, 99, 0xFFFF)
    },
    # -- lies
    "more bytes than announced": (Code.DAMAGED, lambda: build(Member(size=len(USERS) - 1, crc=zlib.crc32(USERS[:-1])))),
    "fewer bytes than announced": (Code.DAMAGED, lambda: build(Member(size=len(USERS) + 1))),
    "wrong check sum": (Code.BAD_CRC, lambda: build(Member(crc=1))),
    "wrong check sum, stored": (Code.BAD_CRC, lambda: build(Member(method=0, crc=1))),
    "bytes hidden behind the stream": (Code.DAMAGED, lambda: build(Member(packed=HIDDEN + b"hidden"))),
    "stream that ends too early": (Code.DAMAGED, lambda: build(Member(packed=HIDDEN[:-3]))),
    "stream that makes no sense": (Code.DAMAGED, lambda: build(Member(packed=b"\xff" * 80))),
    "empty stream": (Code.DAMAGED, lambda: build(Member(packed=b""))),
    "two sizes": (Code.DAMAGED, lambda: build(Member(method=0, size=len(USERS) - 1))),
    "another name in the local header": (Code.DAMAGED, lambda: build(Member(local_name=b"other.csv"))),
    "another method in the local header": (Code.DAMAGED, lambda: build(Member(local_method=0))),
    "another size in the local header": (Code.DAMAGED, lambda: build(Member(local_size=7))),
    "encrypted in the local header only": (Code.DAMAGED, lambda: build(Member(local_flags=1))),
    "sizes follow in the local header only": (Code.DAMAGED, lambda: build(Member(local_flags=8))),
    "header outside the file": (Code.DAMAGED, lambda: build(Member(offset=2**31))),
    "header inside the directory": (Code.DAMAGED, lambda: build(Member(), Member(b"o.csv", ORGS, offset=190))),
    "data that run into the directory": (Code.DAMAGED, lambda: build(Member(packed_size=len(HIDDEN) + 1))),
    "no local header where it should be": (Code.DAMAGED, lambda: build(Member(offset=1))),
    # -- broken frames
    "something in front": (Code.DAMAGED, lambda: build(Member(), prefix=b"MZ self-extracting", at=60)),
    "something behind": (Code.DAMAGED, lambda: build(Member(), tail=b"x")),
    "a second archive behind": (Code.DAMAGED, lambda: zipped(users_csv=USERS) + zipped(orgs_csv=ORGS)),
    "a second end in the comment": (Code.DAMAGED, lambda: build(Member(), comment=build())),
    "one part of several": (Code.DAMAGED, lambda: build(Member(), disk=1)),
    "something between the directory and the end": (Code.DAMAGED, gap_before_the_end),
    "directory elsewhere": (Code.DAMAGED, lambda: build(Member(), at=3)),
    "directory too short": (Code.DAMAGED, lambda: build(Member(), count=2)),
    "directory too long": (Code.DAMAGED, lambda: build(Member(), Member(b"o.csv", ORGS), count=1)),
    "directory beyond the file": (Code.DAMAGED, lambda: build(Member(), at=2**31, size=1000)),
    "ZIP64 sizes missing": (Code.DAMAGED, lambda: build(Member(size=0xFFFFFFFF, local_size=0))),
    "ZIP64 sizes cut": (Code.DAMAGED, lambda: build(Member(size=0xFFFFFFFF, extra=struct.pack("<HHL", 1, 4, 1)))),
    "extra field too long": (
        Code.DAMAGED,
        lambda: build(Member(size=0xFFFFFFFF, extra=struct.pack("<HHL", 1, 400, 1))),
    ),
    "ZIP64 locator missing": (Code.DAMAGED, lambda: end_with_zip64(locator=b"PK\0\0")),
    "ZIP64 record missing": (Code.DAMAGED, lambda: end_with_zip64(record=b"PK\0\0")),
    "ZIP64 record of another length": (Code.DAMAGED, lambda: end_with_zip64(length=2**63)),
    "ZIP64 sentinel in a tiny file": (Code.DAMAGED, lambda: build(count=0xFFFF)),
    # -- no package at all
    "empty zip": (Code.EMPTY, build),
    "only what macOS adds": (Code.EMPTY, lambda: build(Member(b"__MACOSX/._users.csv"), Member(b".DS_Store"))),
    "empty file": (Code.NOT_A_PACKAGE, lambda: b""),
    "a CSV file": (Code.NOT_A_PACKAGE, lambda: USERS),
    "a gzip file": (Code.NOT_A_PACKAGE, lambda: zlib.compress(USERS, wbits=31)),
}


def everything_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def read_all(path: Path, into: Path, *, budget: Budget = SMALL) -> dict[str, bytes]:
    return {name: file.read_bytes() for name, file in open_package(path, budget=budget).extract(into).items()}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_or_broken_zip_is_refused_and_writes_nothing(tmp_path, name):
    code, make = HOSTILE[name]
    (tmp_path / "deep" / "er").mkdir(parents=True)
    package = tmp_path / "deep" / "package.zip"
    package.write_bytes(make())
    before = everything_below(tmp_path)
    with pytest.raises(PackageRefused) as caught:
        read_all(package, tmp_path / "deep" / "er" / "out")
    assert caught.value.code == code
    assert "package.zip" in caught.value.sentence
    assert caught.value.sentence.isprintable()
    assert caught.value.sentence.endswith(".")
    assert everything_below(tmp_path) == before


def test_a_zip_cut_off_anywhere_is_refused(tmp_path):
    whole = build(Member(data=USERS * 20, method=0), Member(b"orgs.csv", os.urandom(18_000).hex().encode()[:18_000]))
    package = tmp_path / "package.zip"
    for length in sorted({*range(0, len(whole), 512), *range(len(whole) - 300, len(whole)), 1, 2, 3, 21, 22}):
        package.write_bytes(whole[:length])
        with pytest.raises(PackageRefused) as caught:
            read_all(package, tmp_path / "out")
        assert caught.value.code in {Code.DAMAGED, Code.NOT_A_PACKAGE}
    assert everything_below(tmp_path) == ["package.zip"]
    package.write_bytes(whole)
    assert read_all(package, tmp_path / "out")["users.csv"] == USERS * 20


def test_a_zip_with_any_byte_changed_is_refused_or_gives_exactly_what_was_sent(tmp_path):
    """No change of a byte gives other content, another exception, or a file elsewhere."""
    sent = {"users.csv": USERS[:99], "orgs.csv": ORGS}
    whole = build(*(Member(name.encode(), data) for name, data in sent.items()), comment=b"from an invented SIS")
    package, draw = tmp_path / "package.zip", random.Random(11)
    outcomes = set()
    for at in range(len(whole)):
        for new in {whole[at] ^ 1, 0xFF, draw.randrange(256)} - {whole[at]}:
            package.write_bytes(whole[:at] + bytes([new]) + whole[at + 1 :])
            try:
                found = read_all(package, tmp_path / "out")
            except PackageRefused as refused:
                outcomes.add(refused.code)
                assert everything_below(tmp_path) == ["package.zip"]
            else:
                assert list(found.values()) == list(sent.values())
                assert all(len(name) == len(old) for name, old in zip(found, sent, strict=True))
                shutil.rmtree(tmp_path / "out")
    assert {Code.DAMAGED, Code.BAD_CRC, Code.ENCRYPTED, Code.UNSUPPORTED} <= outcomes


BOMB_READER = """
import resource, sys
from pathlib import Path
from schoolpassport.kit.archive import Budget, PackageRefused, open_package
resource.setrlimit(resource.RLIMIT_AS, (400 * 1024**2, 400 * 1024**2))
resource.setrlimit(resource.RLIMIT_FSIZE, (50 * 1024**2, 50 * 1024**2))
try:
    open_package(Path(sys.argv[1]), budget=Budget(max_ratio=10**9)).extract(Path(sys.argv[2]))
except PackageRefused as refused:
    print(refused.code, refused.sentence)
"""


def test_a_bomb_that_lies_about_its_size_is_stopped_at_the_announced_size(tmp_path):
    """10 GB of zeros that say they are 30 MB, under limits that a reader who believes the stream would break."""
    engine = zlib.compressobj(9, wbits=-15)
    block = engine.compress(bytes(10 * 1024**2)) + engine.flush(zlib.Z_FULL_FLUSH)
    block = engine.compress(bytes(10 * 1024**2)) + engine.flush(zlib.Z_FULL_FLUSH)
    package = tmp_path / "package.zip"
    package.write_bytes(build(Member(data=b"", packed=block * 1000, size=30 * 1024**2)))
    done = subprocess.run(
        [sys.executable, "-c", BOMB_READER, str(package), str(tmp_path / "out")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.stderr, done.stdout.split()[0]) == ("", "damaged")
    assert "it holds more than it says" in done.stdout
    assert everything_below(tmp_path) == ["package.zip"]


def test_memory_stays_small_whatever_the_size(tmp_path):
    big = random.Random(5).randbytes(1024**2) * 16
    packages = {}
    for name, method in (("stored.zip", zipfile.ZIP_STORED), ("deflated.zip", zipfile.ZIP_DEFLATED)):
        packages[name] = tmp_path / name
        with zipfile.ZipFile(packages[name], "w", method, compresslevel=1) as file:
            file.writestr("users.csv", big)
    expected = hashlib.sha256(big).hexdigest()
    del big
    for name, package in packages.items():
        tracemalloc.start()
        extracted = open_package(package).extract(tmp_path / f"{name}.out")["users.csv"]
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 6 * 1024**2
        with extracted.open("rb") as file:
            assert hashlib.file_digest(file, "sha256").hexdigest() == expected


# ------------------------------------------------------------------------------------------------------- what is fine


class Pipe(io.RawIOBase):
    """A target that cannot be rewound, so zipfile writes sizes behind the data."""

    def __init__(self) -> None:
        self.written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self.written += data
        return len(data)


def by_zipfile(method: int = zipfile.ZIP_DEFLATED, *, force_zip64: bool = False, piped: bool = False) -> bytes:
    target = Pipe() if piped else io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as file:
        for name, data in (("users.csv", USERS), ("orgs.csv", ORGS)):
            with file.open(name, "w", force_zip64=force_zip64) as member:
                member.write(data)
    return bytes(target.written) if isinstance(target, Pipe) else target.getvalue()


def with_the_litter_of_a_mac() -> bytes:
    return build(
        Member(),
        Member(b"orgs.csv", ORGS, mode=stat.S_IFREG | 0o644),
        Member(b"__MACOSX/", b"", mode=stat.S_IFDIR | 0o755),
        Member(b"__MACOSX/._users.csv", b"litter"),
        Member(b".DS_Store", b"litter"),
        Member(b"empty/", b""),
    )


FINE: dict[str, Callable[[], bytes]] = {
    "deflated": by_zipfile,
    "stored": lambda: by_zipfile(zipfile.ZIP_STORED),
    "sizes behind the data": lambda: by_zipfile(piped=True),
    "ZIP64 sizes": lambda: by_zipfile(force_zip64=True),
    "ZIP64 sizes behind the data": lambda: by_zipfile(force_zip64=True, piped=True),
    "litter of macOS and folder entries": with_the_litter_of_a_mac,
    "a comment": lambda: build(Member(), Member(b"orgs.csv", ORGS), comment=b"made on a Tuesday PK\5\6"),
    "a gap between members": lambda: build(Member(gap=b"gap"), Member(b"orgs.csv", ORGS)),
}


@pytest.mark.parametrize("name", FINE)
def test_an_ordinary_zip_is_read(tmp_path, name):
    package = tmp_path / "package.zip"
    package.write_bytes(FINE[name]())
    opened = open_package(package, budget=SMALL)
    assert sorted(opened.names) == ["orgs.csv", "users.csv"]
    assert opened.digest() == hashlib.sha256(package.read_bytes()).hexdigest()
    paths = opened.extract(tmp_path / "new" / "out")
    assert {each: path.read_bytes() for each, path in paths.items()} == {"users.csv": USERS, "orgs.csv": ORGS}
    assert everything_below(tmp_path) == ["new", "new/out", "new/out/orgs.csv", "new/out/users.csv", "package.zip"]
    assert stat.S_IMODE(paths["users.csv"].stat().st_mode) == 0o600


def test_a_zip64_end_is_read(tmp_path):
    (tmp_path / "package.zip").write_bytes(end_with_zip64())
    assert read_all(tmp_path / "package.zip", tmp_path / "out") == {"users.csv": USERS}


@pytest.mark.skipif(not shutil.which("zip"), reason="no zip program here")
def test_what_the_zip_program_makes_is_read(tmp_path):
    (tmp_path / "in" / "empty").mkdir(parents=True)
    (tmp_path / "in" / "users.csv").write_bytes(USERS)
    (tmp_path / "in" / "größe.csv").write_bytes(ORGS)
    subprocess.run(["zip", "-qr", tmp_path / "package.zip", "."], cwd=tmp_path / "in", check=True)
    assert read_all(tmp_path / "package.zip", tmp_path / "out") == {"users.csv": USERS, "größe.csv": ORGS}


def test_empty_members_and_names_in_the_old_code_page_are_read(tmp_path):
    (tmp_path / "p.zip").write_bytes(
        build(Member(b"empty.csv", b""), Member("größe.csv".encode("cp437"), b"", method=0))
    )
    assert read_all(tmp_path / "p.zip", tmp_path / "out") == {"empty.csv": b"", "größe.csv": b""}


def test_small_repetitive_files_may_compress_as_well_as_they_like(tmp_path):
    data = b"o1,active,,Oak School,school\n" * 300
    assert len(data) > 100 * len(deflate(data))
    (tmp_path / "p.zip").write_bytes(build(Member(data=data)))
    assert read_all(tmp_path / "p.zip", tmp_path / "out") == {"users.csv": data}


def test_an_enclosing_folder_is_refused_with_the_way_to_zip_it(tmp_path):
    (tmp_path / "p.zip").write_bytes(build(Member(b"export/users.csv"), Member(b"export/orgs.csv")))
    with pytest.raises(PackageRefused) as caught:
        open_package(tmp_path / "p.zip")
    assert caught.value.sentence == (
        "p.zip: 'export/users.csv' is in a folder, but all files must lie at the root of the package. "
        "Open the folder 'export', select the files in it, and zip those."
    )


PAGE = b"\r\n<html xmlns:x='urn:schemas-microsoft-com:office:excel'><body><table>"
SAVE_IT = "Open it in a spreadsheet program, and save it as .xlsx or as CSV."
RENAME_IT = "Give it a name that ends in .csv, or save it as a workbook (.xlsx)."
TABLES = "Send a table (.csv, .tsv, .txt, .xlsx or .xlsm), or a zip file with such tables at its root."


@pytest.mark.parametrize(
    ("name", "content", "budget", "says"),
    [
        ("list.xls", PAGE, WITH_WORKBOOKS, f"list.xls is a web page (HTML), whatever its name says. {SAVE_IT}"),
        ("list.xls", b"No;Name\n1;A\n", WITH_WORKBOOKS, f"list.xls is text, as CSV is, and no workbook. {RENAME_IT}"),
        (
            "list.xls",
            "No\tName\n1\tA\n".encode("utf-16"),
            WITH_WORKBOOKS,
            f"list.xls is text, as CSV is, and no workbook. {RENAME_IT}",
        ),
        ("list.xls", bytes(600), WITH_WORKBOOKS, f"list.xls is not a zip file. {TABLES}"),
        ("list", USERS, WITH_WORKBOOKS, f"list is not a zip file. {TABLES}"),
        (
            "list.xls",
            PAGE,
            SMALL,
            "list.xls is a web page (HTML), whatever its name says. Send a zip file with the CSV files at its root.",
        ),
        ("list.xls", USERS, SMALL, "list.xls is not a zip file. Send a zip file with the CSV files at its root."),
    ],
)
def test_a_file_that_is_something_else_than_its_name_says_is_called_what_it_is(tmp_path, name, content, budget, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PackageRefused) as caught:
        open_package(tmp_path / name, budget=budget)
    assert (caught.value.code, caught.value.sentence) == (Code.NOT_A_PACKAGE, says)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (PAGE, f"list.xlsx is a web page (HTML), whatever its name says. {SAVE_IT}"),
        (b"No;Name\n1;A\n", f"list.xlsx is text, as CSV is, and no workbook. {RENAME_IT}"),
        (bytes(600), f"list.xlsx is not a workbook of Excel (.xlsx). {SAVE_IT}"),
    ],
)
def test_a_workbook_that_is_none_is_called_what_it_is(tmp_path, content, says):
    (tmp_path / "list.xlsx").write_bytes(content)
    with pytest.raises(PackageRefused) as caught:
        check_workbook(tmp_path / "list.xlsx")
    assert (caught.value.code, caught.value.sentence) == (Code.NOT_A_PACKAGE, says)


def test_unpacking_is_all_or_nothing(tmp_path):
    (tmp_path / "p.zip").write_bytes(build(Member(), Member(b"orgs.csv", ORGS, crc=1)))
    package = open_package(tmp_path / "p.zip")
    with pytest.raises(PackageRefused) as caught:
        package.extract(tmp_path / "out")
    assert caught.value.code == Code.BAD_CRC
    assert everything_below(tmp_path) == ["p.zip"]


def test_unpacking_never_mixes_with_what_is_there(tmp_path):
    (tmp_path / "p.zip").write_bytes(build(Member()))
    package = open_package(tmp_path / "p.zip")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "users.csv").write_bytes(b"mine")
    with pytest.raises(OSError, match="not empty"):
        package.extract(tmp_path / "out")
    assert (tmp_path / "out" / "users.csv").read_bytes() == b"mine"
    assert everything_below(tmp_path) == ["out", "out/users.csv", "p.zip"]


@pytest.mark.parametrize("how", ["appended", "replaced", "removed", "became a link", "became a pipe"])
@pytest.mark.parametrize("kind", ["zip", "folder"])
def test_a_package_that_changes_after_it_was_judged_is_refused(tmp_path, kind, how):
    spot = tmp_path / "p.zip" if kind == "zip" else tmp_path / "p" / "users.csv"
    spot.parent.mkdir(exist_ok=True)
    spot.write_bytes(build(Member()) if kind == "zip" else USERS)
    package = open_package(tmp_path / "p.zip" if kind == "zip" else tmp_path / "p")
    if how == "appended":
        with spot.open("ab") as file:
            file.write(b"x")
    else:
        (tmp_path / "other").write_bytes(spot.read_bytes())
        spot.unlink()
        if how == "replaced":
            (tmp_path / "other").rename(spot)
        elif how == "became a link":
            spot.symlink_to(tmp_path / "other")
        elif how == "became a pipe":
            os.mkfifo(spot)
    for use in (package.digest, lambda: package.extract(tmp_path / "out")):
        with pytest.raises(PackageRefused) as caught:
            use()
        assert caught.value.code == Code.CHANGED
    assert not (tmp_path / "out").exists()


# ------------------------------------------------------------------------------------------------------------- folders


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "users.csv").write_bytes(USERS)
    (folder / "orgs.csv").write_bytes(ORGS)
    return folder


def test_a_folder_is_read_like_a_zip(tmp_path, folder):
    (folder / ".DS_Store").write_bytes(b"litter")
    (folder / "empty").mkdir()
    package = open_package(folder, budget=SMALL)
    assert package.names == ("orgs.csv", "users.csv")
    paths = package.extract(tmp_path / "out")
    assert {name: path.read_bytes() for name, path in paths.items()} == {"users.csv": USERS, "orgs.csv": ORGS}


def test_a_folders_digest_tells_names_and_bytes_and_nothing_else(folder):
    digests = [open_package(folder).digest()]
    os.utime(folder / "users.csv", (1, 1))
    (folder / "orgs.csv").chmod(0o600)
    assert open_package(folder).digest() == digests[0]
    (folder / "users.csv").write_bytes(USERS[:-1])
    digests.append(open_package(folder).digest())
    (folder / "users.csv").rename(folder / "user.csv")
    digests.append(open_package(folder).digest())
    # The same bytes in a row, cut at another place.
    (folder / "orgs.csv").write_bytes(ORGS + USERS[:1])
    (folder / "user.csv").write_bytes(USERS[1:-1])
    digests.append(open_package(folder).digest())
    assert len(set(digests)) == 4


def add_link(folder: Path) -> None:
    (folder / "classes.csv").symlink_to("/etc/passwd")


def add_linked_folder(folder: Path) -> None:
    (folder / "classes").symlink_to("/etc")


def add_dangling_link(folder: Path) -> None:
    (folder / "classes.csv").symlink_to("nowhere")


def add_pipe(folder: Path) -> None:
    os.mkfifo(folder / "classes.csv")


def add_socket(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as door, pytest.MonkeyPatch.context() as here:
        here.chdir(folder)
        door.bind("classes.csv")


def add_full_folder(folder: Path) -> None:
    (folder / "old").mkdir()
    (folder / "old" / "users.csv").write_bytes(USERS)


def add_archive(folder: Path) -> None:
    (folder / "classes.csv").write_bytes(build(Member()))


def add_twin(folder: Path) -> None:
    (folder / "USERS.csv").write_bytes(USERS)
    if len(list(folder.iterdir())) == 2:
        pytest.skip("this file system does not tell upper case from lower case")


def add_odd_name(folder: Path) -> None:
    (folder / "users\u202e.csv").write_bytes(USERS)


def add_name_in_no_encoding(folder: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(folder) + b"/\xff.csv")).write_bytes(USERS)
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")


def add_large(folder: Path) -> None:
    with (folder / "classes.csv").open("wb") as file:
        file.truncate(20_001)


def add_many(folder: Path) -> None:
    for number in range(4):
        (folder / f"{number}.csv").write_bytes(b"")


@pytest.mark.parametrize(
    ("add", "code"),
    [
        (add_link, Code.SPECIAL_FILE),
        (add_linked_folder, Code.SPECIAL_FILE),
        (add_dangling_link, Code.SPECIAL_FILE),
        (add_pipe, Code.SPECIAL_FILE),
        (add_socket, Code.SPECIAL_FILE),
        (add_full_folder, Code.IN_FOLDER),
        (add_archive, Code.NESTED),
        (add_twin, Code.CASE_CLASH),
        (add_odd_name, Code.UNSAFE_NAME),
        (add_name_in_no_encoding, Code.UNSAFE_NAME),
        (add_large, Code.TOO_LARGE),
        (add_many, Code.TOO_MANY_MEMBERS),
    ],
)
def test_a_hostile_folder_is_refused(folder, add, code):
    add(folder)
    with pytest.raises(PackageRefused) as caught:
        open_package(folder, budget=SMALL)
    assert caught.value.code == code
    assert caught.value.sentence.isprintable()


def test_a_path_that_leads_nowhere_useful_is_refused(tmp_path):
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").mkdir()
    for path, code in (
        (tmp_path / "missing.zip", Code.MISSING),
        (tmp_path / "missing" / "p.zip", Code.MISSING),
        (tmp_path / "circle", Code.NOT_A_PACKAGE),
        (tmp_path / "pipe", Code.NOT_A_PACKAGE),
        (tmp_path / "a\0b", Code.NOT_A_PACKAGE),
        (tmp_path / "empty", Code.EMPTY),
        (Path("/dev/zero"), Code.NOT_A_PACKAGE),
    ):
        with pytest.raises(PackageRefused) as caught:
            open_package(path)
        assert caught.value.code == code


def test_a_zip_or_folder_behind_a_link_of_the_callers_is_read(tmp_path, folder):
    (tmp_path / "p.zip").write_bytes(build(Member()))
    (tmp_path / "zip link").symlink_to(tmp_path / "p.zip")
    (tmp_path / "folder link").symlink_to(folder)
    assert read_all(tmp_path / "zip link", tmp_path / "one") == {"users.csv": USERS}
    assert len(read_all(tmp_path / "folder link", tmp_path / "two")) == 2

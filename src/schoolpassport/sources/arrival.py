"""Files in a folder that others write to: which of them are one package, and whether it has arrived.

Nobody tells when an upload is over, and clocks of other machines cannot be believed. So the folder is looked at twice,
some seconds apart; times of files are compared with one another only.
"""

import contextlib
import csv
import errno
import fcntl
import io
import os
import re
import shutil
import stat
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from schoolpassport.kit.archive import Code, PackageRefused, open_package
from schoolpassport.kit.recovery import NeedsAttention, Retry
from schoolpassport.kit.wholefile import whole_file

ONEROSTER_ZIP: Final = "oneroster.zip"
MANIFEST: Final = "manifest.csv"
SOON = 60.0
_MOST = 10_000
_LEFT_BEHIND = 3600 * 10**9  # a temporary name that is older than the files by so much (ns) is nobody's any more
_UNFINISHED = re.compile(
    r"^[.~_]|~$|\.(part|filepart|partial|tmp|temp|crdownload|uploading|download|inprogress|lock|swp|ok|done|md5|sha256)$",
    re.IGNORECASE,
)
_SIGNS = re.compile(r"\.(lock|ok|done|md5|sha256)$", re.IGNORECASE)
_DATA = re.compile(r"\.(csv|tsv|txt|xls[xm]|zip)$", re.IGNORECASE)


@dataclass(frozen=True)
class Seen:
    """A file at one look."""

    size: int
    changed: int  # nanoseconds, by whatever clock wrote it
    node: int = 0

    def said(self) -> list[int]:
        return [self.size, self.changed]


Look = Mapping[str, Seen]


def chosen(names: Iterable[str]) -> list[str]:
    """Which of the files beside one another are the package: a zip before loose files, ``OneRoster.zip`` before all."""
    data = sorted(n for n in names if _DATA.search(n) and not _UNFINISHED.search(n))
    zips = [n for n in data if n.lower().endswith(".zip")]
    for name in zips:
        if name.lower() == ONEROSTER_ZIP:
            return [name]
    if len(zips) > 1:
        raise NeedsAttention(f"There are {len(zips)} zip files and none is called OneRoster.zip. Keep one of them.")
    return zips or data


def unfinished(look: Look) -> list[str]:
    """Names that say that something is still being written. Old ones are leftovers of a broken upload."""
    newest = max((s.changed for n, s in look.items() if _DATA.search(n) and not _UNFINISHED.search(n)), default=0)
    waiting = (n for n in look if _UNFINISHED.search(n) and not _SIGNS.search(n))
    return sorted(n for n in waiting if look[n].changed > newest - _LEFT_BEHIND)


def refuse_unfinished(look: Look) -> None:
    """What cannot be complete at the first look already. Raises ``Retry``."""
    if waiting := unfinished(look):
        raise Retry(SOON, f"{waiting[0]!r} is still being written, so its package is waited for.")
    if not chosen(look):
        raise Retry(SOON, "No package is in the folder yet.")


def declared(manifest: bytes) -> set[str]:
    """The files that a manifest says the package holds."""
    rows = csv.reader(io.StringIO(manifest[:1_000_000].decode("utf-8-sig", "replace")))
    pairs = [(row[0].strip(), row[1].strip()) for row in rows if len(row) > 1]
    return {
        f"{name.removeprefix('file.')}.csv" for name, mode in pairs if name.startswith("file.") and mode != "absent"
    }


def refuse_mixed(look: Look, names: list[str], last: Mapping[str, Any]) -> None:
    """Some files of last time's set, and some new ones: the rest is on its way, or will never come."""
    same = [n for n in names if last.get(n) == look[n].said()]
    if same and len(same) < len(names):
        raise Retry(
            SOON,
            f"{same[0]} is still the one of last time, while {next(n for n in names if n not in same)} is new. "
            "The other files are waited for; if they never change, set “Files of two days” to take.",
        )


def allowed(text: str, folders: Iterable[Path]) -> Path:
    """The folder, if it lies where the operator lets folders be read: no setting of a district opens others."""
    path = Path(text).expanduser().resolve()
    if not any(path.is_relative_to(folder.resolve()) for folder in folders):
        raise NeedsAttention(
            "This folder is none that may be read. Use one below the data directory's “landing”, or let the operator "
            "add it to SCHOOLPASSPORT_FOLDERS."
        )
    return path


def look(folder: Path) -> dict[str, Seen]:
    """The ordinary files of a folder. Links are not followed."""
    found: dict[str, Seen] = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                state = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(state.st_mode):
                    found[entry.name] = Seen(state.st_size, state.st_mtime_ns, state.st_ino)
                if len(found) > _MOST:
                    raise NeedsAttention(f"The folder holds more than {_MOST:,} files. Point to one for packages only.")
    except FileNotFoundError:
        raise NeedsAttention(f"There is no folder {folder.name!r} any more. Make it, or correct its path.") from None
    except OSError as error:
        raise NeedsAttention(f"The folder {folder.name!r} cannot be read: {error.strerror}.") from None
    return found


def arrived(folder: Path, *, seconds: float) -> dict[str, Seen]:
    """The files of a folder in which nothing changed for so long, and nothing is open. Raises ``Retry``."""
    before = look(folder)
    refuse_unfinished(before)
    time.sleep(seconds)
    after = look(folder)
    if changed := sorted(n for n in before.keys() | after.keys() if before.get(n) != after.get(n)):
        raise Retry(SOON, f"{changed[0]!r} changed while it was looked at: its package is still being written.")
    names = chosen(after)
    if written := next((n for n in names if _is_open(folder / n)), None):
        raise Retry(SOON, f"{written!r} is open for writing, so its package is waited for.")
    return {n: after[n] for n in names}


def check_manifest(folder: Path, names: Iterable[str]) -> None:
    """Loose files must be all that their manifest declares."""
    there = set(names)
    if MANIFEST not in there:
        return
    if missing := sorted(declared((folder / MANIFEST).read_bytes()) - there):
        raise Retry(SOON, f"The manifest declares {missing[0]}, which is not there yet. It is waited for.")


def copy(folder: Path, seen: Look, into: Path) -> None:
    """Copy what was seen, and nothing else that took its place meanwhile. A zip that has no end yet is waited for."""
    for name in seen:
        with _reading(folder / name, seen[name]) as source, whole_file(into / name) as target:
            shutil.copyfileobj(source, target, 1 << 20)
        if name.lower().endswith(".zip"):
            check_zip(into / name)
    if {n: s for n, s in look(folder).items() if n in seen} != dict(seen):
        raise Retry(SOON, "The package changed while it was copied. It is waited for.")


def check_zip(path: Path) -> None:
    """An upload that broke off has no end. What else is wrong with a zip file the walk says."""
    try:
        open_package(path)
    except PackageRefused as refused:
        if refused.code in {Code.DAMAGED, Code.CHANGED, Code.NOT_A_PACKAGE}:
            raise Retry(SOON, f"{path.name} is not complete, or damaged. It is tried again.") from None


@contextlib.contextmanager
def _reading(path: Path, seen: Seen) -> Iterator[io.BufferedReader]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise NeedsAttention(f"{path.name!r} cannot be read: {error.strerror}. Check its permissions.") from None
    with os.fdopen(descriptor, "rb") as file:
        state = os.fstat(descriptor)
        if (state.st_size, state.st_mtime_ns, state.st_ino) != (seen.size, seen.changed, seen.node):
            raise Retry(SOON, f"{path.name!r} changed while it was copied. It is waited for.")
        yield file


def _is_open(path: Path) -> bool:
    """Whether somebody on this machine has the file open for writing, as far as the system tells.

    Linux grants a read lease only on a file that nobody writes to; elsewhere, and on files of others, two looks decide.
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    with contextlib.suppress(OSError), path.open("rb") as file:
        try:
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        except OSError as error:
            return error.errno == errno.EAGAIN
    return False

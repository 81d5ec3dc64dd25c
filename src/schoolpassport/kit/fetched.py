"""Whether a file that lies ready was fetched: a mark on the file itself, not on its name.

So who still reads a file when another takes its name marks the one that was really got. The mark is what the owner may
do with the file, because every disk and every copy keeps that.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final

MOST_FILES: Final = 1_000  # in one folder of the service


class Mark(IntEnum):
    NEVER = 0o600  # nobody has opened it
    BEGUN = 0o500  # somebody has; whether they got it whole is not known
    WHOLE = 0o400  # somebody got every byte, and closed it


@dataclass(frozen=True, kw_only=True)
class Lies:
    """A file as it lies there. ``made``: its time, in nanoseconds: no two of a name are of one instant."""

    made: int
    mark: Mark


def at(path: Path) -> Lies | None:
    """None: there is no such file."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return Lies(made=found.st_mtime_ns, mark=mark(found))


def mark(found: os.stat_result) -> Mark:
    return next((each for each in Mark if each == found.st_mode & 0o700), Mark.BEGUN)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """While nobody begins to fetch from the folder, and no file takes the place of another. For moments only."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def begin(path: Path) -> int:
    """Open a file to be fetched, and mark it. Returns its descriptor."""
    with held(path.parent):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        if mark(os.fstat(descriptor)) is Mark.NEVER:
            os.fchmod(descriptor, Mark.BEGUN)
    return descriptor


def end(descriptor: int) -> None:
    """Whoever fetched it got all of it."""
    os.fchmod(descriptor, Mark.WHOLE)


class Parts:
    """Which bytes of a file were read, in whatever order they were asked for."""

    def __init__(self) -> None:
        self._read: list[tuple[int, int]] = []  # from, to; apart from each other, in order

    def add(self, start: int, stop: int) -> None:
        joined = [each for each in self._read if each[0] <= stop and each[1] >= start] + [(start, stop)]
        apart = [each for each in self._read if each not in joined]
        self._read = sorted([*apart, (min(s for s, _ in joined), max(e for _, e in joined))])

    def are_all(self, size: int) -> bool:
        return size == 0 or self._read == [(0, size)]

"""Where files are made: a folder below the data directory that is gone afterwards, whatever happens to its maker."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from django.conf import settings

from schoolpassport.delivery.formats import Format
from schoolpassport.delivery.making import Room
from schoolpassport.kit.ids import new_id
from schoolpassport.sharing import exports
from schoolpassport.tenancy import scope

_HELD = ".held"


@contextmanager
def exported(*, district_id: UUID, integration_id: UUID, format_: Format) -> Iterator[tuple[Room, exports.Exported]]:
    """The application's view as the format needs it, and room to work on it. Raises ``NothingShared``."""
    with _room() as room:
        with scope.inside(district_id):
            found = exports.write(
                district_id=district_id, integration_id=integration_id, kinds=format_.kinds, since=0, folder=room.rows
            )
        yield room, found


@contextmanager
def sendable(
    *, district_id: UUID, integration_id: UUID, format_: Format, since: int
) -> Iterator[tuple[Room, exports.Exported]]:
    """The same for files that go out: kinds of which no engine need make a file are finished."""
    with _room() as room:
        yield (
            room,
            copied(district_id=district_id, integration_id=integration_id, format_=format_, since=since, room=room),
        )


@contextmanager
def _room() -> Iterator[Room]:
    with _folder() as folder:
        environment = settings.ENVIRONMENT
        room = Room(folder=folder, memory_mb=environment.sync_memory_mb, threads=environment.sync_threads)
        room.prepare()
        yield room


def copied(*, district_id: UUID, integration_id: UUID, format_: Format, since: int, room: Room) -> exports.Exported:
    """``since`` 0: the view as it is; else what changed after that revision, or both, where rows are compared."""
    about = {"district_id": district_id, "integration_id": integration_id}
    with scope.inside(district_id):
        if since and format_.compared:
            return exports.write_both(**about, kinds=format_.kinds, since=since, folder=room.rows)
        return exports.write(
            **about,
            kinds=format_.kinds,
            whole=format_.whole,
            since=since,
            folder=room.rows,
            layouts=format_.layouts,
        )


def extent(*, district_id: UUID, integration_id: UUID) -> exports.Extent:
    """Where the view stands. Raises ``NothingShared``."""
    with scope.inside(district_id):
        return exports.extent(district_id=district_id, integration_id=integration_id)


def still_holds(*, district_id: UUID, integration_id: UUID, exported: exports.Exported) -> bool:
    """Whether the terms still hold under which the view was copied."""
    with scope.inside(district_id):
        return exports.still_holds(district_id=district_id, integration_id=integration_id, exported=exported)


@contextmanager
def _folder() -> Iterator[Path]:
    """Held by a lock that dies with its holder: what a killed one left behind goes when the next one comes."""
    parent = settings.ENVIRONMENT.data_dir / "work" / "files"
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in parent.iterdir():
        _forget_if_left(left)
    folder = parent / str(new_id())
    folder.mkdir(mode=0o700)
    held = os.open(folder / _HELD, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _forget_if_left(folder: Path) -> None:
    try:
        held = os.open(folder / _HELD, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return  # its maker has only begun, or has just ended
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    else:
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(held)

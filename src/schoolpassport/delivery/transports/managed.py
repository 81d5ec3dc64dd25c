"""Files that a partner fetches from the managed SFTP service (`schoolpassport sftp`)."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from secrets import token_hex

from schoolpassport.delivery.transports.shape import Checked, Given, Transport
from schoolpassport.kit import fetched
from schoolpassport.kit.fetched import Mark
from schoolpassport.kit.recovery import NeedsAttention, Retry
from schoolpassport.kit.wholefile import whole_file

_MB = 1_000_000


def _check(given: Given) -> Checked:
    there = len(list(given.outbox.iterdir())) if given.outbox.is_dir() else 0
    return Checked(ok=True, sentence=f"Files that lie ready for the application: {there}.")


def _send(given: Given, files: Sequence[Path]) -> Sequence[str]:
    """All bytes first, aside; then all names at one moment, in which nobody begins to fetch.

    What was fetched goes where there is no room otherwise, the oldest first.
    """
    given.outbox.mkdir(mode=0o700, parents=True, exist_ok=True)
    with fetched.held(given.outbox):
        _leaving(given, files)  # before anything is copied
    aside = {file: given.outbox / f".{token_hex(12)}" for file in files}
    try:
        for file, path in aside.items():
            with file.open("rb") as source, whole_file(path) as target:
                shutil.copyfileobj(source, target, 1 << 20)
            made = file.stat().st_mtime_ns  # by which it is known again
            os.utime(path, ns=(made, made))
        with fetched.held(given.outbox):
            if any(fetched.at(given.outbox / name) != lies for name, lies in given.assumed.items()):
                raise Retry(0, "A file was fetched while the one that takes its place was made. It is made anew.")
            leaving = _leaving(given, files)
            for file, path in aside.items():
                path.rename(given.outbox / file.name)
            for name, made in given.over.items():
                left = fetched.at(given.outbox / name)
                if left is not None and left.made == made:
                    (given.outbox / name).unlink()
            for path in leaving:
                path.unlink()
    finally:
        for path in aside.values():
            path.unlink(missing_ok=True)
    if not leaving:
        return ()
    return (f"To make room, files went that had been fetched: {', '.join(sorted(p.name for p in leaving))}.",)


def _leaving(given: Given, files: Sequence[Path]) -> list[Path]:
    """What must go so that the new files find room. Raises ``NeedsAttention`` where that is not enough."""
    new = {file.name: file.stat().st_size for file in files}
    there = {p: p.lstat() for p in given.outbox.iterdir() if not p.name.startswith(".") and p.name not in new}
    stay = {p: found for p, found in there.items() if given.over.get(p.name) != found.st_mtime_ns}
    may_go = [
        p
        for p, found in sorted(stay.items(), key=lambda each: each[1].st_mtime_ns)
        if fetched.mark(found) is Mark.WHOLE and (p.name, found.st_mtime_ns) not in given.kept
    ]
    size, count, leaving = sum(new.values()) + sum(f.st_size for f in stay.values()), len(new) + len(stay), 0
    while size > given.room or count > fetched.MOST_FILES:
        if leaving == len(may_go):
            raise NeedsAttention(
                f"There is no room for this delivery: {count:,} files of {size / _MB:,.1f} MB would lie ready for the "
                f"application, and {fetched.MOST_FILES:,} of {given.room / _MB:,.1f} MB may. Nothing was put there or "
                "taken away. Let the partner fetch what lies there, or allow more: schoolpassport account quota."
            )
        size, count, leaving = size - stay[may_go[leaving]].st_size, count - 1, leaving + 1
    return may_go[:leaving]


TRANSPORT = Transport(
    name="managed",
    title="To be fetched (managed SFTP)",
    about="Files lie ready on the managed SFTP service, where every account of the application may fetch them. They "
    "count on the least of its accounts' quotas.",
    settings=(),
    check=_check,
    send=_send,
)

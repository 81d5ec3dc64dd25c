"""Files that a partner fetches from the managed SFTP service (`schoolpassport sftp`)."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from secrets import token_hex

from schoolpassport.delivery.transports.shape import Checked, Given, Transport
from schoolpassport.kit import fetched
from schoolpassport.kit.recovery import Retry
from schoolpassport.kit.wholefile import whole_file


def _check(given: Given) -> Checked:
    there = len(list(given.outbox.iterdir())) if given.outbox.is_dir() else 0
    return Checked(ok=True, sentence=f"Files that lie ready for the application: {there}.")


def _send(given: Given, files: Sequence[Path]) -> None:
    """All bytes first, aside; then all names at one moment, in which nobody begins to fetch."""
    given.outbox.mkdir(mode=0o700, parents=True, exist_ok=True)
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
            for file, path in aside.items():
                path.rename(given.outbox / file.name)
            for name, made in given.over.items():
                left = fetched.at(given.outbox / name)
                if left is not None and left.made == made:
                    (given.outbox / name).unlink()
    finally:
        for path in aside.values():
            path.unlink(missing_ok=True)


TRANSPORT = Transport(
    name="managed",
    title="To be fetched (managed SFTP)",
    about="Files lie ready on the managed SFTP service, where every account of the application may fetch them.",
    settings=(),
    check=_check,
    send=_send,
)

"""Files that a partner fetches from the managed SFTP service (`schoolpassport sftp`)."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from schoolpassport.delivery.transports.shape import Checked, Given, Transport
from schoolpassport.kit.wholefile import whole_file


def _check(given: Given) -> Checked:
    there = len(list(given.outbox.iterdir())) if given.outbox.is_dir() else 0
    return Checked(ok=True, sentence=f"Files that lie ready for the application: {there}.")


def _send(given: Given, files: Sequence[Path]) -> None:
    given.outbox.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file in files:
        with file.open("rb") as source, whole_file(given.outbox / file.name) as target:
            shutil.copyfileobj(source, target, 1 << 20)


TRANSPORT = Transport(
    name="managed",
    title="To be fetched (managed SFTP)",
    about="Files lie ready on the managed SFTP service, where every account of the application may fetch them.",
    settings=(),
    check=_check,
    send=_send,
)

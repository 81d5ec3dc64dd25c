"""Files that are there completely, or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedWriter
from pathlib import Path
from secrets import token_hex


@contextmanager
def whole_file(into: Path) -> Iterator[BufferedWriter]:
    """A file that gets its name when it is complete and on the disk; until then, and otherwise, there is none."""
    unfinished = into.with_name(f".{into.name[:100]}.{token_hex(8)}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(into)
    finally:
        unfinished.unlink(missing_ok=True)

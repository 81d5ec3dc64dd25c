"""Checks over the requirements: pinned, hashed, from nowhere in particular, and each with its reason."""

import re
from collections.abc import Iterator

_WANTED = re.compile(r"^(?P<name>[a-z0-9][a-z0-9._-]*)", re.MULTILINE)
_PINNED = re.compile(
    r"^(?P<name>[a-z0-9][a-z0-9._-]*)(\[[a-z,]+\])?==(?P<version>[^\s;\\]+)(?P<rest>.*)$", re.MULTILINE
)
_PLACES = re.compile(r"https?:|--(extra-)?index-url|--find-links|--trusted-host|^-[if] | @ ", re.MULTILINE)


def wanted(text: str) -> list[str]:
    """The packages that an ``.in`` file asks for."""
    return [match["name"] for match in _WANTED.finditer(text)]


def pins(text: str) -> dict[str, set[str]]:
    """Package → versions; several when systems or Pythons differ."""
    found: dict[str, set[str]] = {}
    for match in _PINNED.finditer(text):
        found.setdefault(match["name"], set()).add(match["version"])
    return found


def unlocked(text: str) -> Iterator[str]:
    """What a lock file must not have: a line without a pin, a pin without a hash, a place to fetch from."""
    for block in re.split(r"\n(?=\S)", text.strip()):
        head = block.splitlines()[0]
        if not _PINNED.match(head):
            yield f"{head} is not pinned"
        elif "--hash=sha256:" not in block:
            yield f"{head} has no hash"
    if place := _PLACES.search(text):
        yield f"it says where to fetch from: {place[0].strip()}"

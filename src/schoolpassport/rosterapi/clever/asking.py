"""The query of a request in this dialect, read into what it means."""

import re
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qsl, quote

from schoolpassport.rosterapi.visits import Trouble

DEFAULT_LIMIT = 100
LARGEST_LIMIT = 10_000
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_TRUE, _FALSE = frozenset({"true", "1"}), frozenset({"", "false", "0"})


@dataclass(frozen=True)
class Asked:
    """``kept``: what the links of a list repeat, encoded."""

    limit: int = DEFAULT_LIMIT
    after: str = ""
    before: str = ""
    role: str = ""
    record_types: tuple[str, ...] = ()
    school: str = ""
    primary: bool = False
    count: bool = False
    revision: int | None = None
    kept: str = ""


def read(query: str) -> Asked:
    """Raises ``Trouble``: 413 for a limit beyond the largest, 400 for what cannot be read."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=100)
    except ValueError:
        raise _bad("it has too many parameters") from None
    sent = dict(pairs)
    limit = _limit(sent.get("limit", str(DEFAULT_LIMIT)))
    after, before = sent.get("starting_after", ""), sent.get("ending_before", "")
    if after and before:
        raise _bad("starting_after and ending_before exclude each other")
    revision = sent.get("revision", "")
    if revision and not _NUMBER.fullmatch(revision):
        raise _bad("revision is a whole number")
    again = [(name, value) for name, value in pairs if name in {"limit", "role", "record_type", "school", "primary"}]
    return Asked(
        limit=limit,
        after=after,
        before=before,
        role=sent.get("role", ""),
        record_types=tuple(value for name, value in pairs if name == "record_type"),
        school=sent.get("school", ""),
        primary=_flag(sent, "primary"),
        count=_flag(sent, "count"),
        revision=min(int(revision), 2**31 - 1) if revision else None,
        kept="".join(f"{name}={quote(value, safe='')}&" for name, value in again),
    )


def _limit(text: str) -> int:
    if not _NUMBER.fullmatch(text) or int(text) < 1:
        raise _bad("limit is a whole number, 1 or greater")
    if int(text) > LARGEST_LIMIT:
        raise Trouble(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"limit is {LARGEST_LIMIT} at most.")
    return int(text)


def _flag(sent: dict[str, str], name: str) -> bool:
    value = sent.get(name, "").lower()
    if value not in _TRUE | _FALSE:
        raise _bad(f"{name} is true or false")
    return value in _TRUE


def _bad(sentence: str) -> Trouble:
    return Trouble(HTTPStatus.BAD_REQUEST, f"The request cannot be read: {sentence}.")

"""The query of a request in a dialect that pages by cursors, read into what it means."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import parse_qsl, quote

from schoolpassport.rosterapi.visits import Trouble

DEFAULT_LIMIT = 100
LARGEST_LIMIT = 10_000
SINCE, UNTIL = "modified_after", "modified_before"  # in links, where after and before are ids again
_TIME = re.compile(r"[0-9]{9,13}", re.ASCII)
_SECONDS = 10  # digits, until the year 2286
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_TRUE, _FALSE = frozenset({"true", "1"}), frozenset({"", "false", "0"})


@dataclass(frozen=True)
class Words:
    """What a dialect calls the record to go on from, and the one to go back from.

    ``timed``: whether numbers in their place are times (Unix, in seconds or milliseconds).
    """

    after: str
    before: str
    timed: bool = False


@dataclass(frozen=True)
class Asked:
    """``kept``: what the links of a list repeat, encoded."""

    limit: int = DEFAULT_LIMIT
    after: str = ""
    before: str = ""
    offset: int = 0
    role: str = ""
    record_types: tuple[str, ...] = ()
    school: str = ""
    primary: bool = False
    count: bool = False
    revision: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    kept: str = ""


def read(query: str, words: Words) -> Asked:
    """Raises ``Trouble``: 413 for a limit beyond the largest, 400 for what cannot be read."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=100)
    except ValueError:
        raise _bad("it has too many parameters") from None
    sent = dict(pairs)
    limit = _limit(sent.get("limit", str(DEFAULT_LIMIT)))
    after, before = sent.get(words.after, ""), sent.get(words.before, "")
    revision = sent.get("revision", "")
    again = [(name, value) for name, value in pairs if name in {"limit", "role", "record_type", "school", "primary"}]
    since, until = sent.get(SINCE, ""), sent.get(UNTIL, "")
    if words.timed:
        after, since = ("", after) if _TIME.fullmatch(after) else (after, since)
        before, until = ("", before) if _TIME.fullmatch(before) else (before, until)
    if after and before:
        raise _bad(f"{words.after} and {words.before} exclude each other")
    return Asked(
        limit=limit,
        after=after,
        before=before,
        offset=_number(sent.get("offset", "0"), "offset"),
        role=sent.get("role", ""),
        record_types=tuple(value for name, value in pairs if name == "record_type"),
        school=sent.get("school", ""),
        primary=_flag(sent, "primary"),
        count=_flag(sent, "count"),
        revision=_number(revision, "revision") if revision else None,
        since=_instant(since) if words.timed and since else None,
        until=_instant(until) if words.timed and until else None,
        kept="".join(f"{name}={quote(value, safe='')}&" for name, value in again),
    )


def _limit(text: str) -> int:
    if not _NUMBER.fullmatch(text) or int(text) < 1:
        raise _bad("limit is a whole number, 1 or greater")
    if int(text) > LARGEST_LIMIT:
        raise Trouble(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"limit is {LARGEST_LIMIT} at most.")
    return int(text)


def _number(text: str, name: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise _bad(f"{name} is a whole number, 0 or greater")
    return int(text)


def _instant(text: str) -> datetime:
    """Of Unix time in seconds, or in milliseconds, which are more digits."""
    if not _TIME.fullmatch(text):
        raise _bad("a time is a number of seconds or milliseconds since 1970")
    return datetime.fromtimestamp(int(text) / (1 if len(text) <= _SECONDS else 1000), UTC)


def _flag(sent: dict[str, str], name: str) -> bool:
    value = sent.get(name, "").lower()
    if value not in _TRUE | _FALSE:
        raise _bad(f"{name} is true or false")
    return value in _TRUE


def _bad(sentence: str) -> Trouble:
    return Trouble(HTTPStatus.BAD_REQUEST, f"The request cannot be read: {sentence}.")

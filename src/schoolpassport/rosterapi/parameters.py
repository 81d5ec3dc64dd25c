"""The query of a request, read once into what it means. Real clients spell it in many ways (percent, plus, raw)."""

import re
from typing import NamedTuple
from urllib.parse import quote, unquote_plus

from schoolpassport.rosterapi.errors import Failure, Minor

DEFAULT_LIMIT = 100
LARGEST_LIMIT = 10_000
_MOST_PARAMETERS = 100
_NUMBER = re.compile(r"[0-9]{1,40}", re.ASCII)
_OFFSET = re.compile(r"(?:^|&)offset=([0-9]{1,18})(?=&|$)", re.ASCII)
_ANOTHER = re.compile(r"(?:^|&)(?:offset(?:[=&]|$)|[^=&]*%)")  # of two the last counts; a name may be encoded
_LARGEST_REVISION = 2**31 - 1
_ORDERS = {"": False, "asc": False, "acs": False, "desc": True}  # “acs” stands in the standard's own description


class Parameters(NamedTuple):
    """``kept``: all that was sent but limit, offset and revision, encoded for the links."""

    limit: int = DEFAULT_LIMIT
    offset: int = 0
    revision: int | None = None
    filter: str = ""
    sort: str = ""
    descending: bool = False
    fields: str | None = None
    kept: str = ""


def without_offset(query: str) -> tuple[str, int | None]:
    """The pages of a walk differ in the offset alone. None: it must be looked for among the rest."""
    found = _OFFSET.search(query)
    if found is None:
        return query, None
    rest = query[: found.start()] + query[found.end() :]
    return (query, None) if _ANOTHER.search(rest) else (rest, int(found[1]))


def for_page(query: str) -> Parameters:
    """Raises ``Failure``. A limit beyond the largest is refused, never cut: clients step by what they asked for."""
    values = _sent(query)
    limit = _number(values.pop("limit", str(DEFAULT_LIMIT)), "limit", least=1)
    if limit > LARGEST_LIMIT:
        raise _bad(f"limit is {LARGEST_LIMIT} at most")
    offset = _number(values.pop("offset", "0"), "offset", least=0)
    revision = values.pop("revision", None)
    order = values.get("orderBy", "").lower()
    if order not in _ORDERS:
        raise _bad("orderBy is asc or desc")
    return Parameters(
        limit=limit,
        offset=offset,
        revision=None if revision is None else min(_number(revision, "revision", least=0), _LARGEST_REVISION),
        filter=values.get("filter", ""),
        sort=values.get("sort", ""),
        descending=_ORDERS[order],
        fields=values.get("fields"),
        kept="".join([f"{_spelled(name)}={_spelled(value)}&" for name, value in values.items()]),
    )


def for_single(query: str) -> Parameters:
    """Of one object only its fields can be chosen; all else is ignored."""
    return Parameters(fields=_sent(query).get("fields"))


def _sent(query: str) -> dict[str, str]:
    """Decoded exactly once; of two values for one name, the last. WSGI hands bytes on as latin-1."""
    if not query.isascii():
        query = query.encode("latin-1", "replace").decode("utf-8", "replace")
    pieces = query.split("&") if query else []
    if len(pieces) > _MOST_PARAMETERS:
        raise _bad(f"a request has at most {_MOST_PARAMETERS} parameters")
    pairs = [piece.partition("=") for piece in pieces if piece]
    return {_decoded(name): _decoded(value) for name, _, value in pairs}


def _decoded(text: str) -> str:
    return unquote_plus(text) if "%" in text or "+" in text else text


def _spelled(text: str) -> str:
    """For a link: nothing is left raw that a client might split it at, as a comma."""
    return text if text.isascii() and text.isalnum() else quote(text, safe="")


def _number(text: str, name: str, *, least: int) -> int:
    if not _NUMBER.fullmatch(text) or int(text) < least:
        raise _bad(f"{name} is a whole number, {least} or greater")
    return int(text)


def _bad(sentence: str) -> Failure:
    return Failure(Minor.INVALID_DATA, f"A parameter cannot be used: {sentence}.")

"""What a request brings with it: a JSON object under the name of what is written, of bounded size."""

import json
from typing import Any, Final

from schoolpassport.rosterapi.errors import Failure, Minor

LARGEST: Final = 1 << 20
_DEEPEST: Final = 50


def read(environ: dict[str, Any], *, wrapper: str) -> object:
    """What stands under ``wrapper``. Raises ``Failure`` (400, 413)."""
    sent = _decoded(_raw(environ))
    if not isinstance(sent, dict):
        raise _bad("The body is no JSON object.")
    if set(sent) != {wrapper}:
        raise _bad(f'The body is one object like {{"{wrapper}": …}}; this has {_listed(sent)}.')
    if _depth(sent, _DEEPEST) > _DEEPEST:
        raise _bad(f"The body is nested deeper than {_DEEPEST} levels.")
    return sent[wrapper]


def _raw(environ: dict[str, Any]) -> bytes:
    length = environ.get("CONTENT_LENGTH") or ""
    if not (length.isascii() and length.isdigit()):
        raise _bad("The request says by no Content-Length how long its body is.")
    if int(length) > LARGEST:
        raise Failure(Minor.TOO_LARGE, f"The body has {int(length)} bytes; {LARGEST} are allowed.")
    raw: bytes = environ["wsgi.input"].read(int(length))
    if len(raw) < int(length):
        raise _bad("The body did not arrive whole.")
    return raw


def _decoded(raw: bytes) -> object:
    try:
        text = raw.decode("utf-8-sig")
        sent: object = json.loads(text, parse_constant=_no_number)
        whole = json.dumps(sent, ensure_ascii=False)
        whole.encode()  # half a surrogate pair is no character
    except (ValueError, RecursionError):
        raise _bad("The body is no JSON in UTF-8.") from None
    if "\\u0000" in whole:
        raise _bad("A text in the body holds the character NUL, which cannot be kept.")
    return sent


def _no_number(word: str) -> float:
    raise ValueError(word)


def _depth(value: object, most: int) -> int:
    if most < 0 or not isinstance(value, dict | list):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max((_depth(each, most - 1) for each in inner), default=0)


def _listed(sent: dict[str, object]) -> str:
    names = ", ".join(sorted(sent)[:5])
    return names[:100] or "no member"


def _bad(sentence: str) -> Failure:
    return Failure(Minor.INVALID_DATA, sentence)

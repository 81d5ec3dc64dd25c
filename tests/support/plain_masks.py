"""Masks as a person would do them by hand, with Python's own HMAC: what those written in SQL are held against."""

import hmac
import re
from typing import Any
from uuid import UUID

_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijkmnpqr")
_DIGITS = str.maketrans("0abcdef", "1234567")
_SYLLABLES = [c + v for c in "bdfgklmnprstvwyz" for v in "aeio"]
DRAWN = {"pseudonym", "alias", "invented-name", "digits", "choice"}


def masked(name: str, *, secret: bytes, key: str, record: UUID, value: Any, choices: tuple[str, ...]) -> Any:
    """What stands in the place of a value of the attribute ``key`` (“kind.name”), which is not blank."""
    drawn = hmac.digest(secret, key.encode() + b"\0" + record.bytes, "sha256")
    letters = drawn.hex()[:20].translate(_LETTERS)
    match name:
        case "initial":
            first = value.lstrip(" ")[:1]
            return (first if first < "\u2e80" else "") + "***"
        case "invented-name":
            return "".join(_SYLLABLES[byte % len(_SYLLABLES)] for byte in drawn[:4]).capitalize()
        case "pseudonym":
            return letters
        case "alias":
            return f"{letters}@masked.example.org"
        case "year":
            return f"{str(value)[:4]}-01-01"
        case "choice":
            return choices[drawn[0] % len(choices)]
        case "digits":
            number, others = re.sub(r"[^-+(). /0-9]", "", value)[:24], drawn.hex().translate(_DIGITS)
            return "".join(others[place] if sign.isdigit() else sign for place, sign in enumerate(number)) or None
    raise ValueError(name)

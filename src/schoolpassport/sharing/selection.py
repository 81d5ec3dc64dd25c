"""``fields``: only the named properties of each document, copied and not understood."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec

from schoolpassport.sharing.records import Fault, Notice, Unanswerable


def chosen(fields: str, known: frozenset[str]) -> tuple[tuple[str, ...] | None, Notice | None]:
    """The names asked for. An unknown one brings every property, and a notice; none at all is refused."""
    names = [name.strip() for name in fields.split(",")]
    if not any(names):
        raise Unanswerable(Fault.BLANK_FIELDS, "The parameter fields names no property; leave it out to get all.")
    unknown = sorted({name for name in names if name not in known})
    if unknown:
        listed = ", ".join(name or "(nothing)" for name in unknown)
        return None, Notice(Fault.UNKNOWN_FIELDS, f"There is no property {listed}; every property is sent.")
    return tuple(dict.fromkeys(names)), None


def reduced(documents: bytes, names: Iterable[str]) -> bytes:
    """Documents with commas between, each with these properties alone, in this order."""
    decode, encode = _codecs(tuple(names))
    return encode(decode(b"[" + documents + b"]"))[1:-1]


@lru_cache(maxsize=256)
def _codecs(names: tuple[str, ...]) -> tuple[Any, Any]:
    """A struct made for these names; its members are pieces of the text they were found in."""
    spelled = {f"p{place}": name for place, name in enumerate(names)}
    absent = msgspec.Raw | msgspec.UnsetType
    members = [(python, absent, msgspec.UNSET) for python in spelled]
    struct = msgspec.defstruct("Selected", members, rename=spelled, gc=False)
    return msgspec.json.Decoder(list[struct]).decode, msgspec.json.Encoder().encode

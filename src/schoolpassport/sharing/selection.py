"""``fields``: only the named properties of each document, copied and not understood."""

from collections.abc import Callable, Iterable
from functools import lru_cache

import msgspec

from schoolpassport.sharing.records import Fault, Notice, Unanswerable

_encode = msgspec.json.Encoder().encode


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
    decode = _decoder(tuple(names))
    return _encode(decode(b"[" + documents + b"]"))[1:-1]


@lru_cache(maxsize=256)
def _decoder(names: tuple[str, ...]) -> Callable[[bytes], list[msgspec.Struct]]:
    """A struct made for these names; its members are pieces of the text they were found in."""
    spelled = {f"p{place}": name for place, name in enumerate(names)}
    absent = msgspec.Raw | msgspec.UnsetType
    members = [(python, absent, msgspec.UNSET) for python in spelled]
    selected = msgspec.defstruct("Selected", members, rename=spelled, gc=False)
    return msgspec.json.Decoder(list[selected]).decode  # type: ignore[valid-type]  # a type that was made just now

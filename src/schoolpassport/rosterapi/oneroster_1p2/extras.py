"""What 1.2 says of grades and 1.1 does not: kept in ``metadata``, under a name that tells where it comes from.

So a record is one record in both versions, and whoever reads by 1.1 loses nothing.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from schoolpassport.gradebook.records import Unwritable
from schoolpassport.gradebook.saying import objects
from schoolpassport.roster.kinds.shape import FLAGS_1P2, PREFIX_1P2

Document = dict[str, Any]

_WORDS: Final = {True: "true", False: "false"}


def _flag(where: str, value: object) -> object:
    said = _WORDS[value] if isinstance(value, bool) else value
    if said not in _WORDS.values():
        raise Unwritable(f'{where} is "true" or "false".')
    return said


def _text(where: str, value: object) -> object:
    if not isinstance(value, str):
        raise Unwritable(f"{where} is a text.")
    return value


def _weight(where: str, value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unwritable(f"{where} is a number.")
    return value


EXTRAS: Final[Mapping[str, Mapping[str, Callable[[str, object], object]]]] = {
    "category": {"weight": _weight},
    "lineItem": {"learningObjectiveSet": objects},
    "result": {
        "textScore": _text,
        **dict.fromkeys(FLAGS_1P2, _flag),
        "learningObjectiveSet": objects,
    },
}


SCHEMAS: Final[Mapping[str, Mapping[str, Document]]] = {
    "category": {"weight": {"type": "number"}},
    "lineItem": {"learningObjectiveSet": {"type": "array", "items": {"type": "object"}}},
    "result": {
        "textScore": {"type": "string"},
        **{flag: {"type": "string", "enum": ["true", "false"]} for flag in FLAGS_1P2},
        "learningObjectiveSet": {"type": "array", "items": {"type": "object"}},
    },
}
"""The same for descriptions."""


def named(kind: str) -> frozenset[str]:
    """Those that a filter can name."""
    return frozenset(EXTRAS.get(kind, ())) - {"learningObjectiveSet"}


def put_away(kind: str, sent: Document) -> Document:
    """A body of 1.2 as one of 1.1. Raises ``Unwritable``."""
    kept = {name: value for name, value in sent.items() if name not in EXTRAS.get(kind, ())}
    extra = {
        PREFIX_1P2 + name: read(f"{kind}.{name}", sent[name])
        for name, read in EXTRAS.get(kind, {}).items()
        if sent.get(name) is not None
    }
    if extra and isinstance(kept.get("metadata", {}), dict):
        kept["metadata"] = {**kept.get("metadata", {}), **extra}
    return kept


def brought_back(kind: str, document: Document) -> None:
    """The other way, in place. What a source said that makes no sense in 1.2 stays where it is."""
    metadata = document.get("metadata")
    if not isinstance(metadata, dict):
        return
    for name, read in EXTRAS.get(kind, {}).items():
        if PREFIX_1P2 + name in metadata:
            with suppress(Unwritable):
                document[name] = read(name, metadata[PREFIX_1P2 + name])
                del metadata[PREFIX_1P2 + name]
    if not metadata:
        del document["metadata"]

"""The dialect's OpenAPI document, from its paths."""

from collections.abc import Iterator
from typing import Any

from schoolpassport.rosterapi import envelopes
from schoolpassport.rosterapi.clever.paths import THINGS, WAYS, Way
from schoolpassport.rosterapi.envelopes import LIST, RECORD, Path, named

_CURSORS = ("limit", "starting_after", "ending_before")


def document(*, address: str, prefix: str) -> dict[str, Any]:
    title = f"the Clever-compatible API, {prefix.removeprefix('/')}"
    return envelopes.document(title=title, address=address, base=prefix, refusal="message", paths=_paths())


def _paths() -> Iterator[Path]:
    yield Path("/me", {}, RECORD)
    yield Path("/districts", named(["count"]), LIST)
    yield Path("/districts/{id}", {}, RECORD)
    yield from (Path(f"/{way.template}", _parameters(way), RECORD if way.single else LIST) for way in WAYS)
    yield from (Path(f"/{word}/{{id}}/district", {}, RECORD) for word in THINGS if word != "resources")
    yield Path("/events", named([*_CURSORS, "record_type", "school"]), LIST)
    yield Path("/events/{id}", {}, RECORD)


def _parameters(way: Way) -> dict[str, Any]:
    if way.single:
        return {}
    also = [*(["count"] if way.counted else []), *(["primary"] if way.primary else [])]
    roles = {"role": {"type": "string", "enum": list(way.roles)}} if way.roles else {}
    return {**named([*_CURSORS, "revision", *also]), **roles}

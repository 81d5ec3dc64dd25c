"""The native API's OpenAPI document, from its paths."""

from collections.abc import Iterator
from typing import Any

from schoolpassport.rosterapi import envelopes
from schoolpassport.rosterapi.envelopes import LIST, RECORD, Path, named
from schoolpassport.rosterapi.native.paths import OF_A_DISTRICT, TEMPLATES
from schoolpassport.rosterapi.walking import SINCE, UNTIL

_CURSORS = named(["limit", "offset", "after", "before", SINCE, UNTIL, "revision"])
_EVENTS = named(["limit", "after", "before", "record_type", "school"])


def document(*, address: str, base: str) -> dict[str, Any]:
    title = "the native Data API"
    return envelopes.document(title=title, address=address, base=base, refusal="error", paths=_paths())


def _paths() -> Iterator[Path]:
    yield Path("/districts", {}, LIST)
    yield Path("/districts/{id}", {}, RECORD)
    yield Path("/districts/{id}/status", {}, RECORD)
    yield Path("/districts/{id}/events", _EVENTS, LIST)
    yield from (Path(f"/districts/{{id}}/{word}", _CURSORS, LIST) for word in OF_A_DISTRICT)
    for template, single in TEMPLATES:
        yield Path(template, {} if single else _CURSORS, RECORD if single else LIST)
    yield Path("/events", _EVENTS, LIST)
    yield Path("/events/{id}", {}, RECORD)

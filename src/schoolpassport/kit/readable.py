"""Values as people read them in a terminal, a table or a sentence, and never as Python writes them."""

import json
from datetime import UTC, datetime


def instant(at: datetime) -> str:
    """Like 2026-09-01T06:00:00Z."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def shown(value: object) -> str:
    """A value by itself: several in a row, nothing as a dash."""
    match value:
        case None | []:
            return "–"
        case bool():
            return "true" if value else "false"
        case datetime():
            return instant(value)
        case list() | tuple():
            return ", ".join(shown(each) for each in value)
        case dict():
            return written(value)
        case _:
            return str(value)


def in_a_sentence(value: object) -> str:
    return "blank" if value in (None, "", []) else f"“{shown(value)}”"


def written(value: object) -> str:
    """A value of a document as it stands there (JSON)."""
    return json.dumps(value, ensure_ascii=False, default=str)


def said_of(name: str, value: object) -> str:
    """The beginning of a sentence about a value that cannot be taken: “day” is “32”, “day” is missing."""
    if value in (None, ""):
        return f"“{name}” is missing"
    return f"“{name}” is “{value if isinstance(value, str) else written(value)}”"

"""Descriptions (OpenAPI 3.1) of the dialects that are not OneRoster: their paths, parameters, envelopes and refusals.

Which attributes an object has is the consent's matter, and told in words (docs/partners); here stands how to ask.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

Json = dict[str, Any]

_WORDS = {
    "400": "A parameter cannot be used.",
    "401": "There is no access token, or it does not hold (any more).",
    "403": "The token lacks the scope, or the district shares nothing.",
    "404": "There is no such record or path.",
    "413": "The limit is beyond the largest.",
    "429": "Too many requests in this minute.",
    "500": "Something went wrong here.",
}
_WHOLE_NUMBER = {"type": "integer", "minimum": 0}
_TEXT = {"type": "string"}
PARAMETERS: Mapping[str, Json] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": 10_000},
    "revision": _WHOLE_NUMBER,
    "offset": _WHOLE_NUMBER,
    "count": {"type": "boolean"},
    "primary": {"type": "boolean"},
    "record_type": {"type": "array", "items": _TEXT},
}


class Path(NamedTuple):
    """``template`` with ``{id}``; ``parameters`` by name, of those in ``PARAMETERS`` or texts; ``answer``: a schema."""

    template: str
    parameters: Mapping[str, Json]
    answer: Json


def named(names: Iterable[str]) -> Mapping[str, Json]:
    return {name: PARAMETERS.get(name, _TEXT) for name in names}


RECORD: Json = {
    "type": "object",
    "required": ["data"],
    "properties": {"data": {"type": "object"}, "links": {"$ref": "#/components/schemas/Links"}},
}
LIST: Json = {
    "type": "object",
    "required": ["data", "links"],
    "properties": {
        "data": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["data", "uri"],
                "properties": {"data": {"type": "object"}, "uri": _TEXT},
            },
        },
        "links": {"$ref": "#/components/schemas/Links"},
        "count": _WHOLE_NUMBER,
        "paging": {"type": "object"},
    },
}
_LINKS: Json = {
    "type": "array",
    "items": {"type": "object", "required": ["rel", "uri"], "properties": {"rel": _TEXT, "uri": _TEXT}},
}


def document(*, title: str, address: str, base: str, refusal: str, paths: Iterable[Path]) -> Json:
    """``refusal``: the member of a refusal that holds its sentence."""
    body = {"type": "object", "required": [refusal], "properties": {refusal: _TEXT}}
    return {
        "openapi": "3.1.0",
        "info": {"title": f"School Passport: {title}", "version": "1"},
        "servers": [{"url": address + base}],
        "security": [{"bearer": []}],
        "paths": {path.template: {"get": _operation(path)} for path in paths},
        "components": {
            "securitySchemes": {
                "bearer": {
                    "type": "oauth2",
                    "flows": {"clientCredentials": {"tokenUrl": f"{address}/oauth/token", "scopes": {}}},
                }
            },
            "responses": {
                status: {"description": says, "content": {"application/json": {"schema": body}}}
                for status, says in _WORDS.items()
            },
            "schemas": {"Links": _LINKS},
        },
    }


def _operation(path: Path) -> Json:
    words = [piece for piece in path.template.strip("/").split("/") if piece != "{id}"]
    ids = path.template.count("{id}")
    inside = [{"name": "id", "in": "path", "required": True, "schema": _TEXT}] if ids else []
    asked = [{"name": name, "in": "query", "schema": schema} for name, schema in path.parameters.items()]
    return {
        "operationId": ("get " + " of ".join(reversed(words)) + (" by id" if ids else "")).replace(" ", "_"),
        "parameters": [*inside, *asked],
        "responses": {
            "200": {"description": "As asked.", "content": {"application/json": {"schema": path.answer}}},
            **{status: {"$ref": f"#/components/responses/{status}"} for status in _WORDS},
        },
    }

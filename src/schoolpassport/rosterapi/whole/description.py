"""The OpenAPI document of what reads a view as a whole."""

from typing import Any

from schoolpassport.rosterapi import envelopes
from schoolpassport.rosterapi.envelopes import Path
from schoolpassport.rosterapi.whole.streaming import CODINGS

Json = dict[str, Any]

_COUNT: Json = {"type": "integer", "minimum": 0}
_TEXT: Json = {"type": "string"}
_COLLECTIONS = {"collections": _TEXT}
_AT_ONE = {**_COLLECTIONS, "revision": _COUNT}
_CHANGE = {"type": "object", "required": ["seq", "change", "revision"]}  # and the record, under the name of its kind
_CHANGES: Json = {
    "type": "object",
    "required": ["changes", "after", "more", "revision", "next"],
    "properties": {
        "changes": {"type": "array", "items": _CHANGE},
        "after": _COUNT,
        "more": {"type": "boolean"},
        "revision": _COUNT,
        "next": _TEXT,
    },
}
_MANIFEST: Json = {
    "type": "object",
    "required": ["revision", "at", "after", "collections", "jws"],
    "properties": {"revision": _COUNT, "at": _TEXT, "after": _COUNT, "collections": {"type": "object"}, "jws": _TEXT},
}
_HELD: Json = {
    "type": "string",
    "description": "A line for each record: sourcedId, and hash: 64 hexadecimal digits.",
}
_LINES: Json = {
    "description": "A line for each record, the last one an end; packed as Accept-Encoding says, or as it is.",
    "headers": {
        "Content-Encoding": {"schema": {"type": "string", "enum": list(CODINGS)}},
        "X-Revision": {"schema": _COUNT},
    },
    "content": {"application/x-ndjson": {"schema": _TEXT}},
}


def document(*, address: str, base: str) -> Json:
    paths = (
        Path("/changes", {**_COLLECTIONS, "after": _COUNT, "limit": envelopes.PARAMETERS["limit"]}, _CHANGES),
        Path("/manifest", {**_AT_ONE, "buckets": {"type": "boolean"}}, _MANIFEST),
        Path("/export", {**_AT_ONE, "from": _TEXT, "after": _TEXT}, _TEXT),
    )
    told = envelopes.document(title="the whole view", address=address, base=base, refusal="error", paths=paths)
    told["paths"]["/export"]["get"]["responses"]["200"] = _LINES
    refused = told["components"]["responses"]["400"]
    later = {**refused, "description": "It is added up in the background; Retry-After says when to ask again."}
    told["paths"]["/manifest"]["get"]["responses"]["503"] = later
    told["paths"]["/reconcile"] = {"post": _reconcile(told["paths"]["/export"]["get"], refused)}
    return told


def _reconcile(export: Json, refused: Json) -> Json:
    """Answered as the export is; what is posted may be packed."""
    asked = {"collection": _TEXT, "revision": _COUNT, "buckets": _TEXT}
    parameters = [
        {"name": name, "in": "query", "schema": schema, "required": name == "collection"}
        for name, schema in asked.items()
    ]
    packed = {
        "name": "Content-Encoding",
        "in": "header",
        "required": False,
        "schema": {"type": "string", "enum": ["identity", "gzip"]},
    }
    more = {"405": "There is POST here.", "411": "Say how much you send.", "415": "Send it as it is, or as gzip."}
    return {
        "operationId": "reconcile",
        "parameters": [*parameters, packed],
        "requestBody": {"required": True, "content": {"application/x-ndjson": {"schema": _HELD}}},
        "responses": {
            **export["responses"],
            **{status: {**refused, "description": says} for status, says in more.items()},
        },
    }

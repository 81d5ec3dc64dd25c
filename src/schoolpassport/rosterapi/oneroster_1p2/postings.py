"""Where several records can be sent at once, each declared once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from schoolpassport.partners.contract import CREATEPOST

Json = dict[str, Any]

MOST: Final = 1000  # records in one POST


@dataclass(frozen=True)
class Posting:
    """Where several can be sent. ``within``: the kinds of the ids in the path.

    ``named``: the field that names each; "" where a result has none, and its line item is asked.
    """

    kind: str
    wrapper: str
    name: str
    within: tuple[str, ...]
    named: tuple[str, ...]


POSTINGS: Final[Mapping[tuple[str, ...], Posting]] = {  # words of the path
    ("lineItems", "results"): Posting("result", "results", "postResultsForLineItem", ("lineItem",), ("lineItem",)),
    ("classes", "lineItems"): Posting("lineItem", "lineItems", "postLineItemsForClass", ("class",), ("class",)),
    ("schools", "lineItems"): Posting("lineItem", "lineItems", "postLineItemsForSchool", ("org",), ("school",)),
    ("classes", "academicSessions", "results"): Posting(
        "result", "results", "postResultsForAcademicSessionForClass", ("class", "academicSession"), ("class", "")
    ),
}


def described(wrapper_of: Mapping[str, str]) -> Mapping[str, Json]:
    """The paths of a description (OpenAPI). ``wrapper_of``: the schema of what is sent, by kind."""
    return {_template(words): {"post": _post(into, words, wrapper_of[into.kind])} for words, into in POSTINGS.items()}


def _names(words: tuple[str, ...]) -> tuple[str, ...]:
    singular = {"classes": "class", "lineItems": "lineItem", "schools": "school", "academicSessions": "academicSession"}
    return tuple(f"{singular[word]}SourcedId" for word in words[:-1])


def _template(words: tuple[str, ...]) -> str:
    parents = zip(words[:-1], _names(words), strict=True)
    return "".join(f"/{word}/{{{name}}}" for word, name in parents) + f"/{words[-1]}"


def _post(into: Posting, words: tuple[str, ...], schema: str) -> Json:
    text = {"type": "string"}
    sent = {"type": "array", "minItems": 1, "maxItems": MOST, "items": {"$ref": f"#/components/schemas/{schema}"}}
    pair = dict.fromkeys(("suppliedSourcedId", "allocatedSourcedId"), text)
    pairs = {"type": "array", "items": {"type": "object", "required": list(pair), "properties": pair}}
    return {
        "operationId": into.name,
        "tags": [into.wrapper],
        "security": [{"bearer": [CREATEPOST]}],
        "parameters": [{"name": name, "in": "path", "required": True, "schema": text} for name in _names(words)],
        "requestBody": {"required": True, "content": _content({into.wrapper: sent})},
        "responses": {
            "201": {"description": "What each is called from now on.", "content": _content({"sourcedIdPairs": pairs})},
            **{status: {"$ref": f"#/components/responses/{status}"} for status in ("400", "401", "403", "404", "500")},
            "422": {"description": "What was sent cannot be kept; the sentence names the field."},
        },
    }


def _content(properties: Json) -> Json:
    schema = {"type": "object", "required": list(properties), "properties": properties, "additionalProperties": False}
    return {"application/json": {"schema": schema}}

"""The description of the API (OpenAPI 3.1), made from the operations and the catalogue of kinds."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from schoolpassport.gradebook.contract import GRADES
from schoolpassport.gradebook.saying import NEEDED
from schoolpassport.partners.contract import (
    ASSESSMENT,
    ASSESSMENT_CREATEPUT,
    ASSESSMENT_DELETE,
    CREATEPUT,
    DELETE,
    DEMOGRAPHICS,
    GRADEBOOK,
    RESOURCES,
    ROSTER,
    ROSTER_CORE,
)
from schoolpassport.roster.kinds import KINDS, Field, Kind, Type, Version
from schoolpassport.roster.kinds.shape import PAIRS
from schoolpassport.rosterapi import happened
from schoolpassport.rosterapi.errors import Minor
from schoolpassport.rosterapi.operations import OF_1P1, Operation
from schoolpassport.rosterapi.parameters import DEFAULT_LIMIT, LARGEST_LIMIT
from schoolpassport.sharing.catalogue import SIS, attributes, extensions

Json = dict[str, Any]

_ABOUT = """\
Rosters, resources and grades by OneRoster 1.1. What an application sees is what its district agreed to share with it:
an attribute that is not shared is absent, and unknown to `filter`, `sort` and `fields`. Every page says in its `Link`
which revision of the view it shows (`revision=…`); follow the links, and all pages of a pull are of one revision. Send
a page's `ETag` in `If-None-Match`, and the answer is 304 as long as nothing changed in the view."""
_SCOPES = {
    ROSTER_CORE: "Read the core collections and their single objects.",
    ROSTER: "Read everything of rostering but demographics.",
    DEMOGRAPHICS: "Read demographics.",
    RESOURCES: "Read resources.",
    GRADEBOOK: "Read categories, line items, results and, in 1.2, score scales.",
    CREATEPUT: "Write them, where the district allows it.",
    DELETE: "Delete those that the application wrote.",
}
_SAID = {
    **_SCOPES,
    ASSESSMENT: "Read assessments and their results.",
    ASSESSMENT_CREATEPUT: "Write assessments and their results, where the district allows it.",
    ASSESSMENT_DELETE: "Delete those that the application wrote.",
}
_NAME = r"[^\s=!<>~']+"
_CLAUSE = rf"{_NAME}(=|!=|>|>=|<|<=|~)'[^\x00]*'"
_PARAMETERS: tuple[tuple[str, str, Json], ...] = (
    (
        "limit",
        "How many records a page has.",
        {"type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT, "default": DEFAULT_LIMIT},
    ),
    ("offset", "How many records come before the page.", {"type": "integer", "minimum": 0, "default": 0}),
    ("sort", "The field to sort by; an unknown one is a warning.", {"type": "string"}),
    ("orderBy", "The direction of `sort`.", {"type": "string", "enum": ["asc", "desc"], "default": "asc"}),
    (
        "filter",
        "One clause like `familyName='Jones'`, or two joined by AND or OR. Values stand in single quotes.",
        {"type": "string", "pattern": f"^{_CLAUSE}( (AND|OR) {_CLAUSE})?$"},
    ),
    (
        "fields",
        "Names of properties between commas; an unknown one is a warning, and brings all.",
        {"type": "string", "pattern": r"[^\s,]"},
    ),
)
_WRITING_REFUSALS = {
    "409": "The id has the form of ids that School Passport gives.",
    "413": "The body is too large.",
    "422": "What was sent cannot be kept; the sentence names the field.",
    "429": "Too many requests in this minute, or the view is being published; Retry-After says when to try again.",
}
_REFUSALS = {
    "400": "A parameter cannot be used.",
    "401": "There is no access token, or it does not hold (any more).",
    "403": "The token lacks the scope, or the district shares nothing.",
    "404": "There is no such object, or no such parent.",
    "500": "Something went wrong here.",
}


@dataclass(frozen=True)
class Release:
    """What the descriptions of two versions of the standard differ in.

    ``shaped`` changes the properties of a kind, and which of them are required, into those of the version.
    """

    title: str
    version: Version
    operations: tuple[Operation, ...]
    shaped: Callable[[Kind, Json, list[str]], tuple[Json, list[str]]]
    scopes: Mapping[str, str]
    signed: bool = True
    has_events: bool = False


def document(*, address: str, prefix: str, release: Release | None = None) -> Json:
    release = release or _FIRST
    return {
        "openapi": "3.1.0",
        "info": {"title": release.title, "version": str(release.version), "description": _ABOUT},
        "servers": [{"url": address + prefix}],
        "security": [{"bearer": []}, *([{"signature": []}] if release.signed else [])],
        "paths": {
            **{operation.path: _methods(operation, release) for operation in release.operations},
            **(_events(release) if release.has_events else {}),
        },
        "components": {
            "securitySchemes": _security(address, release),
            "parameters": {
                name: {"name": name, "in": "query", "description": says, "schema": schema}
                for name, says, schema in _PARAMETERS
            },
            "responses": {status: _refusal(says) for status, says in _REFUSALS.items()},
            "schemas": _schemas(release),
        },
    }


def _security(address: str, release: Release) -> Json:
    scopes = {told: _SAID[scope] for scope, told in release.scopes.items()}
    flow = {"tokenUrl": f"{address}/oauth/token", "scopes": scopes}
    bearer = {"type": "oauth2", "flows": {"clientCredentials": flow}}
    if not release.signed:
        return {"bearer": bearer}
    description = "OAuth 1.0a, two-legged, HMAC-SHA256 or HMAC-SHA1, the parameters in the header."
    return {"bearer": bearer, "signature": {"type": "http", "scheme": "OAuth", "description": description}}


def _operation(operation: Operation, release: Release) -> Json:
    names = ["fields"] if operation.single else [name for name, _, _ in _PARAMETERS]
    refusals = [status for status in _REFUSALS if status != "404" or "{" in operation.path]
    return {
        "operationId": operation.name,
        "tags": [operation.kind.plural],
        "security": [
            *({"bearer": [release.scopes[scope]]} for scope in sorted(operation.scopes)),
            *([{"signature": []}] if release.signed else []),
        ],
        "parameters": [*_path_parameters(operation), *(_ref("parameters", name) for name in names)],
        "responses": {"200": _answer(operation), **{status: _ref("responses", status) for status in refusals}},
    }


def _events(release: Release) -> Json:
    """What happened to records; no operation of the standard."""
    after = {"name": "after", "in": "query", "description": "The event to go on from.", "schema": _event_id()}
    says = "Of these alone, with commas between."
    word = "|".join(kind.plural for kind in KINDS.values() if kind.shared and release.version in kind.versions)
    names: Json = {"type": "string", "pattern": f"^({word})(,({word}))*$"}
    collections = {"name": "collections", "in": "query", "description": says, "schema": names}
    own = {"name": "sourcedId", "in": "path", "required": True, "schema": _event_id()}
    every, one = {"events": _list(_ref("schemas", "Event"))}, {"event": _ref("schemas", "Event")}
    page = [_ref("parameters", "limit"), after, collections]
    return {
        f"/{happened.PATH}": {"get": _of_events(happened.ALL, page, every, release)},
        f"/{happened.PATH}/{{sourcedId}}": {"get": _of_events(happened.ONE, [own], one, release)},
    }


def _of_events(name: str, parameters: list[Json], answer: Json, release: Release) -> Json:
    schema = {"type": "object", "required": list(answer), "properties": answer, "additionalProperties": False}
    return {
        "operationId": name,
        "tags": [happened.PATH],
        "security": [
            *({"bearer": [release.scopes[scope]]} for scope in (ROSTER, ROSTER_CORE)),
            *([{"signature": []}] if release.signed else []),
        ],
        "parameters": parameters,
        "responses": {
            "200": {"description": "As asked.", "content": {"application/json": {"schema": schema}}},
            **{status: _ref("responses", status) for status in _REFUSALS},
        },
    }


def _event() -> Json:
    properties = {
        "sourcedId": _event_id(),
        "status": _text(("active",)),
        "dateLastModified": {"type": "string", "format": "date-time"},
        "type": _text(),
        "object": {"type": "object"},
        "previousAttributes": {"type": "object"},
    }
    needed = [name for name in properties if name != "previousAttributes"]
    return {"type": "object", "required": needed, "properties": properties, "additionalProperties": False}


def _event_id() -> Json:
    return {"type": "string", "pattern": "^[0-9a-f]{24}$"}


def _methods(operation: Operation, release: Release) -> Json:
    methods = {"get": _operation(operation, release)}
    if operation.written:
        methods |= {method: _writing(operation, release, method) for method in ("put", "delete")}
    return methods


def _writing(operation: Operation, release: Release, method: str) -> Json:
    """Of a PUT or DELETE."""
    name, scope = _title(operation.kind), operation.put_by if method == "put" else operation.deleted_by
    described: Json = {
        "operationId": f"{method}{name}",
        "tags": [operation.kind.plural],
        "security": [
            {"bearer": [release.scopes.get(scope, scope)]},
            *([{"signature": []}] if release.signed else []),
        ],
        "parameters": list(_path_parameters(operation)),
        "responses": {
            **{status: _ref("responses", status) for status in _REFUSALS if status != "404" or method == "delete"},
            **{status: _refusal(says) for status, says in _WRITING_REFUSALS.items()},
        },
    }
    if method == "delete":
        described["responses"]["204"] = {"description": "It is deleted, or was before."}
        return described
    answer = _answer(operation)
    described["responses"] |= {"201": answer} if release.version is Version.V1P2 else {"200": answer, "201": answer}
    schema = {
        "type": "object",
        "required": [operation.envelope],
        "properties": {operation.envelope: _ref("schemas", f"{name}Written")},
        "additionalProperties": False,
    }
    described["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return described


def _written(kind: Kind, release: Release) -> Json:
    """What a PUT of a kind sends: references by their ids alone."""
    reference = {"type": "object", "required": ["sourcedId"], "properties": {"sourcedId": _text()}}
    own = {f.name: reference if f.is_reference else _field(f) for f in kind.fields if release.version in f.versions}
    properties, _ = release.shaped(kind, {"sourcedId": _text(), **own, "metadata": {"type": "object"}}, [])
    return {"type": "object", "required": list(NEEDED[kind.name]), "properties": properties}


def _path_parameters(operation: Operation) -> Iterable[Json]:
    for piece in operation.path.split("/"):
        if piece.startswith("{"):
            schema = {"type": "string", "minLength": 1, "maxLength": 255}
            yield {"name": piece[1:-1], "in": "path", "required": True, "schema": schema}


def _answer(operation: Operation) -> Json:
    """Whole objects, or what `fields` leaves of them."""
    name = _title(operation.kind)
    either = {"anyOf": [_ref("schemas", name), _ref("schemas", f"{name}Properties")]}
    value = {"type": "object", **either} if operation.single else {"type": "array", "items": either}
    schema = {
        "type": "object",
        "required": [operation.envelope],
        "properties": {operation.envelope: value, "statusInfoSet": _list(_ref("schemas", "Status"))},
        "additionalProperties": False,
    }
    answer: Json = {"description": "As asked.", "content": {"application/json": {"schema": schema}}}
    if not operation.single:
        answer["headers"] = {
            "X-Total-Count": {
                "description": "How many records match, on all pages.",
                "required": True,
                "schema": {"type": "integer", "minimum": 0},
            },
            "Link": {
                "description": "Addresses of the first, previous, next and last page (RFC 8288).",
                "required": True,
                "schema": {"type": "string"},
            },
            "X-Revision": {
                "description": "The revision of the view that the page shows.",
                "required": True,
                "schema": {"type": "integer", "minimum": 0},
            },
            "ETag": {
                "description": "What the page is made of: the revision, and the terms that it is shown under.",
                "required": True,
                "schema": {"type": "string"},
            },
        }
    return answer


def _refusal(says: str) -> Json:
    return {"description": says, "content": {"application/json": {"schema": _ref("schemas", "Failure")}}}


# ------------------------------------------------------------------------------------------------------------ schemas


def _schemas(release: Release) -> Json:
    kinds = {operation.kind.name: operation.kind for operation in release.operations}
    known = [kind for kind in KINDS.values() if release.version in kind.versions]
    referred = {f.target: KINDS[f.target] for kind in known for f in kind.references if release.version in f.versions}
    return {
        **{f"{_title(kind)}Properties": _properties(kind, release) for kind in kinds.values()},
        **{_title(kind): _whole(kind, release) for kind in kinds.values()},
        **{
            f"{_title(operation.kind)}Written": _written(operation.kind, release)
            for operation in release.operations
            if operation.written
        },
        **{f"{_title(kind)}Ref": _reference(kind) for kind in (kinds | referred).values()},
        "Status": _status("imsx_codeMinor", {"type": "string", "enum": [minor.word for minor in Minor]}, _text()),
        "Failure": _failure(release),
        **({"Event": _event()} if release.has_events else {}),
    }


def _properties(kind: Kind, release: Release) -> Json:
    own = {f.name: _field(f) for f in kind.fields if release.version in f.versions}
    listed = {d.name: d.kind for d in kind.derived}
    derived = {name: _list(_ref("schemas", f"{_title(KINDS[target])}Ref")) for name, target in listed.items()}
    if release.version is Version.V1P1:
        own |= {f.v1p1: _field(f) for f in kind.fields if f.v1p1 and not f.extension}
    metadata = {"type": "object", "properties": _extensions(kind, release)}
    heads = {
        "sourcedId": _id(kind),
        "status": {"type": "string", "enum": ["active", "tobedeleted"]},
        "dateLastModified": {"type": "string", "format": "date-time"},
    }
    properties, _ = release.shaped(kind, {**heads, **own, **derived, "metadata": metadata}, [])
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _extensions(kind: Kind, release: Release) -> Json:
    """What is told in ``metadata`` beside what the district's own system has there."""
    fields = {f.name: f for f in kind.fields}
    labels = {a.name: a.label for a in attributes(kind.name)}
    return {
        key: {**_extension(kind, fields.get(name, SIS)), "description": f"{labels[name]}."}
        for key, name in extensions(kind.name).items()
        if release.version is Version.V1P1 or name not in fields
    }


def _extension(kind: Kind, field: Field) -> Json:
    """A reference stands there as an id alone."""
    return _id(kind) if field.is_reference else _field(field)


def _whole(kind: Kind, release: Release) -> Json:
    named = [f.name for f in kind.fields if f.required and release.version in f.versions]
    _, required = release.shaped(kind, {}, named)
    heads = ["sourcedId", "status", "dateLastModified"]
    return {"allOf": [_ref("schemas", f"{_title(kind)}Properties")], "required": [*heads, *required]}


def _field(field: Field) -> Json:
    plain: dict[Type, Json] = {
        Type.TEXT: _text(field.values),
        Type.BOOLEAN: _text(("true", "false")),
        Type.DATE: {"type": "string", "format": "date"},
        Type.DATE_TIME: {"type": "string", "format": "date-time"},
        Type.YEAR: {"type": "string", "pattern": "^[0-9]{4}$"},
        Type.FLOAT: {"type": "number"},
        Type.JSON: {},
        **{
            type_: _list({"type": "object", "required": list(pair), "properties": dict.fromkeys(pair, _text())})
            for type_, pair in PAIRS.items()
        },
    }
    schema = _ref("schemas", f"{_title(KINDS[field.target])}Ref") if field.is_reference else plain[field.type]
    return _list(schema) if field.many else schema


def _reference(kind: Kind) -> Json:
    return {
        "type": "object",
        "required": ["href", "sourcedId", "type"],
        "properties": {
            "href": {"type": "string", "format": "uri"},
            "sourcedId": _id(kind),
            "type": {"const": kind.name},
        },
        "additionalProperties": False,
    }


def _id(kind: Kind) -> Json:
    """Of what an application can write: perhaps its own name for it."""
    return _text() if kind.name in GRADES else {"type": "string", "format": "uuid"}


def _failure(release: Release) -> Json:
    field = {"imsx_codeMinorFieldName": _text(), "imsx_codeMinorFieldValue": _text([m.root_word for m in Minor])}
    minor = {
        "type": "object",
        "required": ["imsx_codeMinorField"],
        "properties": {"imsx_codeMinorField": _list({"type": "object", "required": list(field), "properties": field})},
    }
    failure = _status("imsx_CodeMinor", minor, _list(_text()))
    if release.version is not Version.V1P1:
        del failure["properties"]["imsx_operationRefIdentifier"]
        failure["required"].remove("imsx_operationRefIdentifier")
        return failure
    failure["properties"]["statusInfoSet"] = _list(_ref("schemas", "Status"))
    failure["required"].append("statusInfoSet")
    return failure


def _status(minor_name: str, minor: Json, operation: Json) -> Json:
    properties = {
        "imsx_codeMajor": _text(("success", "failure", "processing", "unsupported")),
        "imsx_severity": _text(("status", "warning", "error")),
        "imsx_messageRefIdentifier": {"type": "string", "format": "uuid"},
        "imsx_operationRefIdentifier": operation,
        "imsx_description": _text(),
        minor_name: minor,
    }
    return {"type": "object", "required": list(properties), "properties": properties, "additionalProperties": False}


def _text(values: Iterable[str] = ()) -> Json:
    words = list(dict.fromkeys(values))
    return {"type": "string", "enum": words} if words else {"type": "string"}


def _list(items: Json) -> Json:
    return {"type": "array", "items": items}


def _ref(section: str, name: str) -> Json:
    return {"$ref": f"#/components/{section}/{name}"}


def _title(kind: Kind) -> str:
    return kind.name[0].upper() + kind.name[1:]


def _as_it_is(kind: Kind, properties: Json, required: list[str]) -> tuple[Json, list[str]]:  # noqa: ARG001 (1.1 is ours)
    return properties, required


_FIRST = Release(
    *("School Passport: OneRoster 1.1", Version.V1P1, OF_1P1, _as_it_is),
    scopes={scope: scope for scope in _SCOPES},
    has_events=True,
)

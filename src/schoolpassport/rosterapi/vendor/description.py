"""The OpenAPI document of what partners do for themselves."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse

from schoolpassport.rosterapi.base_url import base_url
from schoolpassport.rosterapi.vendor.admission import READING, Declined, refusal

BASE: Final = "/datahub/services/vendor"

Json = dict[str, Any]

_TEXT: Final = {"type": "string"}
_ID: Final = {"type": "string", "format": "uuid"}
_INSTANT: Final = {"type": ["string", "null"], "format": "date-time"}
_COUNT: Final = {"type": "integer", "minimum": 0}
_STATUS: Final = {"type": ["integer", "null"]}


def _object(**properties: Any) -> Json:  # noqa: ANN401 (pieces of a schema)
    return {"type": "object", "required": list(properties), "properties": properties}


def _list(of: Json) -> Json:
    return {"type": "array", "items": of}


_TIMES: Final = {
    "createdTimestamp": _INSTANT,
    "lastDataProcessingCompletedTimestamp": _INSTANT,
    "expiryDate": _INSTANT,
}
_DISTRICT: Final = {"districtGuid": _ID, "districtName": _TEXT, **_TIMES}
_CREDENTIALS: Final = _object(**_DISTRICT, clientId=_TEXT, clientSecret=_TEXT, tokenUrl=_TEXT, apiUrl=_TEXT)
_INTEGRATION: Final = _object(**_DISTRICT, integrationGuid=_ID, status=_TEXT)
_APPLICATION: Final = _object(applicationGuid=_ID, applicationName=_TEXT, integrations=_list(_INTEGRATION))
_WEBHOOK_IN: Final = {"id": _ID, "url": _TEXT, "state": _TEXT, "toldUpTo": _COUNT, "waiting": _COUNT, "dead": _COUNT}
_MESSAGE: Final = _object(
    id=_TEXT,
    revision=_COUNT,
    after=_COUNT,
    last=_COUNT,
    state=_TEXT,
    attempts=_COUNT,
    madeAt=_INSTANT,
    nextAt=_INSTANT,
    answered=_STATUS,
    said=_TEXT,
)
_WEBHOOK: Final = _object(**_WEBHOOK_IN)
_WITH_SECRET: Final = _object(**_WEBHOOK_IN, secret=_TEXT)
_TRIAL: Final = _object(delivered={"type": "boolean"}, answered=_STATUS, said=_TEXT)
_WEBHOOKS: Final = "/integrations/{integrationGuid}/webhooks"
_ONE: Final = _WEBHOOKS + "/{id}"
_URL: Final = {"url": _TEXT}
_QUERY: Final = {"state": {"enum": ["pending", "delivered", "dead"]}, "limit": {"type": "integer", "minimum": 1}}

# Path and verb → what it is called, the body that it takes, the status and the body that it answers.
_OPERATIONS: Final[tuple[tuple[str, str, str, Json | None, str, Json | None], ...]] = (
    ("/onboarding/credentials", "get", "getCredentials", None, "200", _list(_CREDENTIALS)),
    ("/applications", "get", "getApplications", None, "200", _object(applications=_list(_APPLICATION))),
    (_WEBHOOKS, "get", "getWebhooks", None, "200", _object(webhooks=_list(_WEBHOOK))),
    (_WEBHOOKS, "post", "addWebhook", _object(**_URL), "201", _WITH_SECRET),
    (_ONE, "get", "getWebhook", None, "200", _WEBHOOK),
    (_ONE, "patch", "changeWebhook", {"type": "object", "properties": {**_URL, "state": _TEXT}}, "200", _WEBHOOK),
    (_ONE, "delete", "deleteWebhook", None, "204", None),
    (f"{_ONE}/secret", "post", "rotateSecret", None, "201", _object(id=_ID, secret=_TEXT)),
    (f"{_ONE}/trial", "post", "tryWebhook", None, "200", _TRIAL),
    (f"{_ONE}/messages", "get", "getMessages", None, "200", _object(messages=_list(_MESSAGE))),
    (f"{_ONE}/replay", "post", "replay", _object(after=_COUNT), "202", _object(messages=_COUNT)),
)
_REFUSALS: Final = {
    "400": "What was sent cannot be used.",
    "401": "There is no access token, or it does not hold (any more).",
    "403": "It is no partner's own token.",
    "404": "You have no such integration, or it has no such webhook.",
    "429": "Too many requests in this minute.",
}


def described(request: HttpRequest) -> HttpResponse:
    """Of no partner, so it needs no token."""
    if request.method not in READING:
        return refusal(Declined.method(READING))
    return JsonResponse(document(address=base_url(request)), headers={"Cache-Control": "no-store"})


def document(*, address: str) -> Json:
    paths: dict[str, Json] = {}
    for path, verb, name, takes, status, answer in _OPERATIONS:
        paths.setdefault(path, {})[verb] = _operation(path, name, takes, status, answer)
    flow = {"tokenUrl": f"{address}/datahub/oauth/token", "scopes": {}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "School Passport: what partners do for themselves", "version": "1"},
        "servers": [{"url": address + BASE}],
        "security": [{"partner": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"partner": {"type": "oauth2", "flows": {"clientCredentials": flow}}},
            "responses": {
                status: {"description": says, "content": _json(_object(error=_TEXT, error_description=_TEXT))}
                for status, says in _REFUSALS.items()
            },
        },
    }


def _operation(path: str, name: str, takes: Json | None, status: str, answer: Json | None) -> Json:
    ids = [piece[1:-1] for piece in path.split("/") if piece.startswith("{")]
    asked = [{"name": each, "in": "path", "required": True, "schema": _ID} for each in ids]
    if name == "getMessages":
        asked += [{"name": each, "in": "query", "schema": schema} for each, schema in _QUERY.items()]
    done: Json = {"description": "As asked."} | ({} if answer is None else {"content": _json(answer)})
    body = {} if takes is None else {"requestBody": {"required": True, "content": _json(takes)}}
    refusals = {each: {"$ref": f"#/components/responses/{each}"} for each in _REFUSALS}
    return {"operationId": name, "parameters": asked, **body, "responses": {status: done, **refusals}}


def _json(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}

"""Errors and warnings as OneRoster 1.1 has them: in both of its shapes at once, for no client reads the other one.

``statusInfoSet`` is what real servers send; the members at the root are those of the standard's own description.
"""

import json
from collections.abc import Mapping
from enum import Enum
from http import HTTPStatus
from typing import NamedTuple
from uuid import uuid4


class Minor(Enum):
    """A code in the words of each shape, and the status it goes with."""

    UNKNOWN_OBJECT = ("unknown object", "unknownobject", HTTPStatus.NOT_FOUND)
    INVALID_DATA = ("invalid data", "invaliddata", HTTPStatus.BAD_REQUEST)
    UNAUTHORIZED = ("unauthorized", "unauthorisedrequest", HTTPStatus.UNAUTHORIZED)
    FORBIDDEN = ("forbidden", "forbidden", HTTPStatus.FORBIDDEN)
    INVALID_FILTER_FIELD = ("invalid_filter_field", "invalid_filter_field", HTTPStatus.BAD_REQUEST)
    INVALID_SORT_FIELD = ("invalid_sort_field", "invalid_sort_field", HTTPStatus.OK)
    INVALID_SELECTION_FIELD = ("invalid_selection_field", "invalid_selection_field", HTTPStatus.OK)
    BLANK_SELECTION_FIELD = ("invalid_blank_selection_field", "invalid_selection_field", HTTPStatus.BAD_REQUEST)
    UNPROCESSABLE = ("invalid data", "invaliddata", HTTPStatus.UNPROCESSABLE_ENTITY)
    CONFLICT = ("invalid data", "invaliddata", HTTPStatus.CONFLICT)
    TOO_LARGE = ("invalid data", "invaliddata", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    UNSUPPORTED = ("unsupported operation", "unsupportedoperation", HTTPStatus.METHOD_NOT_ALLOWED)
    TOO_MANY = ("server_busy", "server_busy", HTTPStatus.TOO_MANY_REQUESTS)
    SERVER_ERROR = ("internal_server_error", "targetreadfailure", HTTPStatus.INTERNAL_SERVER_ERROR)

    def __init__(self, word: str, root_word: str, status: HTTPStatus) -> None:
        self.word = word
        self.root_word = root_word
        self.status = status


class Answer(NamedTuple):
    """What goes back, before any framework has made something of it."""

    status: HTTPStatus
    headers: dict[str, str]
    body: bytes


class Failure(Exception):
    """An answer that is no data. Raised where it is found, sent where requests come in."""

    def __init__(self, minor: Minor, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.minor = minor
        self.sentence = sentence
        self.headers = headers or {}


NO_OPERATION = "unknown"


def refused(failure: Failure, *, operation: str, reference: str = "") -> Answer:
    status = _status(failure.minor, failure.sentence, operation, major="failure", severity="error", reference=reference)
    root = {name: status[name] for name in ("imsx_codeMajor", "imsx_severity", "imsx_messageRefIdentifier")}
    field = {"imsx_codeMinorFieldName": "TargetEndSystem", "imsx_codeMinorFieldValue": failure.minor.root_word}
    body = {
        **root,
        "imsx_operationRefIdentifier": [operation],
        "imsx_description": failure.sentence,
        "imsx_CodeMinor": {"imsx_codeMinorField": [field]},
        "statusInfoSet": [status],
    }
    return answer(json.dumps(body).encode(), status=failure.minor.status, headers=failure.headers)


def refused_at_the_root(sentence: str, minor: Minor, *, status: HTTPStatus) -> Answer:
    """As OneRoster 1.2 has it: one object of the status, and no list of them."""
    field = {"imsx_codeMinorFieldName": "TargetEndSystem", "imsx_codeMinorFieldValue": minor.root_word}
    body = {
        "imsx_codeMajor": "failure",
        "imsx_severity": "error",
        "imsx_messageRefIdentifier": str(uuid4()),
        "imsx_description": sentence,
        "imsx_CodeMinor": {"imsx_codeMinorField": [field]},
    }
    return answer(json.dumps(body).encode(), status=status)


def warning(minor: Minor, sentence: str, *, operation: str) -> dict[str, str]:
    return _status(minor, sentence, operation, major="success", severity="warning", reference="")


def answer(body: bytes, *, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> Answer:
    """Always JSON, and for no cache: it is about pupils, or about who asks."""
    whole = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Cache-Control": "no-store"}
    if headers:
        whole.update(headers)
    return Answer(status, whole, body)


def unchanged(tag: str) -> Answer:
    """What the client holds is what it would get (RFC 9110, 15.4.5)."""
    return Answer(HTTPStatus.NOT_MODIFIED, {"Cache-Control": "no-store", "ETag": tag}, b"")


def _status(
    minor: Minor, sentence: str, operation: str, *, major: str, severity: str, reference: str
) -> dict[str, str]:
    return {
        "imsx_codeMajor": major,
        "imsx_severity": severity,
        "imsx_messageRefIdentifier": reference or str(uuid4()),
        "imsx_operationRefIdentifier": operation,
        "imsx_description": sentence,
        "imsx_codeMinor": minor.word,
    }

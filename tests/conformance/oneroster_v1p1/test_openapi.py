"""The OpenAPI document: valid, complete, and true of the running server."""

import json
import re
import subprocess
import sys

import jsonschema_rs
import pytest
from schemathesis.specs.openapi import definitions

from tests.conformance.oneroster_v1p1 import wire
from tests.conformance.oneroster_v1p1.operations import OPERATIONS

SECONDS = 15
CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance"),
    *("response_schema_conformance", "unsupported_method", "ignored_auth"),
)


@pytest.fixture(scope="module")
def address(provider):
    return provider.told["oneroster_url"].rstrip("/") + "/openapi.json"


@pytest.fixture(scope="module")
def document(address):
    answer = wire.call(address)
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"].partition(";")[0] == "application/json"
    return answer.json


def shape(path):
    return re.sub(r"\{\w+\}", "{}", path)


def described(document):
    """Path below the API's base, without the parameters' names → the path item."""
    return {shape(path.rpartition("/ims/oneroster/v1p1")[2]): item for path, item in document["paths"].items()}


def test_the_document_is_valid_openapi(document):
    version = document["openapi"]
    assert version.startswith(("3.0.", "3.1."))
    standard = definitions.OPENAPI_30 if version.startswith("3.0.") else definitions.OPENAPI_31
    errors = [error.message for error in jsonschema_rs.validator_for(standard).iter_errors(document)]
    assert errors == []


def test_every_reference_in_the_document_leads_somewhere(document):
    def references(value):
        if isinstance(value, dict):
            found = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return found + [each for v in value.values() for each in references(v)]
        return [each for v in value for each in references(v)] if isinstance(value, list) else []

    for reference in set(references(document)):
        place = document
        assert reference.startswith("#/"), reference
        for step in reference[2:].split("/"):
            place = place[step.replace("~1", "/").replace("~0", "~")]


def test_the_document_covers_the_41_operations(document):
    paths = described(document)
    missing = [operation.path for operation in OPERATIONS if "get" not in paths.get(shape(operation.path), {})]
    assert missing == []
    names = [item["get"]["operationId"] for item in paths.values() if "get" in item]
    assert len(names) == len(set(names))


def test_the_document_describes_writing_of_grades_alone(document):
    written = {path: {"post", "put", "patch", "delete"} & set(item) for path, item in described(document).items()}
    expected = {f"/{word}/{{}}": {"put", "delete"} for word in ("categories", "lineItems", "results")}
    assert {path: methods for path, methods in written.items() if methods} == expected


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_an_operation_describes_its_parameters_and_answers(document, operation):
    item = described(document)[shape(operation.path)]["get"]

    def resolved(value):
        while "$ref" in value:
            place = document
            for step in value["$ref"][2:].split("/"):
                place = place[step]
            value = place
        return value

    parameters = [resolved(each) for each in item.get("parameters", [])]
    asked = {each["name"] for each in parameters if each["in"] == "query"}
    expected = {"limit", "offset", "sort", "orderBy", "filter", "fields"} if operation.many else {"fields"}
    assert asked == expected
    statuses = {"200", "401", "403"} | ({"404"} if "{" in operation.path else set())
    assert statuses <= set(item["responses"])
    answer = resolved(item["responses"]["200"])
    schema = resolved(answer["content"]["application/json"]["schema"])
    assert operation.envelope in schema["properties"]
    kind = resolved(schema["properties"][operation.envelope])["type"]
    assert kind == ("array" if operation.many else "object")
    if operation.many:
        assert "X-Total-Count" in answer["headers"]


def test_the_document_is_at_the_other_prefix_too(provider, document):
    other = provider.told["base_url"].rstrip("/") + "/datahub/services/ims/oneroster/v1p1/openapi.json"
    answer = wire.call(other)
    assert answer.status == 200, answer
    assert set(described(answer.json)) == set(described(document))


def known_ids(provider, document):
    """Settings that put ids of the small district into the paths, so that requests get past the 404."""
    operations = {shape(operation.path): operation for operation in OPERATIONS}
    text = ""
    for path in document["paths"]:
        operation = operations.get(shape(path.rpartition("/ims/oneroster/v1p1")[2]))
        if operation and "{" in path:
            ids = provider.path_of(operation).split("/")[2::2]
            names = re.findall(r"\{(\w+)\}", path)
            text += f"[[operations]]\ninclude-path = {json.dumps(path)}\n[operations.parameters]\n"
            text += "".join(f'"path.{name}" = "{each}"\n' for name, each in zip(names, ids, strict=True))
    return text


def test_schemathesis_finds_no_server_error_and_no_broken_contract(provider, address, document, tmp_path):
    """A tool that this project did not write makes requests from the document and judges the answers."""
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(known_ids(provider, document))
    outcome = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(settings), "run", address),
            *("--checks", ",".join(CHECKS)),
            *("--header", f"Authorization: Bearer {provider.token()}"),
            # One thread: building syntax trees in two at once fails now and then in CPython 3.11 (its issue 106905).
            *("--max-time", str(SECONDS), "--workers", "1", "--seed", "1", "--no-shrink", "--continue-on-failure"),
            *("--phases", "examples,coverage,fuzzing", "--generation-database", "none", "--no-color"),
            *("--suppress-health-check", "all", "--warnings", "off", "--output-sanitize", "true"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=SECONDS * 4,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout[-8000:] + outcome.stderr[-2000:]
    assert "Selected: 64/64" in outcome.stdout, outcome.stdout[-3000:]
    assert "Tested: 64" in outcome.stdout, outcome.stdout[-3000:]

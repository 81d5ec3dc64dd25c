import json

from schoolpassport.rosterapi import openapi
from schoolpassport.rosterapi.operations import OF_1P1

DOCUMENT = openapi.document(address="https://sp.example", prefix="/ims/oneroster/v1p1")


def test_the_document_describes_each_operation_once():
    described = {item["get"]["operationId"] for item in DOCUMENT["paths"].values()}
    assert described == {operation.name for operation in OF_1P1} | {"getAllEvents", "getEvent"}
    assert set(DOCUMENT["paths"]) == {operation.path for operation in OF_1P1} | {"/events", "/events/{sourcedId}"}


def test_every_reference_in_the_document_leads_somewhere():
    for reference in _references(DOCUMENT):
        place = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def _references(value):
    if isinstance(value, dict):
        yield from (v for k, v in value.items() if k == "$ref")
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _references(each)


def test_no_secret_of_the_catalogue_and_nothing_of_1_2_is_described():
    names = set(DOCUMENT["components"]["schemas"]["UserProperties"]["properties"])
    assert "password" not in names
    assert "preferredFirstName" not in names
    assert {"sourcedId", "orgs", "agents", "metadata"} <= names


def test_the_document_is_plain_json():
    assert json.loads(json.dumps(DOCUMENT)) == DOCUMENT

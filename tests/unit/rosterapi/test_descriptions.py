import pytest

from schoolpassport.rosterapi.clever import description as clever
from schoolpassport.rosterapi.clever import paths as clever_paths
from schoolpassport.rosterapi.native import description as native
from schoolpassport.rosterapi.native import paths as native_paths
from tests.support import wsgi
from tests.support.readers import APPLICATION

CLEVER = clever.document(address="https://sp.example", prefix="/v3.0")
NATIVE = native.document(address="https://sp.example", base="/datahub/services/v1")


@pytest.mark.parametrize("document", [CLEVER, NATIVE], ids=["clever", "native"])
def test_a_description_names_each_operation_once_and_leads_somewhere(document):
    names = [item["get"]["operationId"] for item in document["paths"].values()]
    assert len(set(names)) == len(names)
    for item in document["paths"].values():
        for answer in item["get"]["responses"].values():
            if "$ref" in answer:
                assert answer["$ref"].rpartition("/")[2] in document["components"]["responses"]


def test_every_path_that_is_described_is_found():
    for template in CLEVER["paths"]:
        path = template.removeprefix("/").replace("{id}", "x")
        own = path.partition("/")[0] in {"me", "districts", "events"} or clever_paths.has_a_district(path)
        assert own or clever_paths.find(path), template
    for template in NATIVE["paths"]:
        path = template.removeprefix("/").replace("{id}", "x")
        assert path.partition("/")[0] in {"districts", "events"} or native_paths.find(path), template


def test_descriptions_need_no_token():
    for path in ("/v3.0/openapi.json", "/v3.1/openapi.json", "/datahub/services/v1/openapi.json"):
        assert wsgi.call(APPLICATION, path).status == 200, path

"""Every dialect fits the catalogue of kinds."""

import pytest

from schoolpassport.roster.kinds import Version
from schoolpassport.sources.schemas import SCHEMAS

EVERY = pytest.mark.parametrize("schema", SCHEMAS.values(), ids=list(SCHEMAS))


@EVERY
def test_a_file_refers_only_to_files_before_it(schema):
    before: set[str] = set()
    for file in schema.files:
        targets = {c.field.target for c in file.columns if c.field.is_reference} | {file.kind.same_id_as} - {""}
        assert targets <= before | {file.kind.name}, file.name
        before.add(file.kind.name)


@EVERY
def test_what_a_kind_requires_can_be_said_in_its_file(schema):
    for file in schema.files:
        wanted = Version.V1P2 if schema.translated else Version(schema.version)
        required = {f.name for f in file.kind.fields if f.required and wanted in f.versions}
        assert required <= {c.field.name for c in file.columns}, file.name


@EVERY
def test_no_header_and_no_field_stands_twice(schema):
    for file in schema.files:
        for names in ([c.header for c in file.columns], [c.field.name for c in file.columns]):
            assert len(names) == len(set(names)), file.name
        assert not {c.header for c in file.columns} & set(file.skipped), file.name


def test_a_file_is_called_as_it_is_sent():
    """Of what is translated, a file that we write is called nothing that anybody knows."""
    usual = {name: schema.usual_file("user") for name, schema in SCHEMAS.items()}
    assert usual["oneroster-1.1"] == usual["oneroster-1.2"] == "users.csv"
    assert (usual["sds-v1"], usual["any-table"], usual["directory"]) == ("", "", "accounts.csv")
    assert SCHEMAS["sds-v1"].usual_file("org") == "School.csv"
    assert SCHEMAS["sds-v1"].sent_as("user") == ("Student.csv", "Teacher.csv")

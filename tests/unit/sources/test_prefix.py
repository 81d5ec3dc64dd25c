"""The prefix of a source before the ids that stand inside a cell."""

import json

import duckdb
import pytest

from schoolpassport.sources.policies import check
from schoolpassport.sources.schemas import SCHEMAS
from schoolpassport.sources.transforms import Given

SCHEMA = SCHEMAS["oneroster-1.2"]


def prefixed(cell: str | None) -> str | None:
    (users,) = (file for file in SCHEMA.files if file.name == "users")
    (named,) = (column.header for column in users.columns if column.field.each_names)
    (step,) = check("prefix", {"prefix": "lincoln-"}, SCHEMA).steps_of(users)[named]
    sql = step.transform.sql("cell", Given(values=step.values)).value
    with duckdb.connect() as db:
        ((found,),) = db.execute(f"SELECT {sql} FROM (SELECT $1::VARCHAR AS cell)", [cell]).fetchall()
    return found


def test_it_stands_before_each_id_of_a_list():
    told = '[{"org":"s1","role":"aide"},{"org":"s2"}]'
    found = prefixed(told)
    assert found is not None
    assert json.loads(found) == [{"org": "lincoln-s1", "role": "aide"}, {"org": "lincoln-s2"}]


@pytest.mark.parametrize("cell", ['{"org": "s1"}', '[{"org": "s1"},]', '[{"org": 1e999999}]', "principal", "", None])
def test_what_is_no_list_stays_for_the_finding_about_it(cell):
    assert prefixed(cell) == cell

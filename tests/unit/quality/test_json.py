"""What our columns take for JSON, the database takes, too: one cell must not stop a night."""

import duckdb
from django.db import DataError, OperationalError, connection, transaction

from schoolpassport.kit.columns import is_json

JSON = (
    *("0.25", "-1.5e+300", '""', "null", "[]", '{"a": [true, false, null, {"b": 1}]}', "[" * 50 + "]" * 50),
    *('{"e1234": "1e999999", "b\\"c": "NaN, ]"}', '"Nancy"', "9" * 999, "[" + ",".join(["[{}]"] * 500) + "]"),
)
NONE = (
    *("1e999999", '[{"score": -1E+999999}]', "9" * 200_000, "NaN", "[Infinity]", "-inf", "[1,]", '{"a": 1,}'),
    *(r'["\u0000"]', "[" * 100_000 + "]" * 100_000, '["a" "b"]', "a lot", r'"\ud800"'),
)


def _taken(text: str) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT %s::jsonb", [text])
    except (DataError, OperationalError):  # the latter: nested deeper than its stack
        return False
    return True


def test_what_columns_take_for_json_the_database_takes_too():
    said = duckdb.execute(f"SELECT v FROM (SELECT unnest(?) AS v) WHERE {is_json('v')}", [[*JSON, *NONE]]).fetchall()
    assert [v for (v,) in said] == [*JSON]
    assert [_taken(v) for v in JSON] == [True] * len(JSON)
    assert [_taken(v) for v in NONE] == [False] * len(NONE), "the control: each of these would stop a night"

"""Several statements in one trip, against a real server."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from schoolpassport.kit import pipeline
from schoolpassport.kit.pipeline import Statement, run


@pytest.fixture
def connection(database):
    with psycopg.connect(database.runtime_url, autocommit=True) as made:
        yield made


def test_each_statement_gets_its_first_row_and_the_others_none(connection):
    assert run(connection, Statement("SELECT 1, 'a'"), Statement("SELECT 2 WHERE false"), Statement("SELECT 3")) == [
        (1, "a"),
        None,
        (3,),
    ]


@pytest.mark.parametrize("prepared", [False, True])
def test_values_of_every_kind_go_out_and_come_back(connection, prepared):
    key, at = uuid4(), datetime(2026, 9, 1, 6, 0, 0, 123000, tzinfo=UTC)
    statement = Statement(
        "SELECT %(key)s::uuid, %(n)s::bigint, %(text)s::text, %(raw)s::bytea, %(at)s::timestamptz, %(yes)s::boolean, "
        "%(x)s::float8, %(texts)s::text[], %(keys)s::uuid[], %(none)s::text, %(key)s::text, 100 %% 7",
        {
            "key": key,
            "n": 2**40,
            "text": "O'Neil ü \\ \" %s $1",
            "raw": bytes(range(256)),
            "at": at,
            "yes": True,
            "x": 1.5,
            "texts": ['a"b', "c,d", "\\", "", "NULL"],
            "keys": [key, UUID(int=1)],
            "none": None,
        },
        prepared=prepared,
    )
    for _ in range(2):
        assert run(connection, statement) == [
            (
                *(key, 2**40, "O'Neil ü \\ \" %s $1", bytes(range(256)), at, True, 1.5),
                *(['a"b', "c,d", "\\", "", "NULL"], [key, UUID(int=1)], None, str(key), 2),
            )
        ]


def test_texts_stay_bytes_where_that_is_asked_for(connection):
    statement = Statement("SELECT 'ü'::text, 1, %s::jsonb", ['{"a": "b"}'], raw_texts=True)
    assert run(connection, statement) == [("ü".encode(), 1, {"a": "b"})]


def test_steady_columns_of_the_same_bytes_are_the_same_value_and_others_are_not(connection, database):
    def asked(number: int, text: str, more: str, connection: "psycopg.Connection[Any]" = connection) -> Any:
        sql = "SELECT %s::int, %s::text, NULL::uuid, %s::text"
        return run(connection, Statement(sql, [number, text, more], prepared=True, raw_texts=True, steady=3))[0]

    first, *rest = asked(1, "ü", "more")
    assert (first, rest) == ((1, "ü", None), [b"more"])
    with psycopg.connect(database.runtime_url, autocommit=True) as another:
        assert asked(1, "ü", "other", another)[0] is first
    assert asked(1, "u", "more") == ((1, "u", None), b"more")
    assert asked(2, "ü", "more") == ((2, "ü", None), b"more")
    assert asked(1, "ü", "less") == ((1, "ü", None), b"less")
    assert run(connection, Statement("SELECT '\\x00000001'::bytea, 7", steady=pipeline.ALL)) == [((b"\0\0\0\1", 7),)]
    assert run(connection, Statement("SELECT 1, 7", steady=pipeline.ALL)) == [((1, 7),)]
    assert run(connection, Statement("SELECT 1 WHERE false", steady=pipeline.ALL)) == [None]


def test_all_of_it_is_one_transaction(connection):
    setting = Statement("SELECT set_config('sp.district', 'x', true)")
    reading = "SELECT current_setting('sp.district', true)"
    assert run(connection, setting, Statement(reading), Statement("SELECT txid_current()"))[1] == ("x",)
    assert run(connection, Statement(reading))[0] in {("",), (None,)}
    first, second = run(connection, Statement("SELECT txid_current()"), Statement("SELECT txid_current()"))
    assert first == second


def test_what_fails_undoes_what_came_before_it_and_closes_the_connection(connection, database):
    number = uuid4().int % 10**9
    making = Statement(f"SELECT pg_advisory_xact_lock({number})")
    with pytest.raises(psycopg.errors.DivisionByZero, match="division by zero"):
        run(connection, making, Statement("SELECT 1 / %s::int", [0]), Statement("SELECT 2"))
    assert connection.closed
    with psycopg.connect(database.runtime_url) as other:
        assert other.execute(f"SELECT pg_try_advisory_xact_lock({number})").fetchone() == (True,)


def test_a_statement_that_cannot_be_read_says_so_as_its_own_error(connection):
    with pytest.raises(psycopg.errors.UndefinedTable):
        run(connection, Statement("SELECT * FROM nowhere", prepared=True))


def test_a_cut_connection_is_an_operational_error(connection):
    with pytest.raises(psycopg.OperationalError):
        run(connection, Statement("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert connection.closed


def test_many_statements_are_prepared_and_the_oldest_make_room(connection):
    for _ in range(2):
        for number in range(pipeline._KEPT + 20):
            assert run(connection, Statement(f"SELECT {number} + %s::int", [1], prepared=True)) == [(number + 1,)]
    held = connection.execute("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'trip_%'").fetchone()
    assert held == (pipeline._KEPT,)


def test_a_prepared_statement_is_planned_once_and_used_again(connection):
    statement = Statement("SELECT %s::int", [7], prepared=True)
    names = set()
    for _ in range(3):
        assert run(connection, statement) == [(7,)]
        names |= {row[0] for row in connection.execute("SELECT name FROM pg_prepared_statements").fetchall()}
    assert len([name for name in names if name.startswith("trip_")]) == 1


def test_an_answer_of_many_megabytes_arrives_whole(connection):
    (row,) = run(connection, Statement("SELECT repeat('x', 20000000)", raw_texts=True))
    assert row == (b"x" * 20_000_000,)


def test_parameters_of_many_megabytes_leave_whole(connection):
    assert run(connection, Statement("SELECT length(%s::text)", ["x" * 5_000_000])) == [(5_000_000,)]

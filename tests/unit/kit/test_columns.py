"""What exceeds the memory of the columns is spilled, however wide the rows are; a statement is parsed once."""

from threading import Thread

import duckdb
import pytest

from schoolpassport.kit import columns as room
from schoolpassport.kit.columns import COPY_MANY, COPY_TEXT, columns, literal

_MEMORY_MB, _ROWS = 60, 400_000


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """Columns whose one table is much larger than their memory, and the file to write it to."""
    folder = tmp_path_factory.mktemp("columns")
    with columns(folder=folder, memory_mb=_MEMORY_MB, threads=2) as made:
        made.execute(f"CREATE TABLE wide AS SELECT repeat(i::VARCHAR, 40) AS word FROM range({_ROWS}) r(i)")
        yield made, folder / "wide.tsv"


def test_rows_are_copied_out_of_a_table_larger_than_the_memory(wide):
    made, file = wide
    made.execute(f"COPY wide TO {literal(str(file))} ({COPY_MANY})")
    with file.open() as lines:
        assert sum(1 for _ in lines) == _ROWS


def test_to_keep_their_order_takes_more_memory_than_there_is(wide):
    """The control; once DuckDB can do this, ``COPY_MANY`` has no reason any more."""
    made, file = wide
    with pytest.raises(duckdb.OutOfMemoryException):
        made.execute(f"COPY wide TO {literal(str(file))} ({COPY_TEXT})")


@pytest.fixture
def narrow(tmp_path):
    with columns(folder=tmp_path, memory_mb=_MEMORY_MB, threads=1) as made:
        yield made


def test_a_statement_is_parsed_once_and_asks_what_stands_then(narrow):
    asked = "SELECT list(word ORDER BY word) FROM parsed_once WHERE word <> ?"
    narrow.execute("CREATE TABLE parsed_once (word VARCHAR)")
    parsed = room._parsed.cache_info().misses
    found = []
    for word in ("a", "b", "c"):
        narrow.execute("INSERT INTO parsed_once VALUES ($word)", {"word": word})
        found.append(narrow.execute(asked, ["b"]).fetchall())
    assert found == [[(["a"],)], [(["a"],)], [(["a", "c"],)]]
    assert room._parsed.cache_info().misses == parsed + 2


def test_a_parsed_statement_follows_a_table_that_was_made_anew(narrow):
    for type_, wanted in (("INTEGER", 7), ("VARCHAR", "7"), ("DOUBLE", 7.0)):
        narrow.execute(f"CREATE OR REPLACE TABLE anew AS SELECT 7::{type_} AS value")
        assert narrow.execute("SELECT value FROM anew").fetchall() == [(wanted,)]


def test_of_several_statements_the_last_takes_the_parameters_and_answers(narrow):
    several = (
        "CREATE TABLE several (n INTEGER); INSERT INTO several VALUES (1), (2); SELECT n + ? FROM several ORDER BY n"
    )
    assert narrow.execute(several, [10]).fetchall() == [(11,), (12,)]


def test_what_is_no_sql_is_refused_each_time_and_does_nothing(narrow):
    for _ in range(2):
        with pytest.raises(duckdb.ParserException):
            narrow.execute("CREATE TABLE half (n INTEGER); SELEC n FROM half")
    with pytest.raises(duckdb.CatalogException):
        narrow.execute("FROM half")


def test_threads_share_what_was_parsed(tmp_path):
    wrong = []

    def ask(number):
        with columns(folder=tmp_path / str(number), memory_mb=_MEMORY_MB, threads=1) as own:
            for i in range(300):
                asked = own.execute(f"SELECT {i % 70} + ?", [number]).fetchall()
                wrong.extend(asked if asked != [(i % 70 + number,)] else [])

    threads = [Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong

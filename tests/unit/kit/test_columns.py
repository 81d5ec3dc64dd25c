"""What exceeds the memory of the columns is spilled, however wide the rows are."""

import duckdb
import pytest

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

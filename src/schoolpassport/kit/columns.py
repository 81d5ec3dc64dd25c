"""Columns: DuckDB for one piece of set work, with bounded memory and no reach beyond its own folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb


@contextmanager
def columns(*, folder: Path, memory_mb: int, threads: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory DuckDB that may read and write below ``folder`` only; what exceeds ``memory_mb`` spills there.

    Row order is kept, so a table's ``rowid`` is the place of a row in its file. The settings are locked: SQL made
    from a district's rules can't widen them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(
        config={
            "memory_limit": f"{memory_mb}MB",
            "threads": threads,
            "temp_directory": str(folder / "spill"),
            "preserve_insertion_order": True,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    try:
        connection.execute(
            f"SET TimeZone = 'UTC'; SET allowed_directories = [{literal(str(folder))}]; "
            "SET enable_external_access = false; SET lock_configuration = true"
        )
        yield connection
    finally:
        connection.close()


def quoted(name: str) -> str:
    """An identifier, safe in SQL of DuckDB and PostgreSQL alike."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string constant, for the few places where a statement takes no parameter."""
    return "'" + text.replace("'", "''") + "'"


def entries_of(cell: str) -> str:
    """SQL of DuckDB: the entries of a text that is a list in JSON; NULL for any other."""
    listed = f"CASE json_type({cell}) WHEN 'ARRAY' THEN json_extract({cell}, '$[*]') END"
    return f"CASE WHEN json_valid({cell}) THEN {listed} END"


def is_json(expression: str) -> str:
    """SQL of DuckDB: the text is JSON that PostgreSQL takes, too: its texts hold no NUL."""
    return f"(coalesce(json_valid({expression}), false) AND NOT contains({expression}, '\\u0000'))"


COPY_TEXT = "FORMAT csv, DELIMITER '\t', QUOTE '', ESCAPE '', NULLSTR '\\N', HEADER false"
"""DuckDB's options for a file that PostgreSQL's COPY reads in its text format; texts go through ``copy_text``."""

COPY_MANY = f"{COPY_TEXT}, PRESERVE_ORDER false"
"""The same for many wide rows, which need not stand in order: to keep it, DuckDB holds whole batches of each thread in
memory, which can't be spilled, and fails where there is no room for them."""

COPY_STATE = "FORMAT parquet, COMPRESSION lz4, PRESERVE_ORDER false"
"""The same for rows that we read again ourselves, by their keys."""


def copy_text(expression: str) -> str:
    """SQL of DuckDB: a text with backslash, tab and line ends as PostgreSQL's COPY text format wants them."""
    escaped = expression
    for found, written in (("'\\'", "'\\\\'"), ("chr(9)", "'\\t'"), ("chr(10)", "'\\n'"), ("chr(13)", "'\\r'")):
        escaped = f"replace({escaped}, {found}, {written})"
    return escaped

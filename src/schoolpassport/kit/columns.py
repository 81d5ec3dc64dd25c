"""Columns: DuckDB for one piece of set work, with bounded memory and no reach beyond its own folder."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path

import duckdb

_PARSED = 1024  # statements; some 10 KB each


class Columns:
    """A DuckDB whose statements are parsed once per process.

    Each night asks what the one before asked, and of a small one a quarter of DuckDB's time was parsing.
    ``connection``: DuckDB's own, for a library that wants it.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def execute(
        self, sql: str, parameters: Sequence[object] | Mapping[str, object] | None = None
    ) -> duckdb.DuckDBPyConnection:
        """Do one statement or several; parameters are of the last. Raises ``duckdb.Error``."""
        *first, last = _parsed(sql)
        for statement in first:
            self.connection.execute(statement)
        return self.connection.execute(last, parameters)

    def executemany(self, sql: str, parameters: Sequence[Sequence[object]]) -> duckdb.DuckDBPyConnection:
        return self.connection.executemany(sql, parameters)


@lru_cache(maxsize=_PARSED)
def _parsed(sql: str) -> tuple[duckdb.Statement, ...]:
    return tuple(_parser().extract_statements(sql))


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


@contextmanager
def columns(*, folder: Path, memory_mb: int, threads: int) -> Iterator[Columns]:
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
        yield Columns(connection)
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
    return f"CASE WHEN {is_json(cell)} THEN {listed} END"


def texts_of(cell: str) -> str:
    """SQL of DuckDB: the texts of a list in JSON; NULL for any other."""
    listed = f"CASE json_type({cell}) WHEN 'ARRAY' THEN json_extract_string({cell}, '$[*]') END"
    return f"CASE WHEN {is_json(cell)} THEN {listed} END"


_DEEPEST = 50
_TEXTS_AND_WORDS = r'"(?:[^"\\]|\\.)*"|true|false|null'
# What DuckDB takes for JSON and PostgreSQL does not: numbers beyond its own, a comma behind the last entry, NaN.
_DOUBTFUL = r"[0-9][eE][+-]?[0-9]{4}|[0-9]{1000}|,\s*[\]}]|[nN][aA][nN]|[iI][nN][fF]"


def is_json(expression: str) -> str:
    """SQL of DuckDB: the text is JSON that PostgreSQL takes, too, and is nested 50 levels deep at most."""
    bare = f"regexp_replace({expression}, {literal(_TEXTS_AND_WORDS)}, '0', 'g')"
    closed = f"length({expression}) - length(replace(replace({expression}, ']', ''), '}}', ''))"
    return (
        f"(coalesce(json_valid({expression}), false) AND NOT contains({expression}, '\\u0000') "
        # Texts may hold any of this; to leave them out is dear, and hardly ever asked for.
        f"AND CASE WHEN regexp_matches({expression}, {literal(_DOUBTFUL)}) "
        f"THEN NOT regexp_matches({bare}, {literal(_DOUBTFUL)}) ELSE true END "
        f"AND CASE WHEN {closed} > {_DEEPEST} THEN {_depth(bare)} <= {_DEEPEST} ELSE true END)"
    )


def _depth(bare: str) -> str:
    """SQL: how many brackets are open at once, at most. One number holds how many that were, and how many are."""
    base = 10_000_000
    steps = f"list_transform(regexp_extract_all({bare}, '[][{{}}]'), lambda e: if(e IN ('[', '{{'), 1, -1)::BIGINT)"
    now = f"(a % {base} + b)"
    most = f"list_reduce({steps}, lambda a, b: greatest(a // {base}, {now}) * {base} + {now}, 0::BIGINT)"
    return f"{most} // {base}"


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

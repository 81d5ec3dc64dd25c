"""Everything that is kept, so that two moments can be compared: all rows of all tables, all sequences, all files."""

import hashlib
from pathlib import Path

import psycopg
from psycopg import sql

from tests.support.database import TestDatabase

KEPT_BESIDE = ("packages", "state", "work")


def of(database: TestDatabase) -> dict[str, str]:
    """What is where → a hash of what it holds. Personal rows of all districts are in it: a superuser looks."""
    return {**_rows(database), **_files(database.data_dir)}


def _rows(database: TestDatabase) -> dict[str, str]:
    found = {}
    with psycopg.connect(database.superuser_url) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT IN "
            "('pg_catalog', 'information_schema') AND schemaname NOT LIKE 'pg_temp%' ORDER BY 1"
        ).fetchall()
        for (table,) in tables:
            whole = sql.SQL("SELECT count(*), md5(string_agg(t::text, E'\\n' ORDER BY t::text)) FROM {} t")
            count, digest = connection.execute(whole.format(sql.SQL(table))).fetchone()
            found[table] = f"{count} {digest}"
        for name, last in connection.execute("SELECT sequencename, last_value FROM pg_sequences").fetchall():
            found[f"sequence {name}"] = str(last)
    return found


def _files(data_dir: Path) -> dict[str, str]:
    roots = [data_dir / name for name in KEPT_BESIDE]
    paths = [p for root in roots if root.is_dir() for p in sorted(root.rglob("*"))]
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() if p.is_file() else "folder" for p in paths}


def different(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}

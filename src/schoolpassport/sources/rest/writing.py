"""Records, as they were read, written as the files of a package: the CSV of the same OneRoster version.

Set work on columns; the same records make the same bytes, in whatever order they came.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import duckdb

from schoolpassport.kit.columns import Columns, literal, quoted
from schoolpassport.kit.recovery import NeedsAttention
from schoolpassport.sources.manifest import MANIFEST
from schoolpassport.sources.rest.cells import File, properties, text
from schoolpassport.sources.rest.paging import lines_of
from schoolpassport.sources.schemas import Schema

DATE: Final = "try_cast(modified AS TIMESTAMP)"  # in UTC, whatever zone it is told in
_MOST_METADATA: Final = 200  # columns; what holds more keys than this is no attribute of a school
_GONE: Final = "regexp_matches(lower({status}), '^(to ?be ?deleted|to_be_deleted|deleted)$')"


@dataclass(frozen=True, kw_only=True)
class Table:
    """The records of a collection, each id once: the columns of its file, ``gone``, and ``modified`` as it was told."""

    name: str
    headers: tuple[str, ...]
    rows: int
    gone: int
    newest: datetime | None  # the last date up to the provider's now


def load(db: Columns, path: Path, made: tuple[File, ...], *, clock: datetime) -> Table:
    """Make the table ``got``: of each id the record that was read last. Raises ``NeedsAttention``."""
    file = made[0]
    try:
        keys = _metadata_keys(db, path) if path.stat().st_size else []
        headers = [*(c.header for c in file.cells), *(f"metadata.{key}" for key in keys)]
        cells = [c.sql for c in file.cells] + [_metadata(key) for key in keys]
        status, modified = (text(f"v.{quoted(name)}") for name in ("status", "dateLastModified"))
        selected = ", ".join(f"{sql} AS {quoted(header)}" for header, sql in zip(headers, cells, strict=True))
        shape = properties(made).replace("{", '{"metadata": "JSON", ', 1)
        whole = "v" if made[1:] else "NULL AS v"  # for the files that are made of a list in it
        db.execute(
            f"CREATE OR REPLACE TABLE got AS SELECT {selected}, "
            f"coalesce({_GONE.format(status=status)}, false) AS gone, {modified} AS modified, "
            f"{whole} FROM (SELECT json_transform(json, {literal(shape)}) AS v FROM {_source(path)})"
        )
    except duckdb.Error as error:
        raise NeedsAttention(
            f"The {file.collection} of the provider make no sense as records of OneRoster. Ask those who look after it."
        ) from error
    key = quoted("sourcedId")
    # Rows without an id stay: the inspection speaks of them.
    db.execute(
        f"DELETE FROM got USING (SELECT {key}, max(rowid) AS last FROM got GROUP BY {key} HAVING count(*) > 1) AS t "
        f"WHERE got.{key} = t.{key} AND got.rowid < t.last"
    )
    now = literal(clock.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"))
    rows, gone, newest = db.execute(
        f"SELECT count(*), count(*) FILTER (gone), max({DATE}) FILTER ({DATE} <= CAST({now} AS TIMESTAMP)) FROM got"
    ).fetchall()[0]
    return Table(
        name=file.name,
        headers=tuple(headers),
        rows=rows,
        gone=gone,
        newest=newest.replace(tzinfo=UTC) if newest else None,
    )


def older(db: Columns, than: datetime) -> int:
    """How many records of ``got`` are older, or have no date: none should be in an answer about what changed."""
    since = literal(than.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"))
    found = db.execute(f"SELECT count(*) FROM got WHERE coalesce({DATE} < CAST({since} AS TIMESTAMP), true)").fetchall()
    return int(found[0][0])


def write_bulk(db: Columns, table: Table, made: tuple[File, ...], into: Path, scratch: Path) -> list[str]:
    """Write what stands. Status and date stay blank, as the standard wants it of a whole truth (CSV 2.3)."""
    state = 'NULL AS status, NULL AS "dateLastModified"'
    return _write(db, table, made, into, scratch, state=state, where="NOT gone")


def write_delta(db: Columns, table: Table, made: tuple[File, ...], into: Path, scratch: Path) -> list[str]:
    """Write what changed, and what went. Returns the names of the files that have rows."""
    state = "CASE WHEN gone THEN 'tobedeleted' ELSE 'active' END AS status, modified AS \"dateLastModified\""
    return _write(db, table, made, into, scratch, state=state, where="true")


def write_lists(db: Columns, made: tuple[File, ...], into: Path, scratch: Path) -> list[str]:
    """Of ``got``, which holds the whole collection, only what stands in its lists, as a whole truth."""
    state = 'NULL AS status, NULL AS "dateLastModified"'
    return [f.name for f in made if _copied(db, f.name, _listed(f, state, "NOT gone"), into, scratch)]


def write_manifest(schema: Schema, modes: Mapping[str, str], into: Path) -> None:
    """The table of contents: every file that the version knows, and what it holds of each."""
    known = [*(i.name for i in schema.inputs or schema.files), *schema.not_read]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("propertyName", "value"))
    writer.writerow(("manifest.version", "1.0"))
    writer.writerow(("oneroster.version", schema.version))
    writer.writerows((f"file.{name}", modes.get(name, "absent")) for name in sorted(known))
    (into / MANIFEST).write_text(out.getvalue(), encoding="utf-8")


def _source(path: Path) -> str:
    """A file without lines is none that DuckDB reads."""
    return lines_of(path) if path.stat().st_size else "(SELECT NULL::JSON AS json WHERE false)"


def _metadata_keys(db: Columns, path: Path) -> list[str]:
    found = db.execute(
        f"SELECT DISTINCT unnest(json_keys(json, '$.metadata')) AS key FROM {lines_of(path)} ORDER BY key "
        f"LIMIT {_MOST_METADATA}"
    ).fetchall()
    return [key for (key,) in found if key.strip() == key and key and key.isprintable() and '"' not in key]


def _metadata(key: str) -> str:
    return text(f'json_extract(v."metadata", {literal(f"$.{quoted(key)}")})')


def _write(
    db: Columns, table: Table, made: tuple[File, ...], into: Path, scratch: Path, *, state: str, where: str
) -> list[str]:
    key, *others = table.headers
    columns = ", ".join(quoted(h) for h in others)
    relations = [(made[0].name, f"SELECT {quoted(key)}, {state}, {columns} FROM got WHERE {where}")]
    relations += [(file.name, _listed(file, state, where)) for file in made[1:]]
    return [name for name, relation in relations if _copied(db, name, relation, into, scratch)]


def _listed(file: File, state: str, where: str) -> str:
    """SQL: a row of each entry ``e`` of a list."""
    key_cell, *cells = file.cells
    selected = ", ".join(f"{c.sql} AS {quoted(c.header)}" for c in cells)
    if file.tied:
        exploded = (
            "SELECT got.*, json_object('sourcedId', t.resource) AS e FROM got JOIN tie t "
            f"ON t.owner = got.{quoted('sourcedId')} WHERE {where}"
        )
    else:
        listed = f"v.{quoted(file.exploded)}"
        entries = f"CASE json_type({listed}) WHEN 'ARRAY' THEN json_extract({listed}, '$[*]') ELSE [{listed}] END"
        exploded = f"SELECT *, unnest({entries}) AS e FROM got WHERE {where} AND json_type({listed}) <> 'NULL'"
    if file.within:
        each = f"json_extract(e, {literal(f'$.{file.within}[*]')})"
        exploded = f"SELECT *, unnest({each}) AS f FROM ({exploded})"
    return f"SELECT {key_cell.sql} AS {quoted(key_cell.header)}, {state}, {selected} FROM ({exploded})"


def _copied(db: Columns, name: str, relation: str, into: Path, scratch: Path) -> bool:
    unnamed = scratch / f"{name}.csv"
    rows = db.execute(
        f"COPY (SELECT DISTINCT * FROM ({relation}) ORDER BY ALL) TO {literal(str(unnamed))} (FORMAT csv, HEADER true)"
    ).fetchall()[0][0]
    if rows:
        unnamed.rename(into / f"{name}.csv")
    return bool(rows)

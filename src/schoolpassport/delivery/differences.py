"""What differs between the rows that a format makes of two revisions of a view: added, changed, removed.

A row is named by the cells of its key. A removed one is told by its key alone: what else it said may not be shared any
more.
"""

from typing import Final

from schoolpassport.delivery.formats import File, Format
from schoolpassport.delivery.records import AmbiguousRows
from schoolpassport.kit.columns import Columns, literal, quoted

OLDER: Final = "older"
NEWER: Final = "newer"


def keep(db: Columns, which: str, format_: Format) -> None:
    """Keep the rows that are made of the loaded relations. Raises ``AmbiguousRows``."""
    for place, file in enumerate(format_.files):
        cells = ", ".join(f"{sql} AS {name}" for name, sql in zip(_names(file), file.columns.values(), strict=True))
        ordered = f"row_number() OVER (ORDER BY {file.order}) AS place"
        db.execute(f"CREATE TABLE {which}_{place} AS SELECT {cells}, {ordered} FROM {file.rows}")
        _check(db, f"{which}_{place}", file)


def _check(db: Columns, rows: str, file: File) -> None:
    key = ", ".join(_key(file))
    found = db.execute(f"SELECT count(*) FROM (FROM {rows} SELECT {key} GROUP BY {key} HAVING count(*) > 1)").fetchone()
    if found and found[0]:
        headers = ", ".join(f"“{header}”" for header in file.key)
        raise AmbiguousRows(
            f"{file.name}: several rows have the same {headers} ({found[0]:,} times), so nobody could tell which one a "
            "change means. Name more columns in “key”, leave such rows out by “where”, or deliver the format in full."
        )


def query(format_: Format, file: File) -> str:
    """SQL: the rows that differ; first those that are there, in the file's order, then those that are gone."""
    if file.change is None:
        raise ValueError(f"{file.name} cannot tell what became of a row")
    place, change, key = format_.files.index(file), file.change, _key(file)
    same = " AND ".join(f"n.{name} IS NOT DISTINCT FROM o.{name}" for name in key)
    became = (
        f"CASE WHEN o.place IS NULL THEN {literal(change.added)} WHEN n.place IS NULL THEN {literal(change.removed)} "
        f"ELSE {literal(change.changed)} END"
    )
    cells, others = [], []
    for header, name in zip(file.columns, _names(file), strict=True):
        if header == change.header:
            cells.append(f"{became} AS {quoted(header)}")
        elif name in key:
            cells.append(f"CASE WHEN n.place IS NULL THEN o.{name} ELSE n.{name} END AS {quoted(header)}")
        else:
            cells.append(f"n.{name} AS {quoted(header)}")
            others.append(f"n.{name} IS DISTINCT FROM o.{name}")
    differs = " OR ".join(["n.place IS NULL", "o.place IS NULL", *others])
    return (
        f"SELECT {', '.join(cells)} FROM {NEWER}_{place} n FULL JOIN {OLDER}_{place} o ON {same} WHERE {differs} "
        "ORDER BY n.place NULLS LAST, o.place"
    )


def _names(file: File) -> list[str]:
    return [f"c{number}" for number in range(len(file.columns))]


def _key(file: File) -> list[str]:
    return [name for header, name in zip(file.columns, _names(file), strict=True) if header in file.key]

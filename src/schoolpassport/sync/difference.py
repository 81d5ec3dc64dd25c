"""What a package says differently from what stands: the rows worth looking at, and the records it no longer holds.

For each kind, from ``raw_<kind>`` (rows that were read) and ``base_<kind>`` (key, id, hash, gone: what this source's
links say, as far as those rows could speak of it):

* ``cand_<kind>``: rows that are new, changed or back, and unchanged rows that refer to something about to go;
* ``absent_<kind>`` / ``missing_<kind>``: records of the state that the file lacks, and those of them still standing
  that go tonight. Removals that wait are in ``waiting_<kind>`` instead; nobody further on sees them.

A row left out for an error is no removal: its key is in the file. Where a line could not even be read, so that its
key is unknown, nothing of the kind is held to be missing.
"""

from collections.abc import Collection

from schoolpassport.kit.columns import Columns, quoted
from schoolpassport.roster.kinds import KINDS
from schoolpassport.sources.records import FilePlan, Mode
from schoolpassport.sources.schemas import FileSchema, Parse
from schoolpassport.sources.staging import line_of


def absences(db: Columns, plan: FilePlan) -> bool:
    """Make ``absent_`` and ``missing_`` of one file. What waits is then taken out of ``missing_`` (``waiting``).

    Returns whether nothing is held to be missing because of ``removals_withheld``.
    """
    if plan.mode is Mode.DELTA:
        _compare_delta(db, plan.kind_table)
        return False
    return _compare_bulk(db, plan.kind_table)


def nothing_said(db: Columns, table: str) -> None:
    """A file that is absent, or says what it said last time: no row to look at, nothing missing."""
    db.execute(f"CREATE TABLE absent_{table} (key VARCHAR, id UUID, gone BOOLEAN)")
    db.execute(f"CREATE TABLE missing_{table} (key VARCHAR, id UUID)")
    db.execute(
        f"CREATE TABLE cand_{table} AS SELECT *, NULL::BIGINT AS line, NULL::UUID AS known_id, false AS was_gone "
        f"FROM raw_{table} WHERE false"
    )


def removals_withheld(db: Columns, table: str) -> bool:
    """Whether somebody stands in the file under a name that cannot be read."""
    row = db.execute(
        f"SELECT EXISTS (FROM unread_{table} WHERE key IS NULL) OR EXISTS (FROM raw_{table} WHERE key IS NULL)"
    ).fetchone()
    return bool(row and row[0])


def _compare_bulk(db: Columns, table: str) -> bool:
    db.execute(
        f"CREATE TABLE absent_{table} AS SELECT s.key, s.id, s.gone FROM base_{table} s ANTI JOIN "
        f"(SELECT key FROM raw_{table} WHERE status IS DISTINCT FROM 'tobedeleted') p ON s.key = p.key"
    )
    withheld = removals_withheld(db, table)
    db.execute(
        f"CREATE TABLE missing_{table} AS SELECT key, id FROM absent_{table} "
        f"ANTI JOIN (SELECT key FROM unread_{table} WHERE key IS NOT NULL) u USING (key) "
        f"WHERE NOT gone{' AND false' if withheld else ''}"
    )
    return withheld


def _compare_delta(db: Columns, table: str) -> None:
    db.execute(f"CREATE TABLE absent_{table} AS SELECT key, id, gone FROM base_{table} WHERE false")
    db.execute(
        f"CREATE TABLE missing_{table} AS SELECT s.key, s.id FROM base_{table} s "
        f"SEMI JOIN (SELECT key FROM raw_{table} WHERE status = 'tobedeleted') d ON s.key = d.key WHERE NOT s.gone"
    )


def candidates(db: Columns, plan: FilePlan, *, unseen: bool, losing: Collection[str]) -> None:
    """Make ``cand_`` of one file, when it is known what goes: of its own kind, and of those it refers to.

    ``unseen``: something it refers to went on a night on which this file was not compared. ``losing``: kinds of which
    something goes tonight.
    """
    table = plan.kind_table
    worth = "s.key IS NULL OR s.gone OR s.hash <> r.hash::UUID"
    if plan.mode is Mode.DELTA:
        worth = "true"
    elif touched := _touched(plan.schema, losing, unseen=unseen):
        worth += f" OR {touched}"
    db.execute(
        f"CREATE TABLE cand_{table} AS SELECT r.*, {line_of(db, table, 'r.place')} AS line, "
        f"s.id AS known_id, coalesce(s.gone, false) AS was_gone "
        f"FROM raw_{table} r LEFT JOIN base_{table} s ON r.key = s.key "
        f"WHERE r.status IS DISTINCT FROM 'tobedeleted' AND ({worth})"
    )


def _touched(schema: FileSchema, losing: Collection[str], *, unseen: bool) -> str:
    """SQL: the row refers to something that goes, or went unseen. Empty when nothing it could refer to does."""
    parts = []
    for target in sorted({r.target for r in schema.kind.references}):
        if not unseen and target not in losing:
            continue
        going = f"(SELECT key FROM missing_{KINDS[target].table})"
        if unseen:
            gone = f"SELECT key FROM state_{KINDS[target].table} WHERE gone"
            going = f"(SELECT key FROM missing_{KINDS[target].table} UNION {gone})"
        if schema.kind.same_id_as == target:
            parts.append(f"r.key IN {going}")
        for column in (c for c in schema.columns if c.field.target == target):
            cell = f"r.{quoted(column.header)}"
            if column.parse is Parse.LIST:
                listed = f"list_transform(string_split({cell}, ','), lambda e: trim(e))"
                parts.append(f"list_has_any({listed}, (SELECT list(key) FROM {going}))")
            else:
                parts.append(f"{cell} IN {going}")
    return " OR ".join(parts)

"""One plausible row for any table, made from the catalogue: for tests that are about every table, not about one.

All uuids of a row are the same one, so foreign keys lead somewhere when the rows of all tables are made together.
"""

from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

import psycopg
from psycopg import Connection, sql
from psycopg.types.json import Jsonb

AN_INSTANT = datetime(2026, 9, 1, 6, tzinfo=UTC)
LATER = datetime(2026, 9, 1, 7, tzinfo=UTC)

# Where a check constraint asks for more than a value of the right type: column, or table.column.
SPECIAL: dict[str, Any] = {
    "act": "test:row:made",
    "change": "c",
    "delivery_delivery.mode": "full",
    "delivery_shipment.state": "sent",
    "digest": b"#" * 32,
    "doc": '{"sourcedId":"x"}',  # for whoever reads it with the locks off
    "ended_at": None,
    "matching_proposal.left_id": UUID(int=0),  # before any other
    "matching_proposal.state": "open",
    "expires_at": LATER,
    "rev_to": 2_147_483_647,
    "severity": "error",
    "status": "active",
    "sharing_consent.state": "draft",
    "sharing_consent.author": "district",
    "sharing_consent.suspended_by": [],
    "sharing_consentstep.act": "draft",
    "sharing_consentstep.side": "district",
    "sharing_consentstep.was": "",
    "sharing_consentstep.became": "draft",
    "sources_source.role": "roster",
    "messaging_letter.state": "pending",
    "roster_merge.lose_id": UUID(int=1),
    "roster_question.answer": "",
    "sync_absence.state": "witness",
    "sync_run.state": "waiting",
    "webhooks_endpoint.state": "active",
    "webhooks_message.state": "pending",
}


def row(connection: Connection, table: str, *, thing: UUID, **given: Any) -> dict[str, Any]:
    columns = connection.execute(
        """SELECT attname, atttypid::regtype::text FROM pg_attribute
           WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = '' AND attgenerated = ''
           ORDER BY attnum""",
        [table],
    ).fetchall()
    return {name: _value(table, name, kind, thing) for name, kind in columns} | given


def _value(table: str, column: str, kind: str, thing: UUID) -> Any:
    for special in (f"{table}.{column}", column):
        if special in SPECIAL:
            return SPECIAL[special]
    values: dict[str, Any] = {
        "uuid": thing,
        "uuid[]": [thing],
        "text": thing.hex,
        "text[]": [thing.hex],
        "integer[]": [1],
        "character varying": thing.hex[:1],
        "integer": 1,
        "bigint": 1,
        "smallint": 1,
        "double precision": 0.5,
        "boolean": True,
        "bytea": thing.bytes,
        "jsonb": Jsonb({}),
        "date": date(2026, 9, 1),
        "time without time zone": time(7),
        "timestamp with time zone": AN_INSTANT,
    }
    return values[kind]


def insert(connection: Connection, table: str, values: dict[str, Any]) -> None:
    connection.execute(
        sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(map(sql.Placeholder, values)),
        ),
        values,
    )


def insert_all(connection: Connection, rows: dict[str, dict[str, Any]]) -> None:
    """Insert one row per table, what is referred to before what refers to it."""
    waiting = dict(rows)
    while waiting:
        before = len(waiting)
        for table, values in list(waiting.items()):
            try:
                with connection.transaction():
                    insert(connection, table, values)
            except psycopg.errors.ForeignKeyViolation as error:
                refusal = error
            else:
                del waiting[table]
        if len(waiting) == before:
            raise refusal

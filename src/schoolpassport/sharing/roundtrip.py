"""Asking the database in one breath: the scope, the door and the question travel together and come back together.

PostgreSQL runs the statements of one pipeline as one transaction (its manual, “Pipeline Mode”), so the scope that the
first statement sets ends with it, and no connection carries a district on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection
from psycopg.types.string import ByteaBinaryLoader

from schoolpassport.sharing.records import Door
from schoolpassport.tenancy.scope import DISTRICT, ScopeError

Row = tuple[Any, ...]

_ENTER = f"SELECT set_config('{DISTRICT}', %s, true)"

# A question asked a thousand times a second is planned once, and its plan is always the same: along the key.
_KEYED = ("enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "enable_sort")
_ENTER_KEYED = ", ".join(
    [
        _ENTER,
        "set_config('plan_cache_mode', 'force_generic_plan', true)",
        *(f"set_config('{setting}', 'off', true)" for setting in _KEYED),
    ]
)
_NEVER_BY_ITSELF = 2**31 - 1  # psycopg's prepare_threshold: only what says `prepare` is prepared


@dataclass(frozen=True)
class Question:
    """A statement with named parameters. ``keyed``: it follows the primary key, often."""

    statement: str
    parameters: Mapping[str, object]
    keyed: bool


class _BytesCursor(psycopg.Cursor[Row]):
    """Texts come as the bytes they are: documents are handed on, never read."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        super().__init__(connection)
        self.format = psycopg.pq.Format.BINARY
        self.adapters.register_loader("text", ByteaBinaryLoader)


def ask(*, district_id: UUID, door: Door | None, question: Question) -> Row | None:
    """The one row of the answer, read in the transaction in which the door let us in. Texts are bytes.

    Opens its own transaction and so refuses to be part of another. A connection that the server has closed meanwhile
    is opened anew, once: nothing here can have happened half.
    """
    if connection.in_atomic_block:
        raise ScopeError("a reader opens its own transaction; leave the one around it first")
    try:
        return _ask(district_id, door, question)
    except psycopg.OperationalError:
        if connection.connection is not None and not connection.connection.closed:
            raise
        connection.close()
        return _ask(district_id, door, question)


def _ask(district_id: UUID, door: Door | None, question: Question) -> Row | None:
    raw = _connected()
    doors, answers = psycopg.Cursor(raw), _BytesCursor(raw)
    doors.format = psycopg.pq.Format.BINARY
    with raw.pipeline():
        entering = _ENTER_KEYED if question.keyed else _ENTER
        psycopg.Cursor(raw).execute(entering, (str(district_id),), prepare=True)
        if door is not None:
            doors.execute(door.statement, door.parameters, prepare=True)
        answers.execute(question.statement, question.parameters, prepare=question.keyed)
    if door is not None:
        door.admit(doors.fetchone())
    return answers.fetchone()


def _connected() -> "psycopg.Connection[Any]":
    """Django's own connection, without its cursors and its question after the connection's health."""
    if connection.connection is None:
        connection.ensure_connection()
    raw: psycopg.Connection[Any] = connection.connection
    if raw.prepare_threshold is None:
        raw.prepare_threshold = _NEVER_BY_ITSELF
    return raw

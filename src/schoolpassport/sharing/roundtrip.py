"""Asking the database in one breath: the scope, the door and the question travel together and come back together.

They are one transaction, so the scope that the first statement sets ends with it, and no connection carries a district
on.
"""

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from schoolpassport.kit import pipeline
from schoolpassport.kit.pipeline import Row, Statement
from schoolpassport.sharing.records import Door
from schoolpassport.tenancy.scope import DISTRICT, ScopeError

_ENTER = f"SELECT set_config('{DISTRICT}', %s, true)"

# A question asked a thousand times a second is planned once, and its plan is always the same: along the key.
_KEYED = ("enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin")


def _planned_once(*off: str) -> str:
    settings = {
        "plan_cache_mode": "force_generic_plan",
        "max_parallel_workers_per_gather": "0",  # to begin one takes longer than a page
        **dict.fromkeys(off, "off"),
    }
    return ", ".join([_ENTER, *(f"set_config('{name}', '{value}', true)" for name, value in settings.items())])


_ENTER_KEYED, _ENTER_SORTED = _planned_once(*_KEYED, "enable_sort"), _planned_once(*_KEYED)


class Question(NamedTuple):
    """A statement with named parameters. ``keyed``: it follows an index, often; ``sorted``: and sorts what it found.

    ``steady``: so many columns come as one value, as ``Statement`` has it. ``also``: what is done in the same trip,
    with the same parameters, whatever the door says of the answer.
    """

    statement: str
    parameters: Mapping[str, object]
    keyed: bool
    sorted: bool = False
    steady: int = 0
    also: str = ""


def ask(*, district_id: UUID, door: Door | None, question: Question) -> Row | None:
    """The one row of the answer, read in the transaction in which the door let us in. Texts are bytes.

    Opens its own transaction and so refuses to be part of another. A connection that the server has closed meanwhile
    is opened anew, once: nothing here can have happened half.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.in_atomic_block:
        raise ScopeError("a reader opens its own transaction; leave the one around it first")
    try:
        return _ask(connection, district_id, door, question)
    except psycopg.OperationalError:
        connection.close()
        return _ask(connection, district_id, door, question)
    finally:
        if connection.connection is not None and connection.connection.closed:
            connection.close()  # so that Django, too, knows


def _ask(connection: BaseDatabaseWrapper, district_id: UUID, door: Door | None, question: Question) -> Row | None:
    if connection.connection is None:
        connection.ensure_connection()
    keyed = _ENTER_SORTED if question.sorted else _ENTER_KEYED
    trip = [Statement(keyed if question.keyed else _ENTER, (str(district_id),), prepared=True)]
    if door is not None:
        trip.append(Statement(door.statement, door.parameters, prepared=True, steady=pipeline.ALL))
    given = question.parameters
    trip.append(Statement(question.statement, given, question.keyed, raw_texts=True, steady=question.steady))
    if question.also:
        trip.append(Statement(question.also, given, prepared=True))
    rows = pipeline.run(connection.connection, *trip)
    if door is None:
        return rows[1]
    door.admit(rows[1] and rows[1][0])
    return rows[2]

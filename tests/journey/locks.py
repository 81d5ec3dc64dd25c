"""The two locks between tenants, each taken off by itself: to show that the other one holds alone.

Nothing of the product is replaced. Row-level security is passed by a role that it does not bind; the conditions of
statements are made blind between the driver and the server.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import uuid4

import psycopg
from django.db import connection
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from schoolpassport.kit import postgres
from schoolpassport.rosterapi import access
from schoolpassport.sharing import reader
from tests.support.database import TestDatabase

# A comparison of a row's owner with the one who asks, as psycopg, Django and our pipeline write it.
_OWNED = re.compile(r'(?:"?\w+"?\.)?"?(?:district_id|partner_id)"? = (?P<asked>%s|%\(\w+\)s|\$\d+)')


def _blinded(statement: str) -> str:
    """The statement asks for the rows of whoever is named, and gets everybody's."""
    return _OWNED.sub(r"(\g<asked>::uuid IS NOT NULL)", statement)


class _BlindLink:
    """libpq's connection, for the pipeline."""

    def __init__(self, link: Any) -> None:
        self._link = link

    def __getattr__(self, name: str) -> Any:
        return getattr(self._link, name)

    def send_prepare(self, name: bytes, command: bytes) -> None:
        self._link.send_prepare(name, _blinded(command.decode()).encode())

    def send_query_params(self, command: bytes, *rest: Any, **more: Any) -> None:
        self._link.send_query_params(_blinded(command.decode()).encode(), *rest, **more)


class _BlindConnection:
    """psycopg's connection, which hands a blind link to whoever asks for it, and cursors that copy blindly."""

    def __init__(self, whole: Any) -> None:
        self.__dict__.update(_whole=whole, pgconn=_BlindLink(whole.pgconn))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._whole, name, value)

    def cursor(self, *how: Any, **more: Any) -> Any:
        made = self._whole.cursor(*how, **more)
        copy = made.copy
        made.copy = lambda statement, *rest, **named: copy(_blinded(statement), *rest, **named)
        return made


def _blindly(execute: Callable[..., Any], statement: str, *rest: Any) -> Any:
    return execute(_blinded(statement), *rest)


@contextmanager
def without_conditions() -> Iterator[None]:
    """No statement tells one tenant's rows from another's; the scope names the tenant as ever."""
    with _afresh(), connection.execute_wrapper(_blindly):
        connection.ensure_connection()
        connection.connection = _BlindConnection(connection.connection)
        yield
        assert isinstance(connection.connection, _BlindConnection), "the connection was opened anew, and saw again"


@contextmanager
def without_row_security(database: TestDatabase) -> Iterator[None]:
    """What the runtime role may do, done by a role that row-level security does not bind."""
    role = f"sp_tests_unlocked_{uuid4().hex}"
    login = conninfo_to_dict(database.superuser_url)
    with psycopg.connect(database.superuser_url, autocommit=True) as superuser:
        superuser.execute(sql.SQL("CREATE ROLE {} BYPASSRLS").format(sql.Identifier(role)))
        superuser.execute(
            sql.SQL("GRANT {} TO {}").format(sql.Identifier(postgres.RUNTIME), sql.Identifier(role)),
        )
        before = dict(connection.settings_dict)
        connection.settings_dict |= {
            "USER": login["user"],
            "PASSWORD": login.get("password", ""),
            "OPTIONS": {**before["OPTIONS"], "options": f"{before['OPTIONS']['options']} -c role={role}"},
        }
        try:
            with _afresh():
                yield
        finally:
            connection.settings_dict.update(before)
            superuser.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


@contextmanager
def without_both(database: TestDatabase) -> Iterator[None]:
    with ExitStack() as stack:
        stack.enter_context(without_row_security(database))
        stack.enter_context(without_conditions())
        yield


@contextmanager
def _afresh() -> Iterator[None]:
    """Nothing that was found with other locks is remembered, neither before nor afterwards."""
    _forget()
    try:
        yield
    finally:
        _forget()


def _forget() -> None:
    connection.close()
    for found in (access._integrations, reader._last_seen, reader._shared):
        found._kept.clear()
    for kept in (reader._listings, reader._instants):
        kept.cache_clear()

"""Several statements in one trip to PostgreSQL, which runs them as one transaction.

libpq's pipeline mode by psycopg's ``pq`` module. psycopg's own pipeline sends each statement by itself and spends about
80 µs of Python on it; here all of them leave in one write, which costs what a single statement costs. What the manual
calls an implicit transaction lasts from the first statement to the sync at the end: all of it happens, or nothing.
"""

import re
import select
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import count
from typing import Any, NamedTuple
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
from psycopg import abc, pq
from psycopg.adapt import AdaptersMap, Dumper, PyFormat, Transformer
from psycopg.types.string import ByteaBinaryLoader
from typing_extensions import override

from schoolpassport.kit.recent import Recent

Row = tuple[Any, ...]

ALL = 1 << 16  # columns: more than there can be
_KEPT = 100  # prepared statements per connection
_PLACEHOLDER = re.compile(r"%(?:\((?P<name>\w+)\)s|s|%)")


class Statement(NamedTuple):
    """SQL with ``%(name)s`` or ``%s``, as psycopg has it. ``prepared``: planned once per connection.

    ``raw_texts``: texts of the answer stay the bytes they are. ``steady``: so many columns, from the first, are nearly
    always what they were. They come as one tuple in the place of these columns, the very same for the same bytes.
    """

    sql: str
    parameters: Mapping[str, object] | tuple[object, ...] | list[object] = ()
    prepared: bool = False
    raw_texts: bool = False
    steady: int = 0


def run(connection: "psycopg.Connection[Any]", *statements: Statement) -> list[Row | None]:
    """The first row of each statement's answer. Whatever goes wrong closes the connection: its state is unknown."""
    try:
        return _Conversation(connection).of(statements)
    except BaseException:
        connection.close()
        raise


class _Conversation:
    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._link = connection.pgconn
        self._memory = _memories.get(connection) or _memories.setdefault(connection, _Memory())
        self._answers: list[int] = []  # which statement each coming answer belongs to; -1: to none

    def of(self, statements: Sequence[Statement]) -> list[Row | None]:
        self._link.enter_pipeline_mode()
        for place, statement in enumerate(statements):
            self._send(place, statement)
        self._link.pipeline_sync()
        results = self._receive()
        self._link.exit_pipeline_mode()
        rows: list[Row | None] = [None] * len(statements)
        for place, result in zip(self._answers, results, strict=True):
            if result.status not in _GOOD:
                raise _error(result)
            if place >= 0 and result.ntuples:
                rows[place] = self._read(result, statements[place])
        return rows

    # -------------------------------------------------------------------------------------------------------- sending

    def _send(self, place: int, statement: Statement) -> None:
        sql, names = _numbered(statement.sql)
        given = statement.parameters
        values = given if isinstance(given, tuple | list) else [given[name] for name in names]
        texts = [self._text(value) for value in values]
        if statement.prepared:
            self._link.send_query_prepared(self._prepare(sql), texts, result_format=pq.Format.BINARY)
        else:
            self._link.send_query_params(sql, texts, result_format=pq.Format.BINARY)
        self._answers.append(place)

    def _text(self, value: object) -> "abc.Buffer | None":
        """As psycopg writes it; what nearly all values are is written here, which costs less than to ask it how."""
        if type(value) is UUID:
            return b"%032x" % value.int
        if type(value) is int:
            return b"%d" % value
        return self._memory.plain.dump_sequence([value], [PyFormat.TEXT])[0]

    def _prepare(self, sql: bytes) -> bytes:
        """The name of the statement on this connection; the oldest makes room when there are many."""
        prepared = self._memory.prepared
        known = prepared.get(sql)
        if known is not None:
            prepared.move_to_end(sql)
            return known
        if len(prepared) >= _KEPT:
            _, oldest = prepared.popitem(last=False)
            self._link.send_query_params(b"DEALLOCATE " + oldest, None)
            self._answers.append(-1)
        name = b"trip_%d" % next(_numbers)
        self._link.send_prepare(name, sql)
        self._answers.append(-1)
        prepared[sql] = name
        return name

    # ------------------------------------------------------------------------------------------------------ receiving

    def _receive(self) -> list[pq.abc.PGresult]:
        """Every answer up to the sync. Waiting happens in the system, where other threads may run."""
        results: list[pq.abc.PGresult] = []
        waiting = select.poll()
        waiting.register(self._link.socket, select.POLLIN | select.POLLOUT)
        while self._link.flush():
            waiting.poll()
            self._link.consume_input()
        waiting.modify(self._link.socket, select.POLLIN)
        while True:
            while self._link.is_busy():
                waiting.poll()
                self._link.consume_input()
            result = self._link.get_result()
            if result is None:
                continue
            if result.status == pq.ExecStatus.PIPELINE_SYNC:
                return results
            results.append(result)

    def _read(self, result: pq.abc.PGresult, statement: Statement) -> Row:
        if not statement.steady:
            reader = self._memory.raw if statement.raw_texts else self._memory.plain
            reader.set_pgresult(result)
            row: Row = reader.load_row(0, tuple)
            return row
        count = min(statement.steady, result.nfields)
        held = tuple([result.get_value(0, column) for column in range(count)])
        steady = _steady.get((statement.sql, held))
        if steady is None:
            steady = self._some(result, range(count), raw_texts=False)
            _steady.put((statement.sql, held), steady)
        return (steady, *self._some(result, range(count, result.nfields), raw_texts=statement.raw_texts))

    def _some(self, result: pq.abc.PGresult, columns: range, *, raw_texts: bool) -> Row:
        reader = self._memory.raw if raw_texts else self._memory.plain
        found = []
        for column in columns:
            value = result.get_value(0, column)
            loader = reader.get_loader(result.ftype(column), pq.Format.BINARY)
            found.append(None if value is None else loader.load(value))
        return tuple(found)


class _Context(NamedTuple):
    """How psycopg writes and reads values, whatever others have taught a connection."""

    adapters: AdaptersMap
    connection: None = None  # so a memory does not hold on to its connection


class _Memory:
    """What is known about one connection: the names of prepared statements, and readers that have met their types."""

    def __init__(self) -> None:
        self.prepared: OrderedDict[bytes, bytes] = OrderedDict()
        self.plain = Transformer(_Context(_AS_EVER))
        self.raw = Transformer(_Context(_RAW_TEXTS))


class _Hex(Dumper):
    """Bytes in the one spelling that does not depend on a connection's settings."""

    oid = psycopg.adapters.types["bytea"].oid

    @override
    def dump(self, obj: bytes) -> bytes:
        return b"\\x" + obj.hex().encode()


_AS_EVER = AdaptersMap(psycopg.adapters)
_AS_EVER.register_dumper(bytes, _Hex)
_RAW_TEXTS = AdaptersMap(psycopg.adapters)
_RAW_TEXTS.register_loader("text", ByteaBinaryLoader)
_GOOD = frozenset({pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK})
_memories: "WeakKeyDictionary[psycopg.Connection[Any], _Memory]" = WeakKeyDictionary()
_steady: Recent[tuple[str, Row], Row] = Recent(10_000)
_numbers = count(1)


@lru_cache(maxsize=512)
def _numbered(sql: str) -> tuple[bytes, tuple[str, ...]]:
    """The statement with $1, $2 …, and the names in that order."""
    names: list[str] = []

    def number(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        name = found["name"] or f"\0{len(names)}"
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    return _PLACEHOLDER.sub(number, sql).encode(), tuple(names)


def _error(result: pq.abc.PGresult) -> psycopg.Error:
    state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
    try:
        known = psycopg.errors.lookup(state)
    except KeyError:
        known = psycopg.DatabaseError
    return known(result.error_message.decode("utf-8", "replace").strip())

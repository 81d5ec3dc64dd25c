"""The floor of small questions: a bare SELECT by an index of its own, from the same database, by a bare WSGI handler.

``/one/<id>``, ``/email/<address>``, ``/since/<revision>`` and ``/role/<role>/<id after which to begin>``, of the table
that the bench made of one view's users.
"""

import os
import threading
from collections.abc import Callable, Iterable

import psycopg
from psycopg import pq

TABLE = "bench_user"
INDEXES = ("(id)", "(lower(email))", "(rev_from, id)", "(role, id)")
_LISTED = "SELECT string_agg(doc, ',') FROM (SELECT doc FROM bench_user WHERE {} LIMIT 100) d"
_QUERIES = {
    b"one": b"SELECT doc FROM bench_user WHERE id = $1::uuid",
    b"email": _LISTED.format("lower(email) = lower($1::text)").encode(),
    b"since": _LISTED.format("rev_from = $1::int ORDER BY id").encode(),
    b"role": _LISTED.format("role = $1::text AND id > $2::uuid ORDER BY id").encode(),
}
_local = threading.local()


def _connection() -> "pq.abc.PGconn":
    if not hasattr(_local, "connection"):
        _local.connection = psycopg.connect(os.environ["SCHOOLPASSPORT_RUNTIME_URL"], autocommit=True)
        for name, query in _QUERIES.items():
            _local.connection.pgconn.prepare(name, query)
    made: pq.abc.PGconn = _local.connection.pgconn
    return made


def application(environ: dict[str, str], start_response: Callable[..., object]) -> Iterable[bytes]:
    _, query, *values = environ["PATH_INFO"].encode().split(b"/")
    result = _connection().exec_prepared(query, values, result_format=pq.Format.BINARY)
    body = b'{"users":[%b]}' % ((result.get_value(0, 0) or b"") if result.ntuples else b"")
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]

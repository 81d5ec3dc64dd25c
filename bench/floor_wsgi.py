"""The floor of the API: finished documents by key range, from the same database, by a bare WSGI handler.

``/<table>/<limit>/<id after which to begin>``. No token, no scoping, no headers to speak of: nothing could do less.
"""

import os
import threading
from collections.abc import Callable, Iterable

import psycopg
from psycopg import pq

_QUERIES = {
    b"users": b"""SELECT string_agg(doc, ',') FROM (SELECT doc FROM sharing_user WHERE district_id = $1::uuid
        AND view = $2::int AND id > $3::uuid AND rev_to = 2147483647 ORDER BY id LIMIT $4::int) d""",
    b"enrollments": b"""SELECT string_agg(doc, ',') FROM (SELECT doc FROM bench_enrollment WHERE district_id = $1::uuid
        AND view = $2::int AND id > $3::uuid ORDER BY id LIMIT $4::int) d""",
}
_place = os.environ["BENCH_DISTRICT"].encode(), os.environ["BENCH_VIEW"].encode()
_local = threading.local()


def _connection() -> "pq.abc.PGconn":
    if not hasattr(_local, "connection"):
        _local.connection = psycopg.connect(os.environ["SCHOOLPASSPORT_RUNTIME_URL"], autocommit=True)
        _local.connection.execute("SELECT set_config('sp.district', %s, false)", [_place[0].decode()])
        for name, query in _QUERIES.items():
            _local.connection.pgconn.prepare(name, query)
    made: pq.abc.PGconn = _local.connection.pgconn
    return made


def application(environ: dict[str, str], start_response: Callable[..., object]) -> Iterable[bytes]:
    _, table, limit, after = environ["PATH_INFO"].encode().split(b"/")
    result = _connection().exec_prepared(table, [*_place, after, limit], result_format=pq.Format.BINARY)
    body = b'{"%b":[%b]}' % (table, result.get_value(0, 0) or b"")
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]

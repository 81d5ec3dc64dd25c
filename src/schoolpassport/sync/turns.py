"""One walk per district at a time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connection

_PATIENCE = 30.0  # seconds; a killed predecessor's last statement may still be running in the database


class DistrictBusy(Exception):
    """Another run of the district is on its way."""


def taken(district_id: UUID) -> bool:
    """Whether anybody holds the district's lock: where nobody does, no run of it is being walked."""
    with connection.cursor() as cursor:  # taking it would succeed in the very session that holds it
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks, (SELECT hashtextextended(%s, 3) AS key) k "
            "WHERE locktype = 'advisory' AND objsubid = 1 AND granted "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
            "AND classid = ((key >> 32) & 4294967295)::oid AND objid = (key & 4294967295)::oid)",
            [str(district_id)],
        )
        return bool(cursor.fetchone()[0])


@contextmanager
def take(district_id: UUID) -> Iterator[None]:
    """Hold the district's lock. It belongs to the database session, so it dies with the process.

    Raises ``DistrictBusy``.
    """
    deadline = time.monotonic() + _PATIENCE
    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 3))", [str(district_id)])
            if cursor.fetchone()[0]:
                break
            if time.monotonic() > deadline:
                raise DistrictBusy("Another run of this district is on its way; try again when it is done.")
            time.sleep(0.1)
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 3))", [str(district_id)])

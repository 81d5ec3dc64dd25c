"""One walk per district at a time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connection

_PATIENCE = 30.0  # seconds; a killed predecessor's last statement may still be running in the database


class DistrictBusy(Exception):
    """Another run of the district is on its way."""


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

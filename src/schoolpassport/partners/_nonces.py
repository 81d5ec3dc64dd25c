"""Each signed request once: its timestamp and nonce are a key, and the second row of the same key is not written."""

from typing import Final
from uuid import UUID

from django.db import connection

_AT_ONCE: Final = 1000


def is_first(district_id: UUID, credential_id: UUID, *, stamp: int, nonce: str) -> bool:
    """Write it down; false when it stood there. Of two at the same instant the second waits for the first's commit."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO partners_nonce (district_id, credential_id, stamp, nonce) VALUES (%s, %s, %s, %s)
            ON CONFLICT DO NOTHING""",
            [district_id, credential_id, stamp, nonce],
        )
        return bool(cursor.rowcount)


def prune(district_id: UUID, credential_id: UUID, *, before: int) -> None:
    """Delete those whose time alone would refuse them now. Rows that another request is deleting are left to it."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM partners_nonce WHERE (district_id, credential_id, stamp, nonce) IN (
                SELECT district_id, credential_id, stamp, nonce FROM partners_nonce
                WHERE district_id = %s AND credential_id = %s AND stamp < %s
                LIMIT %s FOR UPDATE SKIP LOCKED)""",
            [district_id, credential_id, before, _AT_ONCE],
        )

"""The scope: inside it exactly one district's rows exist, outside it none do.

Two locks stand behind each other: queries name the district, and row-level security compares every row with the
setting that ``inside`` makes for one transaction. The setting ends with the transaction, so a pooled connection
never carries it on.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connection, transaction

DISTRICT = "sp.district"
PARTNER = "sp.partner"
ORGANISATION = "sp.organisation"


class ScopeError(RuntimeError):
    """Somebody tried to enter a second district inside the first."""


@contextmanager
def inside(district_id: UUID) -> Iterator[None]:
    """Run the block in one transaction in which only this district's rows can be seen or written.

    Nested entry into the same district joins the transaction; into another one raises ``ScopeError``.
    """
    with _setting(DISTRICT, district_id):
        yield


@contextmanager
def undone(district_id: UUID) -> Iterator[None]:
    """Run the block like ``inside``, and then as if it had never run: for rehearsals.

    Whatever a rollback takes back is taken back: rows, jobs, notices, locks of the transaction. Files are not, nor
    numbers drawn from a sequence.
    """
    with inside(district_id):
        here = transaction.savepoint()
        yield
        transaction.savepoint_rollback(here)


@contextmanager
def as_partner(partner_id: UUID) -> Iterator[None]:
    """Run the block in one transaction in which a partner sees its own integrations, in whichever district."""
    with _setting(PARTNER, partner_id):
        yield


@contextmanager
def as_organisation(organisation_id: UUID) -> Iterator[None]:
    """Run the block in one transaction in which what was told to an organisation, a district or a partner, is there.

    Beside whatever scope there is: news of a district may be told to a partner.
    """
    with _setting(ORGANISATION, organisation_id):
        yield


@contextmanager
def _setting(name: str, value: UUID) -> Iterator[None]:
    nested = connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if nested:
            cursor.execute("SELECT nullif(current_setting(%s, true), '')", [name])
            (held,) = cursor.fetchone()
            if held == str(value):
                yield
                return
            if held is not None:
                raise ScopeError(f"already inside another {name.removeprefix('sp.')}; leave it first")
        cursor.execute("SELECT set_config(%s, %s, true)", [name, str(value)])
        yield
        if nested:
            cursor.execute("SELECT set_config(%s, '', true)", [name])

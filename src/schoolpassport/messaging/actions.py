"""Telling people something, and what becomes of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection

from schoolpassport.kit.ids import new_id
from schoolpassport.messaging import wording
from schoolpassport.messaging.kinds import KINDS
from schoolpassport.messaging.models import Notice
from schoolpassport.messaging.records import Fact, NoNotice
from schoolpassport.tenancy import scope


def tell(
    *, organisation_id: UUID, kind: str, about: str, facts: Mapping[str, Fact], now: datetime, key: str = ""
) -> UUID | None:
    """Write a notice, in the caller's transaction where there is one. None if this was told before.

    What was told, settled, and is so again is open again, and not told twice.
    """
    put = wording.put(KINDS[kind], facts)
    with scope.as_organisation(organisation_id), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO messaging_notice (organisation_id, id, kind, about, key, subject, words, commands, told_at, "
            "read_by) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, '') "
            "ON CONFLICT (organisation_id, kind, about, key) DO UPDATE SET settled_at = NULL RETURNING id, xmax = 0",
            [organisation_id, new_id(), kind, about, key, put.subject, put.words, put.commands, now],
        )
        id_, is_new = cursor.fetchone()
        if not is_new:
            return None
    told: UUID = id_
    return told


def settle(*, organisation_id: UUID, kinds: Sequence[str], about: str, now: datetime) -> int:
    """What these notices told of does not wait any more. Returns how many did."""
    with scope.as_organisation(organisation_id):
        waiting = Notice.objects.filter(
            organisation_id=organisation_id, kind__in=kinds, about=about, settled_at__isnull=True
        )
        return waiting.update(settled_at=now)


def read(*, organisation_id: UUID, notice_id: UUID, by: str, now: datetime) -> None:
    """Somebody read it; who was the first stays. Raises ``NoNotice``."""
    with scope.as_organisation(organisation_id):
        found = Notice.objects.filter(organisation_id=organisation_id, id=notice_id)
        if not found.exists():
            raise NoNotice("There is no such notice. `schoolpassport notices list` shows them.")
        found.filter(read_at__isnull=True).update(read_at=now, read_by=by)


def read_all(*, organisation_id: UUID, by: str, now: datetime) -> int:
    """Everything that nobody has read. Returns how many that was."""
    with scope.as_organisation(organisation_id):
        unread = Notice.objects.filter(organisation_id=organisation_id, read_at__isnull=True)
        return unread.update(read_at=now, read_by=by)

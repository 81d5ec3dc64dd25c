"""What the room keeps sealed in columns of its tables, under the master keys."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from schoolpassport.kit.secrets import SealBroken, Vault
from schoolpassport.sources.records import Resealed


def vault() -> Vault:
    """Read each time: what is sealed is opened once a night, and another process may have rotated the key."""
    return Vault.from_file(settings.ENVIRONMENT.key_file)


def reseal(rows: QuerySet[Any], *, field: str, tenant: UUID, column: str, row_of: Callable[[Any], UUID]) -> Resealed:
    """Seal with the newest key what an older one sealed, in the caller's transaction."""
    keys, done, lost = vault(), 0, 0
    for row in rows.select_for_update():
        sealed, place = bytes(getattr(row, field)), row_of(row)
        if keys.is_current(sealed):
            continue
        try:
            secret = keys.open(sealed, tenant=tenant, column=column, row=place)
        except SealBroken:
            lost += 1
            continue
        setattr(row, field, keys.seal(secret, tenant=tenant, column=column, row=place))
        row.save(update_fields=[field])
        done += 1
    return Resealed(done, lost)

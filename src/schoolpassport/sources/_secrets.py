"""Secrets of connections at rest: sealed for one district, this column, and one source's one setting."""

from typing import Final
from uuid import UUID, uuid5

from django.conf import settings

from schoolpassport.kit.secrets import SealBroken, Vault
from schoolpassport.sources.models import Secret
from schoolpassport.sources.records import Resealed

_COLUMN: Final = "sources_secret.sealed"


def _vault() -> Vault:
    """Read each time: secrets are opened once a night, and another process may have rotated the key."""
    return Vault.from_file(settings.ENVIRONMENT.key_file)


def _row(source_id: UUID, name: str) -> UUID:
    return uuid5(source_id, name)


def seal(secret: str, *, district_id: UUID, source_id: UUID, name: str) -> bytes:
    return _vault().seal(secret.encode(), tenant=district_id, column=_COLUMN, row=_row(source_id, name))


def opened(*, district_id: UUID, source_id: UUID) -> dict[str, str]:
    """All secrets of a source, in the caller's scope. Raises ``SealBroken``."""
    vault = _vault()
    return {
        row.name: vault.open(
            bytes(row.sealed), tenant=district_id, column=_COLUMN, row=_row(source_id, row.name)
        ).decode()
        for row in Secret.objects.filter(district_id=district_id, source_id=source_id)
    }


def reseal(*, district_id: UUID) -> Resealed:
    """Seal with the newest key what an older one sealed, in the caller's transaction."""
    vault, done, lost = _vault(), 0, 0
    for row in Secret.objects.filter(district_id=district_id).select_for_update():
        sealed, place = bytes(row.sealed), _row(row.source_id, row.name)
        if vault.is_current(sealed):
            continue
        try:
            secret = vault.open(sealed, tenant=district_id, column=_COLUMN, row=place)
        except SealBroken:
            lost += 1
            continue
        row.sealed = vault.seal(secret, tenant=district_id, column=_COLUMN, row=place)
        row.save(update_fields=["sealed"])
        done += 1
    return Resealed(done, lost)

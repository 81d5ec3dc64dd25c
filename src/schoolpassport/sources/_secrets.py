"""Secrets of connections at rest: sealed for one district, this column, and one source's one setting."""

from typing import Final
from uuid import UUID, uuid5

from schoolpassport.kit.resealing import Resealed
from schoolpassport.kit.resealing import reseal as reseal_rows
from schoolpassport.sources._vault import vault
from schoolpassport.sources.models import Secret

_COLUMN: Final = "sources_secret.sealed"


def _row(source_id: UUID, name: str) -> UUID:
    return uuid5(source_id, name)


def seal(secret: str, *, district_id: UUID, source_id: UUID, name: str) -> bytes:
    return vault().seal(secret.encode(), tenant=district_id, column=_COLUMN, row=_row(source_id, name))


def opened(*, district_id: UUID, source_id: UUID) -> dict[str, str]:
    """All secrets of a source, in the caller's scope. Raises ``SealBroken``."""
    keys = vault()
    return {
        row.name: keys.open(
            bytes(row.sealed), tenant=district_id, column=_COLUMN, row=_row(source_id, row.name)
        ).decode()
        for row in Secret.objects.filter(district_id=district_id, source_id=source_id)
    }


def reseal(*, district_id: UUID) -> Resealed:
    """Seal with the newest key what an older one sealed, in the caller's transaction."""
    return reseal_rows(
        Secret.objects.filter(district_id=district_id),
        keys=vault(),
        field="sealed",
        tenant=district_id,
        column=_COLUMN,
        row_of=lambda secret: _row(secret.source_id, secret.name),
    )

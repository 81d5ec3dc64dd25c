"""Secrets of destinations at rest: sealed for one district, this column, and one delivery's one setting."""

from typing import Final
from uuid import UUID, uuid5

from django.conf import settings

from schoolpassport.delivery.models import Secret
from schoolpassport.kit import resealing
from schoolpassport.kit.resealing import Resealed
from schoolpassport.kit.secrets import Vault

_COLUMN: Final = "delivery_secret.sealed"


def _vault() -> Vault:
    return Vault.from_file(settings.ENVIRONMENT.key_file)


def seal(secret: str, *, district_id: UUID, delivery_id: UUID, name: str) -> bytes:
    return _vault().seal(secret.encode(), tenant=district_id, column=_COLUMN, row=uuid5(delivery_id, name))


def opened(*, district_id: UUID, delivery_id: UUID) -> dict[str, str]:
    """All secrets of a delivery, in the caller's scope. Raises ``SealBroken``."""
    vault = _vault()
    return {
        row.name: vault.open(
            bytes(row.sealed), tenant=district_id, column=_COLUMN, row=uuid5(delivery_id, row.name)
        ).decode()
        for row in Secret.objects.filter(district_id=district_id, delivery_id=delivery_id)
    }


def reseal(*, district_id: UUID) -> Resealed:
    """Seal with the newest key what an older one sealed, in the caller's scope and transaction."""
    return resealing.reseal(
        Secret.objects.filter(district_id=district_id),
        keys=_vault(),
        field="sealed",
        tenant=district_id,
        column=_COLUMN,
        row_of=lambda secret: uuid5(secret.delivery_id, secret.name),
    )

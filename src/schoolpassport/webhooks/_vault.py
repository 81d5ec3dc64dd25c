"""Signing secrets at rest: sealed for one district, this column, and the endpoint."""

from typing import Final
from uuid import UUID

from django.conf import settings

from schoolpassport.kit import resealing
from schoolpassport.kit.resealing import Resealed
from schoolpassport.kit.secrets import Vault
from schoolpassport.webhooks.models import Endpoint

_NEWEST: Final = "webhooks_endpoint.sealed_secret"
_PREVIOUS: Final = "webhooks_endpoint.sealed_previous"


def _vault() -> Vault:
    return Vault.from_file(settings.ENVIRONMENT.key_file)


def seal(secret: str, *, district_id: UUID, endpoint_id: UUID) -> bytes:
    return _vault().seal(secret.encode(), tenant=district_id, column=_NEWEST, row=endpoint_id)


def seal_previous(endpoint: Endpoint) -> bytes:
    """The newest secret once more, for the column of the one before."""
    return _vault().seal(opened(endpoint).encode(), tenant=endpoint.district_id, column=_PREVIOUS, row=endpoint.id)


def opened(endpoint: Endpoint) -> str:
    """Raises ``SealBroken``."""
    return _open(endpoint, "sealed_secret", _NEWEST)


def opened_previous(endpoint: Endpoint) -> str:
    """Raises ``SealBroken``."""
    return _open(endpoint, "sealed_previous", _PREVIOUS)


def _open(endpoint: Endpoint, field: str, column: str) -> str:
    sealed = bytes(getattr(endpoint, field))
    return _vault().open(sealed, tenant=endpoint.district_id, column=column, row=endpoint.id).decode()


def reseal(*, district_id: UUID) -> Resealed:
    """Seal with the newest key what an older one sealed, in the caller's scope and transaction."""
    rows = Endpoint.objects.filter(district_id=district_id)
    done = Resealed()
    for field, column in (("sealed_secret", _NEWEST), ("sealed_previous", _PREVIOUS)):
        done += resealing.reseal(
            rows.filter(**{f"{field}__isnull": False}),
            keys=_vault(),
            field=field,
            tenant=district_id,
            column=column,
            row_of=lambda endpoint: endpoint.id,
        )
    return done

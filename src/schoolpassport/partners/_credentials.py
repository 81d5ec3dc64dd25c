"""Credentials in their owner's scope: adding one, finding it, and whether it still holds."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from schoolpassport.kit import resealing
from schoolpassport.kit.ids import new_id
from schoolpassport.kit.resealing import Resealed
from schoolpassport.partners import _names, _vault
from schoolpassport.partners._names import Prefix
from schoolpassport.partners.models import Credential, MaskSecret, PartnerCredential
from schoolpassport.partners.records import NewCredential, Reason, Refused, UnknownClient
from schoolpassport.tenancy import scope

UNKNOWN_CLIENT = Refused(Reason.UNKNOWN, "There is no client with this id and this secret.")

_FIND = """
    SELECT c.id, c.integration_id, c.sealed_secret, c.expires_at, c.revoked_at, i.expires_at, i.revoked_at
    FROM partners_credential c
    JOIN partners_integration i ON i.district_id = c.district_id AND i.id = c.integration_id
    WHERE c.district_id = %s AND c.client_id = %s"""

_FIND_PARTNERS = """
    SELECT id, sealed_secret, expires_at, revoked_at
    FROM partners_partnercredential
    WHERE partner_id = %s AND client_id = %s"""


@dataclass(frozen=True)
class Standing:
    """When a credential and what it belongs to end, or ended."""

    credential_expires_at: datetime | None
    credential_revoked_at: datetime | None
    integration_expires_at: datetime | None = None
    integration_revoked_at: datetime | None = None

    @property
    def ends_at(self) -> datetime | None:
        known = [at for at in (self.credential_expires_at, self.integration_expires_at) if at is not None]
        return min(known, default=None)

    def refusal(self, now: datetime) -> Refused | None:
        if self.integration_revoked_at is not None:
            return Refused(Reason.INTEGRATION_ENDED, "The district has ended this integration.")
        if self.integration_expires_at is not None and self.integration_expires_at <= now:
            return Refused(Reason.INTEGRATION_EXPIRED, "The time that the district agreed to is over.")
        if self.credential_revoked_at is not None:
            return Refused(Reason.CREDENTIAL_REVOKED, "This credential was revoked; get the new one.")
        if self.credential_expires_at is not None and self.credential_expires_at <= now:
            return Refused(Reason.CREDENTIAL_EXPIRED, "This credential was replaced and has expired; get the new one.")
        return None


@dataclass(frozen=True)
class Found:
    credential_id: UUID
    integration_id: UUID
    secret: str
    standing: Standing


@dataclass(frozen=True)
class FoundPartners:
    credential_id: UUID
    secret: str
    standing: Standing


def find(*, district_id: UUID, client_id: str) -> Found | None:
    """Look for it in the district's scope, which the caller has entered."""
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [district_id, client_id])
        row = cursor.fetchone()
    if row is None:
        return None
    credential_id, integration_id, sealed, *ends = row
    secret = _vault.unseal(bytes(sealed), tenant=district_id, column=_vault.CREDENTIAL, row=credential_id)
    return Found(credential_id, integration_id, secret, Standing(*ends))


def find_partners(*, partner_id: UUID, client_id: str) -> FoundPartners | None:
    """Look for it in the partner's scope, which the caller has entered."""
    with connection.cursor() as cursor:
        cursor.execute(_FIND_PARTNERS, [partner_id, client_id])
        row = cursor.fetchone()
    if row is None:
        return None
    credential_id, sealed, *ends = row
    secret = _vault.unseal(bytes(sealed), tenant=partner_id, column=_vault.PARTNER_CREDENTIAL, row=credential_id)
    return FoundPartners(credential_id, secret, Standing(*ends))


def reseal(
    rows: QuerySet[Credential] | QuerySet[PartnerCredential] | QuerySet[MaskSecret], *, tenant: UUID, column: str
) -> Resealed:
    """Seal the secrets anew that an older master key sealed, in their owner's scope, which the caller has entered."""
    return resealing.reseal(
        rows, keys=_vault.vault(), field="sealed_secret", tenant=tenant, column=column, row_of=lambda row: row.id
    )


@dataclass(frozen=True)
class Home:
    """Where a credential lies, and whose ledger tells of it."""

    ledger: UUID
    rows: QuerySet[Credential] | QuerySet[PartnerCredential]


@contextmanager
def home_of(client_id: str) -> Iterator[Home]:
    """Enter the scope that the client id names; raises `UnknownClient` when it names none."""
    district_id, partner_id = _names.owner(client_id, Prefix.CLIENT), _names.owner(client_id, Prefix.PARTNER_CLIENT)
    if district_id is not None:
        with scope.inside(district_id):
            yield Home(district_id, Credential.objects.filter(district_id=district_id, client_id=client_id))
    elif partner_id is not None:
        with partners_own(partner_id):
            yield Home(partner_id, PartnerCredential.objects.filter(partner_id=partner_id, client_id=client_id))
    else:
        raise UnknownClient(client_id)


@contextmanager
def partners_own(partner_id: UUID) -> Iterator[None]:
    """A partner's rows and its ledger, which lies under the partner's id as a district's lies under the district's."""
    with scope.as_partner(partner_id), scope.inside(partner_id):
        yield


def add(district_id: UUID, partner_id: UUID, integration_id: UUID, now: datetime) -> NewCredential:
    row, secret = new_id(), _names.client_secret()
    made = Credential.objects.create(
        district_id=district_id,
        id=row,
        partner_id=partner_id,
        integration_id=integration_id,
        client_id=_names.client_id(Prefix.CLIENT, district_id),
        sealed_secret=_vault.seal(secret, tenant=district_id, column=_vault.CREDENTIAL, row=row),
        created_at=now,
    )
    return NewCredential(made.client_id, secret)


def add_partners(partner_id: UUID, now: datetime) -> NewCredential:
    row, secret = new_id(), _names.client_secret()
    made = PartnerCredential.objects.create(
        partner_id=partner_id,
        id=row,
        client_id=_names.client_id(Prefix.PARTNER_CLIENT, partner_id),
        sealed_secret=_vault.seal(secret, tenant=partner_id, column=_vault.PARTNER_CREDENTIAL, row=row),
        created_at=now,
    )
    return NewCredential(made.client_id, secret)

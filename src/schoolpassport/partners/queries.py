"""Who is this? Answers about tokens, clients and partners. Nothing here writes."""

import hmac
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection

from schoolpassport.kit.recent import Recent
from schoolpassport.kit.secrets import token_digest
from schoolpassport.partners import _credentials, _vault
from schoolpassport.partners._credentials import UNKNOWN_CLIENT, Standing
from schoolpassport.partners._names import Prefix, owner
from schoolpassport.partners.models import Application, Integration, Partner
from schoolpassport.partners.records import (
    Bearer,
    Client,
    Onboarding,
    PartnerBearer,
    PartnerClient,
    PartnersIntegration,
    Reason,
    Refused,
    UnknownApplication,
    UnknownPartner,
)
from schoolpassport.tenancy import scope

BearerState = tuple[
    UUID, UUID, list[str], datetime, datetime | None, datetime | None, datetime | None, datetime | None, datetime | None
]
"""The row of `bearer_state_sql`: integration, credential, scopes, then expiry and revocation of token, credential and
integration."""

UNKNOWN_TOKEN: Final = Refused(Reason.UNKNOWN, "This is no access token of ours.")
_EXPIRED: Final = Refused(Reason.TOKEN_EXPIRED, "The access token has expired; get a new one.")
_REVOKED: Final = Refused(Reason.TOKEN_REVOKED, "The access token was revoked.")

_bearers: Recent[bytes, tuple[BearerState, Bearer]] = Recent(10_000)  # what a row says, while it is that very row

# Behind OFFSET 0 a credential is sought by its id, and not among all of the district's, however few those were when
# the plan was made.
_BEARER_STATE: Final = """
    SELECT t.integration_id, t.credential_id, t.scopes, t.expires_at, t.revoked_at,
           c.expires_at, c.revoked_at, i.expires_at, i.revoked_at
    FROM partners_token t
    JOIN LATERAL (SELECT expires_at, revoked_at FROM partners_credential
        WHERE district_id = t.district_id AND id = t.credential_id AND integration_id = t.integration_id
        OFFSET 0) c ON true
    JOIN partners_integration i ON i.district_id = t.district_id AND i.id = t.integration_id
    WHERE t.district_id = %s AND t.digest = %s"""

_PARTNER_BEARER_STATE: Final = """
    SELECT t.credential_id, t.expires_at, t.revoked_at, c.expires_at, c.revoked_at
    FROM partners_partnertoken t
    JOIN partners_partnercredential c ON c.partner_id = t.partner_id AND c.id = t.credential_id
    WHERE t.partner_id = %s AND t.digest = %s"""

_ONBOARDINGS: Final = """
    SELECT DISTINCT ON (d.name, i.id) i.district_id, d.name, c.id, c.client_id, c.sealed_secret,
           i.activated_at, i.data_completed_at, least(i.expires_at, i.sharing_until)
    FROM partners_integration i
    JOIN partners_credential c ON c.district_id = i.district_id AND c.integration_id = i.id
    JOIN tenancy_district d ON d.id = i.district_id
    WHERE i.partner_id = %(partner)s AND c.partner_id = %(partner)s
      AND i.revoked_at IS NULL AND (i.expires_at IS NULL OR i.expires_at > %(now)s)
      AND c.revoked_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > %(now)s)
    ORDER BY d.name, i.id, c.created_at DESC, c.id DESC"""

_INTEGRATIONS: Final = """
    SELECT i.id, i.district_id, d.name, i.application_id, i.activated_at, i.data_completed_at,
           i.revoked_at IS NOT NULL, least(i.expires_at, i.sharing_until), i.expires_at, i.sharing_state
    FROM partners_integration i JOIN tenancy_district d ON d.id = i.district_id
    WHERE i.partner_id = %(partner)s AND (%(id)s::uuid IS NULL OR i.id = %(id)s) ORDER BY d.name, i.id"""

_INTEGRATION: Final = (
    *("id", "district_id", "district_name", "application_id", "activated_at", "data_completed_at"),
    *("ended", "expires_at", "integration_expires_at", "sharing_state"),
)


def partner(*, name: str) -> Partner:
    """The partner with this name; raises `UnknownPartner`."""
    found = Partner.objects.filter(name=name).first()
    if found is None:
        raise UnknownPartner(f"No partner is named “{name}”.")
    return found


def application(*, name: str) -> Application:
    """The application with this name; raises `UnknownApplication`."""
    found = Application.objects.filter(name=name).first()
    if found is None:
        there = ", ".join(a.name for a in applications()) or "none"
        raise UnknownApplication(
            f"No application is named “{name}”; there are: {there}. Register one with `schoolpassport app add`."
        )
    return found


def applications() -> list[Application]:
    """Every application, with its partner, by name."""
    return list(Application.objects.select_related("partner").order_by("name"))


def integrations(*, district_id: UUID) -> list[Integration]:
    """The district's integrations, ended ones too, the oldest first."""
    with scope.inside(district_id):
        return list(Integration.objects.filter(district_id=district_id).order_by("activated_at", "id"))


def names_of_integrations(*, district_id: UUID) -> dict[UUID, str]:
    """The application of each integration of the district, ended ones too: integration → name."""
    found = integrations(district_id=district_id)
    names = dict(Application.objects.filter(id__in=[i.application_id for i in found]).values_list("id", "name"))
    return {i.id: names[i.application_id] for i in found}


def integrated_application(*, district_id: UUID, integration_id: UUID) -> Application:
    """The application, with its partner, of an integration of the district; in the caller's scope."""
    found = Integration.objects.get(district_id=district_id, id=integration_id)
    return Application.objects.select_related("partner").get(id=found.application_id)


# ------------------------------------------------------------------------------------------------------------- tokens


def parse_token(token: str) -> tuple[UUID, bytes] | None:
    """The district that an access token names, and the token's digest. Asks nobody, proves nothing."""
    district_id = owner(token, Prefix.TOKEN)
    return None if district_id is None else (district_id, token_digest(token))


def parse_partner_token(token: str) -> tuple[UUID, bytes] | None:
    """The same for a partner's own token."""
    partner_id = owner(token, Prefix.PARTNER_TOKEN)
    return None if partner_id is None else (partner_id, token_digest(token))


def bearer_state_sql(*, district_id: UUID, digest: bytes) -> tuple[str, tuple[UUID, bytes]]:
    """One statement, to be sent inside the district's scope, whose row (or none) `judge_bearer` reads.

    For readers that send it in one pipeline with their own statements; all others call `bearer`.
    """
    return _BEARER_STATE, (district_id, digest)


def judge_bearer(*, state: BearerState | None, district_id: UUID, digest: bytes, now: datetime) -> Bearer | Refused:
    if state is None:
        return UNKNOWN_TOKEN
    integration_id, credential_id, scopes, expires_at, revoked_at, *ends = state
    refused = _token_refusal(expires_at, revoked_at, Standing(*ends), now)
    if refused is not None:
        return refused
    known = _bearers.get(digest)
    if known is None or known[0] is not state:
        known = state, Bearer(district_id, integration_id, credential_id, frozenset(scopes), digest, expires_at)
        _bearers.put(digest, known)
    return known[1]


def bearer(*, token: str, now: datetime) -> Bearer | Refused:
    named = parse_token(token)
    return UNKNOWN_TOKEN if named is None else bearer_of(district_id=named[0], digest=named[1], now=now)


def bearer_of(*, district_id: UUID, digest: bytes, now: datetime) -> Bearer | Refused:
    """The same for a token that was parsed before."""
    with scope.inside(district_id), connection.cursor() as cursor:
        cursor.execute(*bearer_state_sql(district_id=district_id, digest=digest))
        state = cursor.fetchone()
    return judge_bearer(state=state, district_id=district_id, digest=digest, now=now)


def partner_bearer(*, token: str, now: datetime) -> PartnerBearer | Refused:
    named = parse_partner_token(token)
    if named is None:
        return UNKNOWN_TOKEN
    partner_id, digest = named
    with scope.as_partner(partner_id), connection.cursor() as cursor:
        cursor.execute(_PARTNER_BEARER_STATE, [partner_id, digest])
        row = cursor.fetchone()
    if row is None:
        return UNKNOWN_TOKEN
    credential_id, expires_at, revoked_at, *ends = row
    refused = _token_refusal(expires_at, revoked_at, Standing(*ends), now)
    return refused or PartnerBearer(partner_id, credential_id, digest, expires_at)


def _token_refusal(
    expires_at: datetime, revoked_at: datetime | None, standing: Standing, now: datetime
) -> Refused | None:
    """What ended for good is said before what can be renewed."""
    ended = standing.refusal(now)
    if ended is not None:
        return ended
    if revoked_at is not None:
        return _REVOKED
    return _EXPIRED if expires_at <= now else None


# ------------------------------------------------------------------------------------------------------------ clients


def client(*, client_id: str, client_secret: str, now: datetime) -> Client | PartnerClient | Refused:
    """Who shows this secret. An unknown client and a wrong secret cannot be told apart, by answer or work."""
    district_id, partner_id = owner(client_id, Prefix.CLIENT), owner(client_id, Prefix.PARTNER_CLIENT)
    if district_id is not None:
        return _district_client(district_id, client_id, client_secret, now)
    if partner_id is not None:
        return _partner_client(partner_id, client_id, client_secret, now)
    return UNKNOWN_CLIENT


def _district_client(district_id: UUID, client_id: str, client_secret: str, now: datetime) -> Client | Refused:
    with scope.inside(district_id):
        found = _credentials.find(district_id=district_id, client_id=client_id)
    secret = found.secret if found else _vault.unseal_decoy()
    if not _same(secret, client_secret) or found is None:
        return UNKNOWN_CLIENT
    return found.standing.refusal(now) or Client(
        district_id, found.integration_id, found.credential_id, client_id, found.standing.ends_at
    )


def _partner_client(partner_id: UUID, client_id: str, client_secret: str, now: datetime) -> PartnerClient | Refused:
    with scope.as_partner(partner_id):
        found = _credentials.find_partners(partner_id=partner_id, client_id=client_id)
    secret = found.secret if found else _vault.unseal_decoy()
    if not _same(secret, client_secret) or found is None:
        return UNKNOWN_CLIENT
    return found.standing.refusal(now) or PartnerClient(
        partner_id, found.credential_id, client_id, found.standing.ends_at
    )


def _same(secret: str, shown: str) -> bool:
    return hmac.compare_digest(secret.encode(), shown.encode("utf-8", "surrogatepass"))


def data_completed(*, district_id: UUID, integration_id: UUID) -> datetime | None:
    """When the integration's view last became ready."""
    with scope.inside(district_id):
        found = Integration.objects.filter(district_id=district_id, id=integration_id).first()
        return None if found is None else found.data_completed_at


def applications_of(*, partner_id: UUID) -> list[Application]:
    """A partner's own, by name."""
    return list(Application.objects.filter(partner_id=partner_id).order_by("name"))


def integrations_of(*, partner_id: UUID) -> list[PartnersIntegration]:
    """A partner's own in all districts, by their names; ended ones too."""
    return _integrations_of(partner_id, None)


def integration_of(*, partner_id: UUID, integration_id: UUID) -> PartnersIntegration | None:
    """One of a partner's own; None for what is another's, as for what there is not."""
    return next(iter(_integrations_of(partner_id, integration_id)), None)


def _integrations_of(partner_id: UUID, integration_id: UUID | None) -> list[PartnersIntegration]:
    with scope.as_partner(partner_id), connection.cursor() as cursor:
        cursor.execute(_INTEGRATIONS, {"partner": partner_id, "id": integration_id})
        rows = cursor.fetchall()
    return [PartnersIntegration(**dict(zip(_INTEGRATION, row, strict=True))) for row in rows]


def onboardings(*, partner_id: UUID, now: datetime) -> list[Onboarding]:
    """A partner's active integrations by district, each with its newest valid credential. Secrets are opened here."""
    with scope.as_partner(partner_id), connection.cursor() as cursor:
        cursor.execute(_ONBOARDINGS, {"partner": partner_id, "now": now})
        rows = cursor.fetchall()
    return [
        Onboarding(
            district_id=district_id,
            district_name=name,
            client_id=client_id,
            client_secret=_vault.unseal(bytes(sealed), tenant=district_id, column=_vault.CREDENTIAL, row=credential_id),
            activated_at=activated_at,
            data_completed_at=data_completed_at,
            expires_at=expires_at,
        )
        for district_id, name, credential_id, client_id, sealed, activated_at, data_completed_at, expires_at in rows
    ]

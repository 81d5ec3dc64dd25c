"""What changes in the room. Each action is one transaction and writes its line of the ledger in it.

Districts' acts stand in the district's ledger, partners' own acts in one that is kept under the partner's id.
"""

import hashlib
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import DateTimeField, Q, QuerySet, Value
from django.db.models.functions import Least

from schoolpassport.audit import actions as audit
from schoolpassport.kit.ids import new_id
from schoolpassport.kit.naming import fit_name
from schoolpassport.kit.resealing import Resealed
from schoolpassport.kit.secrets import token_digest
from schoolpassport.partners import _credentials, _names, _nonces, _oauth1, _vault
from schoolpassport.partners._credentials import home_of, partners_own
from schoolpassport.partners._names import Prefix, owner
from schoolpassport.partners.contract import ONBOARDING, district_keepers, keepers
from schoolpassport.partners.models import (
    Application,
    Credential,
    Integration,
    MaskSecret,
    Partner,
    PartnerCredential,
    PartnerToken,
    Token,
)
from schoolpassport.partners.queries import parse_partner_token, parse_token
from schoolpassport.partners.records import (
    Bearer,
    Client,
    NewCredential,
    NewToken,
    PartnerClient,
    Reason,
    Refused,
    SignedRequest,
    UnknownApplication,
    UnknownClient,
    UnknownIntegration,
    UnknownPartner,
    UnknownToken,
)
from schoolpassport.tenancy import queries as tenancy
from schoolpassport.tenancy import scope

OLDEST_SIGNATURE: Final = timedelta(minutes=10)
YOUNGEST_SIGNATURE: Final = timedelta(minutes=5)
"""How far a signed request's clock may be behind or before ours; Instructure asks for this window."""

KEPT_AFTER_EXPIRY: Final = timedelta(days=1)
"""So long a client still hears that its token expired, and not that there is none."""

_PRUNED_AT_ONCE: Final = 1000


class PartnerExists(Exception):
    """A partner of this name is registered already."""


class ApplicationExists(Exception):
    """An application of this name is registered already."""


# ------------------------------------------------------------------------------------------ partners and applications


def register_partner(*, name: str, by: str, now: datetime) -> Partner:
    """Raise `PartnerExists` when the name is taken, `BadName` when it is none."""
    made = Partner(id=new_id(), name=fit_name(name), created_at=now)
    with partners_own(made.id):
        try:
            with transaction.atomic():
                made.save(force_insert=True)
        except IntegrityError as error:
            raise PartnerExists(f"There is already a partner named “{name}”.") from error
        _note(made.id, "partners:partner:registered", f"partner:{made.id}", by, now)
    return made


def register_application(*, partner_id: UUID, name: str, by: str, now: datetime) -> Application:
    """Raise `ApplicationExists` when the name is taken, `BadName`, `UnknownPartner` when there is no such partner."""
    with partners_own(partner_id):
        if not Partner.objects.filter(id=partner_id).exists():
            raise UnknownPartner(f"There is no partner {partner_id}.")
        made = Application(id=new_id(), partner_id=partner_id, name=fit_name(name), created_at=now)
        try:
            with transaction.atomic():
                made.save(force_insert=True)
        except IntegrityError as error:
            raise ApplicationExists(f"There is already an application named “{name}”.") from error
        _note(partner_id, "partners:application:registered", f"application:{made.id}", by, now)
    return made


# ------------------------------------------------------------------------------------------------------- integrations


def integrate(*, district_id: UUID, application_id: UUID, by: str, now: datetime) -> Integration:
    """Make the application's integration in the district, or give back the one there is.

    One that had ended or expired begins again under its old id, so that the application meets its old view. Its
    credentials from before stay revoked. Raises `UnknownApplication`.
    """
    application = Application.objects.filter(id=application_id).first()
    if application is None:
        raise UnknownApplication(f"There is no application {application_id}.")
    with scope.inside(district_id):
        integration, made = Integration.objects.select_for_update().get_or_create(
            district_id=district_id,
            application_id=application_id,
            defaults={"id": new_id(), "partner_id": application.partner_id, "activated_at": now},
        )
        if made:
            _note(district_id, "partners:integration:begun", f"integration:{integration.id}", by, now)
        elif not _is_active(integration, now):
            integration.activated_at, integration.revoked_at, integration.expires_at = now, None, None
            integration.save(update_fields=["activated_at", "revoked_at", "expires_at"])
            _note(district_id, "partners:integration:resumed", f"integration:{integration.id}", by, now)
    return integration


def limit_integration(
    *, district_id: UUID, integration_id: UUID, expires_at: datetime | None, by: str, now: datetime
) -> None:
    """Say when the application's access ends; None: not by itself. Raises `UnknownIntegration`."""
    with scope.inside(district_id):
        if not _integration(district_id, integration_id).update(expires_at=expires_at):
            raise _no_integration(integration_id)
        facts = {"expires_at": expires_at.isoformat() if expires_at else None}
        _note(district_id, "partners:integration:limited", f"integration:{integration_id}", by, now, facts)


def end_integration(*, district_id: UUID, integration_id: UUID, by: str, now: datetime) -> None:
    """End it and revoke its credentials; their tokens are worth nothing at once. Raises `UnknownIntegration`."""
    with scope.inside(district_id):
        if not _integration(district_id, integration_id).update(revoked_at=now):
            raise _no_integration(integration_id)
        Credential.objects.filter(
            district_id=district_id, integration_id=integration_id, revoked_at__isnull=True
        ).update(revoked_at=now)
        _note(district_id, "partners:integration:ended", f"integration:{integration_id}", by, now)


def note_data_completed(*, district_id: UUID, integration_id: UUID, by: str, now: datetime) -> None:
    """Remember when the integration's data last became ready, for Discovery; an ended one is no reason to stop a night.

    Raises `UnknownIntegration` when there never was one.
    """
    with scope.inside(district_id):
        rows = Integration.objects.filter(district_id=district_id, id=integration_id)
        if not rows.update(data_completed_at=now):
            raise _no_integration(integration_id)
        _note(district_id, "partners:data:completed", f"integration:{integration_id}", by, now)


def note_sharing(*, district_id: UUID, integration_id: UUID, state: str, until: datetime | None) -> None:
    """Remember how the integration's consent stands, for Discovery. The step that led there is in the ledger."""
    with scope.inside(district_id):
        rows = Integration.objects.filter(district_id=district_id, id=integration_id)
        rows.update(sharing_state=state, sharing_until=until)


# -------------------------------------------------------------------------------------------------------- credentials


def issue_credential(*, district_id: UUID, integration_id: UUID, by: str, now: datetime) -> NewCredential:
    """One more credential for the integration; others go on. Raises `UnknownIntegration`."""
    with scope.inside(district_id):
        integration = _held(district_id, integration_id)
        if integration is None:
            raise _no_integration(integration_id)
        new = _credentials.add(district_id, integration.partner_id, integration_id, now)
        _note(district_id, "partners:credential:issued", f"credential:{new.client_id}", by, now)
    return new


def issue_partner_credential(*, partner_id: UUID, by: str, now: datetime) -> NewCredential:
    """A credential of the partner itself, for Discovery. Raises `UnknownPartner`."""
    with partners_own(partner_id):
        if not Partner.objects.filter(id=partner_id).exists():
            raise UnknownPartner(f"There is no partner {partner_id}.")
        new = _credentials.add_partners(partner_id, now)
        _note(partner_id, "partners:credential:issued", f"credential:{new.client_id}", by, now)
    return new


def rotate(*, client_id: str, overlap: timedelta, by: str, now: datetime) -> NewCredential:
    """Issue a credential in place of this one, which goes on for the overlap, and its tokens with it.

    A partner's own credential is rotated in the same way. Raises `UnknownClient`.
    """
    if overlap < timedelta(0):
        raise ValueError("the overlap cannot be negative")
    with home_of(client_id) as home:
        rows = home.rows.filter(Q(revoked_at__isnull=True) & (Q(expires_at__isnull=True) | Q(expires_at__gt=now)))
        old = rows.first()
        if isinstance(old, Credential):
            _held(old.district_id, old.integration_id)
        # Locked or waited for by now: whoever ended the integration meanwhile has revoked this credential too.
        if old is None or not rows.update(expires_at=Least("expires_at", Value(now + overlap, DateTimeField()))):
            raise UnknownClient(client_id)
        new = (
            _credentials.add(old.district_id, old.partner_id, old.integration_id, now)
            if isinstance(old, Credential)
            else _credentials.add_partners(old.partner_id, now)
        )
        facts = {"new": new.client_id, "overlap_seconds": int(overlap.total_seconds())}
        _note(home.ledger, "partners:credential:rotated", f"credential:{client_id}", by, now, facts)
    return new


def revoke_credential(*, client_id: str, by: str, now: datetime) -> None:
    """Revoke a credential, a district's or a partner's own. Its tokens die with it, at once. Raises `UnknownClient`."""
    with home_of(client_id) as home:
        if not home.rows.filter(revoked_at__isnull=True).update(revoked_at=now):
            raise UnknownClient(client_id)
        _note(home.ledger, "partners:credential:revoked", f"credential:{client_id}", by, now)


def mask_secret(*, district_id: UUID, integration_id: UUID, now: datetime) -> bytes:
    """What the integration's masks draw from, 64 bytes; made when first asked for. In the caller's scope."""
    made = _vault.seal(token_hex(32), tenant=district_id, column=_vault.MASK_SECRET, row=integration_id)
    kept, _ = MaskSecret.objects.get_or_create(
        district_id=district_id, id=integration_id, defaults={"sealed_secret": made, "made_at": now}
    )
    sealed = bytes(kept.sealed_secret)
    return _vault.unseal(sealed, tenant=district_id, column=_vault.MASK_SECRET, row=integration_id).encode()


# -------------------------------------------------------------------------------------------------------- master keys


def rotate_master_key(*, by: str, now: datetime) -> Resealed:
    """Put a fresh master key into the key file, and seal every secret anew with it, in one transaction.

    Older keys stay in the file and go on opening: killed in the middle, nothing is lost, and it can be done again.
    """
    _vault.add_key()
    return _reseal(by, now)


def forget_old_master_keys(*, by: str, now: datetime) -> int:
    """Take all master keys but the newest out of the key file; returns how many went.

    What somebody sealed with an older one since the rotation is sealed anew before.
    """
    _vault.read_again()
    _reseal(by, now)
    return _vault.forget_older_keys()


@transaction.atomic
def _reseal(by: str, now: datetime) -> Resealed:
    every = sum((keeper() for keeper in keepers), Resealed())
    for district in tenancy.districts():
        with scope.inside(district.id):
            rows = Credential.objects.filter(district_id=district.id)
            mine = _credentials.reseal(rows, tenant=district.id, column=_vault.CREDENTIAL)
            secrets = MaskSecret.objects.filter(district_id=district.id)
            mine += _credentials.reseal(secrets, tenant=district.id, column=_vault.MASK_SECRET)
            mine = sum((keeper(district_id=district.id) for keeper in district_keepers), mine)
            _note_resealed(district.id, mine, by, now)
            every += mine
    for partner in Partner.objects.order_by("id"):
        with partners_own(partner.id):
            own = PartnerCredential.objects.filter(partner_id=partner.id)
            mine = _credentials.reseal(own, tenant=partner.id, column=_vault.PARTNER_CREDENTIAL)
            _note_resealed(partner.id, mine, by, now)
            every += mine
    return every


# ------------------------------------------------------------------------------------------------------------- tokens


def grant_token(
    *, client: Client, asked: AbstractSet[str], may: AbstractSet[str], lifetime: timedelta, by: str, now: datetime
) -> NewToken | Refused:
    """A new access token; older ones go on.

    It carries what is asked for and may be had, or all that may be had when nothing is asked for. It ends with its
    credential if that is sooner. Long expired tokens of the credential are deleted.
    """
    scopes = frozenset(may & asked if asked else may)
    if not scopes:
        return Refused(Reason.NO_SCOPE, "None of the scopes asked for can be had with this credential.")
    token = _names.token(Prefix.TOKEN, client.district_id)
    new = NewToken(token, scopes, now, _token_end(client, lifetime, now))
    with scope.inside(client.district_id):
        _prune("partners_token", "district_id", client.district_id, client.credential_id, now)
        Token.objects.create(
            district_id=client.district_id,
            digest=token_digest(token),
            integration_id=client.integration_id,
            credential_id=client.credential_id,
            scopes=sorted(scopes),
            issued_at=now,
            expires_at=new.expires_at,
        )
        facts = {"scopes": sorted(scopes), "expires_at": new.expires_at.isoformat()}
        _note(client.district_id, "partners:token:granted", f"credential:{client.client_id}", by, now, facts)
    return new


def grant_partner_token(*, client: PartnerClient, lifetime: timedelta, by: str, now: datetime) -> NewToken:
    """A new token of the partner's own. It opens Discovery, whatever scope was asked for."""
    token = _names.token(Prefix.PARTNER_TOKEN, client.partner_id)
    new = NewToken(token, frozenset({ONBOARDING}), now, _token_end(client, lifetime, now))
    with partners_own(client.partner_id):
        _prune("partners_partnertoken", "partner_id", client.partner_id, client.credential_id, now)
        PartnerToken.objects.create(
            partner_id=client.partner_id,
            digest=token_digest(token),
            credential_id=client.credential_id,
            issued_at=now,
            expires_at=new.expires_at,
        )
        facts = {"scopes": [ONBOARDING], "expires_at": new.expires_at.isoformat()}
        _note(client.partner_id, "partners:token:granted", f"credential:{client.client_id}", by, now, facts)
    return new


def revoke_token(*, token: str, by: str, now: datetime) -> None:
    """Revoke one token, a district's or a partner's own; revoked already, it stays so. Raises `UnknownToken`."""
    if (named := parse_token(token)) is not None:
        with scope.inside(named[0]):
            _revoke_token(Token.objects.filter(district_id=named[0], digest=named[1]), named[0], by, now)
    elif (named := parse_partner_token(token)) is not None:
        with partners_own(named[0]):
            _revoke_token(PartnerToken.objects.filter(partner_id=named[0], digest=named[1]), named[0], by, now)
    else:
        raise UnknownToken("There is no such token.")


def _revoke_token(rows: QuerySet[Token] | QuerySet[PartnerToken], ledger: UUID, by: str, now: datetime) -> None:
    found = rows.first()
    if found is None:
        raise UnknownToken("There is no such token.")
    if rows.filter(revoked_at__isnull=True).update(revoked_at=now):
        _note(ledger, "partners:token:revoked", f"credential:{found.credential_id}", by, now)


# ---------------------------------------------------------------------------------------------------- signed requests


def accept_signed(*, request: SignedRequest, scopes: AbstractSet[str], now: datetime) -> Bearer | Refused:
    """Whose request this is, if its OAuth 1.0a signature proves it, and it comes in time and for the first time.

    Side effects in order: the nonce is stored, so that the same request is refused from now on; nonces that are too
    old to come again are deleted. Nothing is stored for a request whose signature is wrong. Writes no line of the
    ledger: it changes nothing that anybody owns. OAuth 1.0a knows no scopes; the bearer gets those it is called with.
    """
    claim = _oauth1.read(request)
    if isinstance(claim, Refused):
        return claim
    district_id = owner(claim.client_id, Prefix.CLIENT)
    if district_id is None:
        return _BAD_SIGNATURE
    with scope.inside(district_id):
        found = _credentials.find(district_id=district_id, client_id=claim.client_id)
        secret = found.secret if found else _vault.unseal_decoy()
        if not _oauth1.is_signed_with(secret, claim=claim, method=request.method) or found is None:
            return _BAD_SIGNATURE
        refused = found.standing.refusal(now) or _untimely(claim.stamp, now)
        if refused is not None:
            return refused
        if not _nonces.is_first(district_id, found.credential_id, stamp=claim.stamp, nonce=claim.nonce):
            return _REPLAYED
        _nonces.prune(district_id, found.credential_id, before=_seconds(now - OLDEST_SIGNATURE))
    return Bearer(
        district_id=district_id,
        integration_id=found.integration_id,
        credential_id=found.credential_id,
        scopes=frozenset(scopes),
        token_digest=hashlib.sha256(b"signed with " + found.credential_id.bytes).digest(),
        expires_at=now + OLDEST_SIGNATURE,
    )


_BAD_SIGNATURE: Final = Refused(Reason.UNKNOWN, "The signature is not that of a client with this consumer key.")
_REPLAYED: Final = Refused(Reason.REPLAYED, "A request with this timestamp and nonce was here before.")


def _untimely(stamp: int, now: datetime) -> Refused | None:
    if _seconds(now - OLDEST_SIGNATURE) <= stamp <= _seconds(now + YOUNGEST_SIGNATURE):
        return None
    return Refused(
        Reason.WRONG_TIME,
        f"oauth_timestamp is {stamp}, and here it is {_seconds(now)}: it may be at most "
        f"{OLDEST_SIGNATURE.seconds // 60} minutes behind and {YOUNGEST_SIGNATURE.seconds // 60} ahead. Set the clock.",
    )


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


# ------------------------------------------------------------------------------------------------------------- inside


def _note(ledger: UUID, act: str, about: str, by: str, now: datetime, facts: dict[str, Any] | None = None) -> None:
    audit.note(district_id=ledger, act=act, about=about, by=by, now=now, facts=facts)


def _note_resealed(ledger: UUID, resealed: Resealed, by: str, now: datetime) -> None:
    if resealed.done:
        _note(ledger, "partners:credentials:resealed", f"tenant:{ledger}", by, now, {"secrets": resealed.done})


def _integration(district_id: UUID, integration_id: UUID) -> QuerySet[Integration]:
    """The integration, unless it has ended."""
    return Integration.objects.filter(district_id=district_id, id=integration_id, revoked_at__isnull=True)


def _held(district_id: UUID, integration_id: UUID) -> Integration | None:
    """The integration, unless it has ended, locked: it cannot end while it gets a credential."""
    return _integration(district_id, integration_id).select_for_update().first()


def _is_active(integration: Integration, now: datetime) -> bool:
    return integration.revoked_at is None and (integration.expires_at is None or integration.expires_at > now)


def _token_end(client: Client | PartnerClient, lifetime: timedelta, now: datetime) -> datetime:
    return min(now + lifetime, client.ends_at or now + lifetime)


def _prune(table: str, tenant: str, tenant_id: UUID, credential_id: UUID, now: datetime) -> None:
    """Delete tokens nobody asks for any more. Rows that another request is deleting are left to it."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            DELETE FROM {table} WHERE {tenant} = %s AND digest IN (
                SELECT digest FROM {table} WHERE {tenant} = %s AND credential_id = %s AND expires_at < %s
                LIMIT %s FOR UPDATE SKIP LOCKED)""",
            [tenant_id, tenant_id, credential_id, now - KEPT_AFTER_EXPIRY, _PRUNED_AT_ONCE],
        )


def _no_integration(integration_id: UUID) -> UnknownIntegration:
    return UnknownIntegration(f"There is no integration {integration_id} here, or it has ended.")

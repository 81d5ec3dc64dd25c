"""Consent receipts: signed by this installation when what holds changes, in the transaction of the change."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from schoolpassport.kit.ids import new_id
from schoolpassport.kit.resealing import Resealed, reseal
from schoolpassport.kit.secrets import Vault
from schoolpassport.partners import queries as partners
from schoolpassport.roster import queries as roster
from schoolpassport.sharing import signatures
from schoolpassport.sharing.contents import written
from schoolpassport.sharing.models import Consent, ConsentStep, Document, Receipt, SigningKey
from schoolpassport.tenancy import queries as tenancy

COLUMN = "sharing_signingkey.sealed"
NOBODY = UUID(int=0)  # the key is the installation's, and no district's


def issue(consent: Consent, *, now: datetime) -> Receipt:
    """A receipt of the step that the consent has just taken."""
    return Receipt.objects.create(
        district_id=consent.district_id,
        consent_id=consent.id,
        step=consent.step,
        jws=sign(_claims(consent, now), signatures.RECEIPT, now=now),
        issued_at=now,
    )


def sign(claims: Mapping[str, Any], sort: signatures.Sort, *, now: datetime) -> str:
    """With the key that signs now."""
    key = current_key(now=now)
    private = vault().open(bytes(key.sealed), tenant=NOBODY, column=COLUMN, row=key.id)
    return signatures.signed(claims, kid=key.kid, private=private, sort=sort)


def issuer() -> str:
    return settings.ENVIRONMENT.public_url or "urn:schoolpassport"


def current_key(*, now: datetime) -> SigningKey:
    """The one that signs; made when there is none."""
    return SigningKey.objects.filter(retired_at=None).order_by("-made_at").first() or make_key(now=now)


def make_key(*, now: datetime) -> SigningKey:
    kid, private, public = signatures.new_key()
    id_ = new_id()
    sealed = vault().seal(private, tenant=NOBODY, column=COLUMN, row=id_)
    return SigningKey.objects.create(id=id_, kid=kid, public=public, sealed=sealed, made_at=now)


def published() -> dict[str, list[dict[str, Any]]]:
    """A JSON Web Key Set (RFC 7517): the key that signs, and all that have signed before it."""
    return {"keys": list(SigningKey.objects.order_by("-made_at").values_list("public", flat=True))}


def vault() -> Vault:
    return Vault.from_file(settings.ENVIRONMENT.key_file)


def _claims(consent: Consent, now: datetime) -> dict[str, Any]:
    """No names of people: sides agree, and schools, districts and applications are named."""
    district = {"district_id": consent.district_id}
    names = roster.school_names(**district)
    application = partners.integrated_application(**district, integration_id=consent.integration_id)
    steps = ConsentStep.objects.filter(**district, consent_id=consent.id).order_by("number")
    said = written(consent.contents)
    schools = None if consent.schools is None else [{"id": str(s), "name": names.get(s, "")} for s in consent.schools]
    return {
        "iss": issuer(),
        "iat": int(now.timestamp()),
        "jti": f"{consent.id}.{consent.step}",
        "sub": str(consent.id),
        "consent": {
            **said,
            "id": str(consent.id),
            "state": consent.state,
            "suspended_by": consent.suspended_by,
            "district": {"id": str(consent.district_id), "name": tenancy.district(consent.district_id).name},
            "application": {
                "id": str(application.id),
                "name": application.name,
                "partner": application.partner.name,
            },
            "schools": schools,
            "hold": consent.hold,
            **{
                name: instant(getattr(consent, name))
                for name in ("starts_at", "expires_at", "drafted_at", "agreed_at", "begun_at", "ended_at")
            },
            "documents": [
                {"name": d.name, "sha256": d.sha256, "terms": d.is_terms}
                for d in Document.objects.filter(**district, consent_id=consent.id).defer("sealed").order_by("name")
            ],
            "steps": [{"act": s.act, "side": s.side, "at": instant(s.at), "accepted": s.accepted} for s in steps],
        },
    }


def instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def reseal_keys() -> Resealed:
    """Seal with the newest master key what an older one sealed, in the caller's transaction."""
    return reseal(
        SigningKey.objects.all(),
        keys=vault(),
        field="sealed",
        tenant=NOBODY,
        column=COLUMN,
        row_of=lambda key: key.id,
    )

"""One step in the life of a consent: judged, written down, and told to the ledger, in the caller's scope."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from django.db.models import Q

from schoolpassport.audit import actions as audit
from schoolpassport.kit.ids import new_id
from schoolpassport.kit.resealing import Resealed, reseal
from schoolpassport.kit.secrets import SealBroken
from schoolpassport.partners import actions as partners
from schoolpassport.sharing import contents as wording
from schoolpassport.sharing import receipts
from schoolpassport.sharing.catalogue import EDITION
from schoolpassport.sharing.lifecycle import (
    IN_FORCE,
    OVER,
    PENDING,
    Act,
    ConsentState,
    Held,
    NotAllowed,
    Side,
    brakes,
    is_due,
    is_past,
    judged,
)
from schoolpassport.sharing.models import Consent, ConsentStep, Document
from schoolpassport.sharing.records import NOTHING, Contents, Proposal

MOST_BYTES: Final = 10 << 20
DOCUMENT: Final = "sharing_document.sealed"
_LONGEST_NAME = 200
_RECEIVED = frozenset({Act.BEGIN, Act.SUSPEND, Act.RESUME, Act.REPLACE, Act.EXPIRE, Act.REVOKE})
_WHEN_IT_IS_TOO_LATE = frozenset({Act.EXPIRE, Act.WITHDRAW, Act.REJECT, Act.REVOKE})


def locked(*, district_id: UUID, integration_id: UUID) -> list[Consent]:
    """All consents of an integration, oldest first, until the transaction ends: whoever acts, acts alone."""
    mine = Consent.objects.select_for_update().filter(district_id=district_id, integration_id=integration_id)
    return list(mine.order_by("id"))


def draft(
    *, district_id: UUID, integration_id: UUID, proposal: Proposal, side: Side, by: str, now: datetime
) -> Consent:
    """A new consent, for its author to look at. Its contents must have been judged."""
    judged(Held("", side), Act.DRAFT, side)
    consent = Consent(
        district_id=district_id,
        id=new_id(),
        integration_id=integration_id,
        state=ConsentState.DRAFT,
        author=side,
        drafted_at=now,
    )
    _write(consent, Act.DRAFT, was="", side=side, by=by, now=now)
    _fill(consent, proposal)
    consent.save(force_insert=True)
    _tell_partner(consent)
    _note(consent, Act.DRAFT, was="", side=side, by=by, now=now, facts=said(consent))
    return consent


def imagined(*, district_id: UUID, integration_id: UUID, contents: Contents | None) -> Consent:
    """A consent in force that is written nowhere, or one that is over: to see what would come of it."""
    state = ConsentState.REVOKED if contents is None else ConsentState.ACTIVE
    consent = Consent(district_id=district_id, id=new_id(), integration_id=integration_id, state=state)
    _fill(consent, Proposal(contents=contents or NOTHING))
    return consent


def edit(consent: Consent, *, proposal: Proposal, side: Side, by: str, now: datetime) -> None:
    """Other contents in a draft; the ledger keeps both."""
    was, before = consent.state, said(consent)
    consent.state = judged(held(consent), Act.EDIT, side)
    _fill(consent, proposal)
    _write(consent, Act.EDIT, was=was, side=side, by=by, now=now)
    consent.save()
    _tell_partner(consent)
    _note(consent, Act.EDIT, was=was, side=side, by=by, now=now, facts={"before": before, "after": said(consent)})


def take(
    consent: Consent, act: Act, *, side: Side, by: str, now: datetime, message: str = "", accepting: Sequence[str] = ()
) -> None:
    """Go on in the life of a locked consent. Raises ``NotAllowed``. What follows for the view is the caller's."""
    stood = held(consent)
    became = judged(stood, act, side)
    if is_past(expires=consent.expires_at, now=now) and act not in _WHEN_IT_IS_TOO_LATE:
        raise NotAllowed(f"It expired on {consent.expires_at:%Y-%m-%d %H:%M}; draft another one.")
    accepted = _accepted(consent, accepting) if act in {Act.SEND, Act.APPROVE} else []
    consent.state = became
    consent.suspended_by = sorted(brakes(stood, act, side))
    if act is Act.APPROVE:
        consent.agreed_at = now
    if act is Act.BEGIN:
        consent.begun_at = now
    if became in OVER:
        consent.ended_at = now
    _write(consent, act, was=stood.state, side=side, by=by, now=now, message=message, accepted=accepted)
    consent.save()
    _tell_partner(consent)
    _note(consent, act, was=stood.state, side=side, by=by, now=now, facts={"accepted": accepted} if accepted else {})
    if act in _RECEIVED and consent.begun_at is not None:
        receipts.issue(consent, now=now)


def due(*, district_id: UUID, now: datetime) -> list[Consent]:
    """What must begin or end now, the oldest first."""
    waiting = Q(state=ConsentState.APPROVED) & (Q(starts_at=None) | Q(starts_at__lte=now))
    over = Q(state__in=[*PENDING, *IN_FORCE], expires_at__lte=now)
    return list(Consent.objects.filter(waiting | over, district_id=district_id).order_by("id"))


def due_act(consent: Consent, *, now: datetime) -> Act | None:
    """What the house must do with a locked consent; None when somebody did it meanwhile."""
    if consent.state in {*PENDING, *IN_FORCE} and is_past(expires=consent.expires_at, now=now):
        return Act.EXPIRE
    is_waiting = consent.state == ConsentState.APPROVED and is_due(begins=consent.starts_at, now=now)
    return Act.BEGIN if is_waiting else None


def attach(
    consent: Consent, *, name: str, content: bytes, is_terms: bool, side: Side, by: str, now: datetime
) -> Document:
    """Put a file to a consent that its author may edit, or another one in the place of the one with its name."""
    judged(held(consent), Act.EDIT, side)
    if not name.strip() or Path(name).name != name or len(name) > _LONGEST_NAME:
        raise NotAllowed("A document has a file's name, without folders, of at most 200 characters.")
    if not 0 < len(content) <= MOST_BYTES:
        raise NotAllowed(f"A document has 1 byte to {MOST_BYTES >> 20} MB; “{name}” has {len(content):,} bytes.")
    place = {"district_id": consent.district_id, "consent_id": consent.id}
    Document.objects.filter(**place, name=name).delete()
    id_ = new_id()
    sealed = receipts.vault().seal(content, tenant=consent.district_id, column=DOCUMENT, row=id_)
    sha256 = hashlib.sha256(content).hexdigest()
    document = Document.objects.create(
        **place, id=id_, name=name, is_terms=is_terms, sha256=sha256, size=len(content), sealed=sealed, added_at=now
    )
    audit.note(
        district_id=consent.district_id,
        act="sharing:document:attach",
        about=str(consent.id),
        by=by,
        now=now,
        facts={"sha256": sha256, "size": len(content), "terms": is_terms, "side": side},
    )
    return document


def opened(document: Document) -> bytes:
    """The file itself. Raises ``SealBroken``."""
    content = receipts.vault().open(
        bytes(document.sealed), tenant=document.district_id, column=DOCUMENT, row=document.id
    )
    if hashlib.sha256(content).hexdigest() != document.sha256:
        raise SealBroken("The document is not the one whose hash stands in the consent.")
    return content


def reseal_documents(*, district_id: UUID) -> Resealed:
    """Seal with the newest master key what an older one sealed, in the caller's scope."""
    return reseal(
        Document.objects.filter(district_id=district_id),
        keys=receipts.vault(),
        field="sealed",
        tenant=district_id,
        column=DOCUMENT,
        row_of=lambda document: document.id,
    )


def _tell_partner(consent: Consent) -> None:
    """Discovery tells of the consent in force, else of the last one. A district's draft is its own until it is sent."""
    mine = Consent.objects.filter(district_id=consent.district_id, integration_id=consent.integration_id)
    told = list(mine.exclude(state=ConsentState.DRAFT, author=Side.DISTRICT).order_by("id"))
    stands = next((c for c in told if c.state in IN_FORCE), told[-1] if told else None)
    partners.note_sharing(
        district_id=consent.district_id,
        integration_id=consent.integration_id,
        state=stands.state if stands else "",
        until=(stands.ended_at or stands.expires_at) if stands else None,
    )


def held(consent: Consent) -> Held:
    return Held(consent.state, Side(consent.author), frozenset(Side(s) for s in consent.suspended_by))


def said(consent: Consent) -> dict[str, object]:
    """What a consent says, for the ledger: no names of people, and nothing secret."""
    return {
        **wording.written(consent.contents),
        "hold": consent.hold,
        "starts_at": receipts.instant(consent.starts_at),
        "expires_at": receipts.instant(consent.expires_at),
    }


def _accepted(consent: Consent, accepting: Sequence[str]) -> list[str]:
    """Whoever sends or approves accepts the terms that are attached, each by its hash, and no others."""
    terms = Document.objects.filter(district_id=consent.district_id, consent_id=consent.id, is_terms=True)
    asked = {d.sha256: d.name for d in terms}
    if missing := [name for sha256, name in asked.items() if sha256 not in accepting]:
        raise NotAllowed(f"The terms “{missing[0]}” are part of it; read and accept them.")
    if strangers := sorted(set(accepting) - set(asked)):
        raise NotAllowed(f"No terms with the hash {strangers[0][:12]}… are part of it.")
    return sorted(asked)


def _fill(consent: Consent, proposal: Proposal) -> None:
    for name, value in wording.written(proposal.contents).items():
        setattr(consent, name, value)
    schools = proposal.contents.schools
    consent.schools = None if schools is None else list(schools)
    consent.edition = EDITION
    consent.hold = dict(proposal.hold)
    consent.starts_at, consent.expires_at = proposal.starts_at, proposal.expires_at


def _write(
    consent: Consent,
    act: Act,
    *,
    was: str,
    side: Side,
    by: str,
    now: datetime,
    message: str = "",
    accepted: Sequence[str] = (),
) -> None:
    consent.step = 1 if act is Act.DRAFT else consent.step + 1
    ConsentStep.objects.create(
        district_id=consent.district_id,
        consent_id=consent.id,
        number=consent.step,
        act=act,
        side=side,
        was=was,
        became=consent.state,
        at=now,
        by=by,
        message=message,
        accepted=list(accepted),
    )


def _note(
    consent: Consent, act: Act, *, was: str, side: Side, by: str, now: datetime, facts: dict[str, object]
) -> None:
    change = {"was": was, "became": consent.state, "side": side, "step": consent.step}
    audit.note(
        district_id=consent.district_id,
        act=f"sharing:consent:{act}",
        about=str(consent.id),
        by=by,
        now=now,
        facts={"integration": str(consent.integration_id), **change, **facts},
    )

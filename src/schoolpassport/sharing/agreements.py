"""Reading consents: what was agreed with whom, how it came to that, and what its view holds."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from schoolpassport.partners import queries as partners
from schoolpassport.roster import queries as roster
from schoolpassport.sharing import disclosures, explaining, receipts, steps
from schoolpassport.sharing.contents import written
from schoolpassport.sharing.disclosures import Disclosure, Unused
from schoolpassport.sharing.explaining import Explained
from schoolpassport.sharing.lifecycle import IN_FORCE, PENDING, Act, ConsentState, Side, other
from schoolpassport.sharing.models import Consent, ConsentStep, Document, Receipt, View
from schoolpassport.sharing.records import Contents
from schoolpassport.tenancy import scope

BESIDE_CONTENTS = frozenset(
    {
        "id",
        "application",
        "state",
        "author",
        "suspended_by",
        "hold",
        "starts_at",
        "expires_at",
        "agreed_at",
        "ended_at",
        "revision",
        "last_seq",
        "held",
    }
)
"""What ``consents`` tells besides what is shared."""


def consents(*, district_id: UUID) -> list[dict[str, Any]]:
    """Every consent of a district, newest first, with the state of its application's view, if it has one yet."""
    apps = {a.id: a.name for a in partners.applications()}
    with scope.inside(district_id):
        integrations = {i.id: apps[i.application_id] for i in partners.integrations(district_id=district_id)}
        views = {v.integration_id: v for v in View.objects.filter(district_id=district_id)}
        names = roster.school_names(district_id=district_id)
        return [
            {
                **written(c.contents),
                "id": c.id,
                "application": integrations[c.integration_id],
                "state": c.state,
                "author": c.author,
                "suspended_by": c.suspended_by,
                "schools": None if c.schools is None else [names.get(s, str(s)) for s in c.schools],
                "hold": c.hold,
                "starts_at": c.starts_at,
                "expires_at": c.expires_at,
                "agreed_at": c.agreed_at,
                "ended_at": c.ended_at,
                "revision": view.revision if (view := views.get(c.integration_id)) else 0,
                "last_seq": view.last_seq if view else 0,
                "held": view.held if view else None,
            }
            for c in Consent.objects.filter(district_id=district_id).order_by("-drafted_at", "-id")
        ]


def chosen(*, district_id: UUID, integration_id: UUID, act: Act, side: Side) -> UUID:
    """Which consent of an integration somebody means who says what they want to do with it. Raises ``LookupError``."""
    with scope.inside(district_id):
        mine = Consent.objects.filter(district_id=district_id, integration_id=integration_id)
        known = mine.filter(state__in=(*PENDING, *IN_FORCE)).exclude(state=ConsentState.DRAFT, author=other(side))
        living = [_called(c) for c in known.order_by("id")]
        match act:
            case Act.SUSPEND | Act.RESUME | Act.REVOKE:
                found = mine.filter(state__in=IN_FORCE)
            case Act.APPROVE | Act.REJECT | Act.REQUEST_CHANGES:
                found = mine.filter(state=ConsentState.SENT, author=other(side))
            case _:
                found = mine.filter(state__in=PENDING, author=side)
        consent = found.first()
    if consent is None:
        word = act.replace("_", " ")
        there = f"what there is, is {' and '.join(living)}" if living else "there is none at all; draft one"
        raise LookupError(f"There is no consent with this application that the {side} could “{word}” now: {there}.")
    return consent.id


def _called(consent: Consent) -> str:
    return f"{consent.state.replace('_', ' ')} (by the {consent.author})"


@dataclass(frozen=True, kw_only=True)
class History:
    """How a consent came to be what it is: every step, the documents that belong to it, its receipts by step."""

    consent: Consent
    steps: tuple[ConsentStep, ...]
    documents: tuple[Document, ...]
    receipts: dict[int, str]


def history(*, district_id: UUID, consent_id: UUID) -> History:
    """Raises ``LookupError``."""
    mine = {"district_id": district_id, "consent_id": consent_id}
    with scope.inside(district_id):
        consent = Consent.objects.filter(district_id=district_id, id=consent_id).first()
        if consent is None:
            raise LookupError(f"The district has no consent {consent_id}.")
        return History(
            consent=consent,
            steps=tuple(ConsentStep.objects.filter(**mine).order_by("number")),
            documents=tuple(Document.objects.filter(**mine).defer("sealed").order_by("name")),
            receipts=dict(Receipt.objects.filter(**mine).order_by("step").values_list("step", "jws")),
        )


def contents_of(*, district_id: UUID, integration_id: UUID, consent_id: UUID) -> Contents:
    """What a consent with an application says, whatever its state. Raises ``LookupError``."""
    with scope.inside(district_id):
        found = Consent.objects.filter(district_id=district_id, id=consent_id).first()
    if found is None or found.integration_id != integration_id:
        raise LookupError(f"The district has no consent {consent_id} with this application.")
    return found.contents


def document(*, district_id: UUID, consent_id: UUID, name: str) -> bytes:
    """A file that belongs to a consent. Raises ``LookupError`` and ``SealBroken``."""
    with scope.inside(district_id):
        found = Document.objects.filter(district_id=district_id, consent_id=consent_id, name=name).first()
        if found is None:
            raise LookupError(f"The consent has no document “{name}”.")
        return steps.opened(found)


def signing_keys() -> dict[str, list[dict[str, Any]]]:
    """The keys that receipts can be checked with, as a JSON Web Key Set."""
    return receipts.published()


def disclosed(*, district_id: UUID, id: UUID) -> list[Disclosure]:  # noqa: A002 (the column's name)
    """What of one person was shown to whom, and read."""
    with scope.inside(district_id):
        return disclosures.of_person(district_id=district_id, id=id)


def explained(*, district_id: UUID, application: str, id: UUID, now: datetime) -> Explained:  # noqa: A002 (the column's name)
    """Why an application can or cannot see a person. Raises ``LookupError`` for one that is not in the district."""
    with scope.inside(district_id):
        names = partners.names_of_integrations(district_id=district_id)
        found = [integration for integration, name in names.items() if name == application]
        if not found:
            raise LookupError(f"No application of this district is named “{application}”.")
        return explaining.explain(district_id=district_id, integration_id=found[0], id=id, now=now)


def unused(*, district_id: UUID, days: int, now: datetime) -> list[Unused]:
    """What each consent in force shares and nobody has read for so many days."""
    with scope.inside(district_id):
        return disclosures.unused(district_id=district_id, days=days, now=now)


def school_names(*, district_id: UUID) -> dict[UUID, str]:
    with scope.inside(district_id):
        return roster.school_names(district_id=district_id)


def schools_named(*, district_id: UUID, names: Iterable[str]) -> list[UUID]:
    """GG4L IDs of orgs, by name or id; raises ``LookupError`` naming what is not there."""
    with scope.inside(district_id):
        known = roster.school_names(district_id=district_id)
    by_name = {name: id_ for id_, name in known.items()} | {str(id_): id_ for id_ in known}
    wanted = tuple(names)
    missing = [n for n in wanted if n not in by_name]
    if missing:
        raise LookupError(f"No school “{missing[0]}”. There are: {', '.join(sorted(known.values()))}.")
    return [by_name[n] for n in wanted]

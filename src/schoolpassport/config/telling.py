"""News of the rooms, told to people: which announcement becomes which notice, about what, with which facts.

Listeners run in the announcer's transaction, so there is a notice if and only if what it tells of was committed. Facts
are counts, kinds, and names of sources, schools and applications: nothing of a record.
"""

import shlex
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from schoolpassport.delivery.records import ShipmentFailed
from schoolpassport.kit import clock
from schoolpassport.messaging import actions as messaging
from schoolpassport.messaging.records import Fact
from schoolpassport.partners import queries as partners
from schoolpassport.sharing.contract import ConsentAgreed, ConsentEnds, ConsentMoved, ViewHeld
from schoolpassport.sharing.lifecycle import IN_FORCE, Act, ConsentState, Side
from schoolpassport.sources import queries as sources
from schoolpassport.sync import queries as sync
from schoolpassport.sync.contract import IdsAsked, RemovalsDecided, RunMoved, SourceOverdue, SourceSilent
from schoolpassport.sync.models import RunState
from schoolpassport.tenancy import queries as tenancy
from schoolpassport.webhooks.records import MessageDead

_ENDED_BADLY: Final = {
    RunState.REFUSED: "run-refused",
    RunState.FAILED: "run-failed",
    RunState.PARKED: "run-parked",
}
_SETTLED_BY_MOVING: Final = {RunState.HELD: "run-held", RunState.FAILED: "run-failed"}
_ANSWERS: Final = {Act.APPROVE: "approved", Act.REJECT: "rejected", Act.REQUEST_CHANGES: "asks for changes in"}
_RESUMED: Final = {
    ConsentState.ACTIVE: "It is served again, and what was missed comes now.",
    ConsentState.SUSPENDED: "You suspended it, too, so nothing is served before you resume it.",
}
_ENDS: Final = {Act.EXPIRE: "has expired", Act.REVOKE: "was revoked"}
_AGREED: Final = {*IN_FORCE, ConsentState.APPROVED}  # a draft is its author's own
_ASKED: Final = ["consent-asked", "own-consent-asked"]

# ------------------------------------------------------------------------------------------------------------- nights


def run_moved(news: RunMoved) -> None:
    now = clock.now()
    if news.was in _SETTLED_BY_MOVING:
        kinds = [_SETTLED_BY_MOVING[RunState(news.was)]]
        messaging.settle(organisation_id=news.district_id, kinds=kinds, about=str(news.run_id), now=now)
    if news.state == RunState.HELD:
        _tell_of_run(news, "run-held", now, about=news.run_id, facts=_held(news, news.hold or {}))
    elif news.state in _ENDED_BADLY:
        kind = _ENDED_BADLY[RunState(news.state)]
        _tell_of_run(news, kind, now, about=news.run_id, facts={"reason": news.reason})
    elif news.state in {RunState.DONE, RunState.UNCHANGED} and news.quarantine:
        _removals_waiting(news, now)
    if news.state == RunState.DONE:
        kinds = ["source-silent", "source-overdue"]
        messaging.settle(organisation_id=news.district_id, kinds=kinds, about=str(news.source_id), now=now)


def removals_decided(news: RemovalsDecided) -> None:
    for source in sources.sources(district_id=news.district_id):
        waiting, _ = sync.removals_held(district_id=news.district_id, source_id=source.id)
        if not waiting:
            _settle_removals(news.district_id, source.id, news.now)


def ids_asked(news: IdsAsked) -> None:
    """Told anew when others are asked about; the newest telling stands for all that are open."""
    if news.new or not news.open:
        messaging.settle(organisation_id=news.district_id, kinds=["ids-asked"], about=str(news.source_id), now=news.now)
    if news.new and news.run is not None:
        facts = _of_source(news.district_id, news.source_id) | {"run": news.run, "count": news.open}
        messaging.tell(
            organisation_id=news.district_id,
            kind="ids-asked",
            about=str(news.source_id),
            key=str(news.run),
            facts=facts,
            now=news.now,
        )


def source_silent(news: SourceSilent) -> None:
    _tell_of_silence(news, "source-silent", {})


def source_overdue(news: SourceOverdue) -> None:
    days = news.usually.days
    _tell_of_silence(news, "source-overdue", {"often": "each day" if days == 1 else f"every {days} days"})


def _tell_of_silence(news: SourceSilent | SourceOverdue, kind: str, facts: Mapping[str, Fact]) -> None:
    """Once, until something new comes: the key is when it last did."""
    said = _of_source(news.district_id, news.source_id) | {"since": f"{news.since:%Y-%m-%d}"} | dict(facts)
    about, key = str(news.source_id), news.since.isoformat()
    messaging.tell(organisation_id=news.district_id, kind=kind, about=about, key=key, facts=said, now=news.now)


def _removals_waiting(news: RunMoved, now: datetime) -> None:
    """Told anew when others begin to wait, not each night on which the same do; the newest telling stands for all."""
    waiting, newest = sync.removals_held(district_id=news.district_id, source_id=news.source_id)
    reasons = _sentences(news.quarantine or {})
    if reasons or not waiting:
        _settle_removals(news.district_id, news.source_id, now)
    if reasons and waiting:
        facts: dict[str, Fact] = {"reasons": reasons, "count": waiting}
        _tell_of_run(news, "removals-wait", now, about=news.source_id, key=str(newest), facts=facts)


def _settle_removals(district_id: UUID, source_id: UUID, now: datetime) -> None:
    messaging.settle(organisation_id=district_id, kinds=["removals-wait"], about=str(source_id), now=now)


def _tell_of_run(
    news: RunMoved, kind: str, now: datetime, *, about: UUID, key: str = "", facts: Mapping[str, Fact] | None = None
) -> None:
    said = _of_source(news.district_id, news.source_id) | {"run": news.number} | dict(facts or {})
    messaging.tell(organisation_id=news.district_id, kind=kind, about=str(about), key=key, facts=said, now=now)


def _held(news: RunMoved, hold: Mapping[str, Any]) -> dict[str, Fact]:
    """Where it seems to be a migration, the command that keeps the GG4L IDs comes before all others."""
    at = _of_district(news.district_id)["at"]
    migrate = f"schoolpassport sync migrate {news.number} --district {at}" if hold.get("migration") else ""
    return {"reasons": _sentences(hold), "cause": str(hold["likely_cause"]), "migrate": migrate}


def _sentences(report: Mapping[str, list[Mapping[str, str]]]) -> list[str]:
    """Of the guard: counts, kinds and names of schools and files."""
    return [reason["sentence"] for reason in report.get("reasons", [])]


# ------------------------------------------------------------------------------------------------ what goes to partners


def message_dead(news: MessageDead) -> None:
    """Of one address one a day is told: a receiver that is down misses many."""
    why = "It answered 410: it wants to be told nothing." if news.gone else "It did not take it for three days."
    facts = _of_integration(news.district_id, news.integration_id) | {
        "host": news.host,
        "endpoint": str(news.endpoint_id),
        "integration": str(news.integration_id),
        "after": news.after,
        "why": why,
    }
    _tell_both(news, "webhook-dead", facts, about=news.endpoint_id, key=f"{news.now:%Y-%m-%d}")


def shipment_failed(news: ShipmentFailed) -> None:
    facts = _of_integration(news.district_id, news.integration_id) | {"delivery": news.name}
    _tell_both(news, "delivery-failed", facts, about=news.delivery_id, key=f"{news.now:%Y-%m-%d}")


def view_held(news: ViewHeld) -> None:
    facts, key = _of_integration(news.district_id, news.integration_id), news.since.isoformat()
    _tell_district(news, "view-held", facts, about=news.integration_id, key=key)


def consent_moved(news: ConsentMoved) -> None:
    facts = _of_integration(news.district_id, news.integration_id) | {"consent": str(news.consent_id)}
    about, key = news.consent_id, news.now.isoformat()
    act = Act(news.act)
    tell_other = _tell_district if news.side == Side.PARTNER else _tell_partner
    if act not in {Act.DRAFT, Act.EDIT, Act.SEND}:
        _settle_asked(news)
    if act is Act.SEND:
        tell_other(news, "consent-asked", facts, about=about, key=key)
    elif act in _ANSWERS:
        tell_other(news, "consent-answered", facts | {"answer": _ANSWERS[act]}, about=about, key=key)
    elif act is Act.SUSPEND:
        tell_other(news, "consent-suspended", facts, about=about, key=key)
    elif act is Act.RESUME:
        then = _RESUMED[ConsentState(news.became)]
        tell_other(news, "consent-resumed", facts | {"then": then}, about=about, key=key)
    elif act in _ENDS and news.was in _AGREED:
        _tell_both(news, "consent-over", facts | {"how": _ENDS[act]}, about=about, key=key)


def consent_agreed(news: ConsentAgreed) -> None:
    facts = _of_integration(news.district_id, news.integration_id) | {"consent": str(news.consent_id)}
    _tell_both(news, "consent-agreed", facts, about=news.consent_id, key="")


def consent_ends(news: ConsentEnds) -> None:
    facts = _of_integration(news.district_id, news.integration_id) | {"day": f"{news.at:%Y-%m-%d %H:%M} UTC"}
    _tell_both(news, "consent-ends", facts, about=news.consent_id, key=news.at.isoformat())


_OfIntegration = MessageDead | ShipmentFailed | ConsentMoved | ConsentAgreed | ConsentEnds | ViewHeld


def _tell_both(news: _OfIntegration, kind: str, facts: Mapping[str, Fact], *, about: UUID, key: str) -> None:
    _tell_district(news, kind, facts, about=about, key=key)
    _tell_partner(news, kind, facts, about=about, key=key)


def _tell_district(news: _OfIntegration, kind: str, facts: Mapping[str, Fact], *, about: UUID, key: str) -> None:
    messaging.tell(organisation_id=news.district_id, kind=kind, about=str(about), key=key, facts=facts, now=news.now)


def _tell_partner(news: _OfIntegration, kind: str, facts: Mapping[str, Fact], *, about: UUID, key: str) -> None:
    """A partner's kinds are called as the district's are, with ``own-`` before."""
    messaging.tell(
        organisation_id=_partner_of(news), kind=f"own-{kind}", about=str(about), key=key, facts=facts, now=news.now
    )


def _settle_asked(news: ConsentMoved) -> None:
    for organisation_id in (news.district_id, _partner_of(news)):
        messaging.settle(organisation_id=organisation_id, kinds=_ASKED, about=str(news.consent_id), now=news.now)


def _partner_of(news: _OfIntegration) -> UUID:
    application = partners.integrated_application(district_id=news.district_id, integration_id=news.integration_id)
    return application.partner_id


# -------------------------------------------------------------------------------------------------------------- facts


def _of_integration(district_id: UUID, integration_id: UUID) -> dict[str, Fact]:
    application = partners.integrated_application(district_id=district_id, integration_id=integration_id)
    return _of_district(district_id) | {"application": application.name, "app_at": shlex.quote(application.name)}


def _of_source(district_id: UUID, source_id: UUID) -> dict[str, Fact]:
    source = sources.source(district_id=district_id, id_or_name=source_id)
    return _of_district(district_id) | {"source": source.name, "source_at": shlex.quote(source.name)}


def _of_district(district_id: UUID) -> dict[str, Fact]:
    """``at``: as a command line takes it."""
    name = tenancy.district(district_id).name
    return {"district": name, "at": shlex.quote(name)}

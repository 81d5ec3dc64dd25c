"""Who listens to whom: the one list."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from schoolpassport.config import telling
from schoolpassport.delivery import actions as delivery
from schoolpassport.delivery.records import ShipmentFailed
from schoolpassport.kit import news
from schoolpassport.matching import actions as matching
from schoolpassport.partners import contract as partners
from schoolpassport.quality import actions as quality
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import contract as views
from schoolpassport.sources import actions as sources
from schoolpassport.sync import contract
from schoolpassport.webhooks import actions as webhooks
from schoolpassport.webhooks.records import MessageDead

log = logging.getLogger(__name__)


def assess(*, district_id: UUID, now: datetime) -> None:
    """What the rules find stands beside the roster; quality lies below sync and does not know of runs."""
    quality.assess(district_id=district_id, now=now)


def propose(*, district_id: UUID, now: datetime) -> None:
    """Probable duplicates among whoever changed. A run does not fail for what is only a proposal."""
    try:
        matching.look_nightly(district_id=district_id, now=now)
    except Exception:
        log.exception("probable duplicates of district %s were not looked for; the next run does", district_id)


_LISTENERS: tuple[tuple[list[Any], Callable[..., Any]], ...] = (
    (contract.followers, sharing.follow),  # views move to each new revision before a run is done
    (contract.idlers, assess),  # what is wrong with the roster is asked once, after the last run of a night
    (contract.idlers, propose),  # proposals are for people, and nobody waits for them
    (contract.previewers, sharing.foretell),  # and beforehand it can be told what they would come to
    (views.listeners, webhooks.listen),  # partners are told of each revision of a view
    (views.listeners, delivery.listen),  # and get their files
    (partners.district_keepers, sources.reseal_secrets),  # a new master key reaches whatever is sealed
    (partners.district_keepers, webhooks.reseal_secrets),
    (partners.district_keepers, sharing.reseal_documents),
    (partners.keepers, sharing.reseal_signing_keys),
    (partners.district_keepers, delivery.reseal_secrets),
)

_NEWS: tuple[tuple[type[Any], Callable[[Any], None]], ...] = (  # what is told to people
    (contract.RunMoved, telling.run_moved),
    (contract.RemovalsDecided, telling.removals_decided),
    (contract.IdsAsked, telling.ids_asked),
    (contract.SourceSilent, telling.source_silent),
    (contract.SourceOverdue, telling.source_overdue),
    (MessageDead, telling.message_dead),
    (ShipmentFailed, telling.shipment_failed),
    (views.ConsentMoved, telling.consent_moved),
    (views.ConsentAgreed, telling.consent_agreed),
    (views.ConsentEnds, telling.consent_ends),
    (views.ViewHeld, telling.view_held),
)


def connect() -> None:
    """Called when Django is ready; once is enough, and twice does no harm."""
    for listeners, listener in _LISTENERS:
        if listener not in listeners:
            listeners.append(listener)
    for event_type, hearer in _NEWS:
        if not news.hears(event_type, hearer):
            news.subscribe(event_type, hearer)

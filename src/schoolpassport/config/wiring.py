"""Who listens to whom: the one list."""

import logging
from datetime import datetime
from uuid import UUID

from schoolpassport.matching import actions as matching
from schoolpassport.partners import contract as partners
from schoolpassport.quality import actions as quality
from schoolpassport.sharing import actions as sharing
from schoolpassport.sources import actions as sources
from schoolpassport.sync import contract

log = logging.getLogger(__name__)


def connect() -> None:
    """Called once, when Django is ready."""
    if sharing.follow not in contract.followers:
        contract.followers.append(sharing.follow)  # views move to each new revision before a run is done
    if assess not in contract.followers:
        contract.followers.append(assess)  # and what is wrong with the roster is known
    if propose not in contract.followers:
        contract.followers.append(propose)  # last: proposals are for people, and nobody waits for them
    if sharing.foretell not in contract.previewers:
        contract.previewers.append(sharing.foretell)  # and beforehand it can be told what they would come to
    if sources.reseal_secrets not in partners.district_keepers:
        partners.district_keepers.append(sources.reseal_secrets)  # a new master key seals them, too


def assess(*, district_id: UUID, now: datetime) -> list[contract.Followed]:
    """What the rules find stands beside each revision; quality lies below sync and does not know of runs."""
    found = quality.assess(district_id=district_id, now=now)
    return [contract.Followed(name="findings", changes=found)]


def propose(*, district_id: UUID, now: datetime) -> list[contract.Followed]:
    """Probable duplicates among whoever changed. A run does not fail for what is only a proposal."""
    try:
        opened = matching.look_nightly(district_id=district_id, now=now)
    except Exception:
        log.exception("probable duplicates of district %s were not looked for; the next run does", district_id)
        return []
    return [contract.Followed(name="probable duplicates", changes=opened)] if opened else []

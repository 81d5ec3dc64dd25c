"""Who listens to whom: the one list."""

from datetime import datetime
from uuid import UUID

from schoolpassport.quality import actions as quality
from schoolpassport.sharing import actions as sharing
from schoolpassport.sync import contract


def connect() -> None:
    """Called once, when Django is ready."""
    if sharing.follow not in contract.followers:
        contract.followers.append(sharing.follow)  # views move to each new revision before a run is done
    if assess not in contract.followers:
        contract.followers.append(assess)  # and what is wrong with the roster is known


def assess(*, district_id: UUID, now: datetime) -> list[contract.Followed]:
    """What the rules find stands beside each revision; quality lies below sync and does not know of runs."""
    found = quality.assess(district_id=district_id, now=now)
    return [contract.Followed(name="findings", changes=found)]

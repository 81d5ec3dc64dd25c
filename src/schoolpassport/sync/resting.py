"""What is done once a district rests: a run is over, and no other waits to be walked."""

from datetime import datetime, timedelta
from uuid import UUID

from schoolpassport.sync.contract import idlers
from schoolpassport.sync.models import Run, RunState
from schoolpassport.tenancy import scope

_PATIENCE = timedelta(hours=1)  # whoever waits for longer may have been forgotten


def rest(*, district_id: UUID, now: datetime) -> None:
    """Let the idlers work, unless another run was asked for just now: then they work once, after the last of them.

    The caller holds the district's lock.
    """
    with scope.inside(district_id):
        waiting = Run.objects.filter(district_id=district_id, state=RunState.WAITING)
        if waiting.filter(asked_at__gt=now - _PATIENCE).exists():
            return
    for idler in idlers:
        idler(district_id=district_id, now=now)

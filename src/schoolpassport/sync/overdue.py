"""Sources that no timetable fetches, and that used to bring something new and do so no more.

Somebody hands their packages over, or a script does, and nothing in the house notices when that stops. What a source
did before says when to miss it.
"""

import logging
from datetime import datetime
from typing import Final
from uuid import UUID

from schoolpassport.kit import news
from schoolpassport.sources import queries as sources
from schoolpassport.sync import queries, schedules
from schoolpassport.sync.contract import SourceOverdue
from schoolpassport.tenancy import scope
from schoolpassport.tenancy.queries import districts

TIMES: Final = 3
"""So many times as long as usual a source may bring nothing new before that is told."""

log = logging.getLogger(__name__)


def look(*, now: datetime) -> None:
    """Which sources are overdue, of all districts; may be called any number of times.

    Where it cannot be told in one district, the others go on.
    """
    for district in districts():
        try:
            with scope.inside(district.id):
                _look(district.id, now)
        except Exception:
            log.exception("whether sources of district %s are overdue could not be told", district.id)


def _look(district_id: UUID, now: datetime) -> None:
    for source in sources.sources(district_id=district_id):
        place = {"district_id": district_id, "source_id": source.id}
        if schedules.runs_by_itself(district_id=district_id, source=source):
            continue
        usually = queries.usual_pause(**place)
        if usually is None:  # it has no habit yet, so nobody waits for it
            continue
        longest = max(schedules.SILENT_AFTER, TIMES * usually)
        since = queries.silent_since(**place, longer_than=longest, now=now)
        if since is not None:
            news.announce(SourceOverdue(**place, since=since, usually=usually, now=now))

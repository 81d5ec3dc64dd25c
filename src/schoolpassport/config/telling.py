"""News of the rooms, told to people: which announcement becomes which notice, about what, with which facts.

Listeners run in the announcer's transaction, so there is a notice if and only if what it tells of was committed. Facts
are counts, kinds, and names of sources, schools and applications: nothing of a record.
"""

import shlex
from datetime import datetime
from uuid import UUID

from schoolpassport.kit import clock
from schoolpassport.messaging import actions as messaging
from schoolpassport.messaging.records import Fact
from schoolpassport.sources import queries as sources
from schoolpassport.sync.contract import RunMoved
from schoolpassport.sync.models import RunState
from schoolpassport.tenancy import queries as tenancy


def run_moved(news: RunMoved) -> None:
    now = clock.now()
    if news.was == RunState.HELD:
        messaging.settle(organisation_id=news.district_id, kinds=["run-held"], about=str(news.run_id), now=now)
    if news.state == RunState.HELD:
        _run_held(news, now)


def _run_held(news: RunMoved, now: datetime) -> None:
    hold = news.hold or {}
    messaging.tell(
        organisation_id=news.district_id,
        kind="run-held",
        about=str(news.run_id),
        facts=_of_run(news) | {"reasons": [r["sentence"] for r in hold["reasons"]], "cause": str(hold["likely_cause"])},
        now=now,
    )


def _of_run(news: RunMoved) -> dict[str, Fact]:
    source = sources.source(district_id=news.district_id, id_or_name=news.source_id)
    return _of_district(news.district_id) | {"source": source.name, "run": news.number}


def _of_district(district_id: UUID) -> dict[str, Fact]:
    """``at``: as a command line takes it."""
    name = tenancy.district(district_id).name
    return {"district": name, "at": shlex.quote(name)}

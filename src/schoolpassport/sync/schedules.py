"""When sources are fetched by themselves. The timetable is a setting (``schedule``); ``sync_due`` says what comes next.

The next run is a job in the queue, a row of the transaction that decided on it. A job that is not the one the table
names (the timetable was changed meanwhile, or it was done already) does nothing. While nothing fetches a source its
timetable rests: instants pass without a run, and it goes on by itself when the source is connected again.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from schoolpassport.kit import news
from schoolpassport.sources import actions as sources
from schoolpassport.sources import queries as source_queries
from schoolpassport.sources.connectors import CONNECTORS
from schoolpassport.sources.models import Source
from schoolpassport.sync import actions, queries, timetable
from schoolpassport.sync.contract import SourceSilent
from schoolpassport.sync.models import Due
from schoolpassport.tenancy import scope

SUBJECT = "schedule"
BY = "schedule"  # who asked for a run, where no person did
SILENT_AFTER = timedelta(days=7)
"""For so long a source may bring nothing new before that is told; where no timetable fetches it: at least."""


class NothingToFetch(ValueError):
    """A timetable for a source that is handed over; the message says what to do first."""


def set_schedule(
    *, district_id: UUID, source_id: UUID, content: dict[str, Any], by: str, now: datetime
) -> datetime | None:
    """Fetch a source by a timetable from now on. Returns the instant of the next run; None when there is none.

    An empty content takes the timetable away. Raises ``BadTimetable`` and ``NothingToFetch``.
    """
    planned = timetable.wanted(content, now=now) if content else None
    with scope.inside(district_id):
        source = source_queries.source(district_id=district_id, id_or_name=source_id)
        if planned and not _fetches(source):
            raise NothingToFetch(
                f"Packages of “{source.name}” are handed over, so there is nothing to fetch by a timetable. Connect it "
                f"first (schoolpassport sources add {source.name!r} --connector …), then set the timetable."
            )
        version = sources.write_setting(
            district_id=district_id, source_id=source_id, subject=SUBJECT, content=content, by=by, now=now
        )
        next_at = timetable.next_after(planned, now) if planned else None
        Due.objects.update_or_create(
            district_id=district_id, source_id=source_id, defaults={"version": version, "next_at": next_at}
        )
        _defer(district_id, source_id, version, next_at)
        return next_at


def fall_due(*, district_id: UUID, source_id: UUID, version: int, at: datetime, now: datetime) -> bool:
    """Ask for the run of this instant and plan the next, in one transaction; may be called twice.

    Where no worker was there for days, one run is asked for, not one for each day. Returns whether a run was asked for.
    """
    with scope.inside(district_id):
        due = Due.objects.select_for_update().filter(district_id=district_id, source_id=source_id).first()
        if due is None or (due.version, due.next_at) != (version, at):
            return False
        source = source_queries.source(district_id=district_id, id_or_name=source_id)
        held = source_queries.settings(district_id=district_id, source_id=source_id)
        planned = timetable.parse(held.get(SUBJECT))
        if fetches := _fetches(source):
            actions.ask_worker(district_id=district_id, source_id=source_id, origin=None, by=BY, now=now)
            _miss(district_id, source_id, planned, at, now)
        due.next_at = timetable.next_after(planned, max(now, at))
        due.save(update_fields=["next_at"])
        _defer(district_id, source_id, version, due.next_at)
        return fetches


def _miss(district_id: UUID, source_id: UUID, planned: timetable.Timetable, at: datetime, now: datetime) -> None:
    """Say that a source is silent, if the timetable has come round since it brought something: it may be a month's."""
    since = queries.silent_since(district_id=district_id, source_id=source_id, longer_than=SILENT_AFTER, now=now)
    if since is None:
        return
    asked_first = timetable.next_after(planned, since)
    if asked_first is not None and asked_first < at:
        news.announce(SourceSilent(district_id=district_id, source_id=source_id, since=since, now=now))


def schedules(*, district_id: UUID) -> list[dict[str, Any]]:
    """For each source with a timetable: its name, the timetable in words, and when it runs next, three times.

    ``resting``: nothing fetches the source, so that it does not run.
    """
    told = []
    planned = {d.source_id: d for d in Due.objects.filter(district_id=district_id)}
    for source in source_queries.sources(district_id=district_id):
        content = source_queries.settings(district_id=district_id, source_id=source.id).get(SUBJECT)
        if content and source.id in planned:
            parsed, next_at = timetable.parse(content), planned[source.id].next_at if _fetches(source) else None
            told.append(
                {
                    "source": source.name,
                    "timetable": str(parsed),
                    "next_at": next_at,
                    "next_runs": [next_at, *timetable.upcoming(parsed, next_at, count=2)] if next_at else [],
                    "resting": not _fetches(source),
                }
            )
    return told


def runs_by_itself(*, district_id: UUID, source: Source) -> bool:
    """Whether a timetable fetches a source: it has not ended, and does not rest."""
    planned = Due.objects.filter(district_id=district_id, source_id=source.id, next_at__isnull=False)
    return _fetches(source) and planned.exists()


def rests(*, district_id: UUID, source_id: UUID) -> bool:
    """Whether a source has a timetable, and nothing that fetches it."""
    source = source_queries.source(district_id=district_id, id_or_name=source_id)
    held = source_queries.settings(district_id=district_id, source_id=source_id)
    return bool(held.get(SUBJECT)) and not _fetches(source)


def _fetches(source: Source) -> bool:
    """One whose connector is not there any more says so itself, when it is tried."""
    return source.connector not in CONNECTORS or CONNECTORS[source.connector].fetches


def _defer(district_id: UUID, source_id: UUID, version: int, at: datetime | None) -> None:
    from schoolpassport.sync import tasks  # noqa: PLC0415 (tasks call actions)

    if at is not None:
        tasks.defer_due(district_id=district_id, source_id=source_id, version=version, at=at)

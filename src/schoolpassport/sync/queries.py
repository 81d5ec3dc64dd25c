from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median_high
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, Max, Min

from schoolpassport.roster import queries as roster
from schoolpassport.roster.kinds import KINDS
from schoolpassport.roster.records import ALTOGETHER
from schoolpassport.sources import queries as sources
from schoolpassport.sync import turns
from schoolpassport.sync.models import Absence, AbsenceState, Run, RunState, Statistic, Step
from schoolpassport.sync.policies import Limits, Rollover

_DAYS_OF_A_HABIT, _DAYS_LOOKED_AT = 5, 11
COUNTED = ("added", "updated", "unchanged", "archived", "restored", "rejected")


def runs(*, district_id: UUID, source_id: UUID | None = None, limit: int = 20) -> list[Run]:
    """Newest first, of one source or of all."""
    found = Run.objects.filter(district_id=district_id)
    return list((found.filter(source_id=source_id) if source_id else found).order_by("-number")[:limit])


def run(*, district_id: UUID, number: int) -> Run | None:
    return Run.objects.filter(district_id=district_id, number=number).first()


def unfinished(run: Run) -> str:
    """What became of a run on which nobody works any more, and what ends it; empty for any other.

    Whoever walks a run of a district holds its lock, which dies with its process.
    """
    if run.state != RunState.RUNNING or turns.taken(run.district_id):
        return ""
    if run.revision is not None:
        ends = "It was applied; what follows of it is finished with the next run."
    elif run.approved_by:
        ends = f"It is approved: schoolpassport sync approve {run.number} walks it again."
    else:
        ends = f"It changed nothing: the next run takes its place, or schoolpassport sync cancel {run.number}."
    return f"Nobody works on it any more: whoever did was stopped. {ends}"


def held(*, district_id: UUID) -> list[Run]:
    return list(Run.objects.filter(district_id=district_id, state=RunState.HELD).order_by("number"))


def removals_held(*, district_id: UUID, source_id: UUID) -> tuple[int, int]:
    """How many removals of a source wait for a person, and since which run the newest of them is lacking."""
    mine = Absence.objects.filter(district_id=district_id, source_id=source_id, state=AbsenceState.HELD)
    found = mine.aggregate(count=Count("key"), newest=Max("since_run"))
    return found["count"], found["newest"] or 0


def last_news(*, district_id: UUID, source_id: UUID) -> datetime | None:
    """When a package of the source last changed anything; of one that never has, when it was first asked for."""
    mine = Run.objects.filter(district_id=district_id, source_id=source_id)
    done = mine.filter(state=RunState.DONE).order_by("-number").values_list("finished_at", flat=True).first()
    return done or mine.order_by("number").values_list("asked_at", flat=True).first()


def silent_since(*, district_id: UUID, source_id: UUID, longer_than: timedelta, now: datetime) -> datetime | None:
    """When a package of the source last changed anything, if that is longer ago; None otherwise.

    Nobody is missed while imports rest, and afterwards it is from the end of the rest that the time counts.
    """
    since = last_news(district_id=district_id, source_id=source_id)
    rest = rollover(district_id=district_id, source_id=source_id)
    if since is None or rest.rests(now):
        return None
    awaited_since = max(since, rest.rested_until(now) or since)
    return since if awaited_since < now - longer_than else None


def usual_pause(*, district_id: UUID, source_id: UUID) -> timedelta | None:
    """How long it usually takes until a package of the source changes something again: the median, in whole days.

    By the newest days (UTC) on which one did; None where these are too few to tell of a habit.
    """
    done = Run.objects.filter(district_id=district_id, source_id=source_id, state=RunState.DONE)
    days = list(done.datetimes("finished_at", "day", order="DESC", tzinfo=UTC)[:_DAYS_LOOKED_AT])
    if len(days) < _DAYS_OF_A_HABIT:
        return None
    return timedelta(days=median_high((later - earlier).days for later, earlier in pairwise(days)))


def steps(*, district_id: UUID, run_id: UUID) -> list[Step]:
    return list(Step.objects.filter(district_id=district_id, run_id=run_id).order_by("position"))


def statistics(*, district_id: UUID, run_id: UUID) -> list[Statistic]:
    return list(Statistic.objects.filter(district_id=district_id, run_id=run_id).order_by("kind", "school_id"))


def limits(*, district_id: UUID, source_id: UUID | None = None) -> Limits:
    """The limits of the district, or those that hold for one of its sources."""
    return Limits.of(sources.settings(district_id=district_id, source_id=source_id))


def rollover(*, district_id: UUID, source_id: UUID | None = None) -> Rollover:
    return Rollover.of(sources.settings(district_id=district_id, source_id=source_id))


def absences(*, district_id: UUID, source_id: UUID | None = None) -> list[Absence]:
    """Removals that wait, of one source or of all."""
    found = Absence.objects.filter(district_id=district_id)
    return list((found.filter(source_id=source_id) if source_id else found).order_by("kind", "key"))


def waiting_counted(*, district_id: UUID) -> list[dict[str, Any]]:
    """Removals that wait, counted by state, kind and reason; those for a person first."""
    counted = (
        Absence.objects.filter(district_id=district_id)
        .values("state", "kind", "rule", "reason", "run")
        .annotate(count=Count("key"), since_run=Min("since_run"))
    )
    order, kinds = [AbsenceState.HELD, AbsenceState.WITNESS, AbsenceState.KEPT], list(KINDS)
    return sorted(map(dict, counted), key=lambda row: (order.index(row["state"]), kinds.index(row["kind"]), row["run"]))


def removals_named(*, district_id: UUID, limit: int) -> list[dict[str, Any]]:
    """Removals that a person decides about, with what tells the records: name, schools, and what the source calls them.

    In as many queries for many as for few of each kind. Of demographics and enrollments, whose they are.
    """
    held = Absence.objects.filter(district_id=district_id, state=AbsenceState.HELD).order_by("run", "kind", "key")
    found = sorted(held[:limit], key=lambda a: list(KINDS).index(a.kind))
    schools_, sources_ = school_names(district_id=district_id), sources.names(district_id=district_id)
    records = {
        kind: roster.records_of(district_id=district_id, kind=kind, ids={a.record_id for a in found if a.kind == kind})
        for kind in dict.fromkeys(a.kind for a in found)
    }
    people = _whose(district_id, records)
    rows = []
    for a in found:
        record = records[a.kind].get(a.record_id, {})
        person = people.get(record.get("user_id", a.record_id), {})
        schools = _schools(a.kind, record) or _schools("user", person)
        rows.append(
            {
                "kind": a.kind,
                "source": sources_[a.source_id],
                "key": a.key,
                "name": roster.called(record) or roster.called(person),
                "schools": [schools_[school] for school in schools if school in schools_],
                "id": str(a.record_id),
            }
        )
    return rows


def _whose(district_id: UUID, records: Mapping[str, Mapping[UUID, Mapping[str, Any]]]) -> dict[UUID, dict[str, Any]]:
    """The people to whom demographics and enrollments belong."""
    every = [record for kind in ("demographics", "enrollment") for record in records.get(kind, {}).values()]
    ids = {record.get("user_id", record["id"]) for record in every}
    return roster.records_of(district_id=district_id, kind="user", ids=ids)


def _schools(kind: str, record: Mapping[str, Any]) -> list[UUID]:
    if kind == "org":
        return [record["id"]] if record else []
    found: list[UUID] = []
    for field in (f for f in KINDS[kind].fields if f.target == "org"):
        said = record.get(field.column) or []
        found += said if isinstance(said, list) else [said]
    return list(dict.fromkeys(found))


def statistics_named(*, district_id: UUID, run_id: UUID) -> list[dict[str, Any]]:
    """The statistics of a run for showing: kinds in the catalogue's order, schools by name, the whole kind first."""
    names = roster.school_names(district_id=district_id)
    order = list(KINDS)
    rows = [
        {
            "kind": s.kind,
            "school": None if s.school_id == ALTOGETHER else names.get(s.school_id, str(s.school_id)),
            **{name: getattr(s, name) for name in COUNTED},
            "standing": s.standing,
        }
        for s in statistics(district_id=district_id, run_id=run_id)
    ]
    return sorted(rows, key=lambda r: (order.index(r["kind"]), r["school"] or ""))


def over_time(
    *,
    district_id: UUID,
    kind: str,
    source_id: UUID | None = None,
    school_id: UUID = ALTOGETHER,
    most: int = 30,
) -> list[dict[str, Any]]:
    """What the newest runs did to a kind, altogether or in a school, newest first, and how many stood after each.

    ``source_id`` None: the runs of all sources. Runs that took nothing have no statistics and are not among them.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.number AS run, r.finished_at AS at, s.name AS source, t.added, t.updated, t.archived, "
            "t.restored, t.rejected, t.added + t.updated + t.restored + t.unchanged AS standing FROM sync_statistic t "
            "JOIN sync_run r ON r.district_id = t.district_id AND r.id = t.run_id "
            "JOIN sources_source s ON s.district_id = r.district_id AND s.id = r.source_id "
            "WHERE t.district_id = %s AND t.kind = %s AND t.school_id = %s AND (%s::uuid IS NULL OR r.source_id = %s) "
            "ORDER BY r.number DESC LIMIT %s",
            [district_id, kind, school_id, source_id, source_id, most],
        )
        names = [c.name for c in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def last_taken(*, district_id: UUID) -> dict[UUID, UUID]:
    """The last run of each source whose package was taken: source → run."""
    taken = Run.objects.filter(district_id=district_id, revision__isnull=False).order_by("source_id", "-number")
    return dict(taken.distinct("source_id").values_list("source_id", "id"))


def school_names(*, district_id: UUID) -> dict[UUID, str]:
    return roster.school_names(district_id=district_id)

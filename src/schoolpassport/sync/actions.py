"""Asking for runs, walking them, and deciding about those that were held."""

import shlex
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection, models

from schoolpassport.audit import actions as audit
from schoolpassport.kit import clock
from schoolpassport.kit.ids import new_id
from schoolpassport.sources import actions as sources
from schoolpassport.sources import packages
from schoolpassport.sources import queries as source_queries
from schoolpassport.sync import course, queries, states, turns
from schoolpassport.sync.contract import Watcher, followers
from schoolpassport.sync.models import Run, RunState
from schoolpassport.sync.policies import KINDS_, LIMITS, ROLLOVER, Limits, Rollover
from schoolpassport.sync.resting import rest
from schoolpassport.sync.watching import Watched
from schoolpassport.tenancy import scope
from schoolpassport.tenancy.queries import districts

DistrictBusy = turns.DistrictBusy
NotHeld = states.NotHeld
_MOST_ATTEMPTS = 5
OPEN_STATES = (RunState.WAITING, RunState.RUNNING)
_ENDED_BADLY = {RunState.FAILED, RunState.REFUSED, RunState.CANCELLED, RunState.PARKED}


def ask(*, district_id: UUID, source_id: UUID, origin: Path | None = None, by: str, now: datetime) -> Run:
    """Write down that a package should be taken. The run waits until somebody walks it.

    Without an origin, the source's connector fetches it.
    """
    with scope.inside(district_id):
        _lock_numbers(district_id)
        newest = Run.objects.filter(district_id=district_id).order_by("-number").first()
        run = Run.objects.create(
            district_id=district_id,
            id=new_id(),
            number=(newest.number if newest else 0) + 1,
            source_id=source_id,
            state=RunState.WAITING,
            asked_by=by,
            asked_at=now,
            origin=str(origin.resolve()) if origin else "",
        )
        audit.note(district_id=district_id, act="sync:run:ask", about=str(run.id), by=by, now=now)
        return run


def ask_worker(*, district_id: UUID, source_id: UUID, origin: Path | None = None, by: str, now: datetime) -> Run:
    """Ask, and leave the walk to a worker: the job is a row of the same transaction."""
    from schoolpassport.sync import tasks  # noqa: PLC0415 (tasks call actions)

    with scope.inside(district_id):
        run = ask(district_id=district_id, source_id=source_id, origin=origin, by=by, now=now)
        tasks.defer_walk(district_id=district_id, run_id=run.id)
        return run


def walk(*, district_id: UUID, run_id: UUID, watch: Watcher | None = None) -> Run:
    """Walk a run to its end: done, unchanged, held or refused. May be called again after a crash.

    One run per district at a time, held by a lock of the database session; raises ``DistrictBusy``. Whatever a killed
    run left unfinished is finished first.
    """
    with turns.take(district_id):
        course.bury_the_dead(district_id, but=run_id)
        run = states.load(district_id, run_id)
        if RunState(run.state) in {RunState.WAITING, RunState.RUNNING, RunState.FAILED}:
            if _is_poison(run):
                return states.load(district_id, run_id)
            states.move(run, RunState.RUNNING)
            course.go(run, Watched(run, watch or (lambda _: None)))
        rest(district_id=district_id, now=clock.now())
        return states.load(district_id, run_id)


def _is_poison(run: Run) -> bool:
    """Count the attempt. A run that failed or killed its worker too often is parked, and its neighbours go on."""
    with scope.inside(run.district_id):
        Run.objects.filter(district_id=run.district_id, id=run.id).update(attempts=models.F("attempts") + 1)
    if run.attempts < _MOST_ATTEMPTS:
        run.attempts += 1
        return False
    states.finish(
        run,
        RunState.PARKED,
        message=f"It was tried {run.attempts} times and never came to an end; it is not tried again by itself. "
        "Look at the package and at the log, then retry it.",
    )
    return True


def cancel(*, district_id: UUID, number: int, by: str, now: datetime) -> Run:
    """Take a run back that has changed nothing yet. One that is on its way stops at its next step.

    One that was killed is over at once. Raises ``NotHeld`` for one that is over, or has been applied, or is held: a
    held run is rejected.
    """
    with scope.inside(district_id):
        run = Run.objects.select_for_update().filter(district_id=district_id, number=number).first()
        if run is None:
            raise NotHeld(f"There is no run {number}.")
        if run.state not in {RunState.WAITING, RunState.RUNNING, RunState.FAILED}:
            raise NotHeld(f"Run {number} is {run.state}; only a run that waits or is on its way can be cancelled.")
        if run.revision is not None:
            raise NotHeld(
                f"Run {number} was applied already, and cannot be taken back. {queries.unfinished(run)}".strip()
            )
        run.cancelled_by = by
        run.save(update_fields=["cancelled_by"])
        audit.note(district_id=district_id, act="sync:run:cancel", about=str(run.id), by=by, now=now)
        if run.state != RunState.RUNNING or not turns.taken(district_id):
            states.finish(run, RunState.CANCELLED, message=f"Cancelled by {by}.")
        return run


def retry(*, district_id: UUID, number: int, by: str, now: datetime) -> Run:
    """Ask for the package of a run that ended badly once more, by a worker, as a new run.

    Raises ``NotHeld`` for one that ended well, and for one that a person rejected: nobody asks it by the way.
    """
    with scope.inside(district_id):
        run = Run.objects.filter(district_id=district_id, number=number).first()
        if run is None:
            raise NotHeld(f"There is no run {number}.")
        if run.state == RunState.REJECTED:
            raise NotHeld(f"Run {number} is rejected, and is not tried again. {_take_it_again(run)}")
        if run.state not in _ENDED_BADLY:
            raise NotHeld(f"Run {number} is {run.state}; there is nothing to try again.")
        origin = Path(run.origin) if run.origin else None
        return ask_worker(district_id=district_id, source_id=run.source_id, origin=origin, by=by, now=now)


def _take_it_again(run: Run) -> str:
    """The command by which whoever changed their mind hands the package over anew."""
    source = shlex.quote(source_queries.names(district_id=run.district_id)[run.source_id])
    command = f"sync {shlex.quote(run.origin)} --source {source}" if run.origin else f"sources fetch {source}"
    return f"If it is right after all, take it as a new package: schoolpassport {command}"


def approve(*, district_id: UUID, number: int, by: str, now: datetime) -> Run:
    """Let a held run pass the guard; it must then be walked again, from its own copy of the package."""
    return _decide(district_id=district_id, number=number, state=RunState.RUNNING, by=by, now=now)


def reject(*, district_id: UUID, number: int, by: str, now: datetime) -> Run:
    """Let a held run go; its package is forgotten and the last good data stays."""
    run = _decide(district_id=district_id, number=number, state=RunState.REJECTED, by=by, now=now)
    states.put_away(run)
    return run


def _decide(*, district_id: UUID, number: int, state: RunState, by: str, now: datetime) -> Run:
    with scope.inside(district_id):
        run = Run.objects.select_for_update().filter(district_id=district_id, number=number).first()
        if run is not None and state is RunState.RUNNING and run.approved_by and run.state == RunState.RUNNING:
            return run  # approved before, and interrupted
        if run is None or run.state != RunState.HELD:
            raise NotHeld(
                f"There is no run {number}."
                if run is None
                else f"Run {number} is {run.state}; only held runs wait for a decision."
            )
        states.move(run, state)
        verb = "approve" if state is RunState.RUNNING else "reject"
        if state is RunState.RUNNING:
            run.approved_by = by
        else:
            run.finished_at = now
            run.message = f"Rejected by {by}."
        run.save(update_fields=["approved_by", "finished_at", "message"])
        audit.note(district_id=district_id, act=f"sync:run:{verb}", about=str(run.id), by=by, now=now)
        return run


def begin_again(run: Run, *, migration: int) -> None:
    """Let a held run be walked again because its keys mean others now, in the caller's scope and transaction."""
    states.move(run, RunState.RUNNING)
    Run.objects.filter(district_id=run.district_id, id=run.id).update(migration=migration)


def catch_up(*, district_id: UUID) -> None:
    """After a person changed the roster by hand: whatever hangs on it moves to its current revision.

    One run per district at a time; raises ``DistrictBusy``.
    """
    with turns.take(district_id):
        for follower in followers:
            follower(district_id=district_id, now=clock.now())
        rest(district_id=district_id, now=clock.now())


def set_limits(
    *,
    district_id: UUID,
    source_id: UUID | None = None,
    kind: str | None = None,
    by: str,
    now: datetime,
    **limits: float,
) -> Limits:
    """Let some limits be others, of the district or of one source; for all kinds, or for one. Raises ``BadPolicy``.

    A source's limits begin with those of the district as they are then.
    """
    with scope.inside(district_id):
        held = source_queries.settings(district_id=district_id, source_id=source_id).get(LIMITS) or {}
        kinds = held.get(KINDS_, {})
        content = (
            {**held, **limits} if kind is None else {**held, KINDS_: {**kinds, kind: {**kinds.get(kind, {}), **limits}}}
        )
        made = Limits.parse(content)
        sources.write_setting(
            district_id=district_id, source_id=source_id, subject=LIMITS, content=content, by=by, now=now
        )
        return made


def set_rollover(
    *, district_id: UUID, source_id: UUID | None = None, content: dict[str, Any], by: str, now: datetime
) -> Rollover:
    """Say when nothing is imported or removed, and what is expected to go. Raises ``BadPolicy``."""
    made = Rollover.parse(content)
    sources.write_setting(
        district_id=district_id, source_id=source_id, subject=ROLLOVER, content=content, by=by, now=now
    )
    return made


def forget_packages(*, now: datetime) -> int:
    """Packages whose time of retention is over, of all districts. Returns how many."""
    gone = 0
    for district in districts():
        with scope.inside(district.id):
            gone += packages.forget(district_id=district.id, now=now)
    return gone


def take_package(*, district_id: UUID, number: int, into: Path, by: str, now: datetime) -> None:
    """Put the package of a run into a new folder, in plain; the ledger says by whom. Raises ``packages.NotKept``."""
    with scope.inside(district_id):
        run = Run.objects.filter(district_id=district_id, number=number).first()
        if run is None:
            raise packages.NotKept(f"There is no run {number}.")
        packages.bring_back(into, district_id=district_id, run_id=run.id)
        audit.note(district_id=district_id, act="sync:package:take", about=str(run.id), by=by, now=now)


def _lock_numbers(district_id: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 2))", [str(district_id)])

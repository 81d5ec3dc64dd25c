"""Where a run stands: how it goes from one state to the next, and what is put away when it is over."""

import logging
from uuid import UUID

from schoolpassport.audit import actions as audit
from schoolpassport.kit import clock, news
from schoolpassport.sources import packages
from schoolpassport.sources import queries as source_queries
from schoolpassport.sync import guard, rehearsal
from schoolpassport.sync import walk as walks
from schoolpassport.sync.contract import STEPS, RunMoved
from schoolpassport.sync.models import TRANSITIONS, Run, RunState, Step
from schoolpassport.tenancy import scope

log = logging.getLogger(__name__)


class NotHeld(Exception):
    """Only a held run can be approved or rejected; the message says what state it is in."""


def load(district_id: UUID, run_id: UUID) -> Run:
    with scope.inside(district_id):
        return Run.objects.get(district_id=district_id, id=run_id)


def move(run: Run, state: RunState, *, reason: str = "") -> None:
    """Take a run to another state, if it still is where we think it is and the table of transitions allows it."""
    allowed = [str(s) for s, targets in TRANSITIONS.items() if state in targets]
    with scope.inside(run.district_id):
        moved = Run.objects.filter(district_id=run.district_id, id=run.id, state__in=allowed).update(state=state)
        if moved:
            news.announce(_moved(run, state, reason))
    if not moved:
        raise NotHeld(f"Run {run.number} is {load(run.district_id, run.id).state}; it cannot become {state}.")
    run.state = state


def _moved(run: Run, state: RunState, reason: str) -> RunMoved:
    return RunMoved(
        district_id=run.district_id,
        run_id=run.id,
        number=run.number,
        source_id=run.source_id,
        was=run.state,
        state=state,
        hold=guard.without_ids(run.hold),
        quarantine=run.quarantine,
        reason=reason,
    )


def finish(
    run: Run,
    state: RunState,
    *,
    message: str,
    walk: walks.Walk | None = None,
    steps: dict[str, walks.Timed] | None = None,
    reason: str = "",
) -> None:
    """``reason``: what may be told of it where no value of a record may stand."""
    timed = walk.steps if walk else (steps or {})
    now = clock.now()
    with scope.inside(run.district_id):
        told = ("position", "seconds", "rows", "finished_at")
        Step.objects.bulk_create(
            (
                Step(
                    district_id=run.district_id,
                    run_id=run.id,
                    name=name,
                    position=position,
                    seconds=timed[name].seconds,
                    rows=timed[name].rows,
                    finished_at=now,
                )
                for position, name in enumerate(STEPS)
                if name in timed
            ),
            update_conflicts=True,
            unique_fields=("district_id", "run_id", "name"),
            update_fields=told,
        )
        Run.objects.filter(district_id=run.district_id, id=run.id).update(
            message=message, finished_at=now, progress=None
        )
        move(run, state, reason=reason)
        audit.note(
            district_id=run.district_id,
            act="sync:run:finish",
            about=str(run.id),
            by=run.asked_by,
            now=now,
            facts={"state": state, "revision": run.revision},
        )


def overtaken(run: Run) -> bool:
    """Whether a newer package of the source was walked already: an older one must not undo what it said."""
    with scope.inside(run.district_id):
        return Run.objects.filter(
            district_id=run.district_id,
            source_id=run.source_id,
            number__gt=run.number,
            state__in=(RunState.DONE, RunState.UNCHANGED, RunState.HELD),
        ).exists()


def supersede(run: Run) -> None:
    """A newer package says what an older, held one said, and more; the older one need not be decided any more."""
    for old in Run.objects.filter(district_id=run.district_id, source_id=run.source_id, state=RunState.HELD).exclude(
        id=run.id
    ):
        move(old, RunState.SUPERSEDED)
        put_away(old)


def put_away(run: Run) -> None:
    """The run's copy of its package is sealed for the time of retention, or while the run waits for a person.

    It is over by then: what cannot be kept is told in the log, and let go.
    """
    now, places = clock.now(), rehearsal.places_of(run)
    with scope.inside(run.district_id):
        held = source_queries.settings(district_id=run.district_id, source_id=run.source_id)
    keeps = packages.retention(held.get(packages.RETENTION))
    waits = run.state == RunState.HELD
    try:
        if places.package.is_dir() and (keeps or waits):
            with scope.inside(run.district_id):
                packages.keep(
                    places.package,
                    district_id=run.district_id,
                    source_id=run.source_id,
                    run_id=run.id,
                    digest=run.input_digest,
                    now=now,
                )
    except OSError as full:
        log.warning("the package of run %s of district %s is not kept: %s", run.number, run.district_id, full.strerror)
        if waits:
            return  # it is the only copy
    with scope.inside(run.district_id):
        if not waits:
            packages.let_go(district_id=run.district_id, run_id=run.id, until=now + keeps)
        packages.forget(district_id=run.district_id, now=now)
    places.forget_package()

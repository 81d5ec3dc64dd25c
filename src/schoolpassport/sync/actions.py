"""Asking for runs, walking them, and deciding about those that were held."""

import logging
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
from django.conf import settings
from django.db import connection, models

from schoolpassport.audit import actions as audit
from schoolpassport.kit import clock
from schoolpassport.kit.ids import new_id
from schoolpassport.kit.killpoint import reach
from schoolpassport.kit.recovery import Retry
from schoolpassport.quality import actions as quality
from schoolpassport.roster import actions as roster
from schoolpassport.roster.kinds import KINDS
from schoolpassport.roster.records import Applied, Tallied
from schoolpassport.sources import actions as sources
from schoolpassport.sources import packages
from schoolpassport.sources import queries as source_queries
from schoolpassport.sources.models import Source
from schoolpassport.sync import absences, rehearsal, told, turns, waiting
from schoolpassport.sync import walk as walks
from schoolpassport.sync.contract import STEPS, Progress, Watcher, Which, followers
from schoolpassport.sync.models import TRANSITIONS, Run, RunState, Statistic, Step
from schoolpassport.sync.policies import LIMITS, ROLLOVER, Dates, Limits, Rollover
from schoolpassport.sync.watching import Cancelled, Watched
from schoolpassport.sync.workbench import bench, desk, sweep
from schoolpassport.tenancy import actions as tenancy
from schoolpassport.tenancy import scope
from schoolpassport.tenancy.queries import districts

log = logging.getLogger(__name__)
DistrictBusy = turns.DistrictBusy
_MOST_ATTEMPTS = 5
OPEN_STATES = (RunState.WAITING, RunState.RUNNING)
_ENDED_BADLY = {RunState.FAILED, RunState.REFUSED, RunState.CANCELLED, RunState.PARKED, RunState.REJECTED}


@dataclass(frozen=True, kw_only=True)
class Released:
    """How many removals of each kind took effect, and the revisions they made (one per source)."""

    counts: dict[str, int]
    revisions: tuple[int, ...]


class NotHeld(Exception):
    """Only a held run can be approved or rejected; the message says what state it is in."""


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
        _bury_the_dead(district_id, but=run_id)
        run = _load(district_id, run_id)
        if RunState(run.state) in {RunState.WAITING, RunState.RUNNING, RunState.FAILED}:
            if _is_poison(run):
                return _load(district_id, run_id)
            _move(run, RunState.RUNNING)
            _walk(run, Watched(run, watch or (lambda _: None)))
        return _load(district_id, run_id)


def _is_poison(run: Run) -> bool:
    """Count the attempt. A run that failed or killed its worker too often is parked, and its neighbours go on."""
    with scope.inside(run.district_id):
        Run.objects.filter(district_id=run.district_id, id=run.id).update(attempts=models.F("attempts") + 1)
    if run.attempts < _MOST_ATTEMPTS:
        run.attempts += 1
        return False
    _finish(
        run,
        RunState.PARKED,
        message=f"It was tried {run.attempts} times and never came to an end; it is not tried again by itself. "
        "Look at the package and at the log, then retry it.",
    )
    return True


def cancel(*, district_id: UUID, number: int, by: str, now: datetime) -> Run:
    """Take a run back that has changed nothing yet. One that is on its way stops at its next step.

    Raises ``NotHeld`` for one that is over, or held: a held run is rejected.
    """
    with scope.inside(district_id):
        run = Run.objects.select_for_update().filter(district_id=district_id, number=number).first()
        if run is None:
            raise NotHeld(f"There is no run {number}.")
        if run.state not in {RunState.WAITING, RunState.RUNNING, RunState.FAILED} or run.revision is not None:
            raise NotHeld(f"Run {number} is {run.state}; only a run that waits or is on its way can be cancelled.")
        run.cancelled_by = by
        run.save(update_fields=["cancelled_by"])
        audit.note(district_id=district_id, act="sync:run:cancel", about=str(run.id), by=by, now=now)
        if run.state != RunState.RUNNING:
            _finish(run, RunState.CANCELLED, message=f"Cancelled by {by}.")
        return run


def retry(*, district_id: UUID, number: int, by: str, now: datetime) -> Run:
    """Ask for the package of a run that ended badly once more, by a worker, as a new run."""
    with scope.inside(district_id):
        run = Run.objects.filter(district_id=district_id, number=number).first()
        if run is None:
            raise NotHeld(f"There is no run {number}.")
        if run.state not in _ENDED_BADLY:
            raise NotHeld(f"Run {number} is {run.state}; there is nothing to try again.")
        origin = Path(run.origin) if run.origin else None
        return ask_worker(district_id=district_id, source_id=run.source_id, origin=origin, by=by, now=now)


def approve(*, district_id: UUID, number: int, by: str, now: datetime) -> Run:
    """Let a held run pass the guard; it must then be walked again, from its own copy of the package."""
    return _decide(district_id=district_id, number=number, state=RunState.RUNNING, by=by, now=now)


def reject(*, district_id: UUID, number: int, by: str, now: datetime) -> Run:
    """Let a held run go; its package is forgotten and the last good data stays."""
    run = _decide(district_id=district_id, number=number, state=RunState.REJECTED, by=by, now=now)
    _put_away(run)
    return run


def begin_again(run: Run, *, migration: int) -> None:
    """Let a held run be walked again because its keys mean others now, in the caller's scope and transaction."""
    _move(run, RunState.RUNNING)
    Run.objects.filter(district_id=run.district_id, id=run.id).update(migration=migration)


def catch_up(*, district_id: UUID) -> None:
    """After a person changed the roster by hand: whatever hangs on it moves to its current revision.

    One run per district at a time; raises ``DistrictBusy``.
    """
    with turns.take(district_id):
        for follower in followers:
            follower(district_id=district_id, now=clock.now())


def release(*, district_id: UUID, which: Which, by: str, now: datetime) -> Released:
    """Let removals that are held take effect, all or some, at once: a revision of their own, and the views follow.

    What waits and is bound to one of them goes with it. What still refers to them is looked at with the next package.
    Raises ``DistrictBusy`` while a run is on its way.
    """
    with turns.take(district_id), desk(data_dir=settings.ENVIRONMENT.data_dir, district_id=district_id) as work:
        with scope.inside(district_id):
            released = _release(district_id=district_id, which=which, work=work, now=now)
            if released.counts:
                facts = {"counts": released.counts, "revisions": list(released.revisions)}
                audit.note(
                    district_id=district_id,
                    act="sync:absence:release",
                    about=str(district_id),
                    by=by,
                    now=now,
                    facts=facts,
                )
        for follower in followers:
            follower(district_id=district_id, now=clock.now())
    return released


def _release(*, district_id: UUID, which: Which, work: Path, now: datetime) -> Released:
    with absences.chosen(district_id=district_id, which=which, work=work):
        absences.choose_bound(district_id=district_id, work=work)
        counts, revisions = absences.chosen_counts(), []
        for source_id in absences.chosen_sources():
            applied = roster.apply(
                district_id=district_id,
                source_id=source_id,
                batches=absences.batches(source_id=source_id, work=work),
                cause="release of held removals",
                now=now,
                authority=walks.authority(district_id, source_queries.settings(district_id=district_id)),
            )
            gone = absences.chosen_counts(source_id).keys()
            unseen = [k.name for k in KINDS.values() if gone & {r.target for r in k.references}]
            sources.note_removed(district_id=district_id, source_id=source_id, unseen=unseen)
            revisions += [applied.number] if applied.number else []
        absences.forget_chosen(district_id=district_id)
    return Released(counts=counts, revisions=tuple(revisions))


def rehearse_release(*, district_id: UUID, which: Which, now: datetime, examples: int = 5) -> rehearsal.Rehearsed:
    """What a release would do, for whom; nothing is released. Raises ``DistrictBusy``."""
    with desk(data_dir=settings.ENVIRONMENT.data_dir, district_id=district_id) as work:
        return rehearsal.decision(
            district_id=district_id,
            act=lambda: _release(district_id=district_id, which=which, work=work, now=now),
            now=now,
            examples=examples,
        )


def keep(*, district_id: UUID, which: Which, by: str, now: datetime) -> dict[str, int]:
    """The other answer: they stay, and nobody is asked about them again; the source alone can bring them back to life.

    Returns how many of each kind.
    """
    with (
        desk(data_dir=settings.ENVIRONMENT.data_dir, district_id=district_id) as work,
        scope.inside(district_id),
        absences.chosen(district_id=district_id, which=which, work=work),
    ):
        counts = absences.chosen_counts()
        absences.keep_chosen(district_id=district_id, reason=f"Kept by {by}.")
        if counts:
            facts = {"counts": counts}
            audit.note(
                district_id=district_id, act="sync:absence:keep", about=str(district_id), by=by, now=now, facts=facts
            )
        return counts


def set_limits(*, district_id: UUID, source_id: UUID | None = None, by: str, now: datetime, **limits: float) -> Limits:
    """Let some limits be others, of the district or of one source. Raises ``BadPolicy``.

    A source's limits begin with those of the district as they are then.
    """
    with scope.inside(district_id):
        held = source_queries.settings(district_id=district_id, source_id=source_id).get(LIMITS) or {}
        content = {**held, **limits}
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


# ------------------------------------------------------------------------------------------------------------ the walk


def _walk(run: Run, watch: Watcher) -> None:
    with scope.inside(run.district_id):
        source = Source.objects.get(district_id=run.district_id, id=run.source_id)
        held = source_queries.settings(district_id=run.district_id, source_id=run.source_id)
        Run.objects.filter(district_id=run.district_id, id=run.id).update(settings=dict(held.versions))
    if run.revision is not None:  # a predecessor applied it and was killed before it published
        _publish(run, watch, {})
        return
    if _overtaken(run):
        _finish(run, RunState.SUPERSEDED, message="A newer package of this source was taken meanwhile.")
        shutil.rmtree(rehearsal.places_of(run).package, ignore_errors=True)
        return
    now = clock.now()
    if not run.approved_by and (rest := Rollover.of(held).rests(now)):
        _suspend(run, rest)
        return
    env = settings.ENVIRONMENT
    try:
        with bench(
            rehearsal.places_of(run), settled=source.settled, memory_mb=env.sync_memory_mb, threads=env.sync_threads
        ) as made:
            walk = walks.Walk(
                bench=made,
                source=source,
                settings=held,
                watch=watch,
                today=now.date(),
                now=now,
                number=run.number,
                lenient=bool(run.approved_by),
                migrated=run.migration is not None,
            )
            _steps(run, walk)
        _foretell(run, walk.watch)
    except walks.Refused as refusal:
        _refuse(run, str(refusal))
    except Cancelled:
        _finish(run, RunState.CANCELLED, message="Cancelled on its way; nothing was changed.")
        shutil.rmtree(rehearsal.places_of(run).package, ignore_errors=True)
    except Retry as later:
        _finish(run, RunState.FAILED, message=later.sentence)
        raise
    except Exception:
        _finish(run, RunState.FAILED, message="The run stopped by a fault of ours; nothing was changed. Try again.")
        raise


def _foretell(run: Run, watch: Watcher) -> None:
    """Say beside what waits what it would do to applications. It waits all the same if that cannot be told."""
    try:
        if run.hold and run.state == RunState.HELD:
            rehearsed = rehearsal.of_held(run, now=clock.now(), watch=watch, judged=True)
            run.hold = {**run.hold, "reach": told.reach(rehearsed)}
        elif run.quarantine and run.quarantine["reasons"]:
            with desk(data_dir=settings.ENVIRONMENT.data_dir, district_id=run.district_id) as work:
                rehearsed = rehearsal.undone(
                    district_id=run.district_id,
                    act=lambda: _release(
                        district_id=run.district_id, which=Which(run=run.number), work=work, now=clock.now()
                    ),
                    now=clock.now(),
                )
            run.quarantine = {**run.quarantine, "reach": told.reach(rehearsed)}
        else:
            return
        with scope.inside(run.district_id):
            Run.objects.filter(district_id=run.district_id, id=run.id).update(hold=run.hold, quarantine=run.quarantine)
    except Exception:
        log.exception("what run %s would do to applications could not be told", run.number)


def _suspend(run: Run, rest: Dates) -> None:
    message = f"Imports of this source rest from {rest.first} to {rest.last}; the package was not read."
    _finish(run, RunState.SUSPENDED, message=message)


def _overtaken(run: Run) -> bool:
    """Whether a newer package of the source was walked already: an older one must not undo what it said."""
    with scope.inside(run.district_id):
        return Run.objects.filter(
            district_id=run.district_id,
            source_id=run.source_id,
            number__gt=run.number,
            state__in=(RunState.DONE, RunState.UNCHANGED, RunState.HELD),
        ).exists()


def _steps(run: Run, walk: walks.Walk) -> None:
    try:
        with walk.step("collect"):
            # An approved run is judged by its own copy; the original may be gone or newer by now.
            kept = walk.bench.places.package
            if (run.approved_by or run.migration is not None) and not kept.is_dir():
                with suppress(packages.NotKept), scope.inside(run.district_id):
                    packages.bring_back(kept, district_id=run.district_id, run_id=run.id)
            approved = run.input_digest if kept.is_dir() else ""
            origin = Path(run.origin) if run.origin or approved else walks.fetch(walk, clock.now())
            walk.digest = approved or walks.digest_of(walk, origin)
            _check_approved(run, walk.digest)
        if _known(run, walk):
            return
        walks.collect(walk, origin)
        _recall(walk)
        walks.inspect(walk)
    except walks.Refused as refusal:
        _refuse(run, str(refusal), walk)
        return
    walks.settle(walk)
    if not run.approved_by and (report := walks.judge(walk)) is not None:
        _hold(run, walk, report)
        return
    applied = _apply(run, walk)
    _publish(run, walk.watch, walk.steps)
    if applied.number is None:
        log.info("run %s of district %s made no revision", run.number, run.district_id)


def _recall(walk: walks.Walk) -> None:
    district_id, source_id = walk.source.district_id, walk.source.id
    with scope.inside(district_id):
        walk.waited, walk.same = absences.recall(
            district_id=district_id,
            source_id=source_id,
            digest=walk.digest,
            into=walk.bench.places.work / "waited.csv",
        )


def _check_approved(run: Run, digest: str) -> None:
    """An approval is for the very package that was judged."""
    if run.approved_by and digest != run.input_digest:
        raise walks.Refused("The package that was approved is gone, and another is in its place. Send it again.")


def _known(run: Run, walk: walks.Walk) -> bool:
    """The very package whose result stands, or one that waits for a person already: nothing to do."""
    if not run.approved_by and walk.said == walk.source.input_digest:
        with scope.inside(run.district_id):
            _supersede(run)
            _remember(walk)
        _publish(run, walk.watch, walk.steps, state=RunState.UNCHANGED, message="The same package as last time.")
        return True
    with scope.inside(run.district_id):
        held = Run.objects.filter(
            district_id=run.district_id, source_id=run.source_id, state=RunState.HELD, input_digest=walk.digest
        ).first()
    if held is None or held.id == run.id:
        return False
    _finish(run, RunState.UNCHANGED, message=f"The same package waits as run {held.number} for a decision.", walk=walk)
    return True


def _remember(walk: walks.Walk) -> None:
    if walk.memory is not None:
        sources.remember(district_id=walk.source.district_id, source_id=walk.source.id, memory=walk.memory)


def _apply(run: Run, walk: walks.Walk) -> Applied:
    """The one transaction in which a run changes anything: records, links, findings, statistics, prints."""
    with walk.step("apply") as timed:
        batches = [walk.bench.write_batch(kind) for kind in KINDS if kind in walk.looked_at]
        findings = walks.export_findings(walk)
        rejected = walks.rejected_by_school(walk)
        turned = waiting.turned(walk.bench, walk.looked_at)
        reach("apply.before")
        with scope.inside(run.district_id):
            now = clock.now()
            applied = roster.apply(
                district_id=run.district_id,
                source_id=run.source_id,
                batches=batches,
                cause=f"run {run.number}",
                now=now,
                authority=walks.authority(run.district_id, walk.settings),
            )
            roster.ask(district_id=run.district_id, source_id=run.source_id, questions=walks.questions(walk), now=now)
            changed = walks.changed(walk)
            saved = walks.worth_saving(walk, changed)
            settled = sources.note_settled(
                district_id=run.district_id,
                source_id=run.source_id,
                digest=walk.said,
                prints=walks.memories(walk, saved),
                links_changed=len(changed),
            )
            _remember(walk)
            quality.keep_findings(district_id=run.district_id, run_id=run.id, files=findings)
            left_out = sum(i.left_out for i in walk.inspected.values())
            quality.note_left_out(district_id=run.district_id, source_id=run.source_id, rows=left_out)
            absences.keep(district_id=run.district_id, source_id=run.source_id, run=run.number, turned=turned)
            reach("apply.absences")
            _keep_statistics(run, applied, rejected)
            _supersede(run)
            run.revision = applied.number or 0
            run.input_digest, run.quarantine = walk.digest, walks.quarantine(walk)
            Run.objects.filter(district_id=run.district_id, id=run.id).update(
                revision=run.revision, input_digest=walk.digest, quarantine=run.quarantine
            )
            reach("apply.before_commit")
        reach("apply.committed")
        if applied.reshaped:
            tenancy.refresh_statistics(applied.reshaped)
        if saved:
            _save_states(walk, settled, saved)
        timed.rows = sum(walk.bench.count(f"settled_{KINDS[k].table}") for k in walk.looked_at)
    return applied


def _save_states(walk: walks.Walk, settled: int, saved: set[str]) -> None:
    """The run is over by now; what it leaves for the next is a cache, for which it shall not fail."""
    try:
        walks.learn_lines(walk, saved)
        walk.bench.save_states(settled=settled, changed=saved)
    except duckdb.OutOfMemoryException:
        log.warning("too little memory for the cache of source %s; it will be made anew from the links", walk.source.id)


def _publish(
    run: Run,
    watch: Watcher,
    steps: dict[str, walks.Timed],
    *,
    state: RunState = RunState.DONE,
    message: str = "",
) -> None:
    """Whatever hangs on the roster moves to its current revision; then the run is over."""
    timed = steps.setdefault("publish", walks.Timed())
    begun = time.perf_counter()
    reach("publish.begin")
    watch(Progress(step="publish", doing=""))
    for follower in followers:
        for followed in follower(district_id=run.district_id, now=clock.now()):
            timed.rows += followed.changes
            watch(Progress(step="publish", doing=followed.name))
    timed.seconds += time.perf_counter() - begun
    reach("publish.end")
    if state is RunState.DONE and not run.revision:
        state, message = RunState.UNCHANGED, message or "Everything in the package stands already."
    message = " ".join(part for part in (message, waiting.sentence(run.quarantine)) if part)
    _finish(run, state, message=message, steps=steps)
    _put_away(run)


def _hold(run: Run, walk: walks.Walk, report: dict[str, object]) -> None:
    findings = walks.export_findings(walk)
    message = " ".join(r["sentence"] for r in report["reasons"])  # type: ignore[attr-defined]  # a list of reasons
    with scope.inside(run.district_id):
        _supersede(run)
        quality.keep_findings(district_id=run.district_id, run_id=run.id, files=findings)
        run.hold, run.input_digest = report, walk.digest
        Run.objects.filter(district_id=run.district_id, id=run.id).update(hold=report, input_digest=walk.digest)
        _finish(run, RunState.HELD, message=message, walk=walk)
    _put_away(run)


def _refuse(run: Run, message: str, walk: walks.Walk | None = None) -> None:
    with scope.inside(run.district_id):
        if walk is not None and walk.bench.has("finding"):
            findings = walks.export_findings(walk)
            quality.keep_findings(district_id=run.district_id, run_id=run.id, files=findings)
        _finish(run, RunState.REFUSED, message=message, walk=walk)
    _put_away(run)


def _supersede(run: Run) -> None:
    """A newer package says what an older, held one said, and more; the older one need not be decided any more."""
    for old in Run.objects.filter(district_id=run.district_id, source_id=run.source_id, state=RunState.HELD).exclude(
        id=run.id
    ):
        _move(old, RunState.SUPERSEDED)
        _put_away(old)


def _put_away(run: Run) -> None:
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


def _keep_statistics(run: Run, applied: Applied, rejected: dict[tuple[str, UUID], int]) -> None:
    tallies = {**{key: Tallied() for key in rejected}, **applied.tallies}
    Statistic.objects.filter(district_id=run.district_id, run_id=run.id).delete()
    Statistic.objects.bulk_create(
        Statistic(
            district_id=run.district_id,
            run_id=run.id,
            kind=kind,
            school_id=school,
            added=t.added,
            updated=t.updated,
            unchanged=t.unchanged,
            archived=t.archived,
            restored=t.restored,
            rejected=rejected.get((kind, school), 0),
        )
        for (kind, school), t in tallies.items()
    )


# ------------------------------------------------------------------------------------------------------- states, locks


def _finish(
    run: Run,
    state: RunState,
    *,
    message: str,
    walk: walks.Walk | None = None,
    steps: dict[str, walks.Timed] | None = None,
) -> None:
    timed = walk.steps if walk else (steps or {})
    now = clock.now()
    with scope.inside(run.district_id):
        for position, name in enumerate(STEPS):
            if name in timed:
                Step.objects.update_or_create(
                    district_id=run.district_id,
                    run_id=run.id,
                    name=name,
                    defaults={
                        "position": position,
                        "seconds": timed[name].seconds,
                        "rows": timed[name].rows,
                        "finished_at": now,
                    },
                )
        Run.objects.filter(district_id=run.district_id, id=run.id).update(
            message=message, finished_at=now, progress=None
        )
        _move(run, state)
        audit.note(
            district_id=run.district_id,
            act="sync:run:finish",
            about=str(run.id),
            by=run.asked_by,
            now=now,
            facts={"state": state, "revision": run.revision},
        )


def _move(run: Run, state: RunState) -> None:
    """Take a run to another state, if it still is where we think it is and the table of transitions allows it."""
    allowed = [str(s) for s, targets in TRANSITIONS.items() if state in targets]
    with scope.inside(run.district_id):
        moved = Run.objects.filter(district_id=run.district_id, id=run.id, state__in=allowed).update(state=state)
    if not moved:
        raise NotHeld(f"Run {run.number} is {_load(run.district_id, run.id).state}; it cannot become {state}.")
    run.state = state


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
        _move(run, state)
        verb = "approve" if state is RunState.RUNNING else "reject"
        if state is RunState.RUNNING:
            run.approved_by = by
        else:
            run.finished_at = now
            run.message = f"Rejected by {by}."
        run.save(update_fields=["approved_by", "finished_at", "message"])
        audit.note(district_id=district_id, act=f"sync:run:{verb}", about=str(run.id), by=by, now=now)
        return run


def _bury_the_dead(district_id: UUID, *, but: UUID) -> None:
    """We hold the lock, so any other run that claims to be running was killed. What it applied stands."""
    with scope.inside(district_id):
        for dead in Run.objects.filter(district_id=district_id, state=RunState.RUNNING).exclude(id=but):
            if dead.revision is None and dead.approved_by and not _overtaken(dead):
                continue  # it waits to be walked again: `approve` once more
            state = RunState.DONE if dead.revision else RunState.SUPERSEDED if dead.approved_by else RunState.FAILED
            _finish(dead, state, message="Interrupted; the next run finished what it had begun.")
        waiting = Run.objects.filter(district_id=district_id, state__in=(RunState.HELD, RunState.RUNNING))
        kept = {str(id_) for id_ in waiting.values_list("id", flat=True)} | {str(but)}
        packages.sweep(district_id=district_id)
    sweep(data_dir=settings.ENVIRONMENT.data_dir, district_id=district_id, kept=kept)
    for follower in followers:
        follower(district_id=district_id, now=clock.now())


def _load(district_id: UUID, run_id: UUID) -> Run:
    with scope.inside(district_id):
        return Run.objects.get(district_id=district_id, id=run_id)


def _lock_numbers(district_id: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 2))", [str(district_id)])

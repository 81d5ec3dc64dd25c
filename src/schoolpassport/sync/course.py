"""The course of a run, from its package to its views: what ends it, what holds it, and its one transaction."""

import logging
import shutil
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from uuid import UUID

import duckdb
from django.conf import settings

from schoolpassport.kit import clock, news
from schoolpassport.kit.killpoint import reach
from schoolpassport.kit.recovery import Retry
from schoolpassport.quality import actions as quality
from schoolpassport.roster import actions as roster
from schoolpassport.roster.records import Applied, Tallied
from schoolpassport.sources import actions as sources
from schoolpassport.sources import packages
from schoolpassport.sources import queries as source_queries
from schoolpassport.sources.models import Source
from schoolpassport.sync import absences, judging, rehearsal, releasing, schooling, states, told, waiting
from schoolpassport.sync import walk as walks
from schoolpassport.sync.contract import IdsAsked, Progress, Watcher, Which, followers
from schoolpassport.sync.models import Run, RunState, Statistic
from schoolpassport.sync.policies import Dates, Rollover
from schoolpassport.sync.watching import Cancelled
from schoolpassport.sync.workbench import bench, desk, sweep
from schoolpassport.tenancy import actions as tenancy
from schoolpassport.tenancy import scope

log = logging.getLogger(__name__)


def go(run: Run, watch: Watcher) -> None:
    """Walk the run to its end, by whoever holds the district's lock: done, unchanged, held, refused or failed."""
    with scope.inside(run.district_id):
        source = Source.objects.get(district_id=run.district_id, id=run.source_id)
        held = source_queries.settings(district_id=run.district_id, source_id=run.source_id)
        Run.objects.filter(district_id=run.district_id, id=run.id).update(settings=dict(held.versions))
    if run.revision is not None:  # a predecessor applied it and was killed before it published
        publish(run, watch, {})
        return
    if states.overtaken(run):
        states.finish(run, RunState.SUPERSEDED, message="A newer package of this source was taken meanwhile.")
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
        _refuse(run, refusal)
    except Cancelled:
        states.finish(run, RunState.CANCELLED, message="Cancelled on its way; nothing was changed.")
        shutil.rmtree(rehearsal.places_of(run).package, ignore_errors=True)
    except Retry as later:
        states.finish(run, RunState.FAILED, message=later.sentence)
        raise
    except duckdb.OutOfMemoryException:
        states.finish(
            run,
            RunState.FAILED,
            message=f"The run needed more memory than the {env.sync_memory_mb} MB that SCHOOLPASSPORT_SYNC_MEMORY_MB "
            "grants; nothing was changed. Raise the setting, and try again.",
        )
        raise
    except Exception:
        states.finish(
            run, RunState.FAILED, message="The run stopped by a fault of ours; nothing was changed. Try again."
        )
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
                    act=lambda: releasing.take_effect(
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
    states.finish(run, RunState.SUSPENDED, message=message)


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
        _refuse(run, refusal, walk)
        return
    walks.settle(walk)
    schooling.remind(walk)
    if not run.approved_by and (report := judging.judge(walk)) is not None:
        _hold(run, walk, report)
        return
    applied = _apply(run, walk)
    publish(run, walk.watch, walk.steps)
    if applied.number is None:
        log.info("run %s of district %s made no revision", run.number, run.district_id)


def _recall(walk: walks.Walk) -> None:
    district_id, source_id = walk.source.district_id, walk.source.id
    with scope.inside(district_id):
        walk.waited, walk.same = absences.recall(
            district_id=district_id,
            source_id=source_id,
            digest=walk.digest,
            observed=walk.observed,
            now=walk.now,
            into=walk.bench.places.work / "waited.csv",
        )


def _check_approved(run: Run, digest: str) -> None:
    """An approval is for the very package that was judged."""
    if run.approved_by and digest != run.input_digest:
        gone = "The package that was approved is gone, and another is in its place."
        raise walks.Refused(f"{gone} Send it again.", reason=gone)


def _known(run: Run, walk: walks.Walk) -> bool:
    """The very package whose result stands, or one that waits for a person already: nothing to do."""
    if not run.approved_by and walk.said == walk.source.input_digest and not _testifies(walk):
        with scope.inside(run.district_id):
            states.supersede(run)
            _remember(walk)
        publish(run, walk.watch, walk.steps, state=RunState.UNCHANGED, message="The same package as last time.")
        return True
    with scope.inside(run.district_id):
        held = Run.objects.filter(
            district_id=run.district_id, source_id=run.source_id, state=RunState.HELD, input_digest=walk.digest
        ).first()
    if held is None or held.id == run.id:
        return False
    states.finish(
        run, RunState.UNCHANGED, message=f"The same package waits as run {held.number} for a decision.", walk=walk
    )
    return True


def _testifies(walk: walks.Walk) -> bool:
    """Whether the same package is another witness, for its source was asked anew, and something waits for one."""
    with scope.inside(walk.source.district_id):
        return absences.asks_for_witness(
            district_id=walk.source.district_id,
            source_id=walk.source.id,
            digest=walk.digest,
            observed=walk.observed,
            now=walk.now,
        )


def _remember(walk: walks.Walk) -> None:
    if walk.memory is not None:
        sources.remember(district_id=walk.source.district_id, source_id=walk.source.id, memory=walk.memory)


def _apply(run: Run, walk: walks.Walk) -> Applied:
    """The one transaction in which a run changes anything: records, links, findings, statistics, prints."""
    with walk.step("apply") as timed:
        batches = walks.batches(walk)
        findings = walks.export_findings(walk)
        rejected = walks.rejected_by_school(walk)
        turned = waiting.turned(walk.court, walk.looked_at)
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
            _ask(run, walk, now)
            changed = walks.changed(walk)
            saved = walks.worth_saving(walk, changed)
            settled = sources.note_settled(
                district_id=run.district_id,
                source_id=run.source_id,
                digest=walk.said,
                prints=walks.memories(walk, saved, links_changed=len(changed)),
                links_changed=len(changed),
            )
            _remember(walk)
            quality.keep_findings(district_id=run.district_id, run_id=run.id, files=findings)
            left_out = sum(i.left_out for i in walk.inspected.values())
            quality.note_left_out(district_id=run.district_id, source_id=run.source_id, rows=left_out)
            absences.keep(district_id=run.district_id, source_id=run.source_id, run=run.number, turned=turned)
            reach("apply.absences")
            _keep_statistics(run, applied, rejected)
            states.supersede(run)
            run.revision = applied.number or 0
            run.input_digest, run.quarantine = walk.digest, walks.quarantine(walk)
            Run.objects.filter(district_id=run.district_id, id=run.id).update(
                revision=run.revision,
                input_digest=walk.digest,
                observed_at=walk.observed,
                quarantine=run.quarantine,
            )
            reach("apply.before_commit")
        reach("apply.committed")
        if applied.reshaped:
            tenancy.refresh_statistics(applied.reshaped)
        if saved:
            _save_states(walk, settled, saved)
        timed.rows = sum(walk.bench.turns(k)["settled"] for k in walk.spoke)
    return applied


def _ask(run: Run, walk: walks.Walk, now: datetime) -> None:
    """People are told of ids that seem to mean others than before, when there are new ones, or no more."""
    asked = roster.ask(district_id=run.district_id, source_id=run.source_id, questions=walks.questions(walk), now=now)
    if asked.new or asked.ended:
        news.announce(
            IdsAsked(
                district_id=run.district_id,
                source_id=run.source_id,
                open=asked.open,
                new=asked.new,
                run=run.number,
                now=now,
            )
        )


def _save_states(walk: walks.Walk, settled: int, saved: set[str]) -> None:
    """The run is over by now; what it leaves for the next is a cache, for which it shall not fail."""
    try:
        walks.learn_lines(walk, saved)
        walk.bench.save_states(settled=settled, changed=saved)
    except duckdb.OutOfMemoryException:
        log.warning("too little memory for the cache of source %s; it will be made anew from the links", walk.source.id)


def publish(
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
        state, message = RunState.UNCHANGED, message or "Everything in the package that can be taken stands already."
    message = " ".join(part for part in (message, waiting.sentence(run.quarantine)) if part)
    states.finish(run, state, message=message, steps=steps)
    states.put_away(run)


def _hold(run: Run, walk: walks.Walk, report: dict[str, object]) -> None:
    findings = walks.export_findings(walk)
    message = " ".join(r["sentence"] for r in report["reasons"])  # type: ignore[attr-defined]  # a list of reasons
    with scope.inside(run.district_id):
        states.supersede(run)
        quality.keep_findings(district_id=run.district_id, run_id=run.id, files=findings)
        run.hold, run.input_digest = report, walk.digest
        Run.objects.filter(district_id=run.district_id, id=run.id).update(hold=report, input_digest=walk.digest)
        states.finish(run, RunState.HELD, message=message, walk=walk)
    states.put_away(run)


def _refuse(run: Run, refusal: walks.Refused, walk: walks.Walk | None = None) -> None:
    with scope.inside(run.district_id):
        if walk is not None and walk.bench.has("finding"):
            findings = walks.export_findings(walk)
            quality.keep_findings(district_id=run.district_id, run_id=run.id, files=findings)
        states.finish(run, RunState.REFUSED, message=str(refusal), walk=walk, reason=refusal.reason)
    states.put_away(run)


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


def bury_the_dead(district_id: UUID, *, but: UUID) -> None:
    """We hold the lock, so any other run that claims to be running was killed. What it applied stands."""
    with scope.inside(district_id):
        for dead in Run.objects.filter(district_id=district_id, state=RunState.RUNNING).exclude(id=but):
            if dead.revision is None and dead.approved_by and not states.overtaken(dead):
                continue  # it waits to be walked again: `approve` once more
            state = RunState.DONE if dead.revision else RunState.SUPERSEDED if dead.approved_by else RunState.FAILED
            states.finish(dead, state, message="Interrupted; the next run finished what it had begun.")
        waiting = Run.objects.filter(district_id=district_id, state__in=(RunState.HELD, RunState.RUNNING))
        kept = {str(id_) for id_ in waiting.values_list("id", flat=True)} | {str(but)}
        packages.sweep(district_id=district_id)
    sweep(data_dir=settings.ENVIRONMENT.data_dir, district_id=district_id, kept=kept)
    for follower in followers:
        follower(district_id=district_id, now=clock.now())

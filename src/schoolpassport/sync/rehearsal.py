"""What a package, a decision or other settings would do, told without doing it.

A rehearsal walks like a run, with the district's lock, up to *apply*; then it applies and publishes in a transaction
that is undone (docs/adr/0018). So what it tells of the roster and of applications is what would happen. It is no run:
it has no number, keeps no package and no cache, and gives no id away.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings as django

from schoolpassport.kit.ids import new_id
from schoolpassport.matching import decisions
from schoolpassport.matching import policies as matching
from schoolpassport.quality import actions as quality
from schoolpassport.quality import queries as quality_queries
from schoolpassport.roster import actions as roster
from schoolpassport.roster import queries
from schoolpassport.roster.kinds import KINDS
from schoolpassport.roster.records import ALTOGETHER, Authority, Tallied
from schoolpassport.sources import packages
from schoolpassport.sources import queries as sources
from schoolpassport.sources.models import Source
from schoolpassport.sources.records import Settings
from schoolpassport.sources.schemas import SCHEMAS
from schoolpassport.sync import absences, drafts, judging, schooling, turns, waiting
from schoolpassport.sync import walk as walks
from schoolpassport.sync.contract import Reach, Watcher, previewers
from schoolpassport.sync.models import Run, RunState
from schoolpassport.sync.policies import Rollover
from schoolpassport.sync.workbench import Places, bench
from schoolpassport.tenancy import scope

BadDraft, DistrictBusy = drafts.BadDraft, turns.DistrictBusy
_CAUSE = "rehearsal"


class NotThere(LookupError):
    """There is nothing to rehearse; the message says what is missing."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What would happen to a kind in one school (nil: altogether). ``waiting``: removals that would wait."""

    kind: str
    school: UUID
    added: int = 0
    updated: int = 0
    removed: int = 0
    restored: int = 0
    rejected: int = 0
    waiting: int = 0


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One record as it would change: ``change`` is added, updated, archived or restored; attribute → before, after."""

    kind: str
    id: UUID
    change: str
    attributes: Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True, kw_only=True)
class Counted:
    """How often a package stumbles over something."""

    severity: str
    rule: str
    file: str
    column: str
    count: int


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """What would be.

    ``verdict``: the state in which the run would end, and ``message`` why. Of a run that would be held, everything
    below is what its approval would do. ``hold``: the guard's report; ``reach``: what applications would see.
    """

    verdict: str
    message: str
    hold: Mapping[str, Any] | None = None
    effects: tuple[Effect, ...] = ()
    differences: tuple[Difference, ...] = ()
    reach: tuple[Reach, ...] = ()
    findings: tuple[Counted, ...] = ()
    schools: Mapping[UUID, str] = field(default_factory=dict)  # names

    @property
    def held(self) -> bool:
        return self.verdict == RunState.HELD


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """One rehearsal. ``first``: what is done to the roster before the package is looked at."""

    source: Source
    settings: Settings
    origin: Path
    number: int
    now: datetime
    examples: int
    watch: Watcher
    lenient: bool = False
    merge_anew: bool = False
    before: int | None = None  # the revision before ``first``
    first: Callable[[], object] | None = None


def package(
    *,
    district_id: UUID,
    source_id: UUID,
    origin: Path,
    now: datetime,
    documents: Mapping[str, Any] | None = None,
    examples: int = 5,
    watch: Watcher = lambda _: None,
) -> Rehearsed:
    """What a package would do now, under the settings that hold or with these ``documents`` in their place.

    Raises ``BadDraft`` and ``DistrictBusy``.
    """
    with scope.inside(district_id):
        source = Source.objects.get(district_id=district_id, id=source_id)
        newest = Run.objects.filter(district_id=district_id).order_by("-number").first()
        held = _with_drafts(source, documents or {})
    asked = _Asked(
        source=source,
        settings=held,
        origin=origin,
        number=(newest.number if newest else 0) + 1,
        now=now,
        examples=examples,
        watch=watch,
        merge_anew="masters" in (documents or {}),
    )
    with turns.take(district_id):
        return _rehearsed(asked)


def run(
    *,
    district_id: UUID,
    number: int,
    now: datetime,
    documents: Mapping[str, Any] | None = None,
    examples: int = 5,
    watch: Watcher = lambda _: None,
) -> Rehearsed:
    """The same of the package of a run: its own copy while that is kept, else where it was read from.

    Raises ``NotThere``, ``BadDraft`` and ``DistrictBusy``.
    """
    with scope.inside(district_id):
        found = Run.objects.filter(district_id=district_id, number=number).first()
    if found is None:
        raise NotThere(f"There is no run {number}.")
    if found.state == RunState.HELD:
        with turns.take(district_id):
            return of_held(found, now=now, documents=documents, examples=examples, watch=watch)
    with own_copy(found) as origin:
        return package(
            district_id=district_id,
            source_id=found.source_id,
            origin=origin,
            now=now,
            documents=documents,
            examples=examples,
            watch=watch,
        )


def of_held(
    found: Run,
    *,
    now: datetime,
    documents: Mapping[str, Any] | None = None,
    examples: int = 5,
    watch: Watcher = lambda _: None,
    judged: bool = False,
    first: Callable[[], object] | None = None,
) -> Rehearsed:
    """The same of a held run, by whoever holds the district's lock. ``judged``: by now only an approval matters."""
    with own_copy(found) as origin:
        with scope.inside(found.district_id):
            source = Source.objects.get(district_id=found.district_id, id=found.source_id)
            asked = _Asked(
                source=source,
                settings=_with_drafts(source, documents or {}),
                origin=origin,
                number=found.number,
                now=now,
                examples=examples,
                watch=watch,
                lenient=judged,
                merge_anew="masters" in (documents or {}),
                first=first,
            )
        return _rehearsed(asked)


@contextmanager
def own_copy(found: Run) -> Iterator[Path]:
    """A run's own copy of its package, in plain while it is looked at, or where it came from. Raises ``NotThere``."""
    there, taken_out = places_of(found).package, replace(places_of(found), run_id=new_id())
    if there.is_dir():
        yield there
        return
    try:
        try:
            with scope.inside(found.district_id):
                packages.bring_back(taken_out.package, district_id=found.district_id, run_id=found.id)
            origin = taken_out.package
        except packages.NotKept as gone:
            origin = Path(found.origin)
            if not found.origin or not origin.exists():
                raise NotThere(f"{gone} Rehearse the package itself.") from gone
        yield origin
    finally:
        taken_out.forget_package()


def decision(*, district_id: UUID, act: Callable[[], object], now: datetime, examples: int = 5) -> Rehearsed:
    """What something that a person does to the roster would change, for whom. It is done, and undone.

    ``act`` may raise; nothing is left of it then, either. Raises ``DistrictBusy``.
    """
    with turns.take(district_id):
        return undone(district_id=district_id, act=act, now=now, examples=examples)


def undone(*, district_id: UUID, act: Callable[[], object], now: datetime, examples: int = 5) -> Rehearsed:
    """The same, by whoever holds the district's lock."""
    with scope.undone(district_id):
        before = _begin(district_id, now)
        act()
        return _told(district_id, before, now=now, examples=examples, verdict=RunState.DONE, message="")


def places_of(found: Run) -> Places:
    return Places(
        data_dir=django.ENVIRONMENT.data_dir,
        district_id=found.district_id,
        source_id=found.source_id,
        run_id=found.id,
    )


def _with_drafts(source: Source, documents: Mapping[str, Any]) -> Settings:
    held = sources.settings(district_id=source.district_id, source_id=source.id)
    registered = decisions.registered(district_id=source.district_id)
    return drafts.laid_over(held, documents, schema=SCHEMAS[source.schema], registered=registered)


# ------------------------------------------------------------------------------------------------------------ the walk


def _rehearsed(asked: _Asked) -> Rehearsed:
    if not asked.lenient and (rest := Rollover.of(asked.settings).rests(asked.now)):
        message = f"Imports of this source rest from {rest.first} to {rest.last}; the package would not be read."
        return Rehearsed(verdict=RunState.SUSPENDED, message=message)
    told = _walked(asked)
    if told.held and not asked.lenient:
        approved = _walked(replace(asked, lenient=True))
        return replace(
            told,
            effects=approved.effects,
            differences=approved.differences,
            reach=approved.reach,
            schools=approved.schools,
        )
    return told


def _walked(asked: _Asked) -> Rehearsed:
    district_id, env = asked.source.district_id, django.ENVIRONMENT
    places = Places(data_dir=env.data_dir, district_id=district_id, source_id=asked.source.id, run_id=new_id())
    # Where the roster is another first, all of it happens in the transaction that is undone; else only the end of it.
    outer: AbstractContextManager[None] = scope.undone(district_id) if asked.first else nullcontext()
    try:
        with outer:
            if (first := asked.first) is not None:
                asked = replace(asked, before=_begin(district_id, asked.now))
                first()
                asked.source.refresh_from_db()
            with bench(
                places, settled=asked.source.settled, memory_mb=env.sync_memory_mb, threads=env.sync_threads
            ) as made:
                return _judged(
                    asked,
                    walks.Walk(
                        bench=made,
                        source=asked.source,
                        settings=asked.settings,
                        watch=asked.watch,
                        today=asked.now.date(),
                        now=asked.now,
                        number=asked.number,
                        lenient=asked.lenient,
                        migrated=asked.first is not None,
                    ),
                )
    finally:
        places.forget_package()


def _judged(asked: _Asked, walk: walks.Walk) -> Rehearsed:
    try:
        walk.digest = walks.digest_of(walk, asked.origin)
        if (known := _known(asked, walk)) is not None:
            return _applied(asked, None, verdict=RunState.UNCHANGED, message=known)
        walks.collect(walk, asked.origin)
        with scope.inside(asked.source.district_id):
            walk.waited, walk.same = absences.recall(
                district_id=asked.source.district_id,
                source_id=asked.source.id,
                digest=walk.digest,
                observed=None,
                now=None,
                into=walk.bench.places.work / "waited.csv",
            )
        walks.inspect(walk)
    except walks.Refused as refusal:
        return Rehearsed(verdict=RunState.REFUSED, message=str(refusal), findings=_findings(walk))
    walks.settle(walk)
    schooling.remind(walk)
    report = None if asked.lenient else judging.judge(walk)
    if report is not None:
        reasons: Iterable[Mapping[str, str]] = report["reasons"]  # type: ignore[assignment]  # a list of them
        message = " ".join(r["sentence"] for r in reasons)
        return Rehearsed(verdict=RunState.HELD, message=message, hold=report, findings=_findings(walk))
    return _applied(asked, walk, verdict=RunState.DONE, message=waiting.sentence(walks.quarantine(walk)))


def _known(asked: _Asked, walk: walks.Walk) -> str | None:
    """Why the package would not even be read: its result stands, or it waits for a person already."""
    if asked.lenient:
        return None
    if walk.said == asked.source.input_digest:
        return "The same package as last time."
    with scope.inside(asked.source.district_id):
        held = (
            Run.objects.filter(
                district_id=asked.source.district_id,
                source_id=asked.source.id,
                state=RunState.HELD,
                input_digest=walk.digest,
            )
            .exclude(number=asked.number)
            .first()
        )
    if held is None:
        return None
    return (
        f"The same package waits as run {held.number} for a decision: schoolpassport sync rehearse --run {held.number}"
    )


def _findings(walk: walks.Walk) -> tuple[Counted, ...]:
    if not walk.bench.has("finding"):
        return ()
    places = walk.bench.places
    with scope.undone(places.district_id):
        quality.keep_findings(district_id=places.district_id, run_id=places.run_id, files=walks.export_findings(walk))
        found = quality_queries.finding_counts(district_id=places.district_id, run_id=places.run_id)
        return tuple(
            Counted(severity=f.severity, rule=f.rule, file=f.file, column=f.column, count=f.count) for f in found
        )


# ----------------------------------------------------------------------------------------------- applying, and undoing


def _begin(district_id: UUID, now: datetime) -> int:
    """Let whatever lags behind catch up, so that it is not told with the rest. The revision before."""
    _previewed(district_id, now, 0)
    return queries.current_revision(district_id=district_id)


def _previewed(district_id: UUID, now: datetime, examples: int) -> tuple[Reach, ...]:
    return tuple(r for p in previewers for r in p(district_id=district_id, now=now, examples=examples))


def _applied(asked: _Asked, walk: walks.Walk | None, *, verdict: RunState, message: str) -> Rehearsed:
    district_id = asked.source.district_id
    authority = _authority(asked)
    batches = walks.batches(walk) if walk else []
    findings = _findings(walk) if walk else ()
    with scope.undone(district_id):
        effects = _Effects()
        if walk:
            effects.take(walk)
        before = _begin(district_id, asked.now) if asked.before is None else asked.before
        if asked.merge_anew:
            anew = roster.merge_anew(
                district_id=district_id, cause=_CAUSE, by=_CAUSE, now=asked.now, authority=authority
            )
            effects.add(anew.tallies)
        applied = roster.apply(
            district_id=district_id,
            source_id=asked.source.id,
            batches=batches,
            cause=_CAUSE,
            now=asked.now,
            authority=authority,
        )
        effects.add(applied.tallies)
        if verdict is RunState.DONE and applied.number is None:
            nothing = "Everything in the package that can be taken stands already."
            verdict, message = RunState.UNCHANGED, f"{nothing} {message}".rstrip()
        told = _told(district_id, before, now=asked.now, examples=asked.examples, verdict=verdict, message=message)
        return replace(told, effects=effects.told(), findings=findings)


def _authority(asked: _Asked) -> Authority:
    with scope.inside(asked.source.district_id):
        registered = decisions.registered(district_id=asked.source.district_id)
        return matching.authority(asked.settings.get("masters"), sources=registered)


def _told(
    district_id: UUID, before: int, *, now: datetime, examples: int, verdict: RunState, message: str
) -> Rehearsed:
    differences = tuple(
        Difference(kind=kind, id=d["id"], change=d["change"], attributes=d["attributes"])
        for kind in KINDS
        for d in queries.diff(district_id=district_id, kind=kind, since=before, most=examples)
    )
    return Rehearsed(
        verdict=verdict,
        message=message,
        differences=differences,
        reach=_previewed(district_id, now, examples),
        schools=queries.school_names(district_id=district_id),
    )


class _Effects:
    """Counts by kind and school, added up."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, UUID], dict[str, int]] = {}

    def take(self, walk: walks.Walk) -> None:
        """What the columns know: rows left out, and removals that would wait."""
        for (kind, school), count in walks.rejected_by_school(walk).items():
            self._count(kind, school, "rejected", count)
        for kind in walk.spoke:
            if count := walk.bench.count(f"waiting_{KINDS[kind].table}"):
                self._count(kind, ALTOGETHER, "waiting", count)
                ids = walk.bench.removals_file("waiting", kind)
                by_school = queries.by_school(district_id=walk.source.district_id, kind=kind, ids=ids)
                for school, some in by_school.items():
                    self._count(kind, school, "waiting", some)

    def add(self, tallies: Mapping[tuple[str, UUID], Tallied]) -> None:
        for (kind, school), t in tallies.items():
            for name, count in (
                ("added", t.added),
                ("updated", t.updated),
                ("removed", t.archived),
                ("restored", t.restored),
            ):
                self._count(kind, school, name, count)

    def _count(self, kind: str, school: UUID, name: str, count: int) -> None:
        if count:
            of = self._found.setdefault((kind, school), {})
            of[name] = of.get(name, 0) + count

    def told(self) -> tuple[Effect, ...]:
        order = list(KINDS)
        found = sorted(self._found.items(), key=lambda item: (order.index(item[0][0]), str(item[0][1])))
        return tuple(Effect(kind=kind, school=school, **counts) for (kind, school), counts in found)

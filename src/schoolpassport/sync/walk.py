"""The walk of one package through the house: collect → inspect → settle → apply → publish.

Nothing outside the database changes hands until the one transaction of *apply*; killed anywhere before it, a run
leaves nothing behind; killed after it, the next run publishes what is still to be published.
"""

import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

from schoolpassport.kit.archive import USUAL, WITH_WORKBOOKS, Budget, PackageRefused, open_package
from schoolpassport.kit.killpoint import reach
from schoolpassport.kit.recovery import NeedsAttention
from schoolpassport.matching import decisions
from schoolpassport.matching import policies as matching
from schoolpassport.quality import actions as quality
from schoolpassport.quality import filtering, inspection, policies
from schoolpassport.quality.filtering import Chosen
from schoolpassport.quality.policies import Filters, Rules
from schoolpassport.quality.records import Inspected, Subject
from schoolpassport.roster.kinds import KINDS, Kind
from schoolpassport.roster.records import ALTOGETHER, Asked, Authority, Batch
from schoolpassport.sources import actions as sources
from schoolpassport.sources import manifest, mapped, reading, staging, translation
from schoolpassport.sources.mapping import BadPolicy, tables
from schoolpassport.sources.models import Source, SourceRole
from schoolpassport.sources.policies import shaping
from schoolpassport.sources.records import (
    FilePlan,
    Inputs,
    Mode,
    PackageBroken,
    PackagePlan,
    Problem,
    Settings,
    Translated,
)
from schoolpassport.sources.schemas import SCHEMAS, Column, FileSchema, Schema
from schoolpassport.sync import difference, guard, identifying, memory, settling, silence, skimming, waiting
from schoolpassport.sync.contract import Progress, Watcher
from schoolpassport.sync.guard import Reason, Rule
from schoolpassport.sync.policies import Limits, Rollover
from schoolpassport.sync.skimming import Skimmed, Way
from schoolpassport.sync.workbench import Bench, private

log = logging.getLogger(__name__)
_TOLD = 3  # problems in the reason of a refusal
_INPUTS = "inputs"  # beside the kinds in a source's memory: which files of another dialect came the last time


@dataclass(kw_only=True)
class Timed:
    """How long a step took and how many rows went through it."""

    seconds: float = 0.0
    rows: int = 0


@dataclass(kw_only=True)
class Walk:
    """What one run knows on its way."""

    bench: Bench
    source: Source
    watch: Watcher
    today: date
    settings: Settings = field(default_factory=Settings)
    steps: dict[str, Timed] = field(default_factory=dict)
    digest: str = ""
    memory: dict[str, Any] | None = None  # what the connector wants to find next time, if it fetched the package
    observed: datetime | None = None  # not after when all of it was said, if the source was asked
    translated: Translated = field(default_factory=lambda: Translated(files={}))  # of a package of another dialect
    plan: PackagePlan = field(default_factory=lambda: PackagePlan(files=(), problems=()))
    inspected: dict[str, Inspected] = field(default_factory=dict)
    chosen: dict[str, Chosen] = field(default_factory=dict)  # what the filters left of each file
    skimmed: dict[str, Skimmed] = field(default_factory=dict)  # how each file was read
    looked_at: set[str] = field(default_factory=set)  # kinds that were compared with what stands
    spoke: set[str] = field(default_factory=set)  # those of them of which the package says anything new
    losing: set[str] = field(default_factory=set)  # kinds of which something goes tonight
    unseen: set[str] = field(default_factory=set)  # kinds not compared tonight though something they refer to goes
    number: int = 0  # of the run; a rehearsal is none
    now: datetime | None = None
    lenient: bool = False  # a person approved the package
    migrated: bool = False  # a person saw what it changes when its keys were mapped to those that stand
    same: tuple[int, ...] = ()  # numbers of earlier runs of this very package
    waited: Path | None = None  # what waits already (``absences.export``)

    @cached_property
    def limits(self) -> Limits:
        return Limits.of(self.settings)

    @cached_property
    def rollover(self) -> Rollover:
        return Rollover.of(self.settings)

    @cached_property
    def court(self) -> waiting.Court:
        keeps = self.rollover.keeps(self.now) if self.now else None
        return waiting.Court(
            bench=self.bench,
            limits=self.limits,
            number=self.number,
            same=self.same,
            lenient=self.lenient,
            keeps=f"Nothing is removed from {keeps.first} to {keeps.last}." if keeps else "",
            announced=tuple(a for kind in KINDS for a in self.rollover.expected(kind, self.now)) if self.now else (),
        )

    @cached_property
    def filters(self) -> Filters:
        own = policies.filters(self.settings.get("filters"))
        return policies.without_orgs(own, matching.schools(self.settings.get("schools")).no)

    @cached_property
    def rules(self) -> Rules:
        return policies.rules(self.settings.get("rules"))

    @property
    def said(self) -> str:
        """What the package says under the settings that hold, as a hash."""
        today = self.today if self.filters.ask_the_clock else None
        return memory.said(self.digest, self.settings, on=today, decided=self.bench.places.decided)

    def state(self, *, turned: bool = False) -> str:
        """Which state of the source this walk is held against; or, ``turned``, the one that it leaves behind."""
        return f"{self.source.settled + turned}.{self.bench.places.decided}"

    @property
    def concerned(self) -> frozenset[str]:
        """The kinds of which this walk asks: those of the package, what these refer to, and what is beside them."""
        if self.filters:
            return frozenset(KINDS)
        planned = {p.schema.kind.name for p in self.plan.files}
        fields = [field for kind in planned for field in (*KINDS[kind].fields, *KINDS[kind].references)]
        beside = {kind.name for kind in KINDS.values() if kind.same_id_as in planned}
        return frozenset(planned | beside | {field.target or field.each_names for field in fields})

    @property
    def is_partial(self) -> bool:
        """An enrichment source adds to records: its rows need not say everything."""
        return self.source.role == SourceRole.ENRICHMENT

    @contextmanager
    def step(self, name: str) -> Iterator[Timed]:
        reach(f"{name}.begin")
        timed = self.steps.setdefault(name, Timed())
        begun = time.perf_counter()
        self.watch(Progress(step=name, doing=""))
        try:
            yield timed
        finally:
            timed.seconds += time.perf_counter() - begun
        reach(f"{name}.end")


class Refused(Exception):
    """The package cannot be trusted; nothing was changed. The message is for the person who sent it.

    ``reason``: what a notice may say of it. A message may quote headers and names that came with the package, and a
    table without a header has its first record there; so the reason is put together from words of our own.
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


def fetch(walk: Walk, now: datetime) -> Path:
    """Let the source's connector bring the package, into the run's own folder. Raises ``Retry`` and ``Refused``."""
    try:
        fetched = sources.collect(
            district_id=walk.source.district_id,
            source_id=walk.source.id,
            into=walk.bench.places.work / "fetched",
            watch=lambda doing: walk.watch(Progress(step="collect", doing=doing)),
            now=now,
        )
    except NeedsAttention as wrong:
        raise Refused(wrong.sentence, reason="It could not be fetched: somebody must look at it.") from wrong
    walk.memory, walk.observed = fetched.memory, fetched.observed
    return fetched.path


def digest_of(walk: Walk, origin: Path) -> str:
    """The hash of a package's bytes, before anything of it is read. Raises ``Refused``."""
    try:
        return open_package(origin, budget=_budget(walk)).digest()
    except PackageRefused as refusal:
        raise _unread(refusal) from refusal


def _unread(refusal: PackageRefused) -> Refused:
    return Refused(str(refusal), reason=f"It cannot be read: {refusal.code.replace('_', ' ')}.")


def _broken(walk: Walk, broken: PackageBroken) -> Refused:
    """By the names of rules, and of files that the schema has."""
    known = {f.file_name for f in SCHEMAS[walk.source.schema].files} | {manifest.MANIFEST}
    found = [f"{p.file}: {p.rule}" if p.file in known else p.rule for p in broken.problems if p.breaks]
    several = list(dict.fromkeys(found))
    more = f", and {len(several) - _TOLD} more" if len(several) > _TOLD else ""
    return Refused(str(broken), reason=f"Found: {', '.join(several[:_TOLD])}{more}.")


def _unfit(bad: BadPolicy) -> Refused:
    return Refused(
        f"{bad} Change the setting; the package may be right.", reason="A setting of the source does not fit."
    )


def collect(walk: Walk, origin: Path) -> None:
    """Copy the package into the run's own folder, translate it where it is of another dialect, and plan its reading."""
    target = walk.bench.places.package
    with walk.step("collect") as timed:
        files = _files(target) if target.is_dir() else _take(walk, origin, target)
        linked = {name: _into(walk.bench.places.work, path) for name, path in files.items()}
        try:
            planned = _planned(walk, _translate(walk, linked))
            walk.plan = _translated(memory.marked(planned, walk.settings), walk.translated)
            filtering.check(walk.filters, walk.plan)
        except PackageBroken as broken:
            inspection.begin(walk.bench.db)
            inspection.record_problems(walk.bench.db, broken.problems)
            raise _broken(walk, broken) from broken
        timed.rows = len(files)


def _planned(walk: Walk, files: dict[str, Path]) -> PackagePlan:
    schema = SCHEMAS[walk.source.schema]
    try:
        says = shaping(walk.settings, schema)
        sent = walk.translated.sent
        return manifest.plan(schema=schema, files=files, shaping=says, partial=walk.is_partial, sent=sent)
    except BadPolicy as bad:
        raise _unfit(bad) from bad


def _translate(walk: Walk, files: dict[str, Path]) -> dict[str, Path]:
    schema = SCHEMAS[walk.source.schema]
    if not schema.translated:
        return files
    if not walk.translated.files:
        walk.translated = _written_anew(walk, schema, files)
    return dict(walk.translated.files)


def _written_anew(walk: Walk, schema: Schema, files: dict[str, Path]) -> Translated:
    db, into, today = walk.bench.db, walk.bench.places.work / "translated", walk.today
    before = Inputs.of(walk.source.prints.get(_INPUTS, {}))
    try:
        feeds = shaping(walk.settings, schema).read
        said = tables(walk.settings.get("tables"), schema)
    except BadPolicy as bad:
        raise _unfit(bad) from bad
    if not schema.tabled:
        return translation.translate(db, schema=schema, files=files, into=into, before=before, feeds=feeds, today=today)
    return mapped.translate(
        db, tables=said, schema=schema, files=files, into=into, before=before, today=today, partial=walk.is_partial
    )


def _translated(plan: PackagePlan, made: Translated) -> PackagePlan:
    """The plan, with what the translation knows of its files."""
    files = tuple(replace(f, withheld=f.schema.kind.name in made.withheld) for f in plan.files)
    return replace(plan, files=files, problems=(*made.problems, *plan.problems))


def export_findings(walk: Walk) -> tuple[Path, Path]:
    """The findings as files that COPY reads, at the files and lines of the package as it was sent. The last act."""
    db = walk.bench.db
    for plan in walk.plan.files:
        if plan.translated:
            inspection.trace(db, plan)
    inspection.record_misread(db, walk.translated.misread)
    return quality.export_findings(db, folder=walk.bench.places.work)


def _budget(walk: Walk) -> Budget:
    return WITH_WORKBOOKS if SCHEMAS[walk.source.schema].tabled else USUAL


def _take(walk: Walk, origin: Path, target: Path) -> dict[str, Path]:
    """The run's own copy: all of it, or none."""
    private(target.parent)
    try:
        open_package(origin, budget=_budget(walk)).extract(target)
    except PackageRefused as refusal:
        raise _unread(refusal) from refusal
    return _files(target)


def _files(folder: Path) -> dict[str, Path]:
    return {path.name: path for path in sorted(folder.iterdir()) if path.is_file()}


def _into(work: Path, path: Path) -> Path:
    here = work / path.name
    here.unlink(missing_ok=True)  # a preview plans the same package twice
    try:
        here.hardlink_to(path)
    except OSError:
        shutil.copyfile(path, here)
    return here


def inspect(walk: Walk) -> None:
    """Read every file as columns, compare it with what stands, and put the rules to what differs."""
    db, bench = walk.bench.db, walk.bench
    with walk.step("inspect") as timed:
        inspection.begin(db)
        inspection.record_problems(db, walk.plan.problems)
        concerned = walk.concerned
        bench.load_states(concerned)
        walk.court.known = waiting.open_(db, walk.waited)
        planned = {p.schema.kind.name: p for p in walk.plan.files}
        columns = {f.kind.name: f.columns for f in SCHEMAS[walk.source.schema].files}
        for kind in KINDS:
            walk.watch(Progress(step="inspect", doing=KINDS[kind].plural, rows=timed.rows))
            plan = planned.get(kind)
            if plan is None and kind in concerned:
                _say_nothing(walk, KINDS[kind], columns.get(kind, ()))
            elif plan is not None:
                timed.rows += _inspect_or_refuse(walk, plan)
            reach(f"inspect.{kind}")
        _remember_what_went(walk)
        _trust(walk)


def _remember_what_went(walk: Walk) -> None:
    """Files that were not compared tonight must, when they come next, be asked about what went meanwhile."""
    for file in SCHEMAS[walk.source.schema].files:
        kind = file.kind.name
        compared = any(p.schema.kind.name == kind and p.mode is Mode.BULK for p in walk.plan.files)
        if not compared and _goes_unseen(walk, file):
            walk.unseen.add(kind)


def _goes_unseen(walk: Walk, file: FileSchema) -> bool:
    """Something the file refers to goes tonight (its own kind, too, by a delta), or went and was not asked about."""
    if memory.of(walk.source, file.kind.name).unseen:
        return True
    return any(r.target in walk.losing for r in file.kind.references)


def _say_nothing(walk: Walk, kind: Kind, columns: tuple[Column, ...]) -> None:
    if walk.filters:
        filtering.nothing_out(walk.bench.db, kind.table)
    silence.keep(walk.bench.db, kind, columns)


def _inspect_or_refuse(walk: Walk, plan: FilePlan) -> int:
    try:
        return _inspect_file(walk, plan)
    except PackageBroken as broken:
        inspection.record_problems(walk.bench.db, broken.problems)
        raise _broken(walk, broken) from broken


def _inspect_file(walk: Walk, plan: FilePlan) -> int:
    db, kind, before = walk.bench.db, plan.schema.kind, memory.of(walk.source, plan.schema.kind.name)
    ways = () if walk.filters.reads_in_full(kind.name) else before.ways(plan)
    found = _as_last_time(walk, plan) if ways else None
    if found is None:
        found = skimming.read(db, plan, ways=ways, unseen=before.unseen, losing=walk.losing)
    walk.skimmed[kind.name] = found
    log.debug("%s: read by %s, %s", kind.name, found.way, "nothing new" if found.nothing_new else "news")
    walk.looked_at.add(kind.name)
    _compare_with_manifest(walk, plan, found.rows)
    if found.nothing_new:
        _say_nothing(walk, plan.schema.kind, plan.schema.columns)
        walk.chosen[kind.name], walk.inspected[kind.name] = Chosen(), Inspected(bad_rows=0, warnings=0)
    else:
        walk.spoke.add(kind.name)
        _inspect_rows(walk, plan, found)
    return found.rows


def _as_last_time(walk: Walk, plan: FilePlan) -> Skimmed | None:
    """What came of the file last time, if nothing can come of it that did not; then it need not be read."""
    kind, before = plan.schema.kind, memory.of(walk.source, plan.schema.kind.name)
    if before.unseen or walk.bench.blank or kind.name in walk.bench.forgot:
        return None
    if any(r.target in walk.losing for r in kind.references) or not before.says_the_same(plan, state=walk.state()):
        return None
    return Skimmed(way=Way.SAME, rows=before.rows, nothing_new=True)


def _inspect_rows(walk: Walk, plan: FilePlan, found: Skimmed) -> None:
    db, kind, before = walk.bench.db, plan.schema.kind, memory.of(walk.source, plan.schema.kind.name)
    whole = frozenset(p.schema.kind.name for p in walk.plan.files if p.mode is Mode.BULK)
    walk.chosen[kind.name] = filtering.choose(db, plan, walk.filters, whole=whole, today=walk.today)
    withheld = difference.absences(db, plan)
    doubt = _doubt(walk, plan, found)
    waiting.weigh(walk.court, plan, doubt=doubt)
    if walk.bench.any(f"missing_{kind.table}"):
        walk.losing.add(kind.name)
    difference.candidates(db, plan, unseen=before.unseen, losing=walk.losing)
    if "parent" in kind:
        walk.bench.load_edges(kind.name)
    subject = Subject(schema=plan.schema, mode=plan.mode, partial=walk.is_partial, fallible=plan.shaped.fallible)
    half = reading.physical_lines(plan.path).count if _is_cut(before, plan) else None
    walk.inspected[kind.name] = inspection.inspect(db, subject, walk.rules.withholding(kind.name), half=half)
    if withheld:
        _warn_of_withheld_removals(walk, plan)
    skimming.learn(db, plan)
    # The rows that differ are in cand_; the rest is not needed any more, and memory is bounded.
    staging.drop_rows(db, kind.table)


def _warn_of_withheld_removals(walk: Walk, plan: FilePlan) -> None:
    sentence = (
        f"Some rows of {plan.called} do not show whose they are, so no {plan.schema.kind.name} was archived this time."
    )
    problem = Problem(rule="removals withheld", file=plan.called, sentence=sentence, breaks=False)
    inspection.record_problems(walk.bench.db, (problem,))


def _trust(walk: Walk) -> None:
    """Refuse a package of which more than the set share is bad. Small files count in the whole only."""
    rows = {k: s.rows for k, s in walk.skimmed.items()}
    bad = {k: i.bad_rows for k, i in walk.inspected.items() if i.bad_rows}
    for kind, count in bad.items():
        limits = walk.limits.of_kind(kind)
        share, base = limits.bad_row_share, limits.minimum_base
        total = max(rows.get(kind, 0), walk.bench.count(f"cand_{KINDS[kind].table}"))
        if total >= base and count > share * total:
            raise _fallen(count, f"{total:,} rows of {KINDS[kind].plural}", share)
    share, base = walk.limits.bad_row_share, walk.limits.minimum_base
    everything, fallen = sum(rows.values()), sum(bad.values())
    if everything >= base and fallen > share * everything:
        raise _fallen(fallen, f"{everything:,} rows", share)


def _fallen(count: int, of: str, share: float) -> Refused:
    reason = f"{count:,} of {of} cannot be taken; more than {share:.0%} is too much to trust the rest."
    return Refused(f"{reason} Nothing was changed; the findings say what to mend.", reason=reason)


def settle(walk: Walk) -> None:
    """Give accepted rows their GG4L IDs and resolve what they refer to."""
    db = walk.bench.db
    schemas = {f.kind.name: f for f in SCHEMAS[walk.source.schema].files}
    with walk.step("settle") as timed:
        ways = identifying.Ways(
            domains=matching.domains(walk.settings.get("domains")),
            several_roles=matching.several_roles(walk.settings.get("identity")),
            creates=not walk.is_partial,
            files=schemas,
            whole=frozenset(p.schema.kind.name for p in walk.plan.files if p.mode is Mode.BULK),
            schools=matching.schools(walk.settings.get("schools")).existing,
            source=walk.source.name,
        )
        for kind in (k for k in KINDS.values() if k.name in walk.spoke):
            identifying.prepare(walk.bench, kind, ways)
            settling.identify(db, kind)
        for kind in KINDS.values():
            if kind.name in walk.spoke:
                walk.watch(Progress(step="settle", doing=kind.plural, rows=timed.rows))
                timed.rows += settling.settle(db, schemas[kind.name])
        for plan in (p for p in walk.plan.files if p.translated and p.schema.kind.name in walk.spoke):
            if walk.bench.any(f"settled_{plan.kind_table}"):
                staging.origins(db, plan, f"origins_{plan.kind_table}")
                walk.bench.traced.add(plan.schema.kind.name)


def _doubt(walk: Walk, plan: FilePlan, found: Skimmed) -> Reason | None:
    """Why a file is no good witness tonight, though its rows may be fine."""
    before, file, kind = memory.of(walk.source, plan.schema.kind.name), plan.called, plan.schema.kind.name
    announced = walk.plan.counts.get(kind)
    if announced is not None and found.rows < announced:
        sentence = f"{file} has {found.rows:,} rows, and {manifest.MANIFEST} announces {announced:,}."
        return Reason(rule=Rule.FEWER_ROWS, kind=kind, sentence=sentence)
    if _is_cut(before, plan):
        sentence = f"{file} does not end in a line end, as it did before: it may be cut off."
        return Reason(rule=Rule.NO_NEWLINE, kind=kind, sentence=sentence)
    own = before.columns and before.columns != memory.columns(plan) and not plan.translated
    if widened := file if own else walk.translated.widened.get(kind):
        sentence = f"{widened} has other columns than before."
        return Reason(rule=Rule.OTHER_COLUMNS, kind=kind, sentence=sentence)
    return None


def _is_cut(before: memory.Memory, plan: FilePlan) -> bool:
    return before.ended and not reading.ends(plan.path)


def _compare_with_manifest(walk: Walk, plan: FilePlan, rows: int) -> None:
    """Say it where the file has another number of rows than was announced."""
    announced, file = walk.plan.counts.get(plan.schema.kind.name), plan.called
    if announced not in {None, rows}:
        sentence = f"{file} has {rows:,} rows that can be read, and {manifest.MANIFEST} announces {announced:,}."
        problem = Problem(rule="other number of rows", file=file, sentence=sentence, breaks=False)
        inspection.record_problems(walk.bench.db, (problem,))


def quarantine(walk: Walk) -> dict[str, Any] | None:
    """What waits after this run of the kinds it looked at, what came back, and what the guard held tonight."""
    counted = waiting.counts(walk.court, walk.looked_at)
    return {"kinds": counted, "reasons": guard.told(walk.court.reasons)} if counted else None


def rejected_by_school(walk: Walk) -> dict[tuple[str, UUID], int]:
    """Rows left out, by kind and by the school they name, where that can be told."""
    found: dict[tuple[str, UUID], int] = {}
    schemas = {f.kind.name: f for f in SCHEMAS[walk.source.schema].files}
    for name, inspected in walk.inspected.items():
        if not inspected.left_out:
            continue
        kind = KINDS[name]
        found[name, ALTOGETHER] = inspected.left_out
        column = next((c for c in schemas[name].columns if c.field.name == kind.school), None)
        if column is None:
            continue
        rows = walk.bench.db.execute(
            f"SELECT i.id, count(DISTINCT x.line) FROM (SELECT c.line, "
            f"trim(unnest(string_split(c.\"{column.header}\", ','))) AS school FROM cand_{kind.table} c "
            f"SEMI JOIN (FROM bad_{kind.table} WHERE key IS NOT NULL) b ON c.line = b.line) x "
            f"JOIN idmap_org i ON x.school = i.key GROUP BY i.id"
        ).fetchall()
        found.update({(name, school): count for school, count in rows})
    return found


def changed(walk: Walk) -> set[str]:
    """The kinds of which a link changes: settled, gone, or to be looked at again."""
    return {k for k in walk.spoke if any(walk.bench.turns(k).values())}


def batches(walk: Walk) -> list[Batch]:
    """What the run changes, for the roster."""
    bench, looked_at = walk.bench, [k for k in KINDS if k in walk.looked_at]
    found = [bench.write_batch(k) if k in walk.spoke else bench.empty_batch(k) for k in looked_at]
    return [replace(b, copied=_copied(walk)) if b.kind == "org" and not b.is_empty else b for b in found]


def _copied(walk: Walk) -> tuple[str, ...]:
    """Schools that the source told before, and of which it was to be heard only once."""
    mapped = matching.schools(walk.settings.get("schools"))
    if not mapped.any_once:
        return ()
    rows = walk.bench.db.execute("SELECT key FROM settled_org WHERE op = 'u' ORDER BY key").fetchall()
    return tuple(key for (key,) in rows if mapped.once(key))


def worth_saving(walk: Walk, changed_: set[str]) -> set[str]:
    """Whose state is to be written: what changed, and what had to be read in full though it says what stands."""
    full = {k for k in walk.looked_at if walk.skimmed[k].way is Way.FULL}
    return changed_ | {k for k in full if walk.bench.any(f"learned_{KINDS[k].table}")}


def memories(walk: Walk, saved: set[str], *, links_changed: int) -> dict[str, dict[str, object]]:
    """What the source shall know of each kind's file next time. ``links_changed``: of how many kinds a link changes."""
    known, state = {}, walk.state(turned=links_changed > 0)
    for plan in walk.plan.files:
        kind = plan.schema.kind.name
        before = memory.of(walk.source, kind)
        known[kind] = before.after(plan, walk.skimmed[kind], saved=kind in saved, state=state)
    for kind in walk.unseen:
        known[kind] = replace(known.get(kind, memory.of(walk.source, kind)), unseen=True)
    inputs = {_INPUTS: walk.translated.inputs.told()} if walk.translated.inputs.columns else {}
    return {**{kind: asdict(m) for kind, m in known.items()}, **inputs}


def authority(district_id: UUID, settings: Settings) -> Authority:
    """Whose word counts in the district; read inside its scope."""
    registered = decisions.registered(district_id=district_id)
    return matching.authority(settings.get("masters"), sources=registered)


def questions(walk: Walk) -> list[Asked]:
    """The keys that seem to have passed to somebody else."""
    if "user" not in walk.bench.judged:
        return []
    rows = walk.bench.db.execute("SELECT key, id, hash FROM reused_user ORDER BY key").fetchall()
    return [Asked(kind="user", key=key, record_id=id_, row_hash=hash_) for key, id_, hash_ in rows]


def learn_lines(walk: Walk, saved: set[str]) -> None:
    """Make ready what the state to come shall know of the lines of these kinds' files."""
    for plan in walk.plan.files:
        kind = plan.schema.kind.name
        if kind in saved:
            found = walk.skimmed[kind]
            anew = memory.of(walk.source, kind).learns_lines(plan, found)
            skimming.learn_lines(walk.bench.db, plan, found.way, anew=anew)

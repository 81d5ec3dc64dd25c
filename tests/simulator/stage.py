"""One district on the real product, beside the oracle: night after night, and what must be true after each."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid4

from schoolpassport.matching import decisions
from schoolpassport.quality import queries as quality
from schoolpassport.roster import actions as deciding
from schoolpassport.roster.kinds import KINDS as DECLARED
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing import catalogue
from schoolpassport.sharing.records import Contents
from schoolpassport.sources.actions import register_source, write_setting
from schoolpassport.sources.models import Source, SourceRole
from schoolpassport.sync import actions, queries
from schoolpassport.sync.models import Run
from schoolpassport.tenancy import scope
from schoolpassport.tenancy.actions import register_district
from tests.faults.support.children import Children
from tests.faults.support.looking import Look, glance, watching
from tests.simulator import apps, exporter
from tests.simulator.apps import App
from tests.simulator.directory import Directory
from tests.simulator.exporter import Export
from tests.simulator.merging import ADDED, Accounts
from tests.simulator.oracle import KINDS, Calendar, Oracle, Records, Verdict
from tests.simulator.reading import Application, Divergence, Roster, assure, fingerprint, links, read
from tests.simulator.world import World
from tests.support import packages, partners
from tests.support.clockwork import Clockwork
from tests.support.nights import BY, SCHEMA, Nights, nights
from tests.support.packages import Row
from tests.support.views import View, check_log


@dataclass
class Second:
    """The directory: what there is, the source on the product, and what it must come to."""

    directory: Directory
    source: Nights
    oracle: Accounts


@dataclass
class Stage:
    """`taken`: the rows that were applied last, by file and key: what a system that sends deltas must know."""

    world: World
    sis: Nights
    application: Application
    clock: Clockwork
    others: Children
    points: list[str] = field(default_factory=list)  # that a walk passes, and may be killed at
    oracle: Oracle = field(default_factory=Oracle)
    second: Second | None = None  # a directory beside the SIS, in some worlds
    apps: list[App] = field(default_factory=list)  # with consents of their own, in some worlds
    taken: dict[str, dict[str, Row]] = field(default_factory=dict)
    known: dict[int, UUID] = field(default_factory=dict)  # the true person → GG4L ID, for ever
    keyed: dict[tuple[str, str], UUID] = field(default_factory=dict)  # of everything else: kind and key → GG4L ID
    roster: Roster = field(default_factory=Roster)
    printed: str = ""  # of the roster that was read last
    last: Path | None = None
    nights: int = 0

    @property
    def district_id(self) -> UUID:
        return self.sis.district_id

    @staticmethod
    def dice(seed: int) -> Random:
        return Random(seed)

    @property
    def schools(self) -> dict[str, UUID]:
        return {key: id_ for key, id_ in self.roster.ids["org"].items() if key in self.world.schools}

    # ------------------------------------------------------------------------------------------------------- a night

    def export(self, style: exporter.Style = exporter.PLAIN) -> Export:
        return exporter.export(self.world.rows(), style)

    def first(self, made: Export) -> Verdict:
        """The first package, in another process that says which points a walk passes."""
        return self.night(made, walk=self._traced)

    def _traced(self) -> Run:
        run = self.sis.ask(self.last or Path())
        facts = {"district_id": run.district_id, "run_id": run.id, "now": self.clock.now.isoformat()}
        ended = self.others.run("walk", trace=True, **facts)
        self.assure(ended.code == 0, f"the first package: {ended}")
        passed: Counter[str] = Counter()
        for point in ended.points:
            passed[point] += 1
            self.points.append(f"{point}:{passed[point]}")
        return self.sis.walk(run)  # it is over; what became of it is read anew

    def night(
        self,
        made: Export,
        *,
        again: Path | None = None,
        watched: bool = False,
        walk: Callable[[], Run] | None = None,
        alike: Mapping[str, set[str]] = MappingProxyType({}),
    ) -> Verdict:
        """One package, asked for and walked, and everything checked.

        `again`: the package of a former night, where it lies. `walk`: another way from `last` to the end of a run.
        `alike`: what the run may say of itself in place of the expected, as when another one did its work.
        """
        self.nights += 1
        self.clock.now += timedelta(minutes=1)
        expected = self.oracle.night(made.said, self.world.truths(), today=self.clock.now.date())
        self.last = again or self.write(made)
        run = self._watched() if watched else (walk or self._walk)()
        if expected.state == "done" or (expected.state == "unchanged" and not self.oracle.waiting):
            self._note_taken(made)
        self._compare(run, expected, other=run.state in alike.get(expected.state, set()))
        return expected

    def night_of_directory(self, made: Export) -> Verdict:
        """One package of the directory, whatever has become of the SIS'."""
        second = self._beside()
        self.nights += 1
        self.clock.now += timedelta(minutes=1)
        expected = second.oracle.night(made.said, today=self.clock.now.date())
        self._compare(second.source.run(self._write(second.source, made)), expected)
        return expected

    def _beside(self) -> Second:
        assert self.second is not None, "this world has no directory"
        return self.second

    def _compare(self, run: Run, expected: Verdict, *, other: bool = False) -> None:
        """What stands tells more than the verdict, so it comes first. `other`: the verdict may be another."""
        try:
            self.check(quiet=expected.state != "done")
        except Divergence as difference:
            if run.state == expected.state:
                raise
            raise Divergence(f"{difference}; it ended as {run.state} ({run.message}), expected: {expected}") from None
        if not other:
            self.judge(run, expected)

    def _walk(self) -> Run:
        return self.sis.run(self.last or Path())

    def _watched(self) -> Run:
        """A reader beside the run sees what was, what is, or the new roster while the view is still to follow."""
        before = self.look()
        with watching(self.district_id, pause=0.1, view=self.application.number, by=glance) as seen:
            run = self._walk()
        after = self.look()
        fine = {(before.roster, before.view), (after.roster, before.view), (after.roster, after.view)}
        self.assure(all(s.whole for s in seen.looks), "a reader saw a change log that was not whole")
        mixed = {(s.roster, s.view) for s in seen.looks} - fine
        self.assure(not mixed, "a reader saw something between two revisions")
        return run

    def look(self) -> Look:
        """At the roster and the view that is shared all of it: each view follows by itself."""
        return glance(self.district_id, self.application.number)

    def write(self, made: Export) -> Path:
        return self._write(self.sis, made)

    @staticmethod
    def _write(source: Nights, made: Export) -> Path:
        source.count += 1
        path = source.folder / f"night-{source.count}"
        if not made.zipped:
            return packages.folder(path, made.files)
        path = packages.zipped(path.with_suffix(".zip"), made.files)
        if made.cut:
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        return path

    def _note_taken(self, made: Export) -> None:
        for name, rows in made.rows.items():
            now = {row["sourcedId"]: row for row in rows if row.get("status") != "tobedeleted"}
            if made.said.mode(name) == "delta":
                gone = {row["sourcedId"] for row in rows if row.get("status") == "tobedeleted"}
                now = {k: r for k, r in self.taken.get(name, {}).items() if k not in gone} | now
            self.taken[name] = now

    # ----------------------------------------------------------------------------------------------- what people do

    def approve(self, made: Export) -> None:
        """A person looks at the run that waits as a whole and says that it is true."""
        expected = self.oracle.night(made.said, self.world.truths(), today=self.clock.now.date(), approved=True)
        run = self._approved(self.sis)
        self._note_taken(made)
        self._compare(run, expected)

    def approve_directory(self, made: Export) -> None:
        second = self._beside()
        expected = second.oracle.night(made.said, today=self.clock.now.date(), approved=True)
        self._compare(self._approved(second.source), expected)

    def _approved(self, source: Nights) -> Run:
        source.now = self.clock.now
        return source.approve(self._held(source))

    def _held(self, source: Nights) -> Run:
        with scope.inside(self.district_id):
            [held] = [run for run in queries.held(district_id=self.district_id) if run.source_id == source.source.id]
        return held

    def reject(self) -> None:
        self._reject(self.sis)
        self.oracle.waiting = ""
        self.check(quiet=True)

    def reject_directory(self) -> None:
        self._reject(self._beside().source)
        self._beside().oracle.waiting = ""
        self.check(quiet=True)

    def _reject(self, source: Nights) -> None:
        source.now = self.clock.now
        source.reject(self._held(source))

    def release(self) -> int:
        """Of all sources."""
        released = self.sis.release()
        before = self._right()
        expected = sum(o.release() for o in self._oracles())
        got = sum(released.counts.values())
        self.assure(got == expected, f"{got} removals were released; {expected} should be")
        self.check(quiet=before == self._right())
        return expected

    def keep(self) -> int:
        kept, expected = sum(self.sis.keep().values()), sum(o.keep() for o in self._oracles())
        self.assure(kept == expected, f"{kept} removals were kept; {expected} should be")
        self.check(quiet=True)
        return expected

    def _oracles(self) -> list[Oracle | Accounts]:
        return [self.oracle, self.second.oracle] if self.second else [self.oracle]

    def answer(self) -> list[str]:
        """Somebody says of every key that seems to have passed to another pupil that it has."""
        asked = sorted(self.oracle.questions)
        for key in asked:
            with scope.inside(self.district_id):
                authority = decisions.authority(district_id=self.district_id)
            deciding.answer(
                district_id=self.district_id,
                source_id=self.sis.source.id,
                kind="user",
                key=key,
                means="other",
                by=BY,
                now=self.clock.now,
                authority=authority,
            )
            self.oracle.answer_other(key)
        actions.catch_up(district_id=self.district_id)
        self.check(quiet=False)
        return asked

    def clear(self) -> None:
        """Nothing is announced, asked or held any more; a run that waits gives way to a good package."""
        self.clock.now += timedelta(days=1)
        self.announce(Calendar())
        if self.oracle.questions:
            self.answer()
        if self.oracle.waiting:
            self.night(self.export())
        if self.second and self.second.oracle.waiting:
            self.night_of_directory(self.second.directory.export())
        if self.is_held:
            self.release()

    @property
    def is_held(self) -> bool:
        absences = [a for known in self.oracle.absences.values() for a in known.values()]
        if self.second:
            absences += self.second.oracle.absences.values()
        return any(a.state == "held" for a in absences)

    def announce(self, calendar: Calendar) -> None:
        def dates(first: Any, last: Any) -> dict[str, str]:
            return {"from": str(first), "to": str(last)}

        content: dict[str, Any] = {
            "time_zone": "UTC",
            "imports": [dates(*d) for d in calendar.imports],
            "removals": [dates(*d) for d in calendar.removals],
            "announced": [{"kind": kind, **dates(first, last)} for kind, first, last in calendar.announced],
        }
        actions.set_rollover(district_id=self.district_id, content=content, by=BY, now=self.clock.now)
        self.oracle.calendar = calendar

    # -------------------------------------------------------------------------------------------------------- checks

    def judge(self, run: Run, expected: Verdict) -> None:
        """The verdict is the expected one, and its cause is named."""
        told = f"it ended as {run.state} ({run.message}); expected: {expected}"
        self.assure(run.state == expected.state, told)
        if expected.state == "held":
            assert run.hold is not None
            causes = {f"{reason['rule']}: {reason['kind']}" for reason in run.hold["reasons"]}
            self.assure(expected.causes == causes, f"it waits for {causes}; expected: {expected.causes}")
        if expected.refused:
            with scope.inside(self.district_id):
                rules = {f.rule for f in quality.findings(district_id=self.district_id, run_id=run.id)}
            named = expected.refused in rules or _SENTENCES.get(expected.refused, "\0") in run.message
            self.assure(named, f"refused, but not for {expected.refused}: {run.message} {rules}")

    def check(self, *, quiet: bool) -> None:
        """What must be true after every night."""
        printed = fingerprint(self.district_id)
        as_before = printed == self.printed
        if not as_before:
            self.roster, self.printed = read(self.district_id, self.sis.source.id), printed
        self._check_roster()
        self._check_waiting()
        self._check_holds()
        self._check_ids()
        self._check_accounts()
        lines = self.application.follow()
        if quiet:
            self.assure(lines == 0, f"nothing changed, and the change log has {lines} lines more")
        if lines or not as_before:  # else both are what they were when they were held against each other
            self._check_view()
        self.check_apps()

    def agree_at_first(self) -> None:
        for app in self.apps:
            app.agree(apps.some_terms(app.random, list(self.schools)), self.schools, self.clock.now)
        self.check_apps(whole=True)

    def check_apps(self, *, whole: bool = False) -> None:
        """Each application's copy is what its consent makes of the roster."""
        right = self.oracle.merged(self.oracle.records)
        for app in self.apps:
            app.check(right, self.roster.ids, printed=self.printed, whole=whole)

    def _check_roster(self) -> None:
        self.assure(not self.roster.unnamed, f"nobody speaks of these, and they stand: {self.roster.unnamed[:5]}")
        for kind, right in self._right().items():
            there = self.roster.active[kind]
            if there != right:
                self.differ(kind, there, right)

    def _right(self) -> Records:
        """What must stand."""
        found = self.oracle.merged(self.oracle.records)
        return {kind: {k: r for k, r in found[kind].items() if r["status"] == "active"} for kind in KINDS}

    def differ(self, kind: str, there: dict[str, Any], right: dict[str, Any]) -> None:
        more, less = sorted(there.keys() - right.keys()), sorted(right.keys() - there.keys())
        other = [(k, there[k], right[k]) for k in sorted(there.keys() & right.keys()) if there[k] != right[k]]
        raise Divergence(
            f"the roster's {kind}s are not as they should be: {len(more)} too many {more[:5]}, {len(less)} missing "
            f"{less[:5]}, {len(other)} different {other[:2]} (as it is, as it should be)"
        )

    def _check_waiting(self) -> None:
        """Who waits, and for what: nothing is removed without its witnesses or a person, and nothing is forgotten."""
        right = {(kind, k): a.state for kind, known in self.oracle.absences.items() for k, a in known.items()}
        self._check_absences(self.sis, right)
        if self.second:
            right = {("user", k): a.state for k, a in self.second.oracle.absences.items()}
            self._check_absences(self.second.source, right)

    def _check_holds(self) -> None:
        """Which sources' packages wait as a whole: what one source sends decides nothing about another's."""
        right = {self.sis.source.name} if self.oracle.waiting else set()
        if self.second and self.second.oracle.waiting:
            right.add(self.second.source.source.name)
        names = {source.id: source.name for source in self._sources()}
        with scope.inside(self.district_id):
            there = {names[run.source_id] for run in queries.held(district_id=self.district_id)}
        self.assure(there == right, f"packages of {there or 'no source'} wait as a whole; expected: {right}")

    def _sources(self) -> list[Source]:
        return [self.sis.source, self.second.source.source] if self.second else [self.sis.source]

    def _check_absences(self, source: Nights, right: dict[tuple[str, str], str]) -> None:
        with scope.inside(self.district_id):
            found = queries.absences(district_id=self.district_id, source_id=source.source.id)
        there = {(a.kind, a.key): str(a.state) for a in found}
        if there != right:
            pairs = sorted({k for k in there.keys() | right.keys() if there.get(k) != right.get(k)})
            told = [(k, there.get(k), right.get(k)) for k in pairs[:5]]
            raise Divergence(
                f"{len(pairs)} removals wait otherwise than they should: {told} (as it is, as it should be)"
            )

    def _check_ids(self) -> None:
        """Injective, permanent, never given to anybody else; and whoever was there once is never forgotten."""
        of: dict[UUID, str] = {}
        for kind, ids in self.roster.ids.items():
            for key, id_ in ids.items():
                if kind == "demographics":
                    self.assure(self.roster.ids["user"].get(key, id_) == id_, f"demographics {key} are another's")
                    continue
                if kind == "user" and key not in self.oracle.owners:
                    continue
                self.assure(id_ not in of, f"{kind} {key} and {of.get(id_)} have one GG4L ID")
                of[id_] = f"{kind} {key}"
                self._check_id(kind, key, id_)
        owners = {id_: who for who, id_ in self.known.items()}
        self.assure(len(owners) == len(self.known), "one GG4L ID was given to two people")
        lost = [id_ for id_ in self.known.values() if id_ not in self.roster.all["user"]]
        self.assure(not lost, f"GG4L IDs that are not known any more: {lost[:5]}")

    def _check_accounts(self) -> None:
        """Each account means the person whose it is, and nobody at all who was not found."""
        if not self.second:
            return
        there = links(self.district_id, self.second.source.source.id)
        truths = {key: int(number.removeprefix("N-")) for key, number in self.second.oracle.means.items()}
        right = {key: (self.known[truth], key not in self.second.oracle.says) for key, truth in truths.items()}
        wrong = [(k, there.get(k), right.get(k)) for k in there.keys() | right.keys() if there.get(k) != right.get(k)]
        self.assure(not wrong, f"{len(wrong)} accounts mean somebody else than they should: {sorted(wrong)[:3]}")

    def _check_id(self, kind: str, key: str, id_: UUID) -> None:
        if kind == "user":
            before = self.known.setdefault(self.oracle.owners[key], id_)
        else:
            before = self.keyed.setdefault((kind, key), id_)
        self.assure(before == id_, f"{kind} {key} had the GG4L ID {before}, and has {id_} now")

    def _check_view(self) -> None:
        """The application's copy, made from the change log alone, is the roster; what it cannot be bound to is not in."""
        whole: dict[str, set[UUID]] = {}  # what is bound to what stands, all the way up (ADR 0005)
        there: dict[str, set[UUID]] = {kind: set() for kind in KINDS}
        for kind, id_ in self.application.held:
            there.setdefault(kind, set()).add(id_)
        for kind, records in self.roster.raw.items():
            right = whole[kind] = {id_ for id_, r in records.items() if all(r[c] in whole[k] for c, k in _BOUND[kind])}
            more, less = there[kind] - right, right - there[kind]
            self.assure(not more and not less, f"{kind}: the view has {len(more)} too many, lacks {len(less)}")
            for id_ in right:
                wrong = _contradiction(kind, records[id_], self.application.held[kind, id_])
                self.assure(not wrong, f"{kind} {id_} is told otherwise in the view: {wrong}")

    def check_all(self) -> None:
        """Once in a while: the whole change log from its beginning, the past of the roster, and the numbers it keeps."""
        check_log(self.application.view)
        self.check(quiet=True)
        self.check_apps(whole=True)

    def assure(self, fine: object, otherwise: str) -> None:
        assure(fine, otherwise)


_SENTENCES = {"damaged": "cut off", "too many bad rows": "too much to trust"}


def _contradiction(kind: str, record: dict[str, Any], line: Any) -> Any:
    for name, column in _TOLD[kind]:
        there = line.columns.get(column) if line.doc is None else line.doc.get(name)
        if isinstance(there, dict):
            there = UUID(there["sourcedId"])
        right = record[column]
        if there != right and there != (str(right) if hasattr(right, "isoformat") else right):
            return name, there, right
    return None


_BOUND: dict[str, tuple[tuple[str, str], ...]] = dict.fromkeys(KINDS, ()) | {
    "class": (("course_id", "course"), ("school_id", "org")),
    "enrollment": (("user_id", "user"), ("class_id", "class"), ("school_id", "org")),
    "demographics": (("id", "user"),),
}
_ATTRIBUTES = {
    "org": ("name", "type", "parent"),
    "academicSession": ("title",),
    "course": ("title",),
    "user": ("givenName", "familyName", "role", "email", "username"),
    "class": ("title", "course", "school"),
    "enrollment": ("user", "class", "school", "role"),
    "demographics": ("birthDate", "sex"),
}
_TOLD = {kind: tuple((name, DECLARED[kind][name].column) for name in names) for kind, names in _ATTRIBUTES.items()}


def begin(
    random: Random,
    *,
    pupils: int,
    folder: Path,
    clock: Clockwork,
    others: Children,
    beside: Random | None = None,
    outlets: Mapping[str, Random] = MappingProxyType({}),
) -> Stage:
    """A district in which nothing has been imported yet, and an application that is shared all of it.

    `beside`: the chance of a directory, in a world that has one; `outlets`: of an application by each of these.
    """
    district = register_district(name=f"Amber Valley {uuid4()}", now=clock.now)
    sis = nights(district_id=district.id, folder=folder / str(uuid4()), now=clock.now, witnesses=None)
    integrated = partners.integrated(district.id, clock.now)
    sharing.agree(
        district_id=district.id,
        integration_id=integrated.integration.id,
        contents=Contents(attributes=catalogue.everything(kinds=tuple(KINDS))),
        by=BY,
        now=clock.now,
    )
    world = World(random, pupils=pupils, forgetful=beside is not None)
    application = Application(View(district.id, integrated.integration.id))
    stage = Stage(world, sis, application, clock, others)
    if beside is not None:
        stage.second = _second(stage, beside)
    facts = {"district_id": district.id, "folder": sis.folder / "apps", "now": clock.now}
    stage.apps = [apps.begin(name, random=chance, **facts) for name, chance in outlets.items()]
    return stage


def _second(stage: Stage, random: Random) -> Second:
    """A source that adds to whom the SIS tells of; of some attributes it is master."""
    after = stage.clock.now + timedelta(minutes=1)
    facts = {"district_id": stage.district_id, "by": BY, "now": after}
    source = register_source(name="Directory", schema=SCHEMA, role=SourceRole.ENRICHMENT, **facts)
    masters = frozenset(name for name in ADDED if random.random() < 0.5)
    rules = [{"attribute": name, "source": "Directory", "rule": "master"} for name in sorted(masters)]
    write_setting(subject="masters", content={"user": rules}, **facts)
    made = replace(stage.sis, source=source, folder=stage.sis.folder / "directory", count=0)
    return Second(Directory(random, stage.world), made, Accounts(masters, stage.oracle))

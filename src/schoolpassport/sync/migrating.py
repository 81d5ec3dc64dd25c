"""The SIS changed, or gives its records new ids: find out which new id means which record, and keep the GG4L IDs.

Only for a run that the guard holds. What is proposed (``continuity``) can be looked at, edited and rehearsed; applied,
the keys move in one transaction, and then the run is walked. Nothing ambiguous is ever taken but by a person's word.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings as django

from schoolpassport.audit import actions as audit
from schoolpassport.kit import formulas, news
from schoolpassport.kit.columns import literal
from schoolpassport.kit.ids import new_id
from schoolpassport.roster import actions as roster
from schoolpassport.roster import queries
from schoolpassport.roster.kinds import KINDS
from schoolpassport.roster.models import Migration
from schoolpassport.roster.records import Remapped
from schoolpassport.sources import actions as source_actions
from schoolpassport.sources import queries as sources
from schoolpassport.sources.models import Source
from schoolpassport.sources.records import Mode
from schoolpassport.sync import absences, actions, continuity, rehearsal, turns
from schoolpassport.sync import walk as walks
from schoolpassport.sync.contract import RemovalsDecided, Watcher
from schoolpassport.sync.models import Run, RunState
from schoolpassport.sync.workbench import Places, bench, desk
from schoolpassport.tenancy import scope

NotJoined, Busy = roster.NotJoined, roster.Busy
_TAKE, _LEAVE, _DIFFERENT = ("take",), ("", "leave"), "different"


class NotMigrated(Exception):
    """It cannot be done; the message says why, and what can."""


@dataclass(frozen=True, kw_only=True)
class Proposed:
    """Kind → what became of its keys, and what that would do to the roster and to applications."""

    counts: Mapping[str, continuity.Counts]
    rehearsed: rehearsal.Rehearsed | None = None

    @property
    def unsure(self) -> int:
        return sum(c.unsure for c in self.counts.values())


@dataclass(frozen=True, kw_only=True)
class _Edits:
    taken: dict[str, dict[str, UUID]] = field(default_factory=dict)
    left: dict[str, set[str]] = field(default_factory=dict)  # keys about which nothing was decided, or against it
    apart: dict[str, set[tuple[str, UUID]]] = field(default_factory=dict)  # keys, and whom they do not mean


@dataclass(frozen=True, kw_only=True)
class _Compared:
    run: Run
    source: Source
    counts: Mapping[str, continuity.Counts]
    files: Remapped


def propose(
    *,
    district_id: UUID,
    number: int,
    now: datetime,
    take: Path | None = None,
    export: Path | None = None,
    rehearse: bool = True,
    watch: Watcher = lambda _: None,
) -> Proposed:
    """What the package of a held run says beside the records of its source. Nothing is changed.

    ``take``: a proposal as it was exported, and edited. ``export``: where every key is written with what is proposed
    for it, as CSV, or as JSON by the file's name. Raises ``NotMigrated``, ``NotJoined`` and ``DistrictBusy``.
    """
    with turns.take(district_id), _compared(district_id, number, now, take, export, watch) as found:
        if not rehearse:
            return Proposed(counts=found.counts)
        rehearsed = rehearsal.of_held(
            found.run, now=now, watch=watch, first=lambda: _remap(found, by="rehearsal", now=now)
        )
        return Proposed(counts=found.counts, rehearsed=rehearsed)


def migrate(
    *,
    district_id: UUID,
    number: int,
    by: str,
    now: datetime,
    take: Path | None = None,
    watch: Watcher = lambda _: None,
) -> Run:
    """Let the new keys mean the records that they are sure to mean, or that a person took; then walk the run.

    It may be held again, for what is left. Raises ``NotMigrated``, ``NotJoined``, ``Busy`` and ``DistrictBusy``.
    """
    with turns.take(district_id), _compared(district_id, number, now, take, None, watch) as found:
        if not found.files.moves.stat().st_size:
            raise NotMigrated(
                f"No new key of run {number} surely means a record that stands. Export the proposal, decide, and "
                "--take it."
            )
        with scope.inside(district_id):
            made = _remap(found, by=by, now=now)
            _carry_schools(made.district_id, made.source_id, made.revision, by=by, now=now)
            actions.begin_again(found.run, migration=made.number)
            facts = {"migration": made.number, "counts": made.counts}
            audit.note(
                district_id=district_id, act="sync:run:migrate", about=str(found.run.id), by=by, now=now, facts=facts
            )
    return actions.walk(district_id=district_id, run_id=found.run.id, watch=watch)


def undo(*, district_id: UUID, number: int, by: str, now: datetime) -> Migration:
    """Let the keys mean what they meant before a migration, until the next run of the source is applied.

    What the migrating run itself took stays: newcomers keep their records, under keys that no source gives where theirs
    are others' again, so that they are missed and their removal waits. What that run missed does not wait any more.
    Raises ``NotMigrated``, ``NotJoined``, ``Busy`` and ``DistrictBusy``.
    """
    with turns.take(district_id), scope.inside(district_id):
        made = next((m for m in queries.migrations(district_id=district_id) if m.number == number), None)
        if made is None:
            raise NotMigrated(f"There is no migration {number}.")
        walked = _walked(made)
        _check_nothing_followed(made, walked)
        authority = walks.authority(district_id, sources.settings(district_id=district_id))
        undone = roster.undo_remap(district_id=district_id, number=number, by=by, now=now, authority=authority)
        revision = undone.undone_revision or 0
        _forget(district_id, made.source_id, revision)
        absences.withdraw(district_id=district_id, source_id=made.source_id, run=walked.number)
        _carry_schools(district_id, made.source_id, revision, by=by, now=now)
        news.announce(RemovalsDecided(district_id=district_id, now=now))
    actions.catch_up(district_id=district_id)
    return undone


def _walked(made: Migration) -> Run:
    """The run that a migration was made for; one that was migrated again while it was held names the last one."""
    of_source = Run.objects.filter(district_id=made.district_id, source_id=made.source_id)
    return of_source.filter(migration__gte=made.number).order_by("migration")[0]


def _check_nothing_followed(made: Migration, walked: Run) -> None:
    since = [
        m.number
        for m in queries.migrations(district_id=made.district_id)
        if m.source_id == made.source_id and m.number > made.number and m.undone_revision is None
    ]
    if since:
        raise NotMigrated(
            f"Migration {max(since)} was made since. Undo that first: schoolpassport sync migrations --undo "
            f"{max(since)}."
        )
    of_source = Run.objects.filter(district_id=made.district_id, source_id=made.source_id)
    applied = of_source.filter(revision__isnull=False, number__gt=walked.number).order_by("number").first()
    if applied is not None:
        raise NotMigrated(
            f"Run {applied.number} was applied since; what it said would be read as about others. "
            "Single people: schoolpassport people split, and people merge."
        )


def migrations(*, district_id: UUID) -> list[Migration]:
    with scope.inside(district_id):
        return queries.migrations(district_id=district_id)


# ----------------------------------------------------------------------------------------------------------- comparing


@contextmanager
def _compared(
    district_id: UUID, number: int, now: datetime, take: Path | None, export: Path | None, watch: Watcher
) -> Iterator[_Compared]:
    """The package beside the records; its files are gone afterwards."""
    run, source = _held(district_id, number)
    edits, env = _edits(take), django.ENVIRONMENT
    places = Places(data_dir=env.data_dir, district_id=district_id, source_id=source.id, run_id=new_id())
    with desk(data_dir=env.data_dir, district_id=district_id) as work:
        try:
            with (
                rehearsal.own_copy(run) as kept,
                bench(places, settled=0, memory_mb=env.sync_memory_mb, threads=env.sync_threads, blank=True) as made,
            ):
                with scope.inside(district_id):
                    held = sources.settings(district_id=district_id, source_id=source.id)
                walk = walks.Walk(bench=made, source=source, settings=held, watch=watch, today=now.date(), now=now)
                counts = _compare(walk, kept, edits)
                moves, freed = continuity.write(made, set(counts), work)
                if export is not None:
                    _export(walk, set(counts), export)
        except rehearsal.NotThere as gone:
            raise NotMigrated(f"{gone} Reject the run, and send it again.") from gone
        finally:
            places.forget_package()
        yield _Compared(
            run=run, source=source, counts=counts, files=Remapped(moves=moves, freed=freed, parted=_parted(edits, work))
        )


def _held(district_id: UUID, number: int) -> tuple[Run, Source]:
    with scope.inside(district_id):
        run = Run.objects.filter(district_id=district_id, number=number).first()
        if run is None:
            raise NotMigrated(f"There is no run {number}.")
        if run.state != RunState.HELD:
            raise NotMigrated(f"Run {number} is {run.state}; only a run that is held can be a migration.")
        source = Source.objects.get(district_id=district_id, id=run.source_id)
    source.prints = {}  # in memory only: every file is read in full
    return run, source


def _compare(walk: walks.Walk, kept: Path, edits: _Edits) -> dict[str, continuity.Counts]:
    try:
        walks.collect(walk, kept)
        if deltas := [p.called for p in walk.plan.files if p.mode is Mode.DELTA]:
            raise NotMigrated(f"{deltas[0]} tells only what changed; a migration needs whole files.")
        walks.inspect(walk)
    except walks.Refused as refusal:
        raise NotMigrated(str(refusal)) from refusal
    found = continuity.compare(walk, taken=edits.taken, refused=edits.left, apart=edits.apart)
    _check(walk, edits)
    return found


def _check(walk: walks.Walk, edits: _Edits) -> None:
    """Whatever a person took is there, and nothing twice."""
    for kind, taken in edits.taken.items():
        if kind not in walk.looked_at or KINDS[kind].same_id_as:
            raise NotMigrated(f"There is nothing to decide about “{kind}” in this package.")
        rows = walk.bench.db.execute(f"SELECT key, id FROM became_{KINDS[kind].table}").fetchall()
        became: dict[UUID, list[str]] = {}
        for key, id_ in rows:
            became.setdefault(id_, []).append(key)
        for key, id_ in taken.items():
            if key not in became.get(id_, ()):
                raise NotMigrated(f"{kind} “{key}” is no row of the package, or {id_} no record of this source.")
            if len(became[id_]) > 1:
                raise NotMigrated(f"{kind} {id_} is taken for {', '.join(sorted(became[id_]))}: only one can be.")


# -------------------------------------------------------------------------------------------------------------- moving


def _remap(found: _Compared, *, by: str, now: datetime) -> Migration:
    """In the caller's transaction, if there is one."""
    district_id, source_id = found.source.district_id, found.source.id
    with scope.inside(district_id):
        made = roster.remap(
            district_id=district_id,
            source_id=source_id,
            files=found.files,
            by=by,
            now=now,
            authority=walks.authority(district_id, sources.settings(district_id=district_id)),
        )
        _forget(district_id, source_id, made.revision)
    return made


def _carry_schools(district_id: UUID, source_id: UUID, revision: int, *, by: str, now: datetime) -> None:
    """What the district said about schools by their old ids it says by the new ones, since that revision."""
    content = sources.settings(district_id=district_id, source_id=source_id).get("schools")
    moved = {
        r.was: r.key
        for r in queries.remaps(district_id=district_id, since=revision - 1, kind="org")
        if (r.source_id, r.revision) == (source_id, revision)
    }
    if content is None or not moved.keys() & content.keys():
        return
    stays = {key: becomes for key, becomes in content.items() if key not in moved}
    goes = {moved[key]: becomes for key, becomes in content.items() if key in moved}
    source_actions.write_setting(
        district_id=district_id, source_id=source_id, subject="schools", content=stays | goes, by=by, now=now
    )


def _forget(district_id: UUID, source_id: UUID, revision: int) -> None:
    """What was known of the keys by their old meaning: what waits, and the cache."""
    absences.forget_relinked(district_id=district_id, source_id=source_id, revision=revision)
    source_actions.note_removed(district_id=district_id, source_id=source_id, unseen=())


# -------------------------------------------------------------------------------------------------- as files for people


def _export(walk: walks.Walk, kinds: set[str], export: Path) -> None:
    made, query = walk.bench.places.work / "review", continuity.review(kinds)
    if export.suffix == ".json":
        walk.bench.db.execute(f"COPY ({query}) TO {literal(str(made))} (FORMAT json, ARRAY true)")
    else:
        safe = ", ".join(f"{formulas.safe_sql(c)} AS {c}" for c in continuity.COLUMNS)
        walk.bench.db.execute(f"COPY (SELECT {safe} FROM ({query})) TO {literal(str(made))} (FORMAT csv, HEADER true)")
    export.touch(mode=0o600)
    export.write_bytes(made.read_bytes())


def _edits(take: Path | None) -> _Edits:
    """A proposal as a person edited it: what is not named in it is as proposed."""
    made = _Edits()
    if take is None:
        return made
    for row in _rows(take):
        _edit(made, take, row)
    for kind, taken in made.taken.items():
        made.left.get(kind, set()).difference_update(taken)
        made.apart.get(kind, set()).difference_update(taken.items())
    return made


def _edit(made: _Edits, take: Path, row: dict[str, object]) -> None:
    kind, key, decision = (str(row.get(name) or "") for name in ("kind", "key", "decision"))
    if kind not in KINDS or not key:
        raise NotMigrated(f"{take.name}: each row names a kind and a key; one says “{kind}”, “{key}”.")
    if decision not in {*_TAKE, *_LEAVE, _DIFFERENT}:
        raise NotMigrated(
            f"{take.name}: the decision about {kind} “{key}” is “{decision}”; say take or different, or leave it blank."
        )
    if decision in _TAKE:
        if key in made.taken.setdefault(kind, {}):
            raise NotMigrated(f"{take.name}: {kind} “{key}” is taken twice.")
        made.taken[kind][key] = _id(take, kind, key, row.get("gg4l_id"))
    if decision in _LEAVE:
        made.left.setdefault(kind, set()).add(key)
    if decision == _DIFFERENT or (decision in _LEAVE and row.get("because")):  # a proposal that was struck out
        made.apart.setdefault(kind, set()).add((key, _id(take, kind, key, row.get("gg4l_id"))))


def _parted(edits: _Edits, work: Path) -> Path:
    """As COPY reads it: few lines, for a person wrote them."""
    escaped = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
    path = work / "parted.tsv"
    said = [(kind, key, id_) for kind, pairs in sorted(edits.apart.items()) for key, id_ in sorted(pairs)]
    path.write_text("".join(f"{kind}\t{key.translate(escaped)}\t{id_}\n" for kind, key, id_ in said), encoding="utf-8")
    return path


def _id(take: Path, kind: str, key: str, said: object) -> UUID:
    try:
        return UUID(str(said))
    except ValueError as wrong:
        raise NotMigrated(f"{take.name}: gg4l_id of {kind} “{key}” is “{said}”, which is no GG4L ID.") from wrong


def _rows(take: Path) -> list[dict[str, object]]:
    text = take.read_text(encoding="utf-8-sig")
    if take.suffix != ".json":
        rows = csv.DictReader(io.StringIO(text, newline=""))  # a name may hold what `splitlines` takes for a line end
        return [{name: formulas.read_back(value or "") for name, value in row.items()} for row in rows]
    try:
        found = json.loads(text)
    except ValueError as wrong:
        raise NotMigrated(f"{take.name} is not JSON: {wrong}.") from wrong
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise NotMigrated(f"{take.name} is a list of objects, as it was exported.")
    return found

"""A district and its one source, night after night, as tests tell it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection

from schoolpassport.quality import queries as quality
from schoolpassport.roster import queries as roster
from schoolpassport.roster.kinds import KINDS, Type
from schoolpassport.roster.kinds.shape import PAIRS
from schoolpassport.roster.records import ALTOGETHER
from schoolpassport.sources.actions import register_source
from schoolpassport.sources.models import Source
from schoolpassport.sync import actions, queries, releasing
from schoolpassport.sync.contract import Which
from schoolpassport.sync.models import Run
from schoolpassport.tenancy import scope
from tests.support import packages

BY = "test"
SCHEMA = "oneroster-1.1"


@dataclass(frozen=True)
class Place:
    """Where a finding points."""

    file: str
    line: int | None
    column: str
    rule: str


@dataclass
class Nights:
    district_id: UUID
    source: Source
    folder: Path
    now: datetime
    count: int = 0

    def write(self, package: packages.Package | dict[str, Any]) -> Path:
        self.count += 1
        return packages.folder(self.folder / f"night-{self.count}", package)

    def ask(self, origin: packages.Package | dict[str, Any] | Path) -> Run:
        path = origin if isinstance(origin, Path) else self.write(origin)
        return actions.ask(district_id=self.district_id, source_id=self.source.id, origin=path, by=BY, now=self.now)

    def walk(self, run: Run) -> Run:
        return actions.walk(district_id=self.district_id, run_id=run.id)

    def run(self, origin: packages.Package | dict[str, Any] | Path) -> Run:
        """One night: what the source says is asked for and walked to its end."""
        return self.walk(self.ask(origin))

    def done(self, origin: packages.Package | dict[str, Any] | Path) -> Run:
        """A night that must go well and make a revision; what it stumbles over is shown."""
        run = self.run(origin)
        assert run.state == "done", f"{run.state}: {run.message} {self.sentences(run)}"
        return run

    def approve(self, run: Run) -> Run:
        actions.approve(district_id=self.district_id, number=run.number, by=BY, now=self.now)
        return self.walk(run)

    def reject(self, run: Run) -> Run:
        return actions.reject(district_id=self.district_id, number=run.number, by=BY, now=self.now)

    def release(self, **which: Any) -> releasing.Released:
        return releasing.release(district_id=self.district_id, which=Which(**which), by=BY, now=self.now)

    def keep(self, **which: Any) -> dict[str, int]:
        return releasing.keep(district_id=self.district_id, which=Which(**which), by=BY, now=self.now)

    def set_limits(self, **limits: float) -> None:
        actions.set_limits(district_id=self.district_id, by=BY, now=self.now, **limits)

    # ------------------------------------------------------------------------------------------------------- looking

    def state(self, run: Run) -> str:
        with scope.inside(self.district_id):
            found = queries.run(district_id=self.district_id, number=run.number)
        assert found is not None
        return str(found.state)

    def revision(self) -> int:
        with scope.inside(self.district_id):
            return roster.current_revision(district_id=self.district_id)

    def findings(self, run: Run, severity: str = "") -> set[Place]:
        with scope.inside(self.district_id):
            found = quality.findings(district_id=self.district_id, run_id=run.id)
        return {Place(f.file, f.line, f.column, f.rule) for f in found if not severity or f.severity == severity}

    def sentences(self, run: Run) -> list[str]:
        with scope.inside(self.district_id):
            return [f.sentence for f in quality.findings(district_id=self.district_id, run_id=run.id)]

    def statistics(self, run: Run) -> dict[str, dict[str, int]]:
        """What the run did to each kind altogether; kinds about which nothing stands are left out."""
        with scope.inside(self.district_id):
            found = queries.statistics(district_id=self.district_id, run_id=run.id)
        words = ("added", "updated", "unchanged", "archived", "restored", "rejected")
        told = {s.kind: {w: getattr(s, w) for w in words} for s in found if s.school_id == ALTOGETHER}
        return {kind: {w: n for w, n in counts.items() if n} for kind, counts in told.items()}

    def ids(self, kind: str) -> dict[str, UUID]:
        """What the source calls a record → its GG4L ID, of everything there ever was."""
        return self.all_ids().get(kind, {})

    def all_ids(self) -> dict[str, dict[str, UUID]]:
        with scope.inside(self.district_id), connection.cursor() as cursor:
            cursor.execute(
                "SELECT kind, key, record_id FROM roster_link WHERE district_id = %s AND source_id = %s",
                [self.district_id, self.source.id],
            )
            ids: dict[str, dict[str, UUID]] = {kind: {} for kind in KINDS}
            for kind, key, id_ in cursor.fetchall():
                ids[kind][key] = id_
        return ids

    def records(self, kind: str, as_of: int | datetime | None = None) -> dict[str, dict[str, Any]]:
        """The roster in the source's own words: every record by its key, references as keys, values as they stand."""
        return self._told([kind], as_of)[kind]

    def everything(self, as_of: int | datetime | None = None) -> dict[str, dict[str, dict[str, Any]]]:
        return self._told(KINDS, as_of)

    def _told(self, kinds: Iterable[str], as_of: int | datetime | None) -> dict[str, dict[str, dict[str, Any]]]:
        keys = {name: {id_: key for key, id_ in ids.items()} for name, ids in self.all_ids().items()}
        with scope.inside(self.district_id):
            found = {k: roster.records(district_id=self.district_id, kind=k, as_of=as_of) for k in kinds}
        return {kind: {keys[kind][r["id"]]: _in_words(kind, r, keys) for r in rs} for kind, rs in found.items()}

    def waiting(self, kind: str = "", state: str = "") -> set[str]:
        """The keys of records of which the removal waits."""
        with scope.inside(self.district_id):
            found = queries.absences(district_id=self.district_id, source_id=self.source.id)
        return {a.key for a in found if kind in {"", a.kind} and state in {"", a.state}}

    def active(self, kind: str) -> set[str]:
        return {key for key, r in self.records(kind).items() if r["status"] == "active"}

    def archived(self, kind: str) -> set[str]:
        return {key for key, r in self.records(kind).items() if r["status"] == "tobedeleted"}


def _in_words(kind: str, record: dict[str, Any], keys: dict[str, dict[UUID, str]]) -> dict[str, Any]:
    words: dict[str, Any] = {"status": record["status"]}
    for field in KINDS[kind].fields:
        value = record[field.column]
        if field.is_reference and value is not None:
            names = keys[field.target]
            value = [names[v] for v in value] if field.many else names[value]
        if field.type in {Type.JSON, *PAIRS} and isinstance(value, str):
            value = json.loads(value)
        words[field.name] = value.isoformat() if isinstance(value, date) else value
    return words


def nights(*, district_id: UUID, folder: Path, now: datetime, witnesses: int | None = 1) -> Nights:
    """``witnesses``: after how many packages a removal takes effect; None: as it is at first.

    One, so that a test can be about something else than waiting.
    """
    source = register_source(district_id=district_id, name="SIS", schema=SCHEMA, by=BY, now=now)
    made = Nights(district_id, source, folder, now)
    if witnesses is not None:
        made.set_limits(witnesses=witnesses)
    return made

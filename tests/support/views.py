"""What one application sees, read from the tables of its view, and its change log played back from the beginning."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from schoolpassport.roster.kinds import SHARED
from schoolpassport.sharing.models import View as ViewModel
from schoolpassport.sharing.models import ViewRevision
from schoolpassport.tenancy import scope

OPEN = 2_147_483_647


@dataclass(frozen=True)
class Seen:
    """One version of one record in a view. ``facts``: the typed columns and the document, without its three heads."""

    kind: str
    id: UUID
    status: str
    rev_from: int
    rev_to: int
    seq: int
    change: str
    columns: dict[str, Any]
    doc: dict[str, Any] | None

    @property
    def facts(self) -> dict[str, Any]:
        body = {k: v for k, v in (self.doc or {}).items() if k not in {"status", "dateLastModified"}}
        return {**self.columns, "doc": body}


@dataclass(frozen=True)
class View:
    district_id: UUID
    integration_id: UUID

    def model(self) -> ViewModel:
        with scope.inside(self.district_id):
            return ViewModel.objects.get(district_id=self.district_id, integration_id=self.integration_id)

    def revisions(self) -> list[ViewRevision]:
        number = self.model().number
        with scope.inside(self.district_id):
            return list(ViewRevision.objects.filter(district_id=self.district_id, view=number).order_by("number"))

    def versions(self, *kinds: str) -> list[Seen]:
        """Every version row there is, in the order of the change log."""
        number = self.model().number
        with scope.inside(self.district_id):
            found = [row for kind in kinds or SHARED for row in self._read(kind, number)]
        return sorted(found, key=lambda row: row.seq)

    def rows(self, *kinds: str) -> dict[tuple[str, UUID], Seen]:
        """What stands now, tombstones included."""
        return {(row.kind, row.id): row for row in self.versions(*kinds) if row.rev_to == OPEN}

    def active(self, *kinds: str) -> dict[tuple[str, UUID], dict[str, Any]]:
        return {key: row.facts for key, row in self.rows(*kinds).items() if row.status == "active"}

    def at(self, revision: int) -> dict[tuple[str, UUID], dict[str, Any]]:
        """What was active at a revision of the view."""
        return {
            (row.kind, row.id): row.facts
            for row in self.versions()
            if row.rev_from <= revision < row.rev_to and row.status == "active"
        }

    def _read(self, kind: str, number: int) -> list[Seen]:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT * FROM sharing_{SHARED[kind].table} WHERE district_id = %s AND view = %s",
                [self.district_id, number],
            )
            names = [column.name for column in cursor.description]
            return [_seen(kind, dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


def _seen(kind: str, row: dict[str, Any]) -> Seen:
    doc = row.pop("doc", None)
    head = {name: row.pop(name) for name in ("id", "status", "rev_from", "rev_to", "seq", "change")}
    columns = {name: value for name, value in row.items() if name not in {"district_id", "view"}}
    return Seen(kind=kind, columns=columns, doc=None if doc is None else json.loads(doc, strict=False), **head)


def replayed(log: list[Seen]) -> dict[tuple[str, UUID], dict[str, Any]]:
    """What somebody holds who started with nothing and followed every line of the log, believing each verb."""
    held: dict[tuple[str, UUID], dict[str, Any]] = {}
    gone: set[tuple[str, UUID]] = set()
    for line in log:
        key = (line.kind, line.id)
        if line.change == "d":
            assert key in held or key in gone, f"{key} was never there"  # twice: a tombstone is made barer
            held.pop(key, None)
            gone.add(key)
        elif line.change in {"u", "m"}:
            assert held[key] != line.facts, f"nothing changed in {key}"
            held[key] = line.facts
        else:
            assert key not in held, f"{key} was there already"
            assert (key in gone) is (line.change == "r"), f"{key}: {line.change}"
            held[key] = line.facts
    return held


def check_log(view: View) -> None:
    """The promises of a change log: gap-free, one revision per stretch of it, and equal to the view it describes."""
    log = view.versions()
    assert [line.seq for line in log] == list(range(1, len(log) + 1)), "sequence numbers have gaps"
    model, revisions = view.model(), view.revisions()
    assert [r.number for r in revisions] == list(range(1, model.revision + 1)), "revisions have gaps"
    stretches = [seq for r in revisions for seq in range(r.seq_from + 1, r.seq_to + 1)]
    assert stretches == [line.seq for line in log], "revisions do not cover the log"
    of = {seq: r for r in revisions for seq in range(r.seq_from + 1, r.seq_to + 1)}
    assert all(line.rev_from == of[line.seq].number for line in log), "a line stands in another revision than it says"
    assert all(a.at < b.at for a, b in zip(revisions, revisions[1:], strict=False)), "time stands still"
    for line in log:
        if line.doc is not None:
            stamp = of[line.seq].at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
            assert (line.doc["sourcedId"], line.doc["status"]) == (str(line.id), line.status), line
            assert line.doc["dateLastModified"] == stamp, line
    assert model.last_seq == len(log)
    assert replayed(log) == view.active(), "the log tells another story than the view"

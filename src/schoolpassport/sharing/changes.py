"""The change log of a view without what its records hold: which record, of which kind, and what became of it.

Any piece of it can be read at any time; nothing of it ever expires.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection

from schoolpassport.roster.kinds import KINDS
from schoolpassport.sharing.models import VIEW_ROWS, Change, View, ViewRevision

WORDS: Final = {
    Change.CREATED: "created",
    Change.UPDATED: "updated",
    Change.DELETED: "deleted",
    Change.RESTORED: "restored",
    Change.REMAPPED: "idRemapped",
}


@dataclass(frozen=True, kw_only=True)
class Piece:
    """What one revision of a view added to its log: after ``seq_from``, up to ``seq_to``."""

    revision: int
    at: datetime
    seq_from: int
    seq_to: int


@dataclass(frozen=True, kw_only=True)
class Line:
    seq: int
    kind: str
    id: UUID
    change: str


def last_seq(*, district_id: UUID, integration_id: UUID) -> int:
    """Where the log ends; 0 where nothing was ever shared. In the caller's scope, like all of these."""
    found = View.objects.filter(district_id=district_id, integration_id=integration_id).first()
    return found.last_seq if found else 0


def pieces(*, district_id: UUID, integration_id: UUID, after: int) -> list[Piece]:
    """The log in the pieces that it grew by, from the one that holds the line behind ``after``."""
    view = View.objects.filter(district_id=district_id, integration_id=integration_id).first()
    if view is None:
        return []
    grown = ViewRevision.objects.filter(district_id=district_id, view=view.number, seq_to__gt=after)
    return [
        Piece(revision=r.number, at=r.at, seq_from=max(r.seq_from, after), seq_to=r.seq_to)
        for r in grown.order_by("number")
    ]


def lines(*, district_id: UUID, integration_id: UUID, seq_from: int, seq_to: int) -> list[Line]:
    """The lines after ``seq_from`` up to ``seq_to``, in order: as many as these numbers say."""
    rows = _read(
        "SELECT seq, '{kind}', id, change FROM {rows}", "ORDER BY 1", district_id, integration_id, seq_from, seq_to
    )
    return [Line(seq=seq, kind=kind, id=id_, change=WORDS[Change(change)]) for seq, kind, id_, change in rows]


def counts(*, district_id: UUID, integration_id: UUID, seq_from: int, seq_to: int) -> dict[str, dict[str, int]]:
    """How many lines of each kind say what: ``{"user": {"created": 3}}``."""
    one = "SELECT '{kind}', change, count(*) FROM {rows} GROUP BY change"
    found: dict[str, dict[str, int]] = {}
    for kind, change, count in _read(one, "", district_id, integration_id, seq_from, seq_to):
        found.setdefault(kind, {})[WORDS[Change(change)]] = count
    return found


def _read(
    one: str, order: str, district_id: UUID, integration_id: UUID, seq_from: int, seq_to: int
) -> Iterator[tuple[Any, ...]]:
    view = View.objects.filter(district_id=district_id, integration_id=integration_id).first()
    if view is None:
        return iter(())
    rows = "sharing_{table} WHERE district_id = %(d)s AND view = %(v)s AND seq > %(a)s AND seq <= %(z)s"
    each = (one.format(kind=name, rows=rows.format(table=KINDS[name].table)) for name in VIEW_ROWS)
    with connection.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(each) + f" {order}",
            {"d": district_id, "v": view.number, "a": seq_from, "z": seq_to},
        )
        return iter(cursor.fetchall())

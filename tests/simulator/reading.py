"""What the product shows after a night: its roster, its links, and what one application was told."""

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db import connection

from schoolpassport.roster import queries as roster
from schoolpassport.roster.kinds import KINDS, SHARED
from schoolpassport.tenancy import scope
from tests.simulator import oracle
from tests.support.views import OPEN, Seen, View, _seen

ORDER = tuple(oracle.KINDS)
# Of each kind: name, column, and whether it refers to one or to many, and to which kind.
SHAPES = {
    kind: tuple((f.name, f.column, f.target if f.is_reference else "", f.many) for f in KINDS[kind].fields)
    for kind in ORDER
}


class Divergence(AssertionError):
    """The product and the oracle say different things."""


def assure(fine: object, otherwise: str) -> None:
    if not fine:
        raise Divergence(otherwise)


@dataclass
class Roster:
    """In the source's own words. `ids`: kind → key → GG4L ID, of keys that mean somebody; `all`: every ID there is."""

    active: dict[str, dict[str, oracle.Record]] = field(default_factory=dict)
    ids: dict[str, dict[str, UUID]] = field(default_factory=dict)
    all: dict[str, dict[UUID, str]] = field(default_factory=dict)
    raw: dict[str, dict[UUID, dict[str, Any]]] = field(default_factory=dict)
    unnamed: list[str] = field(default_factory=list)  # active records that no key means


def read(district_id: UUID, source_id: UUID) -> Roster:
    found = Roster()
    with scope.inside(district_id), connection.cursor() as cursor:
        cursor.execute(
            "SELECT kind, key, record_id, gone FROM roster_link WHERE district_id = %s AND source_id = %s "
            "ORDER BY gone DESC, key",  # what means somebody now is told last, and stands
            [district_id, source_id],
        )
        names: dict[str, dict[UUID, str]] = {kind: {} for kind in ORDER}
        found.ids = {kind: {} for kind in ORDER}
        for kind, key, id_, gone in cursor.fetchall():
            names[kind][id_] = key
            if not gone:
                found.ids[kind][key] = id_
        for kind in ORDER:
            records = roster.records(district_id=district_id, kind=kind)
            found.all[kind] = {r["id"]: r["status"] for r in records}
            found.raw[kind] = {r["id"]: r for r in records if r["status"] == "active"}
    for kind in ORDER:
        keys = {id_: key for key, id_ in found.ids[kind].items()}
        found.unnamed += [f"{kind} {id_}" for id_ in found.raw[kind] if id_ not in keys]
        found.active[kind] = {keys[id_]: _in_words(kind, r, names) for id_, r in found.raw[kind].items() if id_ in keys}
    return found


def _in_words(kind: str, record: dict[str, Any], names: dict[str, dict[UUID, str]]) -> oracle.Record:
    words: oracle.Record = {"status": record["status"]}
    for name, column, target, many in SHAPES[kind]:
        value = record[column]
        if value in (None, "", [], {}):
            continue
        if target:
            value = [names[target][v] for v in value] if many else names[target][value]
        words[name] = value.isoformat() if isinstance(value, date) else value
    return words


def links(district_id: UUID, source_id: UUID) -> dict[str, tuple[UUID, bool]]:
    """Whom each key of a source for users means, and whether it is gone."""
    with scope.inside(district_id), connection.cursor() as cursor:
        cursor.execute(
            "SELECT key, record_id, gone FROM roster_link WHERE district_id = %s AND source_id = %s AND kind = 'user'",
            [district_id, source_id],
        )
        return {key: (id_, gone) for key, id_, gone in cursor.fetchall()}


def fingerprint(district_id: UUID) -> str:
    """Where each row of the roster and its links lies, and which transaction wrote it: never the same for other rows."""
    parts = " UNION ALL ".join(
        f"SELECT '{table}' || ctid || xmin AS row FROM {table} WHERE district_id = %(d)s {which}"
        for table, which in [
            ("roster_link", ""),
            *((f"roster_{KINDS[kind].table}", f"AND rev_to = {OPEN}") for kind in ORDER),
        ]
    )
    with scope.inside(district_id), connection.cursor() as cursor:
        cursor.execute(f"SELECT md5(string_agg(row, ' ' ORDER BY row)) FROM ({parts}) x", {"d": district_id})
        return str(cursor.fetchone()[0])


# ---------------------------------------------------------------------------------------------------- an application


@dataclass
class Application:
    """Holds a copy of what it is shared, by following the change log line by line, and believes every verb."""

    view: View
    seq: int = 0
    held: dict[tuple[str, UUID], Seen] = field(default_factory=dict)
    gone: set[tuple[str, UUID]] = field(default_factory=set)

    @cached_property
    def number(self) -> int:
        return int(self.view.model().number)

    def follow(self) -> int:
        """Take the lines since last time; returns how many there were."""
        lines = self._lines()
        assure(
            [line.seq for line in lines] == list(range(self.seq + 1, self.seq + 1 + len(lines))), "the log has a gap"
        )
        for line in lines:
            self._believe(line)
        self.seq += len(lines)
        return len(lines)

    def _believe(self, line: Seen) -> None:
        key = (line.kind, line.id)
        if line.change == "d":
            assure(key in self.held, f"the log removes {key}, which is not there")
            del self.held[key]
            self.gone.add(key)
        elif line.change == "u":
            assure(key in self.held, f"the log changes {key}, which is not there")
            assure(self.held[key].facts != line.facts, f"the log changes {key}, and nothing changed")
            self.held[key] = line
        else:
            assure(key not in self.held, f"the log adds {key}, which is there")
            assure((key in self.gone) is (line.change == "r"), f"the log says “{line.change}” of {key}")
            self.held[key] = line

    def _lines(self) -> list[Seen]:
        number, found = self.number, list[Seen]()
        with scope.inside(self.view.district_id), connection.cursor() as cursor:
            for kind in SHARED.values():
                cursor.execute(
                    f"SELECT * FROM sharing_{kind.table} WHERE district_id = %s AND view = %s AND seq > %s",
                    [self.view.district_id, number, self.seq],
                )
                columns = [column.name for column in cursor.description]
                found += [_seen(kind.name, dict(zip(columns, row, strict=True))) for row in cursor.fetchall()]
        return sorted(found, key=lambda line: line.seq)

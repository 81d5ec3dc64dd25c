"""One revision in the making: what every change of the roster goes through, by a source or by a person."""

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from psycopg import Cursor, sql

from schoolpassport.kit.columns import quoted
from schoolpassport.kit.joins import FEW, as_usual, believed, chosen, one_by_one, reshapes
from schoolpassport.roster.claims import Claims, said
from schoolpassport.roster.kinds import KINDS, Field, Kind
from schoolpassport.roster.models import FIRST_SEEN, MATCHED, OPEN
from schoolpassport.roster.records import ALTOGETHER, Applied, Authority, Batch, Tallied
from schoolpassport.roster.references import Renaming
from schoolpassport.roster.schools import belongs, school_join, schools

_COPY_BYTES = 1 << 20
NOBODY = UUID(int=0)  # the "source" of what a person decides

_Counted = dict[tuple[UUID, str], int]  # by school and op


class Writer:
    """One revision in the making. Lives inside one transaction."""

    def __init__(
        self, *, cursor: Cursor[tuple[object, ...]], district_id: UUID, source_id: UUID, authority: Authority
    ) -> None:
        self._cursor = cursor
        self._district = district_id
        self._source = source_id
        self._authority = authority
        self.claims = Claims(run=self.run, any=self.any, authority=authority, source=source_id)
        self._revision = 0
        self._ops: dict[str, int] = {}  # of the kind in hand: how many rows of each op, x for missing
        self._written = 0  # versions of the kind in hand
        self._uneasy = 0
        self._lost = False  # whether the source lost any key of the kind in hand
        self._reshaped: set[str] = set()
        self._changed: dict[str, int] = {}
        self._tallies: dict[tuple[str, UUID], Tallied] = defaultdict(Tallied)

    def lock(self) -> None:
        """One writer per district; the number of the revision to come."""
        self.run("SELECT pg_advisory_xact_lock(hashtextextended(%(d)s::text, 1))")
        self.run("SELECT coalesce(max(number), 0) + 1 FROM roster_revision WHERE district_id = %(d)s")
        (number,) = self._cursor.fetchone() or (1,)
        assert isinstance(number, int)  # noqa: S101 (count of an integer column)
        self._revision = number

    def write(self, kind: Kind, batch: Batch | None) -> None:
        """``batch``: None where the source does not speak of the kind; then only what is gathered may change."""
        if batch is None or batch.is_empty:
            if batch is not None:
                self._changed[kind.name] = 0
            if any(self._changed.get(f.gathered) for f in kind.gathered):
                self.rework(kind, anew=())
            return
        self._stage(kind, batch)
        self._lose(kind)
        if self.claims.find_shared(kind, self._ops.keys() | ({"x"} if self._lost else set())):
            self.claims.take(kind)
            self.claims.merge(kind)
            self._count_ops()
        self._finish(kind)

    def rework(self, kind: Kind, *, anew: Iterable[UUID], renaming: Renaming | None = None) -> None:
        """Merge these records anew from their claims, and give references their new targets.

        A record that no roster source claims any more goes.
        """
        self._open_stage(kind)
        self.run("CREATE TEMP TABLE shared ON COMMIT DROP AS SELECT unnest(%(anew)s::uuid[]) AS id", anew=list(anew))
        self._lost = False
        self._uneasy = 0
        self.claims.remember(kind)
        self.claims.merge(kind)
        self.run(
            f"INSERT INTO missing SELECT r.id, '' FROM roster_{kind.table} r JOIN shared ON shared.id = r.id "
            f"WHERE r.district_id = %(d)s AND r.rev_to = {OPEN} AND r.status = 'active' "
            "AND NOT EXISTS (SELECT FROM stage s WHERE s.id = r.id)"
        )
        if renaming is not None:
            self.run(renaming.staged(kind), kind, **renaming.parameters)
        self._count_ops()
        self._finish(kind)

    def _finish(self, kind: Kind) -> None:
        """What is in the stage becomes links, versions and tallies."""
        for field in kind.gathered:
            self._gather(kind, field)
        if self._ops.get("u"):
            self._mark_equal(kind)
        self._write_links(kind)
        self._write_versions(kind)
        self._tally(kind)
        self.run(f"DROP TABLE IF EXISTS stage, missing, uneasy, lost, shared, claimed_before; {as_usual()}")

    def finish(self, *, cause: str, now: datetime, always: bool = False) -> Applied:
        """``always``: there is a revision although no record is another, for one is called something else."""
        if not always and not any(self._changed.values()):
            return Applied(number=None, at=None)
        # Instants of revisions are milliseconds and strictly increase: dateLastModified never hides a change.
        self.run("SELECT max(at) FROM roster_revision WHERE district_id = %(d)s")
        (last,) = self._cursor.fetchone() or (None,)
        at = now.replace(microsecond=now.microsecond // 1000 * 1000)
        if isinstance(last, datetime) and at <= last:
            at = last + timedelta(milliseconds=1)
        self._cursor.execute(
            "INSERT INTO roster_revision (district_id, number, at, cause, changed) VALUES (%s, %s, %s, %s, %s::jsonb)",
            [self._district, self._revision, at, cause, json.dumps(self._changed)],
        )
        for kind in (k for k in KINDS.values() if k.same_id_as):
            if self._changed.get(kind.name) or self._changed.get(kind.same_id_as):
                self._add_up(kind, *self._follow(kind))
        self._carry_tallies()
        return Applied(number=self._revision, at=at, tallies=dict(self._tallies), reshaped=frozenset(self._reshaped))

    def _gather(self, kind: Kind, field: Field) -> None:
        """Fill in what records of another kind say, also of records of which nothing else changed."""
        ties = KINDS[field.gathered]
        table, own, value = (
            f"roster_{ties.table}",
            quoted(ties.to(kind.name).column),
            quoted(ties.to(field.target).column),
        )
        column, columns = quoted(field.column), _list(kind.columns)
        if self._changed.get(ties.name):
            self.run(
                f"INSERT INTO stage (id, op, line, origin, {columns}) SELECT r.id, 'u', r.line, r.origin, "
                f"{_list(kind.columns, 'r')} FROM roster_{kind.table} r WHERE r.district_id = %(d)s "
                f"AND r.rev_to = {OPEN} AND r.status = 'active' AND r.id IN (SELECT o.{own} FROM {table} n "
                f"JOIN {table} o ON o.district_id = n.district_id AND o.id = n.id "
                "AND (o.rev_from = %(r)s OR o.rev_to = %(r)s) WHERE n.district_id = %(d)s AND n.rev_from = %(r)s) "
                "AND r.id NOT IN (SELECT id FROM stage) AND r.id NOT IN (SELECT id FROM missing)"
            )
            if self._cursor.rowcount:
                self.run("ANALYZE stage (id, key, op)")
                self._count_ops()
                self._choose_joins(kind)
        if not self.any(f"SELECT FROM {table} WHERE district_id = %(d)s"):
            return
        self.run(f"UPDATE stage SET {column} = NULL WHERE {column} IS NOT NULL")
        self.run(
            f"UPDATE stage s SET {column} = t.found FROM (SELECT {own} AS id, array_agg(DISTINCT {value}) AS found "
            f"FROM {table} WHERE district_id = %(d)s AND rev_to = {OPEN} AND status = 'active' "
            f"AND {own} IN (SELECT id FROM stage) GROUP BY 1) t WHERE t.id = s.id"
        )

    # ------------------------------------------------------------------------------------------------------- staging

    def _open_stage(self, kind: Kind) -> None:
        """Temporary tables, because COPY cannot write into tables under row-level security."""
        columns = _list(kind.columns)
        self.run(
            f"CREATE TEMP TABLE stage ON COMMIT DROP AS SELECT id, ''::text AS key, ''::text AS op, id AS hash, line, "
            f"origin, '{{}}'::jsonb AS evidence, {columns}, false AS forced FROM roster_{kind.table} WHERE false; "
            "ALTER TABLE stage ALTER forced SET DEFAULT false; "
            "CREATE TEMP TABLE missing (id uuid, key text) ON COMMIT DROP; "
            "CREATE TEMP TABLE uneasy (id uuid, key text) ON COMMIT DROP; "
            "CREATE TEMP TABLE lost (id uuid, key text) ON COMMIT DROP"
        )

    def _stage(self, kind: Kind, batch: Batch) -> None:
        self._open_stage(kind)
        staged = f"stage (id, key, op, hash, line, origin, evidence, {_list(kind.columns)})"
        for table, path in ((staged, batch.settled), ("missing", batch.missing), ("uneasy", batch.uneasy)):
            if not path.stat().st_size:
                continue
            with path.open("rb") as file, self._cursor.copy(f"COPY {table} FROM STDIN") as copy:
                while block := file.read(_COPY_BYTES):
                    copy.write(block)
        self._count_ops()
        if batch.copied:
            self._keep_first_word(kind, list(batch.copied))
        self._choose_joins(kind)

    def _keep_first_word(self, kind: Kind, keys: list[str]) -> None:
        """Rows whose attributes were copied once say what they said then: their claim, or the record that is theirs.

        What they refer to follows the source, for it may go.
        """
        columns = [f.column for f in kind.fields if not f.is_reference and not f.gathered]
        self.run(
            f"UPDATE stage s SET ({_list(columns)}) = (SELECT {_list(columns, 'p')} FROM roster_{kind.table} r "
            "LEFT JOIN roster_claim c ON c.district_id = %(d)s AND c.source_id = %(s)s AND c.kind = %(k)s "
            f"AND c.key = s.key CROSS JOIN LATERAL jsonb_populate_record(NULL::roster_{kind.table}, "
            f"coalesce(c.said, {said(kind, 'r')})) p WHERE r.district_id = %(d)s AND r.id = s.id "
            f"AND r.rev_to = {OPEN}) WHERE s.op = 'u' AND s.key = ANY(%(keys)s)",
            kind,
            keys=keys,
        )

    def _count_ops(self) -> None:
        self.run(
            "SELECT op, count(*) FROM stage GROUP BY op UNION ALL SELECT 'x', count(*) FROM missing "
            "UNION ALL SELECT 'uneasy', count(*) FROM uneasy"
        )
        self._ops = {str(op): int(str(count)) for op, count in self._cursor.fetchall()}
        self._uneasy = self._ops.pop("uneasy")

    def _choose_joins(self, kind: Kind) -> None:
        """We know how much changes against how much stands; the planner's statistics may be from before the load.

        A large share is joined by hashing. A small one looks its records up; should the planner turn the join round,
        it finds an index here, too. Very few are always looked up.
        """
        if sum(self._ops.values()) + self._uneasy <= FEW:
            self.run(one_by_one())
            return
        self.run("ANALYZE stage (id, key, op), missing, uneasy")
        self.run(
            "SELECT standing FROM roster_tally WHERE district_id = %(d)s AND kind = %(k)s "
            f"AND school_id = '{ALTOGETHER}'",
            kind,
        )
        (standing,) = self._cursor.fetchone() or (0,)
        large, joins = chosen(changing=sum(self._ops.values()), standing=int(str(standing)))
        self.run(f"{as_usual()}; {joins}")
        if large:
            tables = (f"roster_{kind.table}", "roster_link")
            rows = sum(self._ops.values())
            self._reshaped |= {t for t in tables if reshapes(rows, partial(self._believed, t))}
        if not large:
            self.run("CREATE INDEX ON stage (id); CREATE INDEX ON stage (key)")

    def _believed(self, table: str) -> float:
        self.run(believed(table))
        (rows,) = self._cursor.fetchone() or (0,)
        return float(str(rows))

    def _mark_equal(self, kind: Kind) -> None:
        """A row may be written differently and say the same. Its link learns the new hash; the record stays."""
        stands = " AND ".join(f"r.{quoted(c)} IS NOT DISTINCT FROM s.{quoted(c)}" for c in kind.columns)
        self.run(
            f"UPDATE stage s SET op = '=' FROM roster_{kind.table} r WHERE s.op = 'u' AND NOT s.forced "
            f"AND r.district_id = %(d)s AND r.id = s.id AND r.rev_to = {OPEN} AND r.status = 'active' AND {stands}"
        )

    def _lose(self, kind: Kind) -> None:
        """``lost``: the keys that this source no longer has. ``missing`` keeps the records that go with them.

        A record stays while another key of a roster source means it, one that comes tonight included.
        """
        self._lost = bool(self._ops.get("x"))
        if not self._lost:
            return
        self.run("INSERT INTO lost SELECT id, key FROM missing")
        if self._source in self._authority.enrichment:
            self.run("DELETE FROM missing")
            self._count_ops()
            return
        self.run(
            # The lost keys are joined: a subquery under NOT seems so dear to the planner that it reads all links.
            "DELETE FROM missing m USING roster_link l LEFT JOIN lost o ON o.key = l.key AND l.source_id = %(s)s "
            "WHERE l.district_id = %(d)s AND l.record_id = m.id AND l.kind = %(k)s AND NOT l.gone "
            "AND l.source_id <> ALL(%(enrichment)s::uuid[]) AND o.key IS NULL",
            kind,
            enrichment=list(self._authority.enrichment),
        )
        self.run("DELETE FROM missing m USING stage s WHERE s.id = m.id")
        self.run("DELETE FROM missing m USING missing o WHERE o.id = m.id AND o.key < m.key")
        self._count_ops()

    # ------------------------------------------------------------------------------------------------------ writing

    def _write_links(self, kind: Kind) -> None:
        if self._ops.keys() & {"a", "l"}:
            self._make_links(kind)
        where = "l.district_id = %(d)s AND l.source_id = %(s)s AND l.kind = %(k)s"
        if self._ops.keys() & {"u", "r", "="}:
            self.run(
                f"UPDATE roster_link l SET row_hash = s.hash, gone = false FROM stage s "
                f"WHERE {where} AND l.key = s.key AND s.op NOT IN ('a', 'l')",
                kind,
            )
        if self._lost:
            self.run(f"UPDATE roster_link l SET gone = true FROM lost WHERE {where} AND l.key = lost.key", kind)
        if self._uneasy:
            self.run(
                f"UPDATE roster_link l SET row_hash = '{UUID(int=0)}' FROM uneasy u WHERE {where} AND l.key = u.key",
                kind,
            )

    def _make_links(self, kind: Kind) -> None:
        self.run(
            "INSERT INTO roster_link (district_id, source_id, kind, key, record_id, row_hash, gone, rule, evidence, "
            "revision) SELECT %(d)s, %(s)s, %(k)s, key, id, hash, false, "
            f"CASE op WHEN 'a' THEN '{FIRST_SEEN}' ELSE '{MATCHED}' END, evidence, %(r)s FROM stage "
            "WHERE op IN ('a', 'l') AND key IS NOT NULL ORDER BY id",
            kind,
        )

    def _write_versions(self, kind: Kind) -> None:
        table, columns = f"roster_{kind.table}", _list(kind.columns)
        if self._ops.keys() & {"u", "r"} or self._ops.get("x"):
            self._close(table)
        written = 0
        if self._ops.keys() & {"a", "u", "r"}:
            self.run(
                f"INSERT INTO {table} (district_id, id, rev_from, rev_to, status, line, origin, {columns}) "
                f"SELECT %(d)s, id, %(r)s, {OPEN}, 'active', line, origin, {columns} "
                "FROM stage WHERE op IN ('a', 'u', 'r') ORDER BY id"
            )
            written = self._cursor.rowcount
        if self._ops.get("x"):
            self.run(
                f"INSERT INTO {table} (district_id, id, rev_from, rev_to, status, line, origin, {columns}) "
                f"SELECT r.district_id, r.id, %(r)s, {OPEN}, 'tobedeleted', r.line, r.origin, "
                f"{_list(kind.columns, 'r')} FROM {table} r JOIN missing m USING (id) "
                "WHERE r.district_id = %(d)s AND r.rev_to = %(r)s"
            )
            written += self._cursor.rowcount
        self._written = written
        self._changed[kind.name] = self._changed.get(kind.name, 0) + written

    def _close(self, table: str) -> None:
        self.run(
            f"UPDATE {table} r SET rev_to = %(r)s FROM "
            "(SELECT id FROM stage WHERE op IN ('u', 'r') UNION ALL SELECT id FROM missing) ended "
            f"WHERE r.district_id = %(d)s AND r.id = ended.id AND r.rev_to = {OPEN}"
        )

    # ------------------------------------------------------------------------------------------------------ counting

    def _tally(self, kind: Kind) -> None:
        """What changed, by school, and how many stand afterwards."""
        if not self._written:
            return
        counted = self._count("SELECT * FROM stage WHERE op IN ('a', 'u', 'r')", "r.op", kind)
        ended = {}
        if self._ops.keys() & {"u", "r", "x"}:
            closed = (
                f"SELECT o.* FROM roster_{kind.table} o WHERE o.district_id = %(d)s AND o.rev_to = %(r)s "
                "AND o.status = 'active' AND o.id IN (SELECT id FROM stage UNION ALL SELECT id FROM missing)"
            )
            ended = self._count(closed, "CASE WHEN r.id IN (SELECT id FROM missing) THEN 'x' ELSE 'u' END", kind)
        names = {"a": "added", "u": "updated", "r": "restored", "x": "archived"}
        for (school, op), count in {**{k: n for k, n in ended.items() if k[1] == "x"}, **counted}.items():
            setattr(self._tallies[kind.name, school], names[op], count)
        if not kind.same_id_as:
            self._add_up(kind, counted, ended)

    def _count(self, rows: str, op: str, kind: Kind, at: str = "%(r)s") -> _Counted:
        """By school and op. Rows of the same schools are counted first: they are many, and sets of schools are few."""
        self.run(
            f"SELECT school, op, sum(n) FROM (SELECT {schools('belongs', kind)} AS school, op, n FROM ("
            f"SELECT {belongs(kind)} AS belongs, {op} AS op, count(*) AS n FROM ({rows}) r {school_join(kind, at)} "
            "GROUP BY 1, 2) y) x WHERE school IS NOT NULL GROUP BY school, op"
        )
        return {(_uuid(school), str(op_)): int(str(n)) for school, op_, n in self._cursor.fetchall()}

    def _add_up(self, kind: Kind, begun: _Counted, ended: _Counted) -> None:
        """What stands is what stood, less the versions that ended, and those that began."""
        delta: dict[UUID, int] = defaultdict(int)
        for (school, _), count in begun.items():
            delta[school] += count
        for (school, _), count in ended.items():
            delta[school] -= count
        self.run(
            "INSERT INTO roster_tally (district_id, kind, school_id, standing) "
            "SELECT %(d)s, %(k)s, unnest(%(schools)s::uuid[]), 0 ON CONFLICT DO NOTHING; "
            "UPDATE roster_tally t SET standing = standing + x.change "
            "FROM unnest(%(schools)s::uuid[], %(changes)s::bigint[]) x(school, change) "
            "WHERE t.district_id = %(d)s AND t.kind = %(k)s AND t.school_id = x.school",
            kind,
            schools=list(delta),
            changes=list(delta.values()),
        )

    def _follow(self, kind: Kind) -> tuple[_Counted, _Counted]:
        """Demographics stand where their user stands, and a user moves without them. What began, and what ended."""
        table, user = f"roster_{kind.table}", f"roster_{KINDS[kind.same_id_as].table}"
        new = "district_id = %(d)s AND rev_from = %(r)s"
        self.run(
            f"CREATE TEMP TABLE moved ON COMMIT DROP AS SELECT id FROM {table} WHERE {new} "
            f"UNION SELECT id FROM {user} WHERE {new}; ANALYZE moved"
        )
        began, ended = (
            self._count(
                f"SELECT o.* FROM {table} o JOIN moved USING (id) WHERE o.district_id = %(d)s AND o.status = 'active' "
                f"AND o.rev_from <= {at} AND o.rev_to > {at}",
                "''",
                kind,
                at=at,
            )
            for at in ("%(r)s", "%(r)s - 1")
        )
        self.run("DROP TABLE moved")
        return began, ended

    def _carry_tallies(self) -> None:
        """Every kind and school has its line, also where nothing happened."""
        self.run("SELECT kind, school_id, standing FROM roster_tally WHERE district_id = %(d)s")
        for kind, school, standing in self._cursor.fetchall():
            tally = self._tallies[str(kind), _uuid(school)]
            tally.unchanged = int(str(standing)) - tally.added - tally.updated - tally.restored

    @property
    def revision(self) -> int:
        """The number that the revision will have, if there is one."""
        return self._revision

    def any(self, query: str, kind: Kind | None = None, **more: object) -> bool:
        self.run(f"SELECT EXISTS ({query})", kind, **more)
        return bool((self._cursor.fetchone() or (False,))[0])

    def run(self, statement: str, kind: Kind | None = None, **more: object) -> None:
        facts = {"d": self._district, "s": self._source, "r": self._revision, "k": kind.name if kind else ""}
        self._cursor.execute(sql.SQL(statement), {**facts, **more})


def _uuid(value: object) -> UUID:
    return value if isinstance(value, UUID) else UUID(str(value))


def _list(columns: Iterable[str], alias: str = "") -> str:
    dot = f"{alias}." if alias else ""
    return ", ".join(f"{dot}{quoted(c)}" for c in columns)

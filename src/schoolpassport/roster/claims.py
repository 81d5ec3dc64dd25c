"""Records of which several keys speak: what each of them claims, and what that comes to together.

Most records have one link, and stand as its row said. From the second link on, what each key says is kept beside the
record, and the record is what the claims come to by the rules of ``Authority``: of each attribute, the value of the
first source in its order that has one. A record stands as long as a roster source claims it.

Works on the writer's temporary tables: ``stage``, ``lost`` (id, key: what this source no longer has) and ``shared``
(id), the records to be merged anew, which it makes.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

from schoolpassport.kit.columns import literal, quoted
from schoolpassport.roster.kinds import Field, Kind, Type
from schoolpassport.roster.kinds.shape import PAIRS
from schoolpassport.roster.models import OPEN
from schoolpassport.roster.records import Authority, Ranked

_ASIDE = "district_id = %(d)s AND kind = %(k)s"


def said(kind: Kind, alias: str) -> str:
    """SQL: what a row says, without what is blank. JSON is put in whole: a null inside it is said, too."""
    own = [f for f in kind.fields if not f.gathered]
    plain = [f for f in own if f.type not in {Type.JSON, *PAIRS}]
    pairs = ", ".join(f"{literal(f.column)}, {_filled(f, f'{alias}.{quoted(f.column)}')}" for f in plain)
    whole = [f"jsonb_strip_nulls(jsonb_build_object({pairs}))"]
    whole += [
        f"CASE WHEN {alias}.{quoted(f.column)} IS NULL THEN jsonb_build_object() "
        f"ELSE jsonb_build_object({literal(f.column)}, {alias}.{quoted(f.column)}) END"
        for f in own
        if f not in plain
    ]
    return " || ".join(whole)


def _filled(field: Field, value: str) -> str:
    """SQL: a value that is one. A name that is an empty text is none, so that another source may say it."""
    return f"nullif({value}, '')" if field.unless else value


@dataclass(frozen=True, kw_only=True)
class Claims:
    """``run`` executes a statement with the writer's facts (d, s, k, r), and more by name; ``any`` asks for a row."""

    run: Callable[..., None]
    any: Callable[..., bool]
    authority: Authority
    source: UUID

    # ------------------------------------------------------------------------------------------------ what is shared

    def find_shared(self, kind: Kind, ops: Iterable[str]) -> bool:
        """Make ``shared``: records of the stage, or lost, of which another key speaks. Whether there are any."""
        if ways := self._ways(kind, set(ops)):
            self.run(
                f"CREATE TEMP TABLE shared ON COMMIT DROP AS SELECT DISTINCT id FROM ({' UNION '.join(ways)}) w", kind
            )
            if self.any("SELECT FROM shared"):
                self.run("ANALYZE shared")
                return True
            self.run("DROP TABLE shared")
        return False

    def _ways(self, kind: Kind, ops: set[str]) -> list[str]:
        claimed = f"EXISTS (SELECT FROM roster_claim c WHERE c.{_ASIDE.replace('AND kind', 'AND c.kind')}"
        ways = []
        if ops - {"a", "x"} and (self.source in self.authority.enrichment or self.authority.keeps(kind.name)):
            ways.append("SELECT id FROM stage WHERE op <> 'a'")
        elif "l" in ops:
            ways.append("SELECT id FROM stage WHERE op = 'l'")
        if "r" in ops:
            ways.append(
                "SELECT s.id FROM stage s JOIN roster_link l ON l.district_id = %(d)s AND l.record_id = s.id "
                "AND l.kind = %(k)s AND NOT l.gone AND (l.source_id, l.key) <> (%(s)s, s.key) WHERE s.op = 'r'"
            )
            ways.append("SELECT id FROM stage WHERE op = 'r' GROUP BY id HAVING count(*) > 1")  # they return together
        if ops & {"u", "r", "x"} and self.any(f"SELECT FROM roster_claim WHERE {_ASIDE}", kind):
            ways.append(f"SELECT s.id FROM stage s WHERE s.op <> 'a' AND {claimed} AND c.record_id = s.id)")
            if "x" in ops:
                ways.append(f"SELECT l.id FROM lost l WHERE {claimed} AND c.record_id = l.id)")
        return ways

    # -------------------------------------------------------------------------------------------------------- claims

    def take(self, kind: Kind) -> None:
        """What this source says of shared records tonight becomes its claims; what it lost is claimed no more."""
        self.claim_what_stands(kind)
        self.remember(kind)
        self.run(
            "INSERT INTO roster_claim (district_id, source_id, kind, key, record_id, said, line, origin, revision) "
            f"SELECT %(d)s, %(s)s, %(k)s, s.key, s.id, {said(kind, 's')}, s.line, s.origin, %(r)s FROM stage s "
            "JOIN shared USING (id) ORDER BY s.key ON CONFLICT (district_id, source_id, kind, key) DO UPDATE SET "
            "record_id = excluded.record_id, said = excluded.said, line = excluded.line, origin = excluded.origin, "
            "revision = excluded.revision",
            kind,
        )
        self.run(
            "DELETE FROM roster_claim c USING lost WHERE c.district_id = %(d)s AND c.source_id = %(s)s "
            "AND c.kind = %(k)s AND c.key = lost.key",
            kind,
        )

    def remember(self, kind: Kind) -> None:
        """``claimed_before``: the claims as they are, where it matters whose value stood until now."""
        if self.authority.keeps(kind.name):
            self.run(
                "CREATE TEMP TABLE claimed_before ON COMMIT DROP AS SELECT c.* FROM roster_claim c "
                "JOIN shared ON shared.id = c.record_id WHERE c.district_id = %(d)s AND c.kind = %(k)s",
                kind,
            )

    def claim_what_stands(self, kind: Kind) -> None:
        """A record without claims stands as its one live link said it: that becomes the first of its claims."""
        self.run(
            "INSERT INTO roster_claim (district_id, source_id, kind, key, record_id, said, line, origin, revision) "
            f"SELECT %(d)s, l.source_id, %(k)s, l.key, r.id, {said(kind, 'r')}, r.line, r.origin, r.rev_from "
            "FROM shared JOIN roster_link l ON l.district_id = %(d)s AND l.record_id = shared.id AND l.kind = %(k)s "
            f"AND NOT l.gone JOIN roster_{kind.table} r ON r.district_id = %(d)s AND r.id = shared.id "
            f"AND r.rev_to = {OPEN} AND r.status = 'active' WHERE NOT EXISTS (SELECT FROM roster_claim c "
            "WHERE c.district_id = %(d)s AND c.kind = %(k)s AND c.record_id = shared.id)",
            kind,
        )

    # ------------------------------------------------------------------------------------------------------- merging

    def merge(self, kind: Kind) -> None:
        """Put what the claims come to into the stage, as rows without a key; rows with one change links only."""
        self._stage_merged(kind)
        self.run("UPDATE stage SET op = '=' FROM shared WHERE shared.id = stage.id AND key IS NOT NULL AND op <> 'l'")

    def _stage_merged(self, kind: Kind) -> None:
        groups: dict[Ranked, list[Field]] = {}
        for field in kind.fields:
            groups.setdefault(self.authority.ranked(kind.name, field.column), []).append(field)
        laid, joins, values = [], [], dict[str, str]()
        parameters: dict[str, object] = {"enrichment": list(self.authority.enrichment)}
        for number, (ranked, fields) in enumerate(groups.items()):
            parameters |= {f"first{number}": list(ranked.first), f"kept{number}": list(ranked.kept)}
            laid.append(f"{_first(number)} AS g{number}")
            joins.append(_read(kind, f"m.g{number}", f"p{number}"))
            if ranked.kept:
                laid.append(f"{_kept(number)} AS k{number}")
                before = f"(SELECT {_first(number)} FROM claimed_before c WHERE c.record_id = m.id)"
                joins += [_read(kind, f"m.k{number}", f"q{number}"), _read(kind, before, f"b{number}")]
            values |= {f.column: _value(f, number, kept=bool(ranked.kept)) for f in fields}
        self.run(
            f"INSERT INTO stage (id, op, line, origin, forced, {_list(kind.columns)}) SELECT m.id, "
            "CASE v.status WHEN 'active' THEN 'u' WHEN 'tobedeleted' THEN 'r' ELSE 'a' END, here.line, here.origin, "
            f"coalesce(here.relinked OR lost.id IS NOT NULL, false) AND {self._is_named_by()}, "
            f"{', '.join(values[c] for c in kind.columns)} FROM ("
            f"SELECT c.record_id AS id, {', '.join(laid)} FROM shared JOIN roster_claim c ON c.district_id = %(d)s "
            "AND c.kind = %(k)s AND c.record_id = shared.id GROUP BY c.record_id "
            "HAVING bool_or(c.source_id <> ALL(%(enrichment)s::uuid[]))) m "
            f"LEFT JOIN roster_{kind.table} v ON v.district_id = %(d)s AND v.id = m.id AND v.rev_to = {OPEN} "
            "LEFT JOIN (SELECT id, min(line) AS line, min(origin) AS origin, bool_or(op <> 'u') AS relinked FROM stage "
            "WHERE key IS NOT NULL GROUP BY id) here ON here.id = m.id "
            f"LEFT JOIN (SELECT DISTINCT id FROM lost) lost ON lost.id = m.id {' '.join(joins)}",
            kind,
            **parameters,
        )

    def _is_named_by(self) -> str:
        """SQL: what the record is called in views may be another key from now on, so that it is looked at there."""
        if self.source in self.authority.enrichment:
            return "false"
        return (
            "NOT EXISTS (SELECT FROM roster_link o WHERE o.district_id = %(d)s AND o.kind = %(k)s "
            "AND o.record_id = m.id AND NOT o.gone AND o.source_id < %(s)s "
            "AND o.source_id <> ALL(%(enrichment)s::uuid[]))"
        )


def _first(number: int) -> str:
    """SQL: the claims as one document, the first source's on top; a source that no rule knows comes last."""
    place = f"coalesce(array_position(%(first{number})s::uuid[], c.source_id), 1000)"
    kept = f"c.source_id = ANY(%(kept{number})s::uuid[])"
    return f"laid_over(c.said ORDER BY {place} DESC, c.key DESC) FILTER (WHERE NOT {kept})"


def _kept(number: int) -> str:
    """SQL: what is only kept, as one document."""
    place = f"array_position(%(kept{number})s::uuid[], c.source_id)"
    return f"laid_over(c.said ORDER BY {place} DESC, c.key DESC) FILTER (WHERE {place} IS NOT NULL)"


def _read(kind: Kind, document: str, alias: str) -> str:
    """SQL: a document as a row of typed columns."""
    return f"CROSS JOIN LATERAL jsonb_populate_record(NULL::roster_{kind.table}, {document}) {alias}"


def _value(field: Field, number: int, *, kept: bool) -> str:
    """SQL: what an attribute comes to. What a *keep* put there stays, until a source before it has a value."""
    name, nothing = quoted(field.column), ", ''" if field.unless else ""
    if not kept:
        return f"coalesce(p{number}.{name}{nothing})" if nothing else f"p{number}.{name}"
    stays = f"CASE WHEN b{number}.{name} IS NULL AND v.status = 'active' THEN {_filled(field, f'v.{name}')} END"
    return f"coalesce(p{number}.{name}, {stays}, q{number}.{name}{nothing})"


def _list(columns: Iterable[str]) -> str:
    return ", ".join(quoted(c) for c in columns)

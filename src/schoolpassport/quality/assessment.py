"""The rules of a district, put to its roster: what is wrong with a record stands as a finding until it is mended.

After each revision only records are looked at that it touched, or whose neighbours it touched; all of them when rules
were changed, and those of rules that ask the clock when a day went by. So counts are complete also on a night on which
hardly a row was read. Set work in PostgreSQL; one kind after the other.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from psycopg import Cursor

from schoolpassport.kit import conditions
from schoolpassport.kit.columns import literal, quoted
from schoolpassport.kit.conditions import POSTGRESQL, Column
from schoolpassport.kit.joins import FEW
from schoolpassport.quality.policies import METADATA, Asked, Attributes, Ruling
from schoolpassport.quality.records import Rule, Severity, Touch
from schoolpassport.roster.kinds import KINDS, Field, Kind, Type
from schoolpassport.roster.models import OPEN, RECORDS
from schoolpassport.roster.records import ALTOGETHER
from schoolpassport.roster.schools import belongs, school_join

WEIGHTS = {Severity.ERROR: 1.0, Severity.SKIP: 1.0, Severity.WARNING: 0.25}

_CLOSE = (
    "UPDATE quality_standing s SET closed_at = %(now)s WHERE s.district_id = %(d)s AND s.closed_at IS NULL"  # and …
)
_NOT_FOUND = "NOT EXISTS (SELECT FROM found f WHERE f.rule = s.rule AND f.id = s.record_id)"
_HERE = f"r.district_id = %(d)s AND r.rev_to = {OPEN} AND r.status = 'active'"


@dataclass(frozen=True, kw_only=True)
class Span:
    """What lies between the last assessment and this one."""

    since: int  # the revision that was looked at
    whole: bool  # every record, for every rule
    new_day: bool


class Assessor:
    """One assessment of one district, in the caller's scope and transaction."""

    def __init__(self, *, cursor: Cursor[tuple[object, ...]], district_id: UUID, rulings: tuple[Ruling, ...]) -> None:
        self._cursor = cursor
        self._facts: dict[str, object] = {"d": district_id}
        self._rulings = rulings

    def assess(self, span: Span, *, now: datetime) -> int:
        """Open, keep and close findings. Returns how many records were looked at, or -1 for all."""
        self._facts |= {"now": now, "since": span.since}
        self._run(
            "CREATE TEMP TABLE found (rule text, id uuid, value text) ON COMMIT DROP; "
            "CREATE TEMP TABLE scope (part int, id uuid, PRIMARY KEY (part, id)) ON COMMIT DROP"
        )
        changed = frozenset(KINDS) if span.whole else self._changed()
        looked_at = 0
        for kind in KINDS.values():
            rulings = [r for r in self._rulings if r.rule.kind == kind.name]
            looked_at += self._kind(kind, rulings, changed, span, now.date())
        self._retire()
        self._run("DROP TABLE found; DROP TABLE scope")
        return -1 if span.whole else looked_at

    def _kind(self, kind: Kind, rulings: list[Ruling], changed: frozenset[str], span: Span, today: date) -> int:
        in_full = [r for r in rulings if span.whole or (span.new_day and r.rule.by_clock) or self._all(r.rule, changed)]
        parts = self._parts(kind, [r for r in rulings if r not in in_full], changed)
        rows = self._scope(parts) if parts else {}
        asked = [(part, parts[way]) for part, way in enumerate(parts) if rows.get(part)]
        self._look(kind, in_full, today)
        self._look_again(kind, asked, today)
        if in_full:
            self._close(kind, in_full)
        if asked:
            self._close_again(kind, asked)
        if in_full or asked:
            few = not in_full and sum(rows.values()) <= FEW
            self._open(kind, rulings)
            # Of a few rows, deleting is the cheaper way to forget.
            self._run("DELETE FROM found; DELETE FROM scope" if few else "TRUNCATE found; TRUNCATE scope")
        return max(rows.values(), default=0)

    @staticmethod
    def _all(rule: Rule, changed: frozenset[str]) -> bool:
        return bool(changed & {t.by for t in rule.touched_by})

    # ---------------------------------------------------------------------------------------------- which records

    def _changed(self) -> frozenset[str]:
        """The kinds that changed since, and ``changed_<kind>``: which of their records did."""
        self._run(
            "SELECT key FROM roster_revision, jsonb_each_text(changed) WHERE district_id = %(d)s "
            "AND number > %(since)s GROUP BY key HAVING sum(value::bigint) > 0"
        )
        kinds = frozenset(str(kind) for (kind,) in self._cursor.fetchall())
        compared = self._compared()
        for kind in kinds:
            table = KINDS[kind].table
            self._run(
                f"CREATE TEMP TABLE changed_{table} ON COMMIT DROP AS SELECT DISTINCT id FROM roster_{table} "
                f"WHERE district_id = %(d)s AND rev_from > %(since)s; ANALYZE changed_{table}"
            )
            if kind in compared:
                self._compare(KINDS[kind], compared[kind])
        return kinds

    def _compared(self) -> dict[str, set[str]]:
        """Kind → the attributes of which some rule cares whether they turned, though it is about other records."""
        compared: dict[str, set[str]] = defaultdict(set)
        for rule in (r.rule for r in self._rulings):
            for touch in rule.touched_by:
                other, _, name = touch.by.partition(".")
                if other and name:
                    compared[other] |= {name, *touch.reads, *(touch.among or ())[:1]}
                elif name and touch.reads:
                    compared[_named(KINDS[rule.kind], name).target] |= set(touch.reads)
            if rule.peers:
                compared[rule.kind].add(rule.peers)
        return compared

    def _compare(self, kind: Kind, attributes: set[str]) -> None:
        """``turned_<kind>``: what the changed records said and say of these attributes; nothing while they are gone."""
        columns = sorted(kind[a].column for a in attributes)
        told = ", ".join(f"was.{quoted(c)} AS was_{c}, now.{quoted(c)} AS is_{c}" for c in columns)
        standing = f"(SELECT * FROM roster_{kind.table} WHERE district_id = %(d)s AND status = 'active' AND "
        self._run(
            f"CREATE TEMP TABLE turned_{kind.table} ON COMMIT DROP AS SELECT c.id, was.status AS was_status, "
            f"now.status AS is_status, {told} FROM changed_{kind.table} c "
            f"LEFT JOIN {standing} rev_from <= %(since)s AND rev_to > %(since)s) was ON was.id = c.id "
            f"LEFT JOIN {standing} rev_to = {OPEN}) now ON now.id = c.id; ANALYZE turned_{kind.table}"
        )

    def _parts(self, kind: Kind, rulings: list[Ruling], changed: frozenset[str]) -> dict[str, list[Ruling]]:
        """SQL of the records that must be looked at → the rules that must look at them."""
        parts: dict[str, list[Ruling]] = defaultdict(list)
        for ruling in rulings:
            ways = list(self._ways(kind, ruling, changed))
            if ways:
                parts[" UNION ".join(ways)].append(ruling)
        return parts

    def _ways(self, kind: Kind, ruling: Ruling, changed: frozenset[str]) -> Iterator[str]:
        rule = ruling.rule
        if kind.name in changed:
            yield self._own(kind, rule) if _alone(ruling) else f"SELECT id FROM changed_{kind.table}"
            if rule.peers:
                yield self._peers(kind, rule)
        for touch in rule.touched_by:
            yield from self._touched(kind, rule, touch, changed)

    def _scope(self, parts: Iterable[str]) -> dict[int, int]:
        """Fill ``scope`` with the records of all parts. Returns how many there are of each."""
        together = " UNION ALL ".join(f"SELECT {n}, id FROM ({way}) w{n}(id)" for n, way in enumerate(parts))
        self._run(
            f"INSERT INTO scope SELECT part, id FROM ({together}) w(part, id) WHERE id IS NOT NULL; "
            "ANALYZE scope; SELECT part, count(*) FROM scope GROUP BY part"
        )
        while self._cursor.nextset():
            pass
        return {int(str(part)): int(str(rows)) for part, rows in self._cursor.fetchall()}

    def _touched(self, kind: Kind, rule: Rule, touch: Touch, changed: frozenset[str]) -> Iterator[str]:
        """SQL: records next to what changed; of who was left, too."""
        other, _, name = touch.by.partition(".")
        if other and name and other in changed:
            there = f"FROM turned_{KINDS[other].table} WHERE {_turned(KINDS[other], touch)}"
            column = KINDS[other][name].column
            left = f" AND was_{column} IN (SELECT s.record_id {_faults(rule)})" if touch.arriving else ""
            yield f"SELECT was_{column} {there}{left} UNION SELECT is_{column} {there}"
        reference = _named(kind, name) if not other else None
        if reference and reference.target in changed:
            target = KINDS[reference.target]
            there = f"SELECT id FROM changed_{target.table}"
            if touch.reads:
                there = f"SELECT id FROM turned_{target.table} WHERE {_turned(target, touch)}"
            column = f"r.{quoted(reference.column)}"
            if reference.name == "sourcedId":
                yield there
            elif reference.many:
                yield f"SELECT r.id FROM roster_{kind.table} r WHERE {_HERE} AND {column} && ARRAY({there})"
            else:
                yield f"SELECT r.id FROM roster_{kind.table} r WHERE {_HERE} AND {column} IN ({there})"

    @staticmethod
    def _own(kind: Kind, rule: Rule) -> str:
        """SQL: records whose value turned, and others that changed while the rule finds fault with them: it says more.

        To look for equals is dear, as all records are read for it; on most nights no value turned.
        """
        column = kind[rule.peers].column
        return (
            f"SELECT id FROM turned_{kind.table} WHERE was_{column} IS DISTINCT FROM is_{column} UNION SELECT id "
            f"FROM changed_{kind.table} WHERE id IN (SELECT s.record_id {_faults(rule)})"
        )

    @staticmethod
    def _peers(kind: Kind, rule: Rule) -> str:
        """SQL: records that share a value that turned, as it was or as it is, or that is found fault with.

        So all equals of whoever is looked at again are looked at again, and can be found among them.
        """
        column = kind[rule.peers].column
        turned = f"FROM turned_{kind.table} WHERE was_{column} IS DISTINCT FROM is_{column}"
        values = (
            f"SELECT lower(was_{column}) {turned} UNION SELECT lower(is_{column}) {turned} UNION "
            f"SELECT lower(is_{column}) FROM turned_{kind.table} WHERE id IN (SELECT s.record_id {_faults(rule)})"
        )
        return f"SELECT r.id FROM roster_{kind.table} r WHERE {_HERE} AND lower(r.{quoted(column)}) IN ({values})"

    # ------------------------------------------------------------------------------------------------- what is wrong

    def _look(self, kind: Kind, rulings: list[Ruling], today: date) -> None:
        """Put rules to all records."""
        if alone := [r for r in rulings if not r.rule.beside]:
            asked = [self._asked(kind, ruling, today, f"roster_{kind.table} r") for ruling in alone]
            self._run(f"INSERT INTO found {' UNION ALL '.join(asked)}")
        for beside in dict.fromkeys(r.rule.beside for r in rulings if r.rule.beside):
            self._ask_together(kind, [r for r in rulings if r.rule.beside == beside], today, "")

    def _look_again(self, kind: Kind, asked: list[tuple[int, list[Ruling]]], today: date) -> None:
        """Put rules to the records in their part of the scope."""
        # Each rule is a join of its own, so the few records are fetched once for all of them.
        few = (
            f"WITH few AS MATERIALIZED (SELECT r.*, s.part FROM scope s JOIN roster_{kind.table} r ON r.id = s.id "
            f"WHERE {_HERE}) "
        )
        alone = [
            f"{self._asked(kind, ruling, today, 'few r', equals='few' if _alone(ruling) else '')} AND r.part = {part}"
            for part, rulings in asked
            for ruling in rulings
            if not ruling.rule.beside
        ]
        if alone:
            self._run(f"INSERT INTO found {few}{' UNION ALL '.join(alone)}")
        for part, rulings in asked:
            for beside in dict.fromkeys(r.rule.beside for r in rulings if r.rule.beside):
                scope = f"IN (SELECT id FROM scope WHERE part = {part})"
                self._ask_together(kind, [r for r in rulings if r.rule.beside == beside], today, scope)

    def _ask_together(self, kind: Kind, rulings: list[Ruling], today: date, scope: str) -> None:
        """One look at each record for all rules that want the same beside it."""
        asked = ", ".join(
            f"({_text(r.rule.name)}, {faulty(r, today=today)}, ({_shown(kind, r.rule)})::text)" for r in rulings
        )
        beside = rulings[0].rule.beside.format(scope=scope or "IS NOT NULL")
        self._run(
            f"INSERT INTO found SELECT v.rule, r.id, left(v.value, 200) FROM roster_{kind.table} r {school_join(kind)} "
            f"LEFT JOIN ({beside}) n ON n.id = r.id, LATERAL (VALUES {asked}) v(rule, wrong, value) "
            f"WHERE {_HERE} {f'AND r.id {scope}' if scope else ''} AND v.wrong"
        )

    @staticmethod
    def _asked(kind: Kind, ruling: Ruling, today: date, records: str, *, equals: str = "") -> str:
        """SQL: what one rule finds among these records, by itself. ``equals``: where all equals of theirs are."""
        return (
            f"SELECT {_text(ruling.rule.name)}, r.id, left(({_shown(kind, ruling.rule)})::text, 200) "
            f"FROM {records} {school_join(kind)} WHERE {_HERE} AND ({faulty(ruling, today=today, equals=equals)})"
        )

    def _close(self, kind: Kind, rulings: list[Ruling]) -> None:
        names = ", ".join(_text(r.rule.name) for r in rulings)
        self._run(f"{_CLOSE} AND s.kind = {_text(kind.name)} AND s.rule IN ({names}) AND {_NOT_FOUND}")

    def _close_again(self, kind: Kind, asked: list[tuple[int, list[Ruling]]]) -> None:
        names = ", ".join(f"({_text(r.rule.name)}, {part})" for part, rulings in asked for r in rulings)
        self._run(
            f"{_CLOSE} AND s.kind = {_text(kind.name)} AND {_NOT_FOUND} AND EXISTS (SELECT FROM scope c "
            f"JOIN (VALUES {names}) p(rule, part) USING (part) WHERE c.id = s.record_id AND p.rule = s.rule)"
        )

    def _retire(self) -> None:
        """What no rule says any more is not wrong any more."""
        names = ", ".join(_text(r.rule.name) for r in self._rulings) or "''"
        self._run(
            "UPDATE quality_standing SET closed_at = %(now)s WHERE district_id = %(d)s AND closed_at IS NULL "
            f"AND rule NOT IN ({names})"
        )

    def _open(self, kind: Kind, rulings: list[Ruling]) -> None:
        graded = ", ".join(
            f"({_text(r.rule.name)}, {_text(r.severity)}, {_text(r.rule.attribute)}, {_text(r.rule.sentence)})"
            for r in rulings
        )
        where = "r.origin, r.line" if hasattr(RECORDS[kind.name], "line") else "NULL::text, NULL::bigint"
        self._run(
            "INSERT INTO quality_standing (district_id, rule, kind, record_id, severity, source_id, key, origin, line, "
            "attribute, value, sentence, schools, opened_at, seen_at) SELECT district_id, rule, kind, id, severity, "
            "source_id, coalesce(key, ''), coalesce(origin, ''), line, attribute, value, "
            "replace(replace(sentence, '{who}', who), '{value}', value), schools, %(now)s, %(now)s "
            f"FROM (SELECT r.district_id, f.rule, {_text(kind.name)} AS kind, r.id, g.severity, l.source_id, l.key, "
            f"g.attribute, coalesce(f.value, '') AS value, g.sentence, {_schools(kind)} AS schools, "
            f"coalesce({_label(kind)}, l.key, '') AS who, {where} FROM found f "
            f"JOIN (VALUES {graded}) g(rule, severity, attribute, sentence) USING (rule) "
            f"JOIN roster_{kind.table} r ON {_HERE} AND r.id = f.id {school_join(kind)} {_label_join(kind)} "
            "LEFT JOIN LATERAL (SELECT source_id, key FROM roster_link l WHERE l.district_id = %(d)s "
            f"AND l.record_id = f.id AND l.kind = {_text(kind.name)} AND NOT l.gone ORDER BY source_id LIMIT 1) l "
            "ON true) x(district_id, rule, kind, id, severity, source_id, key, attribute, value, sentence, schools, "
            "who, origin, line) "
            "ON CONFLICT (district_id, rule, kind, record_id) DO UPDATE SET severity = EXCLUDED.severity, "
            "source_id = EXCLUDED.source_id, key = EXCLUDED.key, origin = EXCLUDED.origin, line = EXCLUDED.line, "
            "attribute = EXCLUDED.attribute, value = EXCLUDED.value, sentence = EXCLUDED.sentence, "
            "schools = EXCLUDED.schools, seen_at = EXCLUDED.seen_at, closed_at = NULL, opened_at = CASE "
            "WHEN quality_standing.closed_at IS NULL THEN quality_standing.opened_at ELSE EXCLUDED.opened_at END"
        )

    # ---------------------------------------------------------------------------------------------------- counting

    def keep_counts(self, *, sources: dict[UUID, int]) -> None:
        """Trend and scores as of now. ``sources``: the district's sources, and how many rows each left out last."""
        whole = f"'{ALTOGETHER}'::uuid"
        for table in ("quality_trend", "quality_score"):
            self._run(f"DELETE FROM {table} WHERE district_id = %(d)s AND at = %(now)s")
        self._run(
            "INSERT INTO quality_trend (district_id, at, rule, kind, school_id, severity, count) "
            "SELECT district_id, %(now)s, rule, kind, school, min(severity), count(*) FROM quality_standing, "
            f"unnest({whole} || schools) school WHERE district_id = %(d)s AND closed_at IS NULL "
            "GROUP BY district_id, rule, kind, school"
        )
        weight = " ".join(f"WHEN {_text(s)} THEN {w}" for s, w in WEIGHTS.items())
        self._run(
            "CREATE TEMP TABLE faulty ON COMMIT DROP AS SELECT source_id, school, sum(w)::float AS faults FROM ("
            f"SELECT source_id, unnest({whole} || any_value_schools) AS school, w FROM (SELECT kind, record_id, "
            "(array_agg(source_id))[1] AS source_id, "
            f"max(CASE severity {weight} END) AS w, max(schools) AS any_value_schools FROM quality_standing "
            "WHERE district_id = %(d)s AND closed_at IS NULL GROUP BY kind, record_id) x) y GROUP BY 1, 2"
        )
        self._run(
            "CREATE TEMP TABLE scored ON COMMIT DROP AS "
            f"SELECT {whole} AS source_id, school_id, sum(standing)::bigint AS records FROM roster_tally "
            "WHERE district_id = %(d)s GROUP BY school_id"
        )
        ids = {f"{literal(str(source))}::uuid": rows for source, rows in sources.items()}
        for source in ids:
            self._run(
                f"INSERT INTO scored SELECT source_id, {whole}, count(*) FROM roster_link WHERE district_id = %(d)s "
                f"AND source_id = {source} AND NOT gone GROUP BY source_id"
                if len(ids) > 1
                else f"INSERT INTO scored SELECT {source}, {whole}, records FROM scored WHERE school_id = {whole}"
            )
        left_out = ", ".join(f"({source}, {rows})" for source, rows in ids.items()) or "(NULL::uuid, 0)"
        self._run(
            "INSERT INTO quality_score (district_id, at, source_id, school_id, score, records, faults) "
            "SELECT %(d)s, %(now)s, source_id, school_id, "
            "greatest(0, 100 * (1 - faults / greatest(records + rows, 1))), records + rows, faults "
            "FROM (SELECT s.source_id, s.school_id, s.records, "
            f"CASE WHEN s.school_id = {whole} THEN coalesce(o.rows, 0) ELSE 0 END AS rows, "
            f"least(coalesce(sum(f.faults), 0) + CASE WHEN s.school_id = {whole} THEN coalesce(o.rows, 0) ELSE 0 END, "
            "s.records + coalesce(o.rows, 0)) AS faults FROM scored s "
            f"LEFT JOIN (SELECT coalesce(source_id, {whole}) AS source_id, sum(rows)::bigint AS rows "
            f"FROM (VALUES {left_out}) v(source_id, rows) GROUP BY GROUPING SETS ((source_id), ())) o "
            "USING (source_id) "
            f"LEFT JOIN faulty f ON f.school = s.school_id AND (s.source_id = {whole} OR s.source_id = f.source_id) "
            "GROUP BY s.source_id, s.school_id, s.records, o.rows) x"
        )
        self._run("DROP TABLE faulty; DROP TABLE scored")

    def _run(self, statement: str) -> None:
        self._cursor.execute(statement.encode(), self._facts if "%(" in statement else None)


# ------------------------------------------------------------------------------------------------ records as SQL


def _named(kind: Kind, name: str) -> Field:
    """The reference of that name, the one that stands for the record's own id included."""
    return next(r for r in kind.references if r.name == name)


def _alone(ruling: Ruling) -> bool:
    """Whether nothing but equal values matters; who is concerned may turn with the schools or roles of a record."""
    return bool(ruling.rule.peers) and not (ruling.schools or ruling.roles)


def _faults(rule: Rule) -> str:
    """SQL: from the findings ``s`` of a rule that stand."""
    return (
        f"FROM quality_standing s WHERE s.district_id = %(d)s AND s.kind = {_text(rule.kind)} "
        f"AND s.rule = {_text(rule.name)} AND s.closed_at IS NULL"
    )


def _turned(kind: Kind, touch: Touch) -> str:
    """SQL over ``turned_<kind>``: it is a change that counts."""
    columns = ["status", *(kind[name].column for name in touch.reads)]
    was, now = (", ".join(f"{when}_{c}" for c in columns) for when in ("was", "is"))
    turned = f"({was}) IS DISTINCT FROM ({now})" if touch.reads else "true"
    if touch.among is None:
        return turned
    attribute, value = touch.among
    column = kind[attribute].column
    return f"{turned} AND {_text(value)} IN (was_{column}, is_{column})"


def faulty(ruling: Ruling, *, today: date, equals: str = "") -> str:
    """SQL over ``r``, the record as it stands: the rule finds fault with it, and concerns it.

    ``equals``: where all equals of ``r`` are; blank for the whole roster.
    """
    kind, rule = KINDS[ruling.rule.kind], ruling.rule
    if rule.where is not None:
        wrong = conditions.sql(rule.where, column=column_of(kind), today=today, dialect=POSTGRESQL).replace("%", "%%")
    else:
        wrong = _filled_in(rule, today, equals or f"roster_{kind.table}")
    parts = [wrong]
    if ruling.schools:
        wanted = ", ".join(literal(str(school)) for school in ruling.schools)
        parts.append(f"{_schools(kind)} && ARRAY[{wanted}]::uuid[]")
    if ruling.roles:
        parts.append(f"r.role IN ({', '.join(map(literal, ruling.roles))})")
    return " AND ".join(f"({p})" for p in parts)


def _filled_in(rule: Rule, today: date, equals: str) -> str:
    return rule.sql.format(today=today, equals=equals, **rule.parameters)


def column_of(kind: Kind) -> Callable[[str], Column]:
    """How conditions find the attributes of ``r``, a record of the roster."""
    known = Attributes(kind)

    def column(name: str) -> Column:
        asked = known.asked(name)
        return Column(sql=_attribute(asked), shape=asked.shape, many=asked.many)

    return column


def _attribute(asked: Asked) -> str:
    if asked.through is None:
        return _value(asked.field, "r", asked.name)
    target, value = KINDS[asked.target], _value(asked.field, "a", asked.name)
    ref = "r.id" if asked.through.name == "sourcedId" else f"r.{quoted(asked.through.column)}"
    match = f"a.id = ANY({ref})" if asked.through.many else f"a.id = {ref}"
    rows = f"FROM roster_{target.table} a WHERE a.district_id = r.district_id AND a.rev_to = {OPEN} AND {match}"
    if asked.field is not None and asked.field.many:
        return f"ARRAY(SELECT unnest({value}) {rows})"
    return f"ARRAY(SELECT {value} {rows})" if asked.through.many else f"(SELECT {value} {rows})"


def _value(field: Field | None, alias: str, name: str) -> str:
    if field is None:
        return (
            f"{alias}.metadata ->> {literal(name.removeprefix(METADATA))}"
            if name != "sourcedId"
            else f"{alias}.id::text"
        )
    column = f"{alias}.{quoted(field.column)}"
    if field.many:
        return column if field.type is Type.TEXT else f"{column}::text[]"
    return f"{column}::text"


def _shown(kind: Kind, rule: Rule) -> str:
    if rule.value:
        return rule.value
    if not rule.attribute:
        return "NULL"
    known = Attributes(kind)
    asked = known.asked(rule.attribute)
    shown = _attribute(asked).replace("%", "%%")
    return f"array_to_string({shown}, ', ')" if asked.many else f"({shown})"


def _schools(kind: Kind) -> str:
    """SQL: the schools that the record belongs to, as an array."""
    value = belongs(kind)
    many = bool(kind.same_id_as) or (kind.school not in {"", "id"} and kind[kind.school].many)
    return f"coalesce({value}, ARRAY[]::uuid[])" if many else f"array_remove(ARRAY[{value}], NULL)"


def _label(kind: Kind) -> str:
    """SQL: how a person knows the record."""
    if kind.name == "user":
        return "concat_ws(' ', nullif(r.given_name, ''), nullif(r.family_name, ''))"
    if kind.name in {"enrollment", "demographics"}:
        return "concat_ws(' ', nullif(w.given_name, ''), nullif(w.family_name, ''))"
    name = next((f.column for f in kind.fields if f.name in {"title", "name"}), None)
    return f"r.{quoted(name)}" if name else "NULL"


def _label_join(kind: Kind) -> str:
    user = {"enrollment": "r.user_id", "demographics": "r.id"}.get(kind.name)
    if user is None:
        return ""
    return f"LEFT JOIN roster_user w ON w.district_id = r.district_id AND w.rev_to = {OPEN} AND w.id = {user}"


def _text(value: str) -> str:
    return literal(str(value)).replace("%", "%%")

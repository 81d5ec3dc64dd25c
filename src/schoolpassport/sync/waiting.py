"""Removals that wait: for another package that lacks the record too, or for a person.

A record that a package lacks is not gone yet. What is known about it stands in ``sync_absence`` until it goes or comes
back. For each kind, right after ``difference.absences`` and before anything looks at what goes, ``weigh`` takes out of
``missing_<kind>`` what waits, and puts it into ``waiting_<kind>``.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from schoolpassport.kit.columns import COPY_TEXT, Columns, copy_text, literal
from schoolpassport.roster import queries as roster
from schoolpassport.roster.kinds import KINDS
from schoolpassport.sources.records import FilePlan, Mode
from schoolpassport.sync import guard
from schoolpassport.sync.guard import Reason, Removals, Rule, Schools
from schoolpassport.sync.policies import MOST_WITNESSES, Announced, Limits
from schoolpassport.sync.workbench import Bench
from schoolpassport.tenancy import scope

COLUMNS = "key VARCHAR, id UUID, witnesses INTEGER[], state VARCHAR, explicit BOOLEAN, rule VARCHAR, reason VARCHAR"
_GOES = "goes"  # the state, for the time of weighing, of what does not wait any more


@dataclass(kw_only=True)
class Court:
    """What the weighing of one walk knows, and what it found.

    ``number``: the run's, as a witness. ``same``: numbers of earlier runs of this very package. ``lenient``: a person
    approved the package: nothing of it waits but what a person decided to keep.
    """

    bench: Bench
    limits: Limits
    number: int = 0
    same: tuple[int, ...] = ()
    lenient: bool = False
    keeps: str = ""  # why nothing is removed tonight; empty: it may be
    announced: tuple[Announced, ...] = ()
    known: set[str] = field(default_factory=set)  # kinds of which something waits already
    weighed: set[str] = field(default_factory=set)  # kinds of which something would have gone tonight
    reasons: list[Reason] = field(default_factory=list)
    expected: dict[str, int] = field(default_factory=dict)  # kind → removals that were announced
    removed: dict[str, dict[UUID, int]] = field(default_factory=dict)  # kind → school → removals the package says
    standing: dict[tuple[str, UUID], int] | None = None
    names: dict[UUID, str] = field(default_factory=dict)

    def schools(self) -> Schools:
        """As they stand; read once, in the caller's scope, when something would go."""
        if self.standing is None:
            district_id = self.bench.places.district_id
            self.standing = roster.standing(district_id=district_id)
            self.names = roster.school_names(district_id=district_id)
        return Schools(names=self.names, standing=self.standing)


def open_(db: Columns, file: Path | None) -> set[str]:
    """Make ``waited``: what is known from former nights (``Absences.export``). Returns the kinds of which there is."""
    db.execute(f"CREATE TABLE waited (kind VARCHAR, {COLUMNS})")
    if file is not None:
        columns = "{'kind': 'VARCHAR', 'key': 'VARCHAR', 'id': 'UUID', 'witnesses': 'VARCHAR', 'state': 'VARCHAR', "
        columns += "'explicit': 'VARCHAR', 'rule': 'VARCHAR', 'reason': 'VARCHAR'}"
        db.execute(
            "INSERT INTO waited SELECT kind, key, id, CASE WHEN witnesses = '{}' THEN [] ELSE "
            "string_split(trim(witnesses, '{}'), ',')::INTEGER[] END, state, explicit = 't', coalesce(rule, ''), "
            f"coalesce(reason, '') FROM read_csv({literal(str(file))}, header = false, auto_detect = false, "
            f"delim = ',', quote = '\"', escape = '\"', columns = {columns})"
        )
    return {kind for (kind,) in db.execute("SELECT DISTINCT kind FROM waited").fetchall()}


def nothing(db: Columns, table: str) -> None:
    """Nothing of the kind waits, or nothing is said about it."""
    db.execute(f"CREATE TABLE waiting_{table} ({COLUMNS})")


def weigh(court: Court, plan: FilePlan, *, doubt: Reason | None) -> None:
    """Take out of ``missing_<kind>`` what waits, kind by kind in the order of references.

    ``doubt``: why the file as such is no good witness tonight.
    """
    kind, table, bench = plan.schema.kind.name, plan.kind_table, court.bench
    nothing(bench.db, table)
    if kind in court.known and plan.mode is Mode.DELTA:
        _ask_again(bench.db, kind)
    if kind not in court.known and not bench.any(f"missing_{table}"):
        return
    court.weighed.add(kind)
    _gather(court, plan, doubt)
    if court.lenient:
        bench.db.execute(f"UPDATE asked_{table} SET state = '{_GOES}' WHERE state <> 'kept'")
    else:
        with scope.inside(bench.places.district_id):
            _judge(court, kind, doubt)
    _part(court, plan)


def _ask_again(db: Columns, kind: str) -> None:
    """A delta tells a deletion once. One that had to wait is asked about again when the delta does not contradict."""
    table = KINDS[kind].table
    db.execute(
        f"INSERT INTO missing_{table} SELECT s.key, s.id FROM state_{table} s SEMI JOIN "
        f"(FROM waited WHERE kind = ? AND explicit) w ON s.key = w.key ANTI JOIN raw_{table} r ON s.key = r.key "
        "WHERE NOT s.gone",
        [kind],
    )


def _gather(court: Court, plan: FilePlan, doubt: Reason | None) -> None:
    """Make ``asked_<kind>``: what would go, with all its witnesses; of one that has enough, the state is `goes`.

    An explicit deletion is the source's word about the record and needs no witness.
    """
    table, kind, db = plan.kind_table, plan.schema.kind.name, court.bench.db
    again = f"list_has_any(before, {_numbers(court.same)})"
    full = f"len(before) >= {MOST_WITNESSES}"
    testifies = "false" if doubt else f"NOT (explicit OR {again} OR {full})"
    db.execute(
        f"CREATE TABLE asked_{table} AS SELECT key, id, witnesses, explicit, CASE WHEN state IN ('held', 'kept') "
        f"THEN state WHEN explicit OR len(witnesses) >= {court.limits.witnesses} THEN '{_GOES}' ELSE 'witness' END "
        "AS state, rule, reason, known FROM ("
        f"SELECT *, CASE WHEN {testifies} THEN list_append(before, {court.number}) ELSE before END AS witnesses FROM ("
        "SELECT m.key, m.id, coalesce(w.explicit, false) OR d.key IS NOT NULL AS explicit, "
        "coalesce(w.witnesses, []::INTEGER[]) AS before, coalesce(w.state, '') AS state, coalesce(w.rule, '') AS rule, "
        "coalesce(w.reason, '') AS reason, w.state IN ('held', 'kept') AS known "
        f"FROM missing_{table} m LEFT JOIN (FROM waited WHERE kind = {literal(kind)}) w ON m.key = w.key "
        f"LEFT JOIN (SELECT DISTINCT key FROM raw_{table} WHERE status = 'tobedeleted') d ON m.key = d.key))"
    )


def _numbers(numbers: tuple[int, ...]) -> str:
    return f"[{', '.join(str(n) for n in numbers)}]::INTEGER[]"


# ------------------------------------------------------------------------------------------------------- the judgement


def _judge(court: Court, kind: str, doubt: Reason | None) -> None:
    table, db = KINDS[kind].table, court.bench.db
    _locate(court, kind)
    court.removed[kind] = _by_school(db, table, "state <> 'kept' AND known IS NOT true")
    _expect(court, kind)
    why = (doubt.rule, doubt.sentence) if doubt else (Rule.ONE_WITNESS, "")
    db.execute(f"UPDATE asked_{table} SET rule = ?, reason = ? WHERE state = 'witness'", [str(why[0]), why[1]])
    if court.keeps:
        db.execute(
            f"UPDATE asked_{table} SET state = 'witness', rule = ?, reason = ? WHERE state = '{_GOES}'",
            [str(Rule.REMOVALS_REST), court.keeps],
        )
        return
    _suspect(court, kind)
    _bind(court, kind)


def _locate(court: Court, kind: str) -> None:
    """Make ``where_<kind>``: to which schools, and pupils to which grades, the records belong."""
    table, bench = KINDS[kind].table, court.bench
    ids, into = bench.ids_file(f"asked_{table}"), bench.places.work / f"where_{table}.csv"
    roster.export_places(district_id=bench.places.district_id, kind=kind, ids=ids, into=into)
    bench.db.execute(
        f"CREATE TABLE where_{table} AS FROM read_csv({literal(str(into))}, header = false, auto_detect = false, "
        "delim = ',', quote = '\"', escape = '\"', columns = {'id': 'UUID', 'school': 'UUID', 'grade': 'VARCHAR'})"
    )


def _by_school(db: Columns, table: str, which: str) -> dict[UUID, int]:
    rows = db.execute(
        f"SELECT school, count(DISTINCT id) FROM where_{table} SEMI JOIN (FROM asked_{table} WHERE {which}) USING (id) "
        "WHERE school IS NOT NULL GROUP BY school"
    ).fetchall()
    return dict(rows)


def _expect(court: Court, kind: str) -> None:
    """What was announced, if it is not more than was announced, does not make the guard ask."""
    table, db = KINDS[kind].table, court.bench.db
    db.execute(f"CREATE TABLE expected_{table} (id UUID)")
    of_kind = [a for a in court.announced if a.kind == kind]
    if not of_kind:
        court.expected[kind] = 0
        return
    for announced in of_kind:
        matching = f"SELECT id FROM asked_{table} WHERE state <> 'kept'"
        if announced.schools:
            schools = ", ".join(literal(str(s)) for s in sorted(announced.schools, key=str))
            matching += f" AND id IN (SELECT id FROM where_{table} WHERE school IN ({schools}))"
        (count,) = db.execute(f"SELECT count(*) FROM ({matching})").fetchone() or (0,)
        if announced.covers(int(count)):
            db.execute(f"INSERT INTO expected_{table} {matching}")
    db.execute(
        f"UPDATE asked_{table} SET state = '{_GOES}' WHERE state = 'held' AND id IN (FROM expected_{table}) "
        f"AND (explicit OR len(witnesses) >= {court.limits.witnesses})"
    )
    court.expected[kind] = court.bench.count(f"(SELECT DISTINCT id FROM expected_{table})")


def _suspect(court: Court, kind: str) -> None:
    """Hold what schools lose too much of; then, if the rest is too much for the kind, the rest."""
    table, bench, db = KINDS[kind].table, court.bench, court.bench.db
    judged = f"state IN ('{_GOES}', 'held') AND id NOT IN (FROM expected_{table})"
    fresh = f"state = '{_GOES}' AND id NOT IN (FROM expected_{table})"
    if not bench.any(f"asked_{table} WHERE {fresh}"):
        return
    schools = court.schools()
    by_school = _by_school(db, table, judged)
    if kind == "org":
        vanished = tuple(sorted(_by_school(db, table, fresh), key=str))
        schools = Schools(names=schools.names, standing=schools.standing, vanished=vanished)
    removals = Removals(kind=kind, by_school=by_school, by_grade=_grades(court, kind, judged))
    for reason in guard.of_schools(limits=court.limits, removals=removals, schools=schools):
        where, values = "school = ?", [str(reason.school)]
        if reason.grade:
            where, values = "school = ? AND grade = ?", [str(reason.school), reason.grade]
        _hold(court, table, reason, f"{fresh} AND id IN (SELECT id FROM where_{table} WHERE {where})", values)
    of_schools = (Rule.SCHOOL_VANISHED, Rule.TOO_MANY_OF_A_SCHOOL, Rule.GRADE_VANISHED, Rule.BOUND)
    settled = f"state = 'held' AND rule IN ({', '.join(literal(str(r)) for r in of_schools)})"
    rest = bench.count(f"asked_{table} WHERE {judged} AND NOT ({settled})")
    standing = bench.count(f"state_{table} WHERE NOT gone")
    if reason_ := guard.of_kind(limits=court.limits, kind=kind, standing=standing, removed=rest):
        _hold(court, table, reason_, fresh, [])


def _grades(court: Court, kind: str, judged: str) -> dict[tuple[UUID, str], tuple[int, int]]:
    if kind != "user":
        return {}
    table = KINDS[kind].table
    rows = court.bench.db.execute(
        f"SELECT school, grade, count(DISTINCT id) AS n FROM where_{table} "
        f"SEMI JOIN (FROM asked_{table} WHERE {judged}) USING (id) WHERE grade IS NOT NULL AND school IS NOT NULL "
        f"GROUP BY school, grade HAVING n >= {guard.SMALLEST_SCHOOL}"
    ).fetchall()
    if not rows:
        return {}
    district_id = court.bench.places.district_id
    standing = roster.standing_by_grade(district_id=district_id, schools={school for school, _, _ in rows})
    return {(school, grade): (n, standing.get((school, grade), 0)) for school, grade, n in rows}


def _hold(court: Court, table: str, reason: Reason, which: str, values: list[str]) -> None:
    rule, sentence = str(reason.rule), reason.sentence
    before = court.bench.count(f"asked_{table} WHERE state = 'held'")
    court.bench.db.execute(
        f"UPDATE asked_{table} SET state = 'held', rule = ?, reason = ? WHERE {which}", [rule, sentence, *values]
    )
    if court.bench.count(f"asked_{table} WHERE state = 'held'") > before:
        court.reasons.append(reason)


def _bind(court: Court, kind: str) -> None:
    """What is bound to a record that is held (an enrollment to its user and class) waits with it."""
    declared, bench = KINDS[kind], court.bench
    targets = {f.target for f in declared.references if f.binding and f.target != kind}
    held = [
        f"SELECT id FROM waiting_{KINDS[t].table} WHERE state IN ('held', 'kept')"
        for t in sorted(targets)
        if bench.has(f"waiting_{KINDS[t].table}")
    ]
    table = declared.table
    if not held:
        return
    bench.db.execute(f"CREATE OR REPLACE TABLE holding AS {' UNION '.join(held)}")
    bench.db.execute(f"CREATE OR REPLACE TABLE going AS SELECT id FROM asked_{table} WHERE state = '{_GOES}'")
    if not bench.any("holding") or not bench.any("going"):
        return
    into = bench.places.work / f"bound_{table}.csv"
    roster.export_bound(
        district_id=bench.places.district_id,
        kind=kind,
        ids=bench.ids_file("going"),
        to=bench.ids_file("holding"),
        into=into,
    )
    bench.db.execute(
        f"UPDATE asked_{table} SET state = 'held', rule = ?, reason = ? WHERE id IN (SELECT id FROM "
        f"read_csv({literal(str(into))}, header = false, auto_detect = false, columns = {{'id': 'UUID'}})) "
        f"AND state = '{_GOES}'",
        [str(Rule.BOUND), f"It is bound to a record that is held, so that {declared.name} waits with it."],
    )


# ---------------------------------------------------------------------------------------------------------- the result


def _part(court: Court, plan: FilePlan) -> None:
    """What goes stays in ``missing_``; the rest waits. What the file says nothing about waits as before."""
    table, kind, db = plan.kind_table, plan.schema.kind.name, court.bench.db
    columns = "key, id, witnesses, state, explicit, rule, reason"
    db.execute(f"INSERT INTO waiting_{table} SELECT {columns} FROM asked_{table} WHERE state <> '{_GOES}'")
    if kind in court.known:
        silent = (
            f"SEMI JOIN (FROM state_{table} WHERE NOT gone) s ON w.key = s.key ANTI JOIN raw_{table} r ON w.key = r.key"
            if plan.mode is Mode.DELTA
            else f"SEMI JOIN (FROM absent_{table} WHERE NOT gone) s ON w.key = s.key "
            f"ANTI JOIN (FROM unread_{table} WHERE key IS NOT NULL) u ON w.key = u.key"
        )
        db.execute(
            f"INSERT INTO waiting_{table} SELECT {columns} FROM (FROM waited WHERE kind = ?) w {silent} "
            f"ANTI JOIN missing_{table} m ON w.key = m.key",
            [kind],
        )
    db.execute(f"DELETE FROM missing_{table} WHERE key IN (SELECT key FROM asked_{table} WHERE state <> '{_GOES}')")


@dataclass(frozen=True, kw_only=True)
class Turned:
    """What the night changed about what waits, as files that COPY reads."""

    waiting: Path  # kind, key, id, witnesses, state, explicit, rule, reason
    over: Path  # kind, key: gone, or back

    @property
    def is_empty(self) -> bool:
        return not (self.waiting.stat().st_size or self.over.stat().st_size)


def turned(court: Court, kinds: set[str]) -> Turned:
    """``kinds``: those that were compared tonight."""
    db, work = court.bench.db, court.bench.places.work
    now = [f"SELECT {literal(k)} AS kind, * FROM waiting_{KINDS[k].table}" for k in sorted(court.weighed)]
    db.execute(f"CREATE OR REPLACE TABLE waits AS {' UNION ALL '.join(now) or 'FROM waited LIMIT 0'}")
    compared = ", ".join(literal(k) for k in sorted(kinds)) or "''"
    result = Turned(waiting=work / "waiting.tsv", over=work / "over.tsv")
    if not court.known and not court.weighed:
        result.waiting.touch()
        result.over.touch()
        return result
    texts = ", ".join(copy_text(c) for c in ("rule", "reason"))
    db.execute(
        f"COPY (SELECT kind, {copy_text('key')}, id, '{{' || array_to_string(witnesses, ',') || '}}', state, explicit, "
        f"{texts} FROM (FROM waits EXCEPT FROM waited)) TO {literal(str(result.waiting))} ({COPY_TEXT})"
    )
    db.execute(
        f"COPY (SELECT kind, {copy_text('key')} FROM waited ANTI JOIN waits USING (kind, key) "
        f"WHERE kind IN ({compared})) TO {literal(str(result.over))} ({COPY_TEXT})"
    )
    return result


def counts(court: Court, kinds: set[str]) -> dict[str, dict[str, int]]:
    """What waits of each kind that was compared, by state; and how many came back."""
    bench, found = court.bench, dict[str, dict[str, int]]()
    for kind in (k for k in KINDS if k in kinds & (court.known | court.weighed)):
        table = KINDS[kind].table
        told = dict(bench.db.execute(f"SELECT state, count(*) FROM waiting_{table} GROUP BY state").fetchall())
        back = bench.db.execute(
            f"SELECT count(*) FROM (FROM waited WHERE kind = ?) w ANTI JOIN waiting_{table} n ON w.key = n.key "
            f"ANTI JOIN missing_{table} m ON w.key = m.key",
            [kind],
        ).fetchone()
        if back and back[0]:
            told["back"] = back[0]
        if told:
            found[kind] = told
    return found


def sentence(quarantine: dict[str, Any] | None) -> str:
    """What waits, for the person who looks at a run."""
    kinds = (quarantine or {}).get("kinds", {})
    witness, held, back = (sum(k.get(state, 0) for k in kinds.values()) for state in ("witness", "held", "back"))
    told = []
    if back:
        told.append(f"{back:,} that waited came back.")
    if witness:
        told.append(f"{_removals(witness)} for another package that lacks the {_record(witness)}, too.")
    if held:
        why = " ".join(r["sentence"] for r in (quarantine or {})["reasons"])
        told.append(f"{_removals(held)} for a decision. {why}".rstrip())
    return " ".join(told)


def _removals(number: int) -> str:
    return f"{number:,} {'removal waits' if number == 1 else 'removals wait'}"


def _record(number: int) -> str:
    return "record" if number == 1 else "records"

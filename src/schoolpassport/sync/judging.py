"""What a walk would do, put before the guard: how many records come, change and go, and in which schools.

The guard judges counts alone; here they are counted, in the columns of the walk.
"""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

from schoolpassport.kit.columns import literal, quoted
from schoolpassport.quality import inspection
from schoolpassport.roster import queries as roster
from schoolpassport.roster.kinds import KINDS, Kind
from schoolpassport.sources import mapped
from schoolpassport.sources.policies import shaping
from schoolpassport.sources.records import Problem
from schoolpassport.sources.schemas import SCHEMAS
from schoolpassport.sync import blanking, guard, memory, settling
from schoolpassport.sync.guard import Reason, Rule
from schoolpassport.sync.policies import Announced, Limits
from schoolpassport.sync.walk import Walk
from schoolpassport.tenancy import scope

_EXAMPLES = 5


def judge(walk: Walk) -> dict[str, object] | None:
    """The guard's report when the run should wait for a person, else None."""
    kinds = _facts(walk)
    for name, facts_ in kinds.items():
        kinds[name] = _without_expected(walk, name, facts_)
        if walk.migrated:
            kinds[name] = replace(kinds[name], updated=0, updated_by_school={})
    with scope.inside(walk.source.district_id):
        known = walk.court.schools()
        found = _columns_gone(walk, kinds)
    found += guard.of_run(limits=walk.limits, kinds=kinds, schools=known)
    found += guard.of_empty(walk.translated.emptied)
    other = {r.kind for r in found if r.rule == Rule.OTHER_IDS}
    found += [r for r in _zeros_lost(walk, kinds) if r.kind in other]
    if walk.limits.hold_whole:
        found = [*walk.court.reasons, *found]
    return guard.report(found=found, kinds=kinds, schools=known) if found else None


def _facts(walk: Walk) -> dict[str, guard.KindFacts]:
    """What the run would do, for the guard and for the report."""
    found = _facts_of_silent(walk)
    for name in sorted(walk.spoke):
        table = KINDS[name].table
        row = walk.bench.db.execute(
            f"SELECT (SELECT count(*) FROM state_{table} WHERE NOT gone), (SELECT count(*) FROM missing_{table}) + "
            f"(SELECT count(*) FROM waiting_{table} w WHERE state = 'witness' OR (state = 'held' AND NOT EXISTS ("
            f"FROM waited o WHERE o.kind = ? AND o.key = w.key AND o.state IN ('held', 'kept')))), "
            f"count(*) FILTER (op = 'a'), count(*) FILTER (op = 'u' AND n.key IS NOT NULL), "
            f"count(*) FILTER (op = 'r'), count(*) FILTER (op = 'l') FROM settled_{table} t "
            f"LEFT JOIN ({_says_otherwise(walk, name)}) n ON t.key = n.key",
            [name],
        ).fetchone()
        assert row is not None  # noqa: S101 (an aggregate has one row)
        standing, removed, added, updated, restored, met = row
        going = f"SELECT key FROM missing_{table} UNION ALL SELECT key FROM waiting_{table}"
        limits = walk.limits.of_kind(name)
        there = standing >= limits.minimum_base
        added_there, updated_there = _by_school(walk, name, limits, added, updated) if there else ({}, {})
        found[name] = guard.KindFacts(
            standing=standing,
            removed=removed,
            added=added,
            updated=updated,
            restored=restored,
            rejected=walk.inspected[name].bad_rows,
            met=met,
            expected=walk.court.expected.get(name, 0),
            strangers=walk.bench.count(f"strangers_{table}") if name in walk.bench.judged else 0,
            removed_by_school=walk.court.removed.get(name, {}),
            added_by_school=added_there,
            updated_by_school=updated_there,
            examples=_some(walk, going) if removed else (),
        )
    return {name: found[name] for name in sorted(found)}


def _by_school(
    walk: Walk, kind: str, limits: Limits, added: int, updated: int
) -> tuple[dict[UUID, int], dict[UUID, int]]:
    """How many records are added to, and changed in, the schools they belong to; nothing where no limit is near."""
    declared = KINDS[kind]
    near = added > min(limits.school_added_share * limits.minimum_base, limits.school_added_count)
    near |= updated > min(limits.school_updated_share * limits.minimum_base, limits.school_updated_count)
    places = _places(walk, declared) if near else ""
    if not places:
        return {}, {}
    rows = walk.bench.db.execute(
        f"SELECT school::UUID, count(DISTINCT key) FILTER (op = 'a'), count(DISTINCT key) FILTER (op = 'u' AND other) "
        f"FROM (SELECT t.id, t.key, t.op, n.key IS NOT NULL AS other FROM settled_{declared.table} t "
        f"LEFT JOIN ({_says_otherwise(walk, kind)}) n ON t.key = n.key) JOIN ({places}) USING (id) "
        "WHERE school <> '' GROUP BY school"
    ).fetchall()
    return {s: count for s, count, _ in rows if count}, {s: count for s, _, count in rows if count}


def _places(walk: Walk, kind: Kind) -> str:
    """SQL: settled records of a kind (id), and the schools to which they belong; empty where they belong to none.

    Whoever carries the id of another record belongs where that does: as it is settled tonight, or as it stands.
    """
    if kind.same_id_as:
        return _places_of(walk, KINDS[kind.same_id_as], of=kind)
    if kind.school in {"", "id"}:
        return ""
    named = quoted(kind[kind.school].column)
    each = f"unnest(string_split(trim({named}, '{{}}'), ','))" if kind[kind.school].many else named
    return f"SELECT id, {each} AS school FROM settled_{kind.table}"


def _places_of(walk: Walk, kind: Kind, *, of: Kind) -> str:
    bench, district_id = walk.bench, walk.source.district_id
    tonight = _places(walk, kind) if kind.name in walk.spoke else ""
    bench.db.execute(
        f"CREATE OR REPLACE TABLE placeless AS SELECT id FROM settled_{of.table}"
        + (f" WHERE id NOT IN (SELECT id FROM settled_{kind.table})" if tonight else "")
    )
    into = bench.places.work / f"places_{of.table}.csv"
    with scope.inside(district_id):
        roster.export_places(district_id=district_id, kind=kind.name, ids=bench.ids_file("placeless"), into=into)
    standing = (
        f"SELECT id, school FROM read_csv({literal(str(into))}, header = false, auto_detect = false, delim = ',', "
        "quote = '\"', escape = '\"', columns = {'id': 'UUID', 'school': 'VARCHAR', 'grade': 'VARCHAR'})"
    )
    return f"{tonight} UNION ALL {standing}" if tonight else standing


def _some(walk: Walk, keys: str) -> tuple[str, ...]:
    rows = walk.bench.db.execute(f"SELECT key FROM ({keys}) ORDER BY key LIMIT {_EXAMPLES}").fetchall()
    return tuple(key for (key,) in rows)


def _facts_of_silent(walk: Walk) -> dict[str, guard.KindFacts]:
    """Of kinds of which nothing new is said, only how many stand is worth knowing."""
    silent = sorted(walk.looked_at - walk.spoke)
    if not silent:
        return {}
    counts = ", ".join(f"(SELECT count(*) FROM state_{KINDS[k].table} WHERE NOT gone)" for k in silent)
    standing = walk.bench.db.execute(f"SELECT {counts}").fetchone() or ()
    return {
        k: guard.KindFacts(standing=count, removed=0, added=0, updated=0, restored=0, rejected=0)
        for k, count in zip(silent, standing, strict=True)
    }


def _says_otherwise(walk: Walk, kind: str) -> str:
    """SQL: the keys whose row says something else than last time.

    Rows that are only looked at again are not among them: what they refer to goes, or they were left out, or cut, and
    their hash forgotten. After a change of settings nobody can tell by hashes, and none is.
    """
    table = KINDS[kind].table
    plan = next((p for p in walk.plan.files if p.schema.kind.name == kind), None)
    comparable = plan is not None and memory.of(walk.source, kind).compares(plan)
    return (
        f"SELECT DISTINCT c.key FROM cand_{table} c JOIN state_{table} s ON c.key = s.key "
        f"WHERE {comparable} AND s.hash NOT IN (c.hash::UUID, {literal(settling.NO_HASH)}::UUID)"
    )


def _zeros_lost(walk: Walk, kinds: dict[str, guard.KindFacts]) -> Iterator[Reason]:
    """Ids that go while the same with other zeros at the front come: a finding; and a reason, where the run waits."""
    for kind in (k for k, f in kinds.items() if f.removed and k in walk.spoke):
        table, plan = KINDS[kind].table, next(p for p in walk.plan.files if p.schema.kind.name == kind)
        sent = f"(SELECT min(file) FROM origins_{table})" if kind in walk.bench.traced else "NULL"
        count, went, came, file = walk.bench.db.execute(
            f"SELECT count(*), min(g.key), arg_min(t.key, g.key), {sent} FROM "
            f"(SELECT key FROM missing_{table} UNION SELECT key FROM waiting_{table}) g JOIN "
            f"(FROM settled_{table} WHERE op <> 'u') t "
            f"ON {mapped.without_zeros('g.key')} = {mapped.without_zeros('t.key')}"
        ).fetchone() or (0, "", "", None)
        if count:
            sentence = (
                f"{count:,} ids of {KINDS[kind].plural} differ from those that stand by zeros at the front alone "
                f"(“{came}” and “{went}”): {mapped.ZEROS_LOST}"
            )
            problem = Problem(rule="zeros lost", file=file or plan.called, sentence=sentence, breaks=False)
            inspection.record_problems(walk.bench.db, (problem,))
            yield Reason(rule=Rule.ZEROS_LOST, kind=kind, sentence=sentence)


def _columns_gone(walk: Walk, kinds: dict[str, guard.KindFacts]) -> list[Reason]:
    """What would be lost with columns that are gone. Who is asked, an API or a directory, writes none: we do."""
    if walk.observed:
        return []
    judged = {k for k, facts_ in kinds.items() if facts_.standing >= walk.limits.of_kind(k).minimum_base}
    plans = (p for p in walk.plan.files if p.schema.kind.name in judged)
    return blanking.reasons(walk.source, plans, shaping(walk.settings, SCHEMAS[walk.source.schema]))


def _without_expected(walk: Walk, kind: str, facts_: guard.KindFacts) -> guard.KindFacts:
    """Where removals were announced, as many additions and changes were announced with them."""
    for announced in (a for a in walk.court.announced if a.kind == kind):
        facts_ = replace(
            facts_,
            added=0 if not announced.schools and announced.covers(facts_.added) else facts_.added,
            updated=0 if not announced.schools and announced.covers(facts_.updated) else facts_.updated,
            added_by_school=_unexpected(announced, facts_.added_by_school),
            updated_by_school=_unexpected(announced, facts_.updated_by_school),
        )
    return facts_


def _unexpected(announced: Announced, by_school: dict[UUID, int]) -> dict[UUID, int]:
    return {
        s: n
        for s, n in by_school.items()
        if (announced.schools and s not in announced.schools) or not announced.covers(n)
    }

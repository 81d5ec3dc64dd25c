"""Which schools of a source are schools that stand already: proposed from numbers and names, for a person to look at.

Nothing is set by it. The number (`identifier`) that both systems give a school is proof enough for a proposal, if it
is the only one; a name has to be nearly the same, of one school only, and of the same type.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final
from uuid import UUID

from duckdb import DuckDBPyConnection

from schoolpassport.roster import queries as roster
from schoolpassport.sources import queries as sources
from schoolpassport.sources import staging
from schoolpassport.sources.models import Source
from schoolpassport.sync import walk as walks
from schoolpassport.sync.preview import Unread
from schoolpassport.sync.workbench import glance
from schoolpassport.tenancy import scope

_ALIKE: Final = 0.93  # of two names, by Jaro and Winkler
_SMALL = r"\b(the|of|school|schools|campus)\b"
_ABBREVIATED = (("elementary", "elem|el|es"), ("middle", "ms|mid"), ("high", "hs"), ("junior", "jr"), ("saint", "st"))


@dataclass(frozen=True, kw_only=True)
class Proposed:
    """``becomes``: a GG4L ID, ``new``, or nothing where a person must say. ``reason`` says why."""

    key: str
    name: str
    becomes: str
    school: str
    reason: str


def propose(*, district_id: UUID, source_id: UUID, origin: Path, today: date) -> list[Proposed]:
    """What could become of the schools in a package, in the order of their ids. Raises ``Unread``."""
    with scope.inside(district_id):
        source = Source.objects.get(district_id=district_id, id=source_id)
        held = sources.settings(district_id=district_id, source_id=source_id)
        standing = roster.standing_orgs(district_id=district_id, but=source_id)
    with glance(district_id=district_id, source_id=source_id, settled=source.settled) as made:
        walk = walks.Walk(bench=made, source=source, settings=held, watch=lambda _: None, today=today)
        try:
            walks.collect(walk, origin)
            plan = next((p for p in walk.plan.files if p.schema.kind.name == "org"), None)
            if plan is None:
                raise Unread("The package has no file of schools.")
            staging.stage(made.db, plan)
            return _compared(made.db, standing)
        except walks.Refused as refusal:
            raise Unread(str(refusal)) from refusal


def _compared(db: DuckDBPyConnection, standing: list[dict[str, object]]) -> list[Proposed]:
    db.execute("CREATE TABLE stands (id VARCHAR, name VARCHAR, type VARCHAR, identifier VARCHAR)")
    if standing:
        rows = [[str(s["id"]), s["name"], s["type"], s["identifier"]] for s in standing]
        db.executemany("INSERT INTO stands VALUES (?, ?, ?, ?)", rows)
    db.execute(
        f"CREATE TABLE alike AS SELECT o.key, o.name, s.id, s.name AS school, "
        f"o.identifier = s.identifier AS numbered, count(*) FILTER (o.identifier = s.identifier) "
        f"OVER (PARTITION BY o.key) AS by_number, jaro_winkler_similarity({_plain('o.name')}, {_plain('s.name')}) "
        "AS score FROM raw_org o JOIN stands s ON lower(o.type) = s.type WHERE o.key IS NOT NULL "
        "AND o.status IS DISTINCT FROM 'tobedeleted'"
    )
    found = db.execute(
        f"WITH best AS (SELECT * FROM alike WHERE numbered OR (by_number = 0 AND score >= {_ALIKE})), "
        "counted AS (SELECT key, count(*) AS many, max(score) FILTER (NOT coalesce(numbered, false)) AS score, "
        "any_value(id) AS id, any_value(school) AS school, string_agg(school, '”, “' ORDER BY score DESC, school) "
        "AS schools FROM best GROUP BY key) SELECT o.key, o.name, c.many, c.score, c.id, c.school, "
        "c.schools FROM raw_org o LEFT JOIN counted c ON o.key = c.key WHERE o.key IS NOT NULL "
        "AND o.status IS DISTINCT FROM 'tobedeleted' AND lower(o.type) <> 'district' ORDER BY o.key"
    ).fetchall()
    return [_proposed(*row) for row in found]


def _proposed(
    key: str, name: str, many: int | None, score: float | None, id_: str, school: str, schools: str
) -> Proposed:
    """``score``: how alike the names are; none where the number tells."""
    if not many:
        return Proposed(key=key, name=name, becomes="new", school="", reason="No school that stands is like it.")
    if many > 1:
        reason = f"Several may be it: “{schools}”. Say which."
        return Proposed(key=key, name=name, becomes="", school="", reason=reason)
    reason = "The same number." if score is None else f"Nearly the same name ({score:.0%})."
    return Proposed(key=key, name=name, becomes=id_, school=school, reason=reason)


def _plain(name: str) -> str:
    """SQL: a name without accents, punctuation, case and words that tell nothing, its abbreviations written out."""
    said = f"regexp_replace(lower(strip_accents({name})), '[^a-z0-9]+', ' ', 'g')"
    for word, short in _ABBREVIATED:
        said = rf"regexp_replace({said}, '\b({short})\b', '{word}', 'g')"
    return f"trim(regexp_replace(regexp_replace({said}, '{_SMALL}', ' ', 'g'), ' +', ' ', 'g'))"

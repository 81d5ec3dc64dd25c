"""Which schools of a source are schools that stand already: proposed from numbers and names, for a person to look at.

Nothing is set by it before somebody accepts. The number (`identifier`) that both systems give a school is proof enough
for a proposal, if it is the only one; a name has to be nearly the same, of one school only, and of the same type.
Certain is what both say, for two systems may number from 1, and two schools may be called alike.
"""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final
from uuid import UUID

from schoolpassport.kit.columns import Columns
from schoolpassport.matching import policies
from schoolpassport.quality import inspection
from schoolpassport.roster import queries as roster
from schoolpassport.sources import queries as sources
from schoolpassport.sources import staging
from schoolpassport.sources.models import Source
from schoolpassport.sources.records import Problem
from schoolpassport.sync import walk as walks
from schoolpassport.sync.preview import Unread
from schoolpassport.sync.workbench import glance
from schoolpassport.tenancy import scope

_ALIKE: Final = 0.93  # of two names, by Jaro and Winkler
_SMALL = r"\b(the|of|school|schools|campus)\b"
_ABBREVIATED = (("elementary", "elem|el|es"), ("middle", "ms|mid"), ("high", "hs"), ("junior", "jr"), ("saint", "st"))


class NotProposed(ValueError):
    """What was decided does not fit what is proposed; the message says what does."""


@dataclass(frozen=True, kw_only=True)
class Proposed:
    """``becomes``: a GG4L ID, ``new``, ``no``, or nothing where a person must say. ``reason`` says why.

    ``certain``: number and name agree. ``open``: nobody decided about it yet, and it did not come yet.
    """

    key: str
    name: str
    becomes: str
    school: str
    reason: str
    certain: bool = False
    open: bool = True


def propose(*, district_id: UUID, source_id: UUID, origin: Path, today: date) -> list[Proposed]:
    """What could become of the schools in a package, in the order of their ids. Raises ``Unread``."""
    with scope.inside(district_id):
        source = Source.objects.get(district_id=district_id, id=source_id)
        held = sources.settings(district_id=district_id, source_id=source_id)
        standing = roster.standing_orgs(district_id=district_id, but=source_id)
        names = roster.school_names(district_id=district_id)
    with glance(district_id=district_id, source_id=source_id, settled=source.settled) as made:
        walk = walks.Walk(bench=made, source=source, settings=held, watch=lambda _: None, today=today)
        try:
            walks.collect(walk, origin)
            plan = next((p for p in walk.plan.files if p.schema.kind.name == "org"), None)
            if plan is None:
                raise Unread("The package has no file of schools.")
            staging.stage(made.db, plan)
            found = _compared(made.db, "raw_org", standing)
        except walks.Refused as refusal:
            raise Unread(str(refusal)) from refusal
    with scope.inside(district_id):
        came = roster.meant(district_id=district_id, source_id=source_id, kind="org", keys=[p.key for p in found])
    decided = held.get("schools") or {}
    return [_as_it_is(p, came=came.get(p.key), decided=decided, names=names) for p in found]


def remind(walk: walks.Walk) -> None:
    """A finding about schools that come for the first time tonight and look like some that stand: they double them."""
    db, source = walk.bench.db, walk.source
    if "org" not in walk.spoke or not walk.bench.any("(FROM settled_org WHERE op = 'a')"):
        return
    with scope.inside(source.district_id):
        standing = roster.standing_orgs(district_id=source.district_id, but=source.id)
    came = "(FROM cand_org SEMI JOIN (FROM settled_org WHERE op = 'a') USING (key))"
    decided = walk.settings.get("schools") or {}
    alike = [p for p in _compared(db, came, standing) if p.becomes != "new" and p.key not in decided]
    if alike:
        first = alike[0]
        sentence = (
            f"{len(alike):,} new schools may be schools that stand, like “{first.name}”: {first.reason} They stand "
            f"twice until somebody says so: schoolpassport people propose-schools {shlex.quote(source.name)} PACKAGE"
        )
        file = next(p.called for p in walk.plan.files if p.schema.kind.name == "org")
        problem = Problem(rule="school stands already", file=file, sentence=sentence, breaks=False)
        inspection.record_problems(db, (problem,))


def _as_it_is(
    found: Proposed, *, came: UUID | None, decided: Mapping[str, object], names: Mapping[UUID, str]
) -> Proposed:
    """What came already, or was decided, is proposed no more."""
    if came is not None:
        hint = ""
        if found.school and found.becomes != str(came):
            hint = f" To make one school of both: schoolpassport people merge {found.becomes} {came} --kind org"
        reason = f"It came already.{hint}"
        school = names.get(came, "")
        return replace(found, becomes=str(came), school=school, reason=reason, certain=False, open=False)
    if found.key in decided:
        mapped = policies.schools({found.key: decided[found.key]})
        id_ = mapped.existing.get(found.key)
        becomes = str(id_) if id_ else "no" if mapped.no else "new"
        school = names.get(id_, "") if id_ else ""
        return replace(found, becomes=becomes, school=school, reason="Decided.", certain=False, open=False)
    return found


def accepted(
    *,
    held: Mapping[str, object] | None,
    found: Iterable[Proposed],
    take: Iterable[str] = (),
    decline: Iterable[str] = (),
    leave_out: Iterable[str] = (),
    once: bool,
) -> dict[str, object]:
    """The schools mapping that comes of a review: what held, and on top of it what was decided about these keys.

    ``take``: they become what is proposed; ``decline``: they are none of those that stand; ``leave_out``: they are not
    taken; ``once``: the attributes of those that are taken are copied once. Raises ``NotProposed``.
    """
    known = {p.key: p for p in found}
    said: dict[str, str] = {}
    for word, keys in (("", take), ("new", decline), ("no", leave_out)):
        for key in keys:
            _check(key, known.get(key), twice=key in said, leaves_out=word == "no")
            said[key] = word or known[key].becomes
            if not said[key]:
                raise NotProposed(f"School “{key}”: {known[key].reason} (schoolpassport people schools)")
    taken = {k: {"becomes": b, "attributes": policies.ONCE} if once and b != "no" else b for k, b in said.items()}
    return {**(held or {}), **taken}


def _check(key: str, found: Proposed | None, *, twice: bool, leaves_out: bool) -> None:
    if found is None:
        raise NotProposed(f"The package has no school “{key}”.")
    if twice:
        raise NotProposed(f"School “{key}” is decided twice. Leave one of them.")
    if not found.open and not leaves_out:
        raise NotProposed(f"School “{key}” is not open any more. {found.reason}")


def _compared(db: Columns, came: str, standing: list[dict[str, object]]) -> list[Proposed]:
    """``came``: a relation with the columns of schools as the source said them."""
    db.execute("CREATE TABLE stands (id VARCHAR, name VARCHAR, type VARCHAR, identifier VARCHAR)")
    if standing:
        rows = [[str(s["id"]), s["name"], s["type"], s["identifier"]] for s in standing]
        db.executemany("INSERT INTO stands VALUES (?, ?, ?, ?)", rows)
    db.execute(
        f"CREATE TABLE alike AS SELECT o.key, o.name, s.id, s.name AS school, "
        f"o.identifier = s.identifier AS numbered, count(*) FILTER (o.identifier = s.identifier) "
        f"OVER (PARTITION BY o.key) AS by_number, jaro_winkler_similarity({_plain('o.name')}, {_plain('s.name')}) "
        "AS score, max(score) OVER (PARTITION BY o.key) AS best "
        f"FROM {came} o JOIN stands s ON lower(o.type) = s.type WHERE o.key IS NOT NULL "
        "AND o.status IS DISTINCT FROM 'tobedeleted'"
    )
    found = db.execute(
        f"WITH best AS (SELECT *, numbered AND score >= {_ALIKE} AND score = best AS agreed FROM alike WHERE numbered "
        f"OR (by_number = 0 AND score >= {_ALIKE})), "
        "counted AS (SELECT key, count(*) AS many, max(score) FILTER (NOT coalesce(numbered, false)) AS score, "
        "count(*) FILTER (agreed) AS both, any_value(id) AS id, any_value(school) AS school, "
        "string_agg(school, '”, “' ORDER BY score DESC, school) "
        "AS schools FROM best GROUP BY key) SELECT o.key, o.name, c.many, c.score, c.id, c.school, "
        f"c.schools, c.both FROM {came} o LEFT JOIN counted c ON o.key = c.key WHERE o.key IS NOT NULL "
        "AND o.status IS DISTINCT FROM 'tobedeleted' AND lower(o.type) <> 'district' ORDER BY o.key"
    ).fetchall()
    return [_proposed(*row) for row in found]


def _proposed(
    key: str, name: str, many: int | None, score: float | None, id_: str, school: str, schools: str, both: int | None
) -> Proposed:
    """``score``: how alike the names are; none where the number tells. ``both``: whether names say the same, too."""
    if not many:
        return Proposed(key=key, name=name, becomes="new", school="", reason="No school that stands is like it.")
    if many > 1:
        reason = f"Several may be it: “{schools}”. Say which."
        return Proposed(key=key, name=name, becomes="", school="", reason=reason)
    reason = f"Nearly the same name ({score:.0%})." if score is not None else "The same number."
    if both:
        reason = "The same number, and nearly the same name."
    return Proposed(key=key, name=name, becomes=id_, school=school, reason=reason, certain=bool(both))


def _plain(name: str) -> str:
    """SQL: a name without accents, punctuation, case and words that tell nothing, its abbreviations written out."""
    said = f"regexp_replace(lower(strip_accents({name})), '[^a-z0-9]+', ' ', 'g')"
    for word, short in _ABBREVIATED:
        said = rf"regexp_replace({said}, '\b({short})\b', '{word}', 'g')"
    return f"trim(regexp_replace(regexp_replace({said}, '{_SMALL}', ' ', 'g'), ' +', ' ', 'g'))"

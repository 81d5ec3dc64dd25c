"""Exact matching: new rows that by a domain of uniqueness mean a record that is known. Set work in DuckDB.

Works on ``want`` (line, key, kin, one text per attribute; the new rows) and ``known`` (id, kin, one text per
attribute; the records), and makes ``match_<kind>`` (line, id, evidence). Domains are asked in order. A row is matched
only if its values are nobody else's, among the rows and among the records alike: archived ones and those that this
source has under another key included, though these are no match. Whatever is not unambiguous is left alone.
"""

import json

from schoolpassport.kit.columns import Columns, literal, quoted
from schoolpassport.matching.policies import NAMES, Domain
from schoolpassport.roster.kinds import Kind

STUDENT, STAFF, FAMILY = "student", "staff", "family"
_KIN = {
    STUDENT: ("student",),
    STAFF: ("administrator", "aide", "proctor", "teacher"),
    FAMILY: ("guardian", "parent", "relative"),
}


def asked_about(domains: tuple[Domain, ...]) -> tuple[str, ...]:
    """The attributes that ``want`` and ``known`` must have."""
    named = dict.fromkeys(a for d in domains for a in d.attributes)
    if any(d.is_email_alone for d in domains):
        named |= dict.fromkeys(NAMES[:1])
    return tuple(named)


def folded(text: str) -> str:
    """SQL: a text for comparison: composed, without regard to case and to spaces around it; NULL when blank."""
    return f"nullif(lower(upper(nfc_normalize(trim({text})))), '')"


def kin(role: str) -> str:
    """SQL: what sort of person a role is; NULL where none is told."""
    cases = " ".join(
        f"WHEN {role} IN ({', '.join(map(literal, roles))}) THEN {literal(name)}" for name, roles in _KIN.items()
    )
    return f"CASE {cases} END"


def find(db: Columns, kind: Kind, domains: tuple[Domain, ...], *, taken: str, parted: str, several_roles: bool) -> int:
    """Make ``match_<kind>``; how many there are.

    ``taken``: SQL of ids that this source speaks of under another key. ``parted``: SQL of pairs (line, id) of which a
    person said that they are two.
    """
    found = f"match_{kind.table}"
    nothing_found(db, kind)
    for number, domain in enumerate(domains, 1):
        evidence = literal(json.dumps({"domain": number, "attributes": list(domain.attributes)}))
        same = " AND ".join(f"w.{quoted(a)} = k.{quoted(a)}" for a in domain.attributes)
        db.execute(
            f"CREATE OR REPLACE TEMP TABLE pairs AS SELECT w.line, k.id, "
            f"{_agree(domain)} AND {'true' if several_roles else _alike()} AS agree "
            f"FROM (FROM want ANTI JOIN {found} m USING (line)) w JOIN known k ON {same}"
        )
        db.execute(
            f"INSERT INTO {found} SELECT line, id, {evidence} FROM (SELECT *, count(*) OVER (PARTITION BY line) "
            "AS here, count(*) OVER (PARTITION BY id) AS there FROM pairs) p "
            f"ANTI JOIN ({taken}) t ON p.id = t.id ANTI JOIN ({parted}) q ON p.line = q.line AND p.id = q.id "
            f"ANTI JOIN {found} m ON p.id = m.id WHERE here = 1 AND there = 1 AND agree"
        )
    db.execute("DROP TABLE IF EXISTS pairs")
    (count,) = db.execute(f"SELECT count(*) FROM {found}").fetchone() or (0,)
    return int(count)


def nothing_found(db: Columns, kind: Kind) -> None:
    db.execute(f"CREATE TABLE match_{kind.table} (line BIGINT, id UUID, evidence VARCHAR)")


def _agree(domain: Domain) -> str:
    if not domain.is_email_alone:
        return "true"
    given = quoted(NAMES[0])
    return f"coalesce(w.{given} = k.{given}, false)"


def _alike() -> str:
    """SQL: nobody is taken for a student here and a teacher there."""
    return "coalesce(w.kin = k.kin, true)"

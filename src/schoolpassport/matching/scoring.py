"""Probable duplicates among the people in a DuckDB: learned weights score pairs, the house's own rules take pairs out.

Fellegi and Sunter's model as Splink has it: weights that it learned, frequent values weighed by the district's own
counts. Splink is not needed to add them up; a test holds both against each other.
"""

import math
import re
from collections.abc import Callable, Sequence

from schoolpassport.kit.columns import Columns, literal, quoted
from schoolpassport.matching import model
from schoolpassport.matching.model import Comparison, Weights
from schoolpassport.matching.people import prepare

_FEW = 0.1  # share of the people who are fresh
_COMMON = tuple(level.common for c in model.COMPARISONS for level in c.levels if level.common)
_COMPARED = re.compile(r"l\.(\w+) (?:=|<>) r\.(\w+)")
LINE = 0.9  # the probability from which a pair is proposed

# Whatever the score says: such pairs are never proposed. SQL over the names of levels.
NEVER = (
    # by names alone: something that is the person's own, or nearly so, must agree
    (
        "birth_date IN ('unknown', 'other') AND identifier <> 'same' AND email <> 'same' AND phone <> 'same' "
        "AND username <> 'same'"
    ),
    # whoever has another given name: brothers, sisters and twins share all the rest
    "name IN ('family_only', 'other') AND NOT (identifier = 'same' AND birth_date = 'same')",
    # two names and two birthdays in one household
    "birth_date = 'other' AND identifier <> 'same' AND name NOT IN ('same', 'crosswise', 'part')",
    # twins who are named alike: one system gives one person one id, one number and one address
    (
        "name IN ('short', 'begun', 'given_alike', 'short_alike', 'both_alike') AND birth_date = 'same' "
        "AND email = 'same_domain' AND identifier <> 'same' AND username <> 'same'"
    ),
    (
        "name IN ('begun', 'given_alike', 'short_alike', 'both_alike') AND birth_date = 'same' "
        "AND identifier = 'two_in_one_system' AND username <> 'same'"
    ),
    # two of one given name and one birthday, as every system of some size has them
    (
        "name = 'given_only' AND identifier = 'two_in_one_system' AND email <> 'same' AND phone <> 'same' "
        "AND username <> 'same'"
    ),
)


def score(
    db: Columns,
    *,
    several_roles: bool,
    weights: Weights | None = None,
    tell: Callable[[], None] | None = None,
    at_once: int = 250_000,
) -> int:
    """Make ``pair`` (left_id, right_id, probability, evidence) out of ``people``. Returns how many there are.

    ``evidence`` is JSON, a list of {field, level, weight}: how much each field speaks for one person (positive) or for
    two (negative), in bits; together with the prior they make the probability. ``weights``: others than the shipped.
    ``tell``: makes the ``sources`` of each ``person`` of a ``pair`` known, where they were not; then pairs are scored
    again. ``at_once``: how many candidates are weighed together, which is what memory must hold.
    """
    prepare(db)
    [(records, fresh)] = db.execute("SELECT count(*), count(*) FILTER (fresh) FROM person").fetchall()
    _block(db, several_roles=several_roles, few=fresh < _FEW * records)
    _count_what_is_common(db)
    weighed = _weighed(weights or model.weights(), prior=model.prior(int(records)))
    pairs = _pair(db, weighed, at_once)
    if tell and pairs:
        tell()  # two numbers in one system say more than two numbers against a pair: none comes back
        db.execute("CREATE OR REPLACE TEMP TABLE candidate AS SELECT left_id, right_id FROM pair")
        pairs = _pair(db, weighed, at_once)
    for table in ("candidate", *(f"common_{column}" for column in _COMMON)):
        db.execute(f"DROP TABLE {table}")
    return pairs


def _pair(db: Columns, weighed: str, at_once: int) -> int:
    """Some candidates at a time: these are few beside the people, and so it is they who are held in memory."""
    conditions = " AND ".join(f"NOT ({rule})" for rule in NEVER)
    proposed = (
        f"SELECT left_id, right_id, 1 / (1 + pow(2, -bits)) AS probability, {_evidence()} AS evidence "
        f"FROM ({weighed}) WHERE bits >= {_bits(LINE)} AND {conditions}"
    )
    [(candidates,)] = db.execute("SELECT count(*) FROM candidate").fetchall()
    parts = max(1, math.ceil(candidates / at_once))
    db.execute("CREATE OR REPLACE TABLE pair (left_id UUID, right_id UUID, probability DOUBLE, evidence VARCHAR)")
    for part in range(parts):
        db.execute(f"INSERT INTO pair {proposed}", {"parts": parts, "part": part})
    [(pairs,)] = db.execute("SELECT count(*) FROM pair").fetchall()
    return int(pairs)


def _bits(probability: float) -> float:
    """The odds of a chance, in bits: what Fellegi and Sunter's weights are added to."""
    return math.log2(probability / (1 - probability))


def _block(db: Columns, *, several_roles: bool, few: bool) -> None:
    """Make ``candidate``: each pair that some block wants looked at, once.

    Where few are fresh, pairs are made from them, not from all.
    """
    parts = "true" if several_roles else "l.part = r.part"
    if few:
        db.execute("CREATE OR REPLACE TEMP TABLE fresh_person AS FROM person WHERE fresh")
        pairs = " UNION ".join(way for block in model.BLOCKS for way in _from_fresh(block, parts))
        db.execute(f"CREATE OR REPLACE TEMP TABLE candidate AS {pairs}")
        db.execute("DROP TABLE fresh_person")
        return
    db.execute("CREATE OR REPLACE TEMP TABLE candidate (left_id UUID, right_id UUID)")
    for number, block in enumerate(model.BLOCKS):  # one after the other: in memory is one table of hashes, not eleven
        earlier = "".join(f" AND NOT coalesce({each}, false)" for each in model.BLOCKS[:number])
        db.execute(
            f"INSERT INTO candidate SELECT l.id, r.id FROM person l JOIN person r ON {block} AND {parts} "
            f"AND l.id < r.id AND (l.fresh OR r.fresh){earlier}"
        )


def _from_fresh(block: str, parts: str) -> tuple[str, ...]:
    """SQL: the pairs of a block with somebody fresh. One that compares like with like is asked from one side only."""
    if all(one == other for one, other in _COMPARED.findall(block)):
        once = f"{block} AND {parts} AND l.id <> r.id AND (NOT r.fresh OR l.id < r.id)"
        pair = "SELECT least(l.id, r.id) AS left_id, greatest(l.id, r.id) AS right_id FROM"
        return (f"{pair} fresh_person l JOIN person r ON {once}",)
    pair = "SELECT l.id AS left_id, r.id AS right_id FROM"
    return (
        f"{pair} fresh_person l JOIN person r ON {block} AND {parts} AND l.id < r.id",
        f"{pair} person l JOIN fresh_person r ON {block} AND {parts} AND l.id < r.id AND NOT l.fresh",
    )


def _count_what_is_common(db: Columns) -> None:
    """How large a part of all who have a value have this one: what is frequent says less.

    Of the values of candidates only: the left one's is asked for.
    """
    for column in _COMMON:
        asked = f"SELECT {column} FROM person SEMI JOIN candidate ON id = left_id"
        db.execute(
            f"CREATE OR REPLACE TEMP TABLE common_{column} AS SELECT {column} AS value, "
            f"count(*) / (SELECT count({column}) FROM person) AS share FROM person WHERE {column} IN ({asked}) "
            f"GROUP BY {column}"
        )


def _weighed(weights: Weights, *, prior: float) -> str:
    """SQL: candidates with the level that each comparison reached, its weight, and the sum: their ``bits``.

    Of ``$parts`` parts of them, the ``$part``-th.
    """
    both = (
        f"SELECT c.*, {_sides()} FROM (FROM candidate WHERE hash(left_id) % $parts = $part) c "
        "JOIN person l ON l.id = c.left_id JOIN person r ON r.id = c.right_id"
    )
    levels = ", ".join(f"{_level(c)} AS {c.name}" for c in model.COMPARISONS)
    kept = ", ".join(f"{column}_l AS own_{column}" for column in _COMMON)
    told = f"SELECT left_id, right_id, {kept}, {levels} FROM ({both})"
    shares = " ".join(f"LEFT JOIN common_{c} ON common_{c}.value = t.own_{c}" for c in _COMMON)
    weighs = ", ".join(f"{_weight(c, weights[c.name])} AS mw_{c.name}" for c in model.COMPARISONS)
    total = " + ".join(f"mw_{c.name}" for c in model.COMPARISONS)
    return f"SELECT *, {_bits(prior)} + {total} AS bits FROM (SELECT t.*, {weighs} FROM ({told}) t {shares})"


def _sides() -> str:
    return ", ".join(f"COLUMNS({side}.*) AS {quoted(chr(92) + f'0_{side}')}" for side in "lr")


def _level(comparison: Comparison) -> str:
    """SQL: the name of the level that a pair reaches."""
    reached = " ".join(f"WHEN {level.when} THEN {literal(level.name)}" for level in comparison.levels)
    return f"CASE WHEN {comparison.unknown} THEN {literal(model.UNKNOWN)} {reached} ELSE {literal(model.OTHER)} END"


def _weight(comparison: Comparison, learned: Sequence[tuple[float, float]]) -> str:
    """SQL: how many bits the level is worth. What many share is worth less, by its share instead of the learned u."""
    names = [*(level.name for level in comparison.levels), model.OTHER]
    common = {level.name: level for level in comparison.levels if level.common}
    worth = []
    for name, (m, u) in zip(names, learned, strict=True):
        chance = str(u)
        if (level := common.get(name)) is not None:
            share = f"common_{level.common}.share"
            chance = f"greatest({share}, {u})" if level.at_most else share
        worth.append(f"WHEN {literal(name)} THEN log2({m} / {chance})")
    return f"CASE t.{comparison.name} {' '.join(worth)} ELSE 0 END"


def _evidence() -> str:
    fields = [
        f"{{'field': {literal(c.name)}, 'level': {c.name}, 'weight': round(mw_{c.name}, 2)}}" for c in model.COMPARISONS
    ]
    return f"to_json([{', '.join(fields)}])::VARCHAR"


def told(evidence: list[dict[str, object]]) -> list[dict[str, object]]:
    """Evidence in words, what weighs most first; what is not known is left out."""
    known = [e for e in evidence if e["level"] != model.UNKNOWN]
    known.sort(key=lambda e: -abs(float(str(e["weight"]))))
    words = [(*model.sentence(str(e["field"]), str(e["level"])), float(str(e["weight"]))) for e in known]
    return [{"field": title, "says": says, "weight": weight} for title, says, weight in words]

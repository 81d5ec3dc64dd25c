"""Probable duplicates among the people in a DuckDB: Splink scores pairs, the house's own rules take pairs out."""

from typing import Any

from duckdb import DuckDBPyConnection

from schoolpassport.kit.columns import literal, quoted
from schoolpassport.matching import model
from schoolpassport.matching.model import Weights
from schoolpassport.matching.people import prepare

_FEW = 0.1  # share of the people who are fresh
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
    # twins who are named alike: one system gives one person one address
    (
        "name IN ('short', 'given_alike', 'short_alike', 'both_alike') AND birth_date = 'same' "
        "AND email = 'same_domain' AND identifier <> 'same' AND username <> 'same'"
    ),
)


def score(db: DuckDBPyConnection, *, several_roles: bool, weights: Weights | None = None) -> int:
    """Make ``pair`` (left_id, right_id, probability, evidence) out of ``people``. Returns how many there are.

    ``evidence`` is JSON, a list of {field, level, weight}: how much each field speaks for one person (positive) or for
    two (negative), in bits; together with the prior they make the probability. ``weights``: others than the shipped.
    """
    prepare(db)
    [(records, fresh)] = db.execute("SELECT count(*), count(*) FILTER (fresh) FROM person").fetchall()
    settings = model.settings(records=int(records), several_roles=several_roles, learned=weights or model.weights())
    _predict(db, model.begun_by_the_fresh(settings) if fresh < _FEW * records else settings)
    conditions = " AND ".join(f"NOT ({rule})" for rule in NEVER)
    db.execute(
        f"CREATE OR REPLACE TABLE pair AS SELECT least(unique_id_l, unique_id_r)::UUID AS left_id, "
        f"greatest(unique_id_l, unique_id_r)::UUID AS right_id, match_probability AS probability, {_evidence()} "
        f"AS evidence FROM ({_answered()}) WHERE {conditions}"
    )
    db.execute("DROP TABLE predicted")
    [(pairs,)] = db.execute("SELECT count(*) FROM pair").fetchall()
    return int(pairs)


def _predict(db: DuckDBPyConnection, settings: dict[str, Any]) -> None:
    from splink import Linker  # noqa: PLC0415 (half a second that only matching needs)
    from splink.internals.duckdb.database_api import DuckDBAPI  # noqa: PLC0415 (the same)

    linker = Linker(DuckDBAPI(db).register("person"), settings, log_level="ERROR", validate_settings=False)
    found = linker.inference.predict(threshold_match_probability=LINE)
    db.execute(f"CREATE OR REPLACE TABLE predicted AS FROM {quoted(found.physical_name)}")
    linker.table_management.delete_tables_created_by_splink_from_db()  # type: ignore[no-untyped-call]  # Splink's


def _answered() -> str:
    """SQL: the predicted pairs with the name of the level that each comparison reached."""
    answers = []
    for c in model.COMPARISONS:
        levels = " ".join(f"WHEN {level.when} THEN {literal(level.name)}" for level in c.levels)
        answers.append(f"CASE WHEN {c.unknown} THEN 'unknown' {levels} ELSE 'other' END AS {c.name}")
    sides = ", ".join(f"COLUMNS({side}.* EXCLUDE (unique_id)) AS {quoted(chr(92) + f'0_{side}')}" for side in "lr")
    both = (
        f"SELECT p.*, {sides} FROM predicted p JOIN person l ON l.unique_id = p.unique_id_l "
        "JOIN person r ON r.unique_id = p.unique_id_r"
    )
    return f"SELECT unique_id_l, unique_id_r, match_probability, COLUMNS('^mw_'), {', '.join(answers)} FROM ({both})"


def _evidence() -> str:
    common = {c.name for c in model.COMPARISONS if any(level.common for level in c.levels)}
    fields = [
        f"{{'field': {literal(c.name)}, 'level': {c.name}, 'weight': round(mw_{c.name}"
        f"{f' + coalesce(mw_tf_adj_{c.name}, 0)' if c.name in common else ''}, 2)}}"
        for c in model.COMPARISONS
    ]
    return f"to_json([{', '.join(fields)}])::VARCHAR"


def told(evidence: list[dict[str, object]]) -> list[dict[str, object]]:
    """Evidence in words, what weighs most first; what is not known is left out."""
    known = [e for e in evidence if e["level"] != model.UNKNOWN]
    known.sort(key=lambda e: -abs(float(str(e["weight"]))))
    words = [(*model.sentence(str(e["field"]), str(e["level"])), float(str(e["weight"]))) for e in known]
    return [{"field": title, "says": says, "weight": weight} for title, says, weight in words]

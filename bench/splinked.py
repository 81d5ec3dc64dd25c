"""The house's model of alike people in the words of Splink, which learns its weights and checks its arithmetic."""

from typing import Any

from splink import Linker
from splink.internals.duckdb.database_api import DuckDBAPI

from schoolpassport.kit.columns import Columns
from schoolpassport.matching import model
from schoolpassport.matching.model import Level, Weights


def linker(db: Columns, table: str, *, learned: Weights | None = None, prior: float = 0.0) -> Linker:
    """Over a table like ``person``, its ``id`` as text in ``unique_id``; without weights for whoever learns them."""
    settings: dict[str, Any] = {
        "link_type": "dedupe_only",
        "unique_id_column_name": "unique_id",
        "blocking_rules_to_generate_predictions": [
            {"blocking_rule": f"{block} AND l.part = r.part", "sql_dialect": "duckdb"} for block in model.BLOCKS
        ],
        "retain_intermediate_calculation_columns": True,
        "retain_matching_columns": False,
        "additional_columns_to_retain": [],
        "comparisons": _comparisons(learned or {}),
    }
    if learned:
        settings["probability_two_random_records_match"] = prior
    return Linker(DuckDBAPI(db.connection).register(table), settings, log_level="ERROR", validate_settings=False)


def _comparisons(learned: Weights) -> list[dict[str, Any]]:
    return [
        {
            "output_column_name": c.name,
            "comparison_description": c.title,
            "comparison_levels": [
                {"sql_condition": c.unknown, "label_for_charts": "Not known", "is_null_level": True},
                *(
                    {
                        "sql_condition": level.when,
                        "label_for_charts": level.says,
                        **_frequent(level, _chances(learned, c.name, place)),
                        **_chances(learned, c.name, place),
                    }
                    for place, level in enumerate(c.levels)
                ),
                {
                    "sql_condition": "ELSE",
                    "label_for_charts": c.otherwise,
                    **_chances(learned, c.name, len(c.levels)),
                },
            ],
        }
        for c in model.COMPARISONS
    ]


def _frequent(level: Level, chances: dict[str, float]) -> dict[str, Any]:
    """What Splink is told about a level whose frequent values weigh less."""
    if level.at_most and chances:
        least = {"tf_minimum_u_value": chances["u_probability"], "disable_tf_exact_match_detection": True}
        return {"tf_adjustment_column": level.common, **least}
    return {"tf_adjustment_column": level.common} if level.common and not level.at_most else {}


def _chances(learned: Weights, name: str, place: int) -> dict[str, float]:
    if name not in learned:
        return {}
    m, u = learned[name][place]
    return {"m_probability": m, "u_probability": u}

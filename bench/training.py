"""Learns the weights of probable duplicates, with Splink, from invented people, whose identity is known.

    python -m bench.training        # writes src/schoolpassport/matching/weights.json

How often two records of one person reach a level is counted on the labelled pairs; how often two strangers do, on
pairs drawn at random (``max_pairs`` of them: without a limit this takes all memory there is). The seed is another
than that of tests and benches, which must not be measured on what was learned from.
"""

import json
import sys
import tempfile
from pathlib import Path

import duckdb

from bench import splinked
from schoolpassport.demo.generator.doubles import write_doubles
from schoolpassport.kit.columns import Columns
from schoolpassport.matching import model
from schoolpassport.matching.people import prepare

SEED, PEOPLE, MAX_PAIRS = 41, 60_000, 5e6
TARGET = Path(model.__file__).with_name("weights.json")
LABELLED = (
    "SELECT md5(record::VARCHAR)::UUID AS id, [source] AS sources, role, given_name, family_name, middle_name, "
    "NULL::VARCHAR AS preferred_name, birth_date, sex, email, phone, identifier, username, schools, "
    "grades[1] AS grade, true AS fresh"
)


def learn() -> dict[str, list[tuple[float, float]]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "doubles.parquet"
        write_doubles(path=path, seed=SEED, people=PEOPLE)
        db = Columns(duckdb.connect(config={"memory_limit": "3GB", "temp_directory": folder, "threads": 2}))
        db.execute(f"CREATE TABLE people AS {LABELLED} FROM '{path}'")
        prepare(db)
        db.execute(
            "CREATE TABLE labelled AS SELECT id::VARCHAR AS unique_id, p.* EXCLUDE (id), r.person FROM person p "
            f"JOIN (SELECT md5(record::VARCHAR)::UUID AS id, person FROM '{path}') r USING (id)"
        )
        linker = splinked.linker(db, "labelled")
        linker.training.estimate_u_using_random_sampling(max_pairs=MAX_PAIRS, seed=1)
        linker.training.estimate_m_from_label_column("person")
        return {
            c["output_column_name"]: [
                (_kept(level.get("m_probability")), _kept(level.get("u_probability")))
                for level in c["comparison_levels"]
                if not level.get("is_null_level")
            ]
            for c in linker.misc.save_model_to_json()["comparisons"]
        }


def _kept(chance: object) -> float:
    """Four significant digits. A level that was never reached is rare, not impossible."""
    found = float(chance) if isinstance(chance, (int, float)) else 0.0
    return float(f"{max(found, 1e-6):.4g}")


if __name__ == "__main__":
    learned = {"seed": SEED, "people": PEOPLE, "levels": learn()}
    TARGET.write_text(json.dumps(learned, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(f"{TARGET}\n")

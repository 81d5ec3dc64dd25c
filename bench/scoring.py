"""Probable duplicates among invented people in a process of its own: how long, how much memory, how many rightly."""

import json
import sys
import time
from pathlib import Path

from bench.processes import peak_mb
from bench.training import LABELLED


def main() -> None:
    task = json.loads(sys.argv[1])
    from schoolpassport.kit.columns import columns, literal  # noqa: PLC0415 (what importing costs is told apart)
    from schoolpassport.matching import scoring  # noqa: PLC0415 (the same)

    folder, path = Path(task["folder"]), literal(task["path"])
    with columns(folder=folder, memory_mb=task["memory_mb"], threads=2) as db:
        db.execute(f"CREATE TABLE people AS {LABELLED} FROM {path}")
        cpu, begun = time.process_time(), time.perf_counter()
        found = scoring.score(db, several_roles=False)
        said = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - begun, "found": found}
        said["peak_mb"] = peak_mb()
        who = f"SELECT md5(record::VARCHAR)::UUID AS id, person, role FROM {path}"
        [(said["records"], there, right)] = db.execute(
            f"WITH who AS ({who}), truth AS (SELECT a.id AS left_id, b.id AS right_id FROM who a JOIN who b "
            "USING (person, role) WHERE a.id < b.id) SELECT (SELECT count(*) FROM who), (SELECT count(*) FROM truth), "
            "(SELECT count(*) FROM pair JOIN truth USING (left_id, right_id))"
        ).fetchall()
    print(json.dumps({**said, "precision": right / found, "recall": right / there}))


if __name__ == "__main__":
    main()

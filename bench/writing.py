"""The floor of files: DuckDB writes the same columns as CSV, in a process of its own. They lie in its tables before."""

import json
import sys
import time
from pathlib import Path

import duckdb

from bench.processes import peak_mb


def main() -> None:
    """``paths``: files whose columns are to be written again, into ``folder``."""
    task = json.loads(sys.argv[1])
    db = duckdb.connect(config={"threads": task["threads"], "preserve_insertion_order": True})
    names = [f"t{number}" for number, _ in enumerate(task["paths"])]
    for name, path in zip(names, task["paths"], strict=True):
        db.execute(f"CREATE TABLE {name} AS SELECT * FROM read_csv(?, all_varchar = true)", [path])
    cpu, begun = time.process_time(), time.perf_counter()
    for name in names:
        target = str(Path(task["folder"]) / f"{name}.csv").replace("'", "''")
        db.execute(f"COPY {name} TO '{target}' (FORMAT csv, HEADER)")
    said = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - begun, "peak_mb": peak_mb()}
    print(json.dumps(said))


if __name__ == "__main__":
    main()

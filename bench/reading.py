"""Floors of the syncs, each in a process of its own: reading a package's files and nothing else, or hashing them."""

import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.processes import peak_mb


def _duckdb(paths: list[str]) -> Callable[[], None]:
    import duckdb  # noqa: PLC0415 (each floor pays for its own engine only)

    db = duckdb.connect()

    def read() -> None:
        for number, path in enumerate(paths):
            db.execute(f"CREATE TABLE t{number} AS SELECT * FROM read_csv(?, all_varchar = true)", [path])

    return read


def _polars(paths: list[str]) -> Callable[[], None]:
    import polars as pl  # noqa: PLC0415 (each floor pays for its own engine only)

    kept: list[pl.DataFrame] = []

    def read() -> None:
        kept.extend(pl.read_csv(path, infer_schema=False) for path in paths)

    return read


def _sha256(paths: list[str]) -> Callable[[], None]:
    def read() -> None:
        total = hashlib.sha256()
        for path in paths:
            with Path(path).open("rb") as file:
                while block := file.read(1 << 20):
                    total.update(block)

    return read


READERS: Mapping[str, Callable[[list[str]], Callable[[], None]]] = {
    "DuckDB": _duckdb,
    "Polars": _polars,
    "SHA-256": _sha256,
}


def main() -> None:
    task = json.loads(sys.argv[1])
    read = READERS[task["reader"]](task["paths"])
    cpu, begun = time.process_time(), time.perf_counter()
    read()
    said = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - begun, "peak_mb": peak_mb()}
    print(json.dumps(said))


if __name__ == "__main__":
    main()

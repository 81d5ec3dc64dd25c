"""Probable duplicates among 100,000 and a million records of invented people, whose identity is known."""

from pathlib import Path

from bench import processes
from bench.figures import Figure, Goal, no_more_than
from bench.progress import say
from schoolpassport.demo.generator.doubles import write_doubles

SEED = 7  # not the one that the weights were learned from
_ENOUGH = Goal(text="≥ 0.95", least=0.95, of="figure")
_MEMORY_MB = 400  # for the columns, as the product has it; the interpreter and what DuckDB holds beside comes on top
_FEWER = ((60_000, 20),)  # people, goal in seconds
_SIZES = {"tiny": _FEWER, "small": _FEWER, "full": (*_FEWER, (590_000, 120))}


def measure(*, folder: Path, size: str) -> list[Figure]:
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for people, most in _SIZES[size]:
        path = folder / f"{people}.parquet"
        write_doubles(path=path, seed=SEED, people=people)
        # DuckDB reads below its own folder only.
        task = {"folder": str(folder), "path": str(path), "memory_mb": _MEMORY_MB}
        s = processes.run("bench.scoring", task).said
        name = f"probable duplicates of {s['records']:,} records"
        say(f"{name}: wall {s['wall']:.1f}, cpu {s['cpu']:.1f}, peak {s['peak_mb']:.0f} MB")
        found += [
            Figure.of(name, runs=[s["wall"]], floors=None, unit="s wall", goal=no_more_than(most, "s")),
            Figure.of(f"{name}: memory", runs=[s["peak_mb"]], floors=None, unit="MB", goal=no_more_than(3000, "MB")),
            Figure.of(f"{name}: precision", runs=[s["precision"]], floors=None, unit="", goal=_ENOUGH),
            Figure.of(f"{name}: recall", runs=[s["recall"]], floors=None, unit="", goal=_ENOUGH),
        ]
    return found

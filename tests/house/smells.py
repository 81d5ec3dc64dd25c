"""The ten largest files, functions and tests: where to look again, never a limit. Run by ``make smells``.

Never split a file only to get under a number; split it when both halves get a better name.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.house.rules import sources
from tests.house.rules.shape import Source

ROOT = Path(__file__).parents[2]
WORST = 10
LOOK_AGAIN = {"files": 300, "functions": 35, "tests": 30}  # lines


@dataclass(frozen=True, order=True)
class Smell:
    lines: int
    where: str


def files(found: Iterable[Source]) -> list[Smell]:
    return [Smell(source.text.count("\n"), source.path) for source in found]


def functions(found: Iterable[Source]) -> Iterator[Smell]:
    for source in found:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                yield Smell(lines, f"{source.path}:{node.lineno} {node.name}")


def report(title: str, smells: Iterable[Smell]) -> str:
    worst = sorted(smells, reverse=True)[:WORST]
    limit = LOOK_AGAIN[title]
    above = sum(smell.lines > limit for smell in worst)
    lines = [f"{'!' if smell.lines > limit else ' '} {smell.lines:5}  {smell.where}" for smell in worst]
    return "\n".join([f"The longest {title} (look again above {limit} lines: {above} of these)", *lines, ""])


def main() -> None:
    ours, tests = sources(ROOT, "src", "bench"), sources(ROOT, "tests")
    ours = [source for source in ours if "/migrations/" not in source.path]
    print(report("files", files([*ours, *tests])))
    print(report("functions", functions(ours)))
    print(report("tests", (smell for smell in functions(tests) if " test_" in smell.where)))


if __name__ == "__main__":
    main()

"""The house's own linter: one rule per file in this folder, found by looking.

A rule declares ``RULE``, with examples it must object to and examples it must leave alone. A line that has to break a
rule says so, and why: ``# house: clock-at-the-edge (the reason)``.
"""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tokenize import TokenError
from types import MappingProxyType

from tests.house.rules.shape import Rule, Source

__all__ = ["RULES", "problems", "sources"]


def _found() -> Mapping[str, Rule]:
    modules = (importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__))
    rules = [m.RULE for m in modules if hasattr(m, "RULE")]
    return MappingProxyType({rule.name: rule for rule in rules})


RULES = _found()


def sources(root: Path, *folders: str) -> list[Source]:
    """Every Python file below these folders of the repository."""
    paths = sorted(path for folder in folders for path in (root / folder).rglob("*.py"))
    return [Source(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")) for path in paths]


def problems(rule: Rule, files: Iterable[Source]) -> list[str]:
    """``path:line: what is wrong`` for each place that breaks the rule and does not say why."""
    return [problem for source in files if source.top in rule.folders for problem in _problems(rule, source)]


def _problems(rule: Rule, source: Source) -> Iterator[str]:
    try:
        for line, sentence in rule.find(source):
            if not source.excused(line, rule.name):
                yield f"{source.path}:{line}: {sentence}"
    except (SyntaxError, TokenError) as error:
        yield f"{source.path}: cannot be read: {error}"

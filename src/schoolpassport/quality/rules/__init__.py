"""The shelf of rules: one file each, found by looking here. A rule module has ``NAME`` and ``checks(subject)``.

The shelf ``standing`` beside it holds rules about records of the roster.

A check about references (``about_references``) is asked after the others: it needs to know which rows fell before.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

from schoolpassport.quality.records import Check, Subject


def checks(subject: Subject) -> Iterator[Check]:
    """Every check of every rule that concerns this file."""
    for module in _rules():
        yield from module.checks(subject)


def _rules() -> list[ModuleType]:
    return [importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__) if not m.ispkg]

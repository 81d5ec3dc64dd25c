"""The shelf of rules about records of the roster: one subject a file, found by looking here.

A module declares ``RULES``. What the roster as a whole tells is asked in PostgreSQL of ``r``, the record as it stands;
what a record tells alone is a condition tree, so that a district can have it withheld, too.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

from schoolpassport.quality.records import Rule


def _found() -> Mapping[str, Rule]:
    modules = (importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__))
    return MappingProxyType({rule.name: rule for m in modules for rule in getattr(m, "RULES", ())})


SHELF = _found()

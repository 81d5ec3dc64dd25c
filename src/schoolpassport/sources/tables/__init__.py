"""Ready look-up tables: one file each in this folder, which declares ``TABLE``."""

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

from schoolpassport.sources.tables.shape import Table

__all__ = ["TABLES", "Table"]


def _found() -> Mapping[str, Table]:
    modules = (importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__))
    return MappingProxyType({m.TABLE.name: m.TABLE for m in modules if hasattr(m, "TABLE")})


TABLES: Mapping[str, Table] = _found()

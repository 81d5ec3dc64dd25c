"""What people and dialects call each attribute, and what it is like: one file per kind, with ``KIND``, ``DECLARED``."""

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

from schoolpassport.sharing.attributes.shape import Declared, Dialect

__all__ = ["DECLARED", "Declared", "Dialect"]


def _found() -> Mapping[str, Mapping[str, Declared]]:
    modules = (importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__))
    return MappingProxyType({m.KIND: {d.name: d for d in m.DECLARED} for m in modules if hasattr(m, "KIND")})


DECLARED: Mapping[str, Mapping[str, Declared]] = _found()

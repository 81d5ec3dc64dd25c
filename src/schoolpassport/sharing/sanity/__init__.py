"""Checks of a view as a whole: one file each, which declares ``CHECK``. They report, and withhold nothing."""

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

from schoolpassport.sharing.sanity.shape import Check

__all__ = ["CHECKS", "Check"]


def _found() -> Mapping[str, Check]:
    modules = (importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__))
    return MappingProxyType({m.CHECK.name: m.CHECK for m in modules if hasattr(m, "CHECK")})


CHECKS: Mapping[str, Check] = _found()

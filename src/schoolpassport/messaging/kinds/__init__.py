"""The kinds of notices: one file each in this folder, which declares ``KIND``. Pure, no database."""

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

from schoolpassport.messaging.kinds.shape import Fact, How, Kind, Whom

__all__ = ["KINDS", "Fact", "How", "Kind", "Whom"]


def _found() -> Mapping[str, Kind]:
    modules = (importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__))
    return MappingProxyType({m.KIND.name: m.KIND for m in modules if hasattr(m, "KIND")})


KINDS: Mapping[str, Kind] = _found()

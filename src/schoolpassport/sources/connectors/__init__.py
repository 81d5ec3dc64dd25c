"""The ways to come by a package: one file each in this folder, which declares ``CONNECTOR``. No database, no Django."""

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

from schoolpassport.sources.connectors.shape import Connector

__all__ = ["CONNECTORS", "Connector"]


def _found() -> Mapping[str, Connector]:
    modules = (importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__))
    return MappingProxyType({m.CONNECTOR.name: m.CONNECTOR for m in modules if hasattr(m, "CONNECTOR")})


CONNECTORS: Mapping[str, Connector] = _found()

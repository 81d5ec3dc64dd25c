"""Ways by which files go: one file each in this folder, which declares ``TRANSPORT``. No database, no clock."""

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

from schoolpassport.delivery.transports.shape import Checked, Given, Setting, Transport

__all__ = ["TRANSPORTS", "Checked", "Given", "Setting", "Transport"]


def _found() -> Mapping[str, Transport]:
    modules = (importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__))
    return MappingProxyType({m.TRANSPORT.name: m.TRANSPORT for m in modules if hasattr(m, "TRANSPORT")})


TRANSPORTS: Mapping[str, Transport] = _found()

"""Standard formats: one file each in this folder, which declares ``FORMAT``. Pure, no database."""

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

from schoolpassport.delivery.formats.shape import Change, File, Format, Mode, Style

__all__ = ["FORMATS", "Change", "File", "Format", "Mode", "Style"]


def _found() -> Mapping[str, Format]:
    modules = (importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__))
    return MappingProxyType({m.FORMAT.name: m.FORMAT for m in modules if hasattr(m, "FORMAT")})


FORMATS: Mapping[str, Format] = _found()

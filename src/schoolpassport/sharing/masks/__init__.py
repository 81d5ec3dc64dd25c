"""Masks: one file each, which declares ``MASK``. Set work: each is an expression of SQL, put into the projection."""

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

from schoolpassport.sharing.masks.shape import Given, Like, Mask

__all__ = ["MASKS", "Given", "Like", "Mask"]


def _found() -> Mapping[str, Mask]:
    modules = (importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__))
    found = (m.MASK for m in modules if hasattr(m, "MASK"))
    return MappingProxyType({mask.name: mask for mask in found})


MASKS: Mapping[str, Mask] = _found()

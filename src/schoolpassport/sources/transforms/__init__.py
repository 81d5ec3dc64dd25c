"""The fixed vocabulary of transforms: one file each in this folder, which declares ``TRANSFORM``. Pure, no database.

Districts put them in order; what a transform does to a value is SQL made here, and a district's words come into it as
constants only.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

from schoolpassport.sources.transforms.shape import Example, Given, Made, Parameter, Transform, Wanted

__all__ = ["TRANSFORMS", "Example", "Given", "Made", "Parameter", "Transform", "Wanted"]


def _found() -> Mapping[str, Transform]:
    modules = (importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__))
    return MappingProxyType({m.TRANSFORM.name: m.TRANSFORM for m in modules if hasattr(m, "TRANSFORM")})


TRANSFORMS: Mapping[str, Transform] = _found()

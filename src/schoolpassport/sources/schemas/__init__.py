"""The CSV dialects we can read: one file each in this folder, which declares ``SCHEMA``. Pure mapping, no database."""

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

from schoolpassport.sources.schemas.shape import Column, FileSchema, Input, Output, Parse, Schema

__all__ = ["SCHEMAS", "Column", "FileSchema", "Input", "Output", "Parse", "Schema"]


def _found() -> Mapping[str, Schema]:
    modules = (importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__))
    return MappingProxyType({m.SCHEMA.name: m.SCHEMA for m in modules if hasattr(m, "SCHEMA")})


SCHEMAS: Mapping[str, Schema] = _found()

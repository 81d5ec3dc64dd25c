"""The catalogue of kinds: the canonical shape of everything a roster can hold, field by field, in one place.

A superset of OneRoster 1.1 and 1.2. One file per kind in this folder declares ``KIND``; nothing central is edited to
add one. Tables, inspection, references, projections, API routes and the documentation are generated from here.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from graphlib import TopologicalSorter
from types import MappingProxyType

from schoolpassport.roster.kinds.shape import Field, Kind, Privacy, Type, Version

__all__ = ["KINDS", "SHARED", "WRITTEN", "Field", "Kind", "Privacy", "Type", "Version"]


def _found() -> Mapping[str, Kind]:
    """Every kind declared in this folder, referred-to kinds before those that refer to them."""
    modules = (importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__))
    declared: dict[str, Kind] = {m.KIND.name: m.KIND for m in modules if hasattr(m, "KIND")}
    order = TopologicalSorter(
        {name: sorted({f.target for f in kind.references} - {name, ""}) for name, kind in sorted(declared.items())}
    ).static_order()
    return MappingProxyType({name: declared[name] for name in order})


KINDS: Mapping[str, Kind] = _found()
SHARED: Mapping[str, Kind] = MappingProxyType({name: kind for name, kind in KINDS.items() if kind.shared})
# In the order in which a revision is written: what is gathered from a kind is gathered when that kind stands.
WRITTEN: tuple[Kind, ...] = tuple(sorted(KINDS.values(), key=lambda kind: kind.shared))

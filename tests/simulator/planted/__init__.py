"""The shelf of planted bugs: every list `BUGS` of the files here. Another bug is one entry more."""

import importlib
import pkgutil

from tests.simulator.planted.shape import Bug

ALL: dict[str, Bug] = {
    bug.name: bug
    for module in pkgutil.iter_modules(__path__)
    for bug in getattr(importlib.import_module(f"{__name__}.{module.name}"), "BUGS", ())
}

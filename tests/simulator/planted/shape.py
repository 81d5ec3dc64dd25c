"""What a planted bug is: a few words of the product's own code replaced by others, for the time of one scene."""

import __future__

import importlib
import inspect
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import _lru_cache_wrapper
from types import FunctionType
from typing import Any

# How a scene tells that the roster, what waits, or the verdict is another.
DIFFERENCE = "are not as they should be|removals wait otherwise|expected: Verdict"


@dataclass(frozen=True)
class Patch:
    """In `function` (module:name or module:Class.name), these words instead of those. They must stand there once."""

    function: str
    old: str
    new: str


@dataclass(frozen=True)
class Bug:
    """`seen`: words of the difference by which the scene notices it, so that no other trouble is taken for it.

    `outlet`: by which one the application reads that must notice it, where the scene has applications.
    """

    name: str
    scene: str
    seen: str
    patches: tuple[Patch, ...]
    outlet: str = ""


def bug(
    name: str,
    *,
    scene: str,
    seen: str,
    function: str,
    old: str,
    new: str,
    more: tuple[Patch, ...] = (),
    outlet: str = "",
) -> Bug:
    return Bug(name, scene, seen, (Patch(function, old, new), *more), outlet)


class NotThere(Exception):
    """The product has no such function, or it does not say these words any more: the bug must be planted anew."""


@contextmanager
def planted(bug_: Bug) -> Iterator[None]:
    """The functions themselves are changed, so whoever imported them has the bug, too."""
    found = [(_function(patch), spoiled(patch)) for patch in bug_.patches]
    sound = [function.__code__ for function, _ in found]
    try:
        for function, code in found:
            function.__code__ = code
        _forget()
        yield
    finally:
        for (function, _), code in zip(found, sound, strict=True):
            function.__code__ = code
        _forget()


def _forget() -> None:
    """What functions of the product remember of what others said; the bug must be in it, and must not stay in it."""
    for module in [m for name, m in sys.modules.items() if name.startswith("schoolpassport.")]:
        for found in vars(module).values():
            if isinstance(found, _lru_cache_wrapper):
                found.cache_clear()


def _function(patch: Patch) -> FunctionType:
    module, _, name = patch.function.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part, None)
        if found is None:
            raise NotThere(f"{patch.function} is not there")
    found = inspect.unwrap(found)
    if not isinstance(found, FunctionType) or found.__closure__:
        raise NotThere(f"{patch.function} is no plain function")
    return found


def spoiled(patch: Patch) -> Any:
    function = _function(patch)
    source = textwrap.dedent(inspect.getsource(function))
    if source.count(patch.old) != 1:
        raise NotThere(f"{patch.function} says {source.count(patch.old)} times: {patch.old}")
    made: dict[str, Any] = {}
    flags = function.__code__.co_flags & __future__.annotations.compiler_flag
    text = source[source.index("def ") :].replace(patch.old, patch.new)
    exec(compile(text, f"<planted in {patch.function}>", "exec", flags=flags), function.__globals__, made)  # noqa: S102 (our own code, spoiled)
    [new] = made.values()
    return new.__code__

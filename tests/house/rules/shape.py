"""The words in which a rule is written down."""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

PACKAGE = "schoolpassport"
_EXCUSE = re.compile(r"# house: (?P<rule>[a-z-]+) \((?P<reason>[^)]{8,})\)")

Found = Iterator[tuple[int, str]]


@dataclass(frozen=True)
class Source:
    """One file, by its path in the repository."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def comments(self) -> dict[int, str]:
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        return {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}

    @property
    def top(self) -> str:
        return self.path.partition("/")[0]

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The dotted name in its parts, below the package: ``("sharing", "queries")``."""
        names = self.path.removesuffix(".py").removesuffix("/__init__").split("/")
        return tuple(names[2:]) if names[:2] == ["src", PACKAGE] else tuple(names)

    @property
    def room(self) -> str:
        return self.parts[0] if self.parts else ""

    @property
    def inside(self) -> str:
        """The module's name inside its room; "" for the room itself."""
        return self.parts[1] if len(self.parts) > 1 else ""

    def excused(self, line: int, rule: str) -> bool:
        """On this line, the one before, or the end of the statement that it begins."""
        ends = {node.end_lineno for node in ast.walk(self.tree) if isinstance(node, ast.stmt) and node.lineno == line}
        for near in {line - 1, line, *(end for end in ends if end)}:
            said = _EXCUSE.search(self.comments.get(near, ""))
            if said and said["rule"] == rule:
                return True
        return False

    def imports(self) -> Iterator[tuple[int, str]]:
        """Every dotted name that is imported, ``from a.b import c`` as ``a.b.c``."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


@dataclass(frozen=True, kw_only=True)
class Rule:
    name: str
    says: str  # what to do instead
    find: Callable[[Source], Found]
    bad: tuple[Source, ...]  # the rule's control: it must object to each of these
    good: tuple[Source, ...]  # and to none of these
    folders: frozenset[str] = frozenset({"src"})


def dotted(node: ast.AST) -> str:
    """``a.b.c`` for the expression that says so, "" for any other."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (base := dotted(node.value)):
        return f"{base}.{node.attr}"
    return ""


def file(path: str, text: str) -> Source:
    """An example, in the package unless the path says otherwise."""
    return Source(path if path.startswith(("src/", "tests/", "bench/")) else f"src/{PACKAGE}/{path}", text)

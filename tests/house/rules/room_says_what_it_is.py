"""The door plate: what a room keeps, who may enter, and what it never does, on at most a dozen lines."""

import ast
import re

from tests.house.rules.shape import Found, Rule, Source, file

_MOST_LINES = 12


def find(source: Source) -> Found:
    if len(source.parts) != 1 or not source.path.endswith("/__init__.py"):
        return
    said = ast.get_docstring(source.tree) or ""
    for word in ("Keeps", "Never"):
        if not re.search(rf"^\s*{word}\b", said, re.MULTILINE):
            yield 1, f"does not say “{word}”"
    if len(said.splitlines()) > _MOST_LINES:
        yield 1, f"takes {len(said.splitlines())} lines to say it"
    if any(not isinstance(node, ast.Expr) for node in source.tree.body):
        yield 1, "does something: a door plate only says"


_PLATE = '"""Who it is.\n\nKeeps: the names.\nEnter by actions.\nNever: tells.\n"""\n'

RULE = Rule(
    name="room-says-what-it-is",
    says="begin the room's __init__.py with what it keeps, how to enter, and what it never does",
    find=find,
    bad=(
        file("sharing/__init__.py", ""),
        file("sharing/__init__.py", '"""The exit."""'),
        file("sharing/__init__.py", '"""The exit.\n\nKeeps: views.\n"""'),
        file("sharing/__init__.py", '"""The exit.\n\nKeeps: views.\n' + "And more.\n" * 20 + 'Never: skipped.\n"""'),
        file("sharing/__init__.py", _PLATE + "from schoolpassport.sharing.actions import publish"),
    ),
    good=(
        file("sharing/__init__.py", _PLATE),
        file("roster/kinds/__init__.py", "from schoolpassport.roster.kinds.shape import Kind"),
        file("sharing/queries.py", ""),
    ),
)

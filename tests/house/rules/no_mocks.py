"""Our own code is tested as it is. Only what is not ours, as the operating system, may be replaced."""

import ast

from tests.house.rules.shape import PACKAGE, Found, Rule, Source, dotted, file


def _is_setting(arguments: list[ast.expr]) -> bool:
    """A number or a word, or the name of a constant: not a stand-in for code."""
    name = arguments[1] if len(arguments) > 2 else arguments[0]
    constant = isinstance(name, ast.Constant) and str(name.value).rpartition(".")[2].isupper()
    return constant or isinstance(arguments[-1], ast.Constant)


def find(source: Source) -> Found:
    ours = {name.rpartition(".")[2] for _, name in source.imports() if name.startswith(f"{PACKAGE}.")}
    for line, name in source.imports():
        if name.startswith(("unittest.mock", "mock.", "pytest_mock")) or name == "mock":
            yield line, "a mock"
    for node in ast.walk(source.tree):
        if not (isinstance(node, ast.Call) and dotted(node.func).endswith("monkeypatch.setattr") and node.args):
            continue
        if _is_setting(node.args):
            continue
        target = node.args[0]
        named = target.value if isinstance(target, ast.Constant) else dotted(target)
        if str(named).startswith(f"{PACKAGE}.") or str(named).partition(".")[0] in ours:
            yield node.lineno, f"{named} is ours: test it as it is"


RULE = Rule(
    name="no-mocks",
    says="use the real thing, or a fake that is itself checked against the real thing",
    find=find,
    folders=frozenset({"tests"}),
    bad=(
        file("tests/unit/x.py", "from unittest.mock import patch"),
        file("tests/unit/x.py", "import unittest.mock"),
        file("tests/unit/x.py", "from schoolpassport.kit import ids\nmonkeypatch.setattr(ids, 'new_id', f)"),
        file("tests/unit/x.py", "monkeypatch.setattr('schoolpassport.kit.ids.new_id', f)"),
    ),
    good=(
        file("tests/unit/x.py", "import os\nmonkeypatch.setattr(os, 'geteuid', f)"),
        file("tests/unit/x.py", "monkeypatch.setattr('sys.platform', 'darwin')"),
        file("tests/unit/x.py", "from schoolpassport.kit import ids\nmonkeypatch.setattr(ids, '_last', 0)"),
        file(
            "tests/unit/x.py", "from schoolpassport.kit import postgres\nmonkeypatch.setattr(postgres, '_ROOM', room)"
        ),
        file("tests/unit/x.py", "monkeypatch.setenv('HOME', '/')"),
    ),
)

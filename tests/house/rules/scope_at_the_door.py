"""A district is entered at a door or at the edge, never deep inside: what runs deeper is told, and can be composed."""

import ast

from tests.house.rules.shape import Found, Rule, Source, dotted, file

_ENTRIES = frozenset({"scope.inside", "scope.as_partner", "scope.as_organisation"})
_DOORS = frozenset({"actions", "queries", "agreements", "tasks", "views"})
_EDGES = frozenset({"cli", "console", "config", "demo"})
_SEVERAL = frozenset({"sync"})  # a run takes minutes, and no transaction is open while it reads files


def find(source: Source) -> Found:
    if source.inside in _DOORS or source.inside.startswith("_") or source.room in _EDGES | _SEVERAL:
        return
    for line, name in source.imports():
        if name.startswith("schoolpassport.tenancy.scope.") and name.rpartition(".")[2] in {
            "inside",
            "as_partner",
            "as_organisation",
        }:
            yield line, "import the module scope, so that entries can be seen"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and dotted(node.func) in _ENTRIES:
            yield node.lineno, f"{dotted(node.func)} in {'.'.join(source.parts)}"


RULE = Rule(
    name="scope-at-the-door",
    says="enter the district in an action, a query, a task or a view, and let what runs deeper be told",
    find=find,
    bad=(
        file("sharing/projection.py", "from schoolpassport.tenancy import scope\nwith scope.inside(d):\n    pass"),
        file("partners/models.py", "from schoolpassport.tenancy import scope\nwith scope.as_partner(p):\n    pass"),
        file("messaging/wording.py", "with scope.as_organisation(o):\n    pass"),
        file("sharing/projection.py", "from schoolpassport.tenancy.scope import inside"),
    ),
    good=(
        file("sharing/actions.py", "with scope.inside(d):\n    pass"),
        file("partners/_credentials.py", "with scope.as_partner(p):\n    pass"),
        file("cli/consent.py", "with scope.inside(d):\n    pass"),
    ),
)

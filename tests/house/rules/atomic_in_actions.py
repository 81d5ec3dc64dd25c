"""One action, one transaction. Where transactions begin is where a reader looks for what belongs together."""

import ast

from tests.house.rules.shape import Found, Rule, Source, dotted, file

_BY_HAND = frozenset({"commit", "rollback", "set_autocommit", "savepoint", "savepoint_commit", "savepoint_rollback"})


def find(source: Source) -> Found:
    if source.inside == "actions" or source.parts == ("tenancy", "scope") or source.room == "kit":
        return
    for line, name in source.imports():
        if name.startswith("django.db.transaction."):
            yield line, f"{name} outside actions"
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Attribute):
            continue
        if dotted(node).endswith("transaction.atomic"):
            yield node.lineno, "transaction.atomic outside actions"
        elif node.attr in _BY_HAND:
            yield node.lineno, f"{node.attr} outside actions"


RULE = Rule(
    name="atomic-in-actions",
    says="begin transactions in an action, or enter the district by scope.inside, which is one",
    find=find,
    bad=(
        file("sharing/queries.py", "from django.db import transaction\nwith transaction.atomic():\n    pass"),
        file("sharing/projection.py", "from django.db import transaction\n@transaction.atomic\ndef f():\n    pass"),
        file("rosterapi/views.py", "from django.db.transaction import atomic"),
        file("sync/tasks.py", "import django.db\nwith django.db.transaction.atomic():\n    pass"),
        file("sync/tasks.py", "connection.commit()"),
    ),
    good=(
        file("sharing/actions.py", "from django.db import transaction\nwith transaction.atomic():\n    pass"),
        file("sharing/actions/consents.py", "from django.db import transaction\ntransaction.atomic(savepoint=False)"),
        file("tenancy/scope.py", "from django.db import transaction\ntransaction.atomic()"),
        file("sharing/queries.py", "from schoolpassport.tenancy import scope\nwith scope.inside(d):\n    pass"),
    ),
)

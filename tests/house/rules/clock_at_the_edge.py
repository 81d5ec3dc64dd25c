"""Rooms are told what time it is, so that a night can be replayed and a test need not wait."""

import ast
import re

from tests.house.rules.shape import Found, Rule, Source, dotted, file

_CLOCKS = re.compile(
    r"(^|\.)(datetime\.(now|utcnow|today)|date\.today|time\.(time|time_ns|localtime|gmtime)|timezone\.now)$"
)
_IN_SQL = re.compile(
    r"\b(now|clock_timestamp|statement_timestamp|transaction_timestamp|get_current_timestamp)\s*\(\s*\)"
    r"|\b(current_timestamp|current_date|localtimestamp)\b",
    re.IGNORECASE,
)
_MAY_READ = frozenset({("kit", "clock"), ("kit", "ids")})  # an identifier begins with the time it was made
_EDGES = frozenset({"cli", "console", "config"})
_ASKING = frozenset({"views", "tasks"})
_LASTING = frozenset(
    {("sync", "actions"), ("sync", "course"), ("sync", "releasing"), ("sync", "states")}
)  # a run takes minutes: a revision is as old as its writing


def _docstrings(tree: ast.AST) -> set[int]:
    return {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }


def find(source: Source) -> Found:
    demo = source.room == "demo" and source.inside != "generator"
    if source.parts in _MAY_READ or source.room in _EDGES or demo:
        return
    yield from _imported(source)
    docstrings = _docstrings(source.tree)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and _CLOCKS.search(dotted(node)):
            yield node.lineno, f"{dotted(node)} reads the clock"
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)) or id(node) in docstrings:
            continue
        if read := _IN_SQL.search(node.value):
            yield node.lineno, f"{read[0]} reads the database's clock"


def _imported(source: Source) -> Found:
    asks = source.inside in _ASKING or source.room == "rosterapi" or source.parts in _LASTING
    for line, name in source.imports():
        if name.startswith("schoolpassport.kit.clock") and not asks:
            yield line, "kit.clock is for views, tasks and the roof"
        elif name in {"time.time", "time.time_ns", "django.utils.timezone.now"}:
            yield line, f"{name} reads the clock"
        elif name == "django.db.models.functions.Now":
            yield line, f"{name} reads the database's clock"


RULE = Rule(
    name="clock-at-the-edge",
    says="take `now`; views and tasks read it with kit.clock and hand it in",
    find=find,
    bad=(
        file("sharing/actions.py", "from datetime import datetime\nat = datetime.now()"),
        file("sharing/actions.py", "import datetime\nat = datetime.datetime.utcnow()"),
        file("sharing/actions.py", "import time\nclock = time.time"),
        file("sharing/actions.py", "from time import time"),
        file("sharing/actions.py", "from django.utils import timezone\nat = timezone.now()"),
        file("sharing/models.py", "from django.db.models.functions import Now"),
        file("sharing/actions.py", "cursor.execute('UPDATE sharing_view SET at = now()')"),
        file("sharing/actions.py", "cursor.execute(f'SELECT CURRENT_TIMESTAMP, {x}')"),
        file("sharing/actions.py", "from schoolpassport.kit import clock"),
        file("demo/generator/plan.py", "from datetime import date\nday = date.today()"),
    ),
    good=(
        file("cli/sync.py", "from schoolpassport.kit import clock\nat = clock.now()"),
        file("demo/story.py", "from schoolpassport.kit.clock import now"),
        file("rosterapi/views.py", "from schoolpassport.kit import clock"),
        file("sync/tasks.py", "from schoolpassport.kit import clock"),
        file("kit/ids.py", "import time\nread = time.time_ns()"),
        file("kit/postgres.py", "import time\nbegan = time.monotonic()"),
        file("sharing/actions.py", "import time\nbegan = time.perf_counter()"),
        file(
            "sharing/actions.py",
            'def f(now):\n    """Not by now() of the database."""\n    return now.replace(second=0)',
        ),
        file("kit/x.py", "import time\nat = time.time()  # house: clock-at-the-edge (a lock file carries the time)"),
    ),
)

"""SQL is made of the catalogue's names and our own words; what somebody sent is a parameter.

ruff's S608 objects to every interpolation and is off for that reason. This rule holds what can be held by reading:
no value is written between quotes, none comes in by ``%`` or ``format``, and the rooms where requests and command
lines arrive make no SQL at all. That the catalogue's names need no quoting is a test of its own.
"""

import ast
import re

from tests.house.rules.shape import Found, Rule, Source, dotted, file

_SQL = re.compile(
    r"\b(SELECT\b.+\bFROM|INSERT INTO|UPDATE\b.+\bSET|DELETE FROM|CREATE (TEMP )?TABLE|ALTER TABLE|COPY\b.+\b(FROM|TO)"
    r"|DROP TABLE|WHERE)\b",
    re.DOTALL,
)
_SAFE_BY_TYPE = re.compile(r"(^|\.)(district_id|kind\.(name|table|plural))$")  # a UUID; the catalogue's own words
_NO_SQL = frozenset({"rosterapi", "portal", "console", "cli"})  # where requests and command lines arrive
_RUN = frozenset({"execute", "executemany", "raw", "extra", "RawSQL"})


def _words(node: ast.AST) -> str:
    """The constant part of a string expression."""
    return "".join(n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str))


def _quoted_values(node: ast.JoinedStr, constants: set[str]) -> Found:
    within = False
    for part in node.values:
        if isinstance(part, ast.Constant):
            within ^= str(part.value).count("'") % 2 == 1
        elif isinstance(part, ast.FormattedValue) and within and not _is_ours(part.value, constants):
            yield part.lineno, "a value between quotes"


def _is_ours(node: ast.expr, constants: set[str]) -> bool:
    """Written down in the code: a CONSTANT, a name that only ever stands for a string, or something made of those."""
    if isinstance(node, ast.Call):
        return all(isinstance(n, ast.Constant) for n in (*node.args, *(k.value for k in node.keywords)))
    name = dotted(node)
    return name in constants or name.rpartition(".")[2].isupper() or bool(_SAFE_BY_TYPE.search(name))


def _is_written_down(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return _is_written_down(node.left) and _is_written_down(node.right)
    if isinstance(node, ast.IfExp):
        return _is_written_down(node.body) and _is_written_down(node.orelse)
    return isinstance(node, ast.Constant)


def _constants(tree: ast.Module) -> set[str]:
    """Names that stand for nothing but strings written down in this file."""
    assigned = [node for node in ast.walk(tree) if isinstance(node, ast.Assign) and len(node.targets) == 1]
    written = [dotted(node.targets[0]) for node in assigned if _is_written_down(node.value)]
    stored = [n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    arguments = {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    return {name for name in written if stored.count(name) == written.count(name)} - arguments


def _is_composed(node: ast.AST) -> bool:
    """By psycopg's own composition, which knows names from values."""
    return isinstance(node, ast.Call) and dotted(node.func) in {"sql.SQL", "SQL"}


def find(source: Source) -> Found:
    constants = _constants(source.tree)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.JoinedStr) and _SQL.search(_words(node)):
            yield from _quoted_values(node, constants)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and _SQL.search(_words(node.left)):
            yield node.lineno, "SQL put together by %"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            template = node.func.value
            made_here = node.args and not isinstance(node.args[0], ast.Constant)
            if source.room in _NO_SQL and node.func.attr in _RUN and made_here:
                yield node.lineno, f"SQL made in {source.room}"
            if node.func.attr == "format" and _SQL.search(_words(template)) and not _is_composed(template):
                yield node.lineno, "SQL put together by format"


RULE = Rule(
    name="sql-comes-from-the-catalogue",
    says="hand values over as parameters, or quote them by kit.columns.literal; make SQL in queries or actions",
    find=find,
    bad=(
        file("quality/rules/x.py", "w = 'a' + given\nq = f\"SELECT 'is {w}.' FROM b WHERE c\""),
        file("sharing/queries.py", "q = f\"SELECT doc FROM sharing_user WHERE username = '{name}'\""),
        file("sharing/queries.py", "n = 'x'\nn = given\nq = f\"DELETE FROM a WHERE b = '{n}'\""),
        file("sharing/queries.py", "def f(n):\n    n = 'x'\n    return f\"DELETE FROM a WHERE b = '{n}'\""),
        file("sharing/queries.py", "q = 'SELECT doc FROM sharing_user WHERE username = %s' % name"),
        file("sharing/queries.py", "q = 'SELECT doc FROM {}'.format(table)"),
        file("sharing/queries.py", "q = f\"SELECT doc FROM sharing_user WHERE username LIKE '%{name}%'\""),
        file("sharing/queries.py", "q = f\"COPY sharing_user TO '{path}'\""),
        file("sharing/queries.py", "q = f\"DELETE FROM a WHERE b = '{UUID(name)}'\""),
        file("rosterapi/views.py", "cursor.execute(f'SELECT {name}')"),
        file("rosterapi/views.py", "cursor.execute(statement)"),
        file("cli/consent.py", "Consent.objects.raw(query)"),
    ),
    good=(
        file("quality/rules/x.py", "w = 'a' + ('' if f else 'b')\nq = f\"SELECT 'is {w}.' FROM b WHERE c\""),
        file("sharing/queries.py", "q = f'SELECT doc FROM sharing_{kind.table} WHERE {where} AND id = %(id)s'"),
        file("sharing/queries.py", "q = f\"SELECT {columns} FROM roster_{kind.table} WHERE status = 'active' {more}\""),
        file("quality/rules/x.py", "one = '[a-z]+'\nq = f\"SELECT a FROM b WHERE regexp_matches(a, '{one}')\""),
        file("sharing/queries.py", "q = f\"SELECT doc FROM a WHERE status = 'active'{more} AND x = 'y'{less}\""),
        file("sharing/queries.py", "q = sql.SQL('SELECT doc FROM {}').format(sql.Identifier(table))"),
        file("cli/doctor.py", "cursor.execute('SELECT current_user')"),
        file("rosterapi/views.py", "print(f\"where is '{name}'?\", '%s from' % name)"),
    ),
)

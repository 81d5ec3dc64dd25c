from collections.abc import Mapping
from typing import Any

from schoolpassport.kit.columns import literal
from schoolpassport.sources.tables import TABLES
from schoolpassport.sources.transforms.shape import Example, Given, Made, Parameter, Transform, Wanted

_MOST = 1_000


def _sql(cell: str, given: Given) -> Made:
    words: Mapping[str, str] = given.values["values"] or TABLES[given.text("table")].words
    keys = ", ".join(f"lower(nfc_normalize({literal(w)}))" for w in words)
    found = f"[{', '.join(map(literal, words.values()))}][list_position([{keys}], lower(nfc_normalize({cell})))]"
    others = given.text("others")
    value = found if others == "clear" else f"coalesce({found}, {cell})"
    return Made(value=value, unread="" if others == "keep" else f"{found} IS NULL")


def _refuses(values: Mapping[str, Any]) -> str:
    own, ready = values["values"], values["table"]
    if bool(own) == bool(ready):
        return "give either “values”, a table of your own, or “table”, the name of a ready one."
    if ready and ready not in TABLES:
        return f"there is no table “{ready}”. There are: {', '.join(sorted(TABLES))}."
    if own and len(own) > _MOST:
        return f"the table has {len(own)} values; {_MOST} are allowed."
    folded = [word.casefold() for word in own or ()]
    twice = sorted({word for word in folded if folded.count(word) > 1})
    return f"“{twice[0]}” stands in the table twice; capitals do not tell values apart." if twice else ""


TRANSFORM = Transform(
    name="table",
    sentence="Looks each value up in a table, without regard to capitals.",
    parameters=(
        Parameter(name="values", sentence="a table of your own: value → what it becomes", wanted=Wanted.WORDS),
        Parameter(name="table", sentence="or the name of a ready one"),
        Parameter(
            name="others",
            sentence="what becomes of a value that is not in it: *warn* keeps it with a finding, *keep* without, "
            "*clear* takes it away with a finding",
            choices=("warn", "keep", "clear"),
            default="warn",
        ),
    ),
    sql=_sql,
    refuses=_refuses,
    examples=(
        Example(given="Lehrer", values={"values": {"lehrer": "teacher", "schüler": "student"}}, becomes="teacher"),
        Example(given="SCHÜLER", values={"values": {"schüler": "student"}}, becomes="student"),
        Example(given="Gast", values={"values": {"lehrer": "teacher"}}, becomes="Gast", unread=True),
        Example(given="Gast", values={"values": {"lehrer": "teacher"}, "others": "keep"}, becomes="Gast"),
        Example(given="Gast", values={"values": {"lehrer": "teacher"}, "others": "clear"}, becomes=None, unread=True),
        Example(given="Kindergarten", values={"table": "grades"}, becomes="KG"),
        Example(given="mathematics", values={"table": "subjects"}, becomes="02"),
    ),
)

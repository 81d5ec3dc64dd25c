"""Values that standard cleaning could not make into what applications understand. They are taken as they are."""

from collections.abc import Iterator

from schoolpassport.kit.columns import literal, quoted
from schoolpassport.quality.records import Check, Severity, Subject
from schoolpassport.sources.tables.grades import CODES

NAME = "not standard"

_KNOWN = ", ".join(literal(c) for c in CODES)
_SAYS = "is no grade of CEDS (KG, 01 to 13 and others). It was taken as it is; a transform can map it."


def checks(subject: Subject) -> Iterator[Check]:
    for column in subject.schema.columns:
        if column.field.name == "grades":
            yield Check(
                worth=f"bool_or({quoted(column.header)} IS NOT NULL AND NOT coalesce({_grade(column.header)}, false))",
                rule=NAME,
                severity=Severity.WARNING,
                column=column.header,
                sql=f"SELECT line, key, v, {literal(column.header + ' is “')} || v || {literal('”, which ' + _SAYS)} "
                f"FROM (SELECT line, key, {quoted(column.header)} AS v FROM {subject.rows}) "
                f"WHERE v IS NOT NULL AND NOT coalesce({_grade('v')}, false)",
            )


def _grade(column: str) -> str:
    each = f"string_split({quoted(column)}, ',')"
    return f"len(list_filter({each}, lambda e: trim(e) <> '' AND trim(e) NOT IN ({_KNOWN}))) = 0"

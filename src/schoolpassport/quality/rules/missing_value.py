from collections.abc import Iterator

from schoolpassport.kit.columns import literal, quoted
from schoolpassport.quality.records import Check, Severity, Subject
from schoolpassport.sources.schemas import Column

NAME = "missing value"


def checks(subject: Subject) -> Iterator[Check]:
    required = [
        ("sourcedId", "key IS NULL"),
        *((c.header, _lacks(subject, c)) for c in subject.schema.columns if c.required and not subject.partial),
    ]
    worth = f"bool_or({' OR '.join(lacks for _, lacks in required)})"
    for header, lacks in required:
        yield Check(
            worth=worth,
            rule=NAME,
            severity=Severity.ERROR,
            column=header,
            sql=f"SELECT line, key, NULL, {literal(header + ' is blank; it is required.')} "
            f"FROM {subject.rows} WHERE {lacks}",
        )


def _lacks(subject: Subject, column: Column) -> str:
    """SQL: the row must have a value here, and has none. Of two names, one is enough."""
    others = [c.header for c in subject.schema.columns if c.field.name == column.field.unless]
    return " AND ".join(f"{quoted(header)} IS NULL" for header in (column.header, *others))

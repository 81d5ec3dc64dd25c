from collections.abc import Iterator

from schoolpassport.kit.columns import literal, quoted
from schoolpassport.quality.records import Check, Severity, Subject

NAME = "missing value"


def checks(subject: Subject) -> Iterator[Check]:
    required = [
        ("sourcedId", "key"),
        *((c.header, quoted(c.header)) for c in subject.schema.columns if c.required and not subject.partial),
    ]
    worth = f"bool_or({' OR '.join(f'{cell} IS NULL' for _, cell in required)})"
    for header, cell in required:
        yield Check(
            worth=worth,
            rule=NAME,
            severity=Severity.ERROR,
            column=header,
            sql=f"SELECT line, key, NULL, {literal(header + ' is blank; it is required.')} "
            f"FROM {subject.rows} WHERE {cell} IS NULL",
        )

"""A value that one of the district's own transforms could not read; the transform says what became of it."""

from collections.abc import Iterator

from schoolpassport.kit.columns import literal
from schoolpassport.quality.records import Check, Severity, Subject

NAME = "unreadable value"


def checks(subject: Subject) -> Iterator[Check]:
    for column in subject.fallible:
        yield Check(
            worth="bool_or(len(faults) > 0)",
            rule=NAME,
            severity=Severity.WARNING,
            column=column,
            sql="SELECT line, key, f.value, f.sentence "
            f"FROM (SELECT line, key, unnest(faults) AS f FROM {subject.rows}) WHERE f.column = {literal(column)}",
        )

"""Lines that are no CSV: too few or too many cells, quotes gone wrong, bytes that are not UTF-8."""

from collections.abc import Iterator

from schoolpassport.quality.records import Check, Severity, Subject

NAME = "unreadable line"


def checks(subject: Subject) -> Iterator[Check]:
    yield Check(
        worth=f"(SELECT count(*) > 0 FROM unread_{subject.table})",
        rule=NAME,
        severity=Severity.ERROR,
        column="",
        sql="SELECT line, key, NULL, 'The line cannot be read: ' || coalesce(message, '') || ' Check its commas, "
        f"quotes and encoding (UTF-8).' FROM unread_{subject.table} WHERE message IS DISTINCT FROM ''",
    )

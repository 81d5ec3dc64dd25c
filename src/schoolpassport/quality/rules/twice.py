"""Two rows with one sourcedId. The same row twice is harmless; of two that differ, neither is taken."""

from collections.abc import Iterator

from schoolpassport.quality.records import Check, Severity, Subject

NAME = "duplicate id"


def checks(subject: Subject) -> Iterator[Check]:
    twice = f"FROM twice_{subject.table}"
    worth = f"(SELECT count(*) > 0 {twice})"
    yield Check(
        worth=worth,
        rule=NAME,
        severity=Severity.ERROR,
        column="sourcedId",
        sql="SELECT line, key, key, 'sourcedId “' || key || '” stands in ' || rows || ' rows that differ (lines ' || "
        f"lines || '); none of them was taken.' {twice} WHERE differ",
    )
    yield Check(
        worth=worth,
        rule=NAME,
        severity=Severity.WARNING,
        column="sourcedId",
        sql="SELECT line, key, key, 'The same row stands ' || rows || ' times (lines ' || lines || '); it was taken "
        f"once.' {twice} WHERE NOT differ AND line = first_line",
    )

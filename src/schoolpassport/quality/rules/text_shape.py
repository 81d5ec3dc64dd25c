"""Texts that cannot be stored or shown: too long, with control characters, or running over several lines."""

from collections.abc import Iterator

from schoolpassport.kit.columns import literal, quoted
from schoolpassport.quality.records import Check, Severity, Subject

TOO_LONG, CONTROL, BREAK = "too long", "control character", "line break"
KEY_LENGTH = 255  # OneRoster 1.1: a GUID has fewer than 256 characters
METADATA_LENGTH = 20_000


def checks(subject: Subject) -> Iterator[Check]:
    limits = [("sourcedId", "key", KEY_LENGTH), ("metadata", "metadata", METADATA_LENGTH)]
    limits += [(c.header, quoted(c.header), c.field.max_length) for c in subject.schema.columns]
    for header, cell, limit in limits:
        yield Check(
            rule=TOO_LONG,
            severity=Severity.ERROR,
            column=header,
            sql=f"SELECT line, key, left({cell}, 100) || '…', {literal(header + ' has ')} || length({cell}) || "
            f"{literal(f' characters; {limit} are allowed.')} FROM {subject.rows} WHERE length({cell}) > {limit}",
        )
        yield Check(
            rule=CONTROL,
            severity=Severity.ERROR,
            column=header,
            sql=f"SELECT line, key, NULL, {literal(header + ' holds a control character; remove it.')} "
            f"FROM {subject.rows} WHERE regexp_matches({cell}, '[\\x01-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f]')",
        )
        yield Check(
            rule=BREAK,
            severity=Severity.ERROR,
            column=header,
            sql=f"SELECT line, key, NULL, {literal(header + ' holds a line break; OneRoster allows none. Remove it.')} "
            f"FROM {subject.rows} WHERE contains({cell}, chr(10)) OR contains({cell}, chr(13))",
        )

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
    # One look at all that a row says: what is short and plain as a whole is so in each of its cells.
    told = f"concat_ws(' ', {', '.join(cell for _, cell, _ in limits)})"
    short = min(limit for header, _, limit in limits if header != "sourcedId")
    long = f"bool_or(length(key) > {KEY_LENGTH} OR length({told}) > {short})"
    odd = f"bool_or(regexp_matches({told}, '[\\x01-\\x08\\x0a-\\x1f\\x7f]'))"
    for header, cell, limit in limits:
        yield Check(
            worth=long,
            rule=TOO_LONG,
            severity=Severity.ERROR,
            column=header,
            sql=f"SELECT line, key, left({cell}, 100) || '…', {literal(header + ' has ')} || length({cell}) || "
            f"{literal(f' characters; {limit} are allowed.')} FROM {subject.rows} WHERE length({cell}) > {limit}",
        )
        yield Check(
            worth=odd,
            rule=CONTROL,
            severity=Severity.ERROR,
            column=header,
            sql=f"SELECT line, key, NULL, {literal(header + ' holds a control character; remove it.')} "
            f"FROM {subject.rows} WHERE regexp_matches({cell}, '[\\x01-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f]')",
        )
        yield Check(
            worth=odd,
            rule=BREAK,
            severity=Severity.ERROR,
            column=header,
            sql=f"SELECT line, key, NULL, {literal(header + ' holds a line break; OneRoster allows none. Remove it.')} "
            f"FROM {subject.rows} WHERE contains({cell}, chr(10)) OR contains({cell}, chr(13))",
        )

"""``status`` and ``dateLastModified``: ignored when filled in bulk, needed in every row of a delta (CSV 1.1, 2.3)."""

from collections.abc import Iterator

from schoolpassport.quality.records import Check, Severity, Subject
from schoolpassport.sources.records import Mode

NAME = "bad status"


def checks(subject: Subject) -> Iterator[Check]:
    known = "status IN ('active', 'tobedeleted')"
    fine = known if subject.mode is Mode.DELTA else f"(status IS NULL OR {known})"
    wanted = "active or tobedeleted" + ("" if subject.mode is Mode.DELTA else ", or blank")
    yield Check(
        worth=f"bool_or(NOT coalesce({fine}, false))",
        rule=NAME,
        severity=Severity.ERROR,
        column="status",
        sql=f"SELECT line, key, status, 'The status is “' || coalesce(status, '') || '”; it must be {wanted}.' "
        f"FROM {subject.rows} WHERE NOT coalesce({fine}, false)",
    )
    if subject.mode is Mode.DELTA:
        yield Check(
            rule=NAME,
            severity=Severity.ERROR,
            column="dateLastModified",
            sql="SELECT line, key, stamp, 'A delta file must say when each row was last modified, like "
            f"2026-09-01T06:00:00.000Z.' FROM {subject.rows} WHERE try_cast(stamp AS TIMESTAMPTZ) IS NULL",
        )

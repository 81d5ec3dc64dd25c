"""The clock. Read at the edges of the house only: everything else is told what time it is."""

from datetime import UTC, datetime


def now() -> datetime:
    """The time in UTC, in whole milliseconds: as OneRoster writes it, so that what is stored is what is shown."""
    read = datetime.now(UTC)  # noqa: TID251 (this is the one place)
    return read.replace(microsecond=read.microsecond // 1000 * 1000)

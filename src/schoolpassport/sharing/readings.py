"""What is written down about reading: that it happened, never row by row.

A line says that one caller read one collection at one revision within one hour: how many pages and records, and which
fields. The first page of a line is written before it leaves, so that nothing is read that stands nowhere. What is added
to the line later is gathered in memory and written with the page that ends a walk, or after ten seconds with the next
one: a process that is killed loses a few counts, and no line.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection

from schoolpassport.kit.recent import Recent

WHOLE: Final = UUID(int=0)  # no school was named
_WRITTEN_AFTER = timedelta(seconds=10)

WRITE: Final = """
    INSERT INTO sharing_reading AS r (district_id, integration_id, kind, hour, revision, caller, outlet, subset, school,
        part, fields, pages, records, total, first_at, last_at)
    VALUES (%(district)s, %(integration)s, %(kind)s, %(hour)s, %(revision)s, %(caller)s, %(outlet)s, %(subset)s,
        %(school)s, %(part)s, %(fields)s::text[], %(pages)s, %(records)s, %(total)s, %(first)s, %(last)s)
    ON CONFLICT (district_id, integration_id, kind, hour, revision, caller, outlet, subset, school, part) DO UPDATE SET
        pages = r.pages + excluded.pages, records = r.records + excluded.records,
        total = greatest(r.total, excluded.total), first_at = least(r.first_at, excluded.first_at),
        last_at = greatest(r.last_at, excluded.last_at),
        fields = CASE WHEN r.fields IS NULL OR excluded.fields IS NULL THEN NULL ELSE
            ARRAY(SELECT DISTINCT x FROM unnest(r.fields || excluded.fields) x ORDER BY x) END
    RETURNING 1"""


class Line(NamedTuple):
    """Which line a page belongs to."""

    district: UUID
    integration: UUID
    kind: str
    hour: datetime
    revision: int
    caller: bytes
    outlet: str
    subset: str
    school: UUID
    part: bool


@dataclass
class Added:
    """What is to be added to a line. ``fields`` None: all that are shared."""

    first: datetime
    last: datetime
    pages: int = 0
    records: int = 0
    total: int = 0
    fields: set[str] | None = field(default_factory=set)

    def add(self, *, records: int, total: int, fields: Iterable[str] | None, at: datetime) -> None:
        self.pages += 1
        self.records += records
        self.total = max(self.total, total)
        self.fields = None if fields is None or self.fields is None else self.fields | set(fields)
        self.first, self.last = min(self.first, at), max(self.last, at)


def parameters(line: Line, added: Added) -> dict[str, Any]:
    """Of ``WRITE``."""
    return {
        **line._asdict(),
        "fields": None if added.fields is None else sorted(added.fields),
        "pages": added.pages,
        "records": added.records,
        "total": added.total,
        "first": added.first,
        "last": added.last,
    }


def write(line: Line, added: Added) -> None:
    """In the caller's scope and transaction."""
    with connection.cursor() as cursor:
        cursor.execute(WRITE, parameters(line, added))


class Gathering:
    """What this process has not written yet, by district: only inside a district can its lines be written."""

    def __init__(self) -> None:
        self._pending: dict[int, dict[Line, Added]] = {}
        self._written: dict[int, datetime] = {}
        self._begun: Recent[Line, None] = Recent(10_000)
        self._lock = threading.Lock()

    def note(
        self,
        line: Line,
        *,
        records: int,
        total: int,
        fields: Iterable[str] | None,
        ends: bool,
        at: datetime,
    ) -> Sequence[tuple[Line, Added]]:
        """Add a page to its line. Returns what must be written now; ``ends``: the page is the last of a longer walk."""
        with self._lock:
            district = line.district.int
            mine = self._pending.setdefault(district, {})
            added = mine.get(line)
            begins = added is None and line not in self._begun  # what waits has begun
            if added is None:
                added = mine[line] = Added(at, at)
            added.add(records=records, total=total, fields=fields, at=at)
            since = self._written.get(district)
            if not (begins or ends or since is None or at >= since + _WRITTEN_AFTER):
                return ()
            self._written[district] = at
            return list(self._pending.pop(district).items())

    def written(self, line: Line) -> None:
        """Its line is there: what follows may wait."""
        self._begun.put(line, None)


GATHERING = Gathering()


def hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)

"""A collection, read until nothing of it can be missing.

Records come and go while we page, and a page says nothing of it. So every page begins with the last record of the one
before: if another stands there, something moved. A reading in which nothing moved, and whose count is the provider's
own where it tells one, stands. Otherwise it is read again until two readings have the same records; so are providers
that only know links, whose pages cannot overlap. A count alone proves nothing: who left and was read stands for who was
skipped. Only of a provider without any order the union stands, when it has as many records as are counted. The end is
never believed: a short page, a missing link or a count may lie. It is there when the last record is asked for again and
stands alone.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from schoolpassport.kit.columns import Columns, literal
from schoolpassport.kit.egress import Deadline
from schoolpassport.kit.http import Unexpected
from schoolpassport.kit.recovery import NeedsAttention, Retry
from schoolpassport.sources.rest.session import Page, Record, Session

_READINGS: Final = 6
_MORE_READINGS: Final = 40  # while each brings something new, and a count tells how many are still to come
_EMPTY_PAGES: Final = 20  # with a link to yet another one
_NO_MORE: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE})
LARGEST_RECORD: Final = 8_000_000  # bytes
Watch = Callable[[str], None]


class How(StrEnum):
    """By what a collection can be read."""

    OFFSET = "offset"
    LINKS = "links"  # the provider's own, where it counts no offset
    WHOLE = "whole"  # all in one answer, whatever is asked for


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to read: ``size`` is what a page is asked to hold; ``sort`` whether order can be asked for.

    ``ordered``: whether two answers are in the same order; where they are not, pages may fit together by chance.
    """

    how: How = How.OFFSET
    size: int = 1000
    sort: bool = False
    ordered: bool = True
    trust_total: bool = True


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One reading of a collection, as lines of JSON. ``unbroken``: each page began where one ended."""

    path: Path
    unbroken: bool
    circled: bool
    pages: int
    read: int
    count: int = 0  # different ids
    print: int = 0
    total: int | None = None

    def agrees(self, *, trust_total: bool) -> bool:
        return self.total is None or not trust_total or self.total == self.count

    def same(self, other: "Reading | None") -> bool:
        return other is not None and (self.count, self.print) == (other.count, other.print)


@dataclass(frozen=True, kw_only=True)
class Pulled:
    """A whole collection: lines of JSON, in which an id may stand twice and then the last one counts."""

    path: Path
    count: int
    folded: int
    readings: int
    total: int | None  # as the provider tells it


def pull(
    session: Session, db: Columns, collection: str, plan: Plan, into: Path, watch: Watch, filter_: str = ""
) -> Pulled:
    """Read a collection whole, below the folder ``into``. Raises ``Unexpected``, ``NeedsAttention`` and ``Retry``."""
    before: Reading | None = None
    union: Reading | None = None
    for number in range(1, _MORE_READINGS + 1):
        reading, plan = _ordered(session, collection, plan, into / f"{collection}.{number}.ndjson", watch, filter_)
        reading = _counted(db, reading)
        if _stands(reading, before, plan):
            return _pulled(reading, number)
        union, grown = _joined(db, union, reading, into / f"{collection}.ndjson")
        before = reading
        unordered = plan.how is How.OFFSET and not plan.ordered
        counted = unordered and plan.trust_total and reading.total is not None and not reading.circled
        if counted and union.count == reading.total:
            return _pulled(union, number)
        if number >= _READINGS and not (counted and grown):
            break
    circled = before is not None and (before.circled or plan.how is How.WHOLE)
    raise _unproved(session.host, collection, circled=circled, ordered=plan.ordered or plan.how is not How.OFFSET)


def _unproved(host: str, collection: str, *, circled: bool, ordered: bool) -> NeedsAttention | Retry:
    if circled:
        return NeedsAttention(
            f"{host} gives the same page of {collection} again and again, so nothing tells where they end. Ask those "
            "who look after it to make “offset” or “Link” work."
        )
    if not ordered:
        return NeedsAttention(
            f"{host} gives its {collection} in another order each time, so nothing tells whether they are whole. Ask "
            "those who look after it to give them in the order of their ids, or to count them in X-Total-Count."
        )
    return Retry(
        1800,
        f"{host} changed its {collection} again and again while they were read, so nothing tells whether they were "
        "whole. It is tried again; a time at which nobody works there helps.",
    )


def _stands(reading: Reading, before: Reading | None, plan: Plan) -> bool:
    if reading.circled:
        return False
    overlapped = (plan.how is How.OFFSET and plan.ordered) or reading.pages <= 1
    counted = reading.total is not None and plan.trust_total
    proved = reading.unbroken and reading.agrees(trust_total=plan.trust_total) and overlapped
    # Where the rest cannot be asked for, the same part twice is still a part.
    part = plan.how is How.WHOLE and counted and (reading.total or 0) > reading.count
    return proved or (reading.unbroken and reading.same(before) and not part)


def _pulled(reading: Reading, readings: int) -> Pulled:
    folded = reading.read - reading.count
    return Pulled(path=reading.path, count=reading.count, folded=folded, readings=readings, total=reading.total)


def _ordered(
    session: Session, collection: str, plan: Plan, path: Path, watch: Watch, filter_: str
) -> tuple[Reading, Plan]:
    """A reading in the order of ids; where that cannot be asked of this collection, in the provider's own."""
    try:
        return _Reader(session, collection, plan, filter_, watch).read(path), plan
    except Unexpected as no:
        if not plan.sort or no.status != HTTPStatus.BAD_REQUEST:
            raise
    plan = replace(plan, sort=False)
    return _Reader(session, collection, plan, filter_, watch).read(path), plan


class _Reader:
    def __init__(self, session: Session, collection: str, plan: Plan, filter_: str, watch: Watch) -> None:
        self._session, self._collection, self._plan, self._watch = session, collection, plan, watch
        self._query = {"filter": filter_} if filter_ else {}
        if plan.sort:
            self._query |= {"sort": "sourcedId", "orderBy": "asc"}
        self._deadline = Deadline(session.limits.seconds)
        self._seen: set[int] = set()
        self._encoder = msgspec.json.Encoder()
        self._pages = self._read = self._bytes = 0
        self._unbroken, self._circled = True, False
        self._total: int | None = None

    def read(self, path: Path) -> Reading:
        with path.open("wb") as out:
            if self._plan.how is How.OFFSET:
                self._by_offset(out)
            else:
                self._by_links(out)
        return Reading(
            path=path,
            unbroken=self._unbroken,
            circled=self._circled,
            pages=self._pages,
            read=self._read,
            total=self._total,
        )

    def _by_offset(self, out: BinaryIO) -> None:
        reached, last, lap = 0, "", 0
        while (page := self._ask(reached - lap)) is not None:
            met = not lap or (bool(page.ids) and page.ids[0] == last)
            self._unbroken &= met
            new = page.records[lap:] if met else page.records
            if not new or self._again(page.ids):
                return
            self._write(out, new)
            reached += len(page.records) - lap
            last = page.ids[-1]
            lap = 1 if len(page.records) > 1 and last else 0  # a provider of single records leaves no room for two

    def _by_links(self, out: BinaryIO) -> None:
        page: Page | None = self._ask(0)
        empty = 0
        while page is not None:
            empty = 0 if page.records else empty + 1
            if empty > _EMPTY_PAGES or (page.records and self._again(page.ids)):
                self._circled = True
                return
            self._write(out, page.records)
            if not page.following:
                return
            self._note()
            page = self._noted(self._session.follow(page, self._collection))

    def _ask(self, offset: int) -> Page | None:
        """The page at an offset; None where a provider calls an offset past the end an error."""
        self._note()
        try:
            page = self._session.page(self._collection, **self._query, limit=str(self._plan.size), offset=str(offset))
        except Unexpected as no:
            if offset and offset == self._read and no.status in _NO_MORE:
                return None
            raise
        return self._noted(page)

    def _noted(self, page: Page) -> Page:
        self._total = page.total if page.total is not None else self._total
        self._pages += bool(page.records)
        return page

    def _note(self) -> None:
        try:
            self._deadline.left()
        except TimeoutError:
            raise Retry(
                3600, f"{self._session.host} was too slow: its {self._collection} were not read whole in time."
            ) from None
        self._watch(f"{self._collection}: {self._read:,}")

    def _again(self, ids: list[str]) -> bool:
        """Whether this very page was there before. It would go on for ever."""
        digest = hash(tuple(ids))
        self._circled |= digest in self._seen
        self._seen.add(digest)
        return self._circled

    def _write(self, out: BinaryIO, records: list[Record]) -> None:
        try:
            lines = self._encoder.encode_lines(records)
        except OverflowError:
            raise NeedsAttention(
                f"{self._session.host} has a number in its {self._collection} that is larger than any roster needs."
            ) from None
        self._bytes += len(lines)
        if self._bytes > self._session.limits.bytes:
            raise NeedsAttention(
                f"{self._session.host} sent more than {self._session.limits.bytes:,} bytes of {self._collection}, "
                "which is the most that is taken. See that the address is the right one."
            )
        out.write(lines)
        self._read += len(records)


def lines_of(path: Path) -> str:
    """SQL: the records of a file (json), in their order."""
    return (
        f"read_json_objects({literal(str(path))}, format = 'newline_delimited', maximum_object_size = {LARGEST_RECORD})"
    )


def _counted(db: Columns, reading: Reading) -> Reading:
    count, prints = 0, 0
    if reading.path.stat().st_size:
        count, prints = db.execute(
            "SELECT count(*), bit_xor(hash(id)) FROM (SELECT DISTINCT coalesce(json_extract_string(json, "
            f"'$.sourcedId'), json::VARCHAR) AS id FROM {lines_of(reading.path)})"
        ).fetchall()[0]
    return replace(reading, count=count, print=prints)


def _joined(db: Columns, union: Reading | None, reading: Reading, into: Path) -> tuple[Reading, bool]:
    """The union of all readings so far, and whether this one brought something new."""
    with into.open("ab") as out, reading.path.open("rb") as more:
        shutil.copyfileobj(more, out, 1 << 20)
    before = union.count if union else 0
    read = (union.read if union else 0) + reading.read
    made = _counted(db, replace(reading, path=into, read=read))
    return made, made.count > before

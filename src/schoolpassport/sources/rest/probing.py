"""What a provider can really do, found out by asking it twice and comparing its answers; nothing is believed.

``paged`` asks for one collection in ways that only differ in limit, offset and order; ``dated`` in ways that only
differ in a filter. Both are records of answers; what follows from them is told by their properties, and by ``card``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final

from schoolpassport.kit.http import Unexpected
from schoolpassport.kit.recovery import NeedsAttention
from schoolpassport.sources.records import Trait
from schoolpassport.sources.rest.card import Card
from schoolpassport.sources.rest.paging import How, Plan
from schoolpassport.sources.rest.session import Page, Record, Session

_SMALLER: Final = (500, 100)  # limits that providers are known to insist on
_REFUSALS: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY})
_STAMPS: Final = (("%Y-%m-%dT%H:%M:%S.000Z", timedelta(seconds=1)), ("%Y-%m-%d", timedelta(days=1)))
_PAST, _FUTURE = datetime(1990, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_SKEW: Final = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Paged:
    """The answers from which it is told how a collection is paged. ``None``: refused."""

    asked: int
    one: Page  # limit 1
    two: Page  # limit 2
    after: tuple[Page | None, ...]  # the same, one and two records on
    linked: Page | str | None  # where ``two`` says the next page is; a sentence when that is nowhere to go
    large: Page  # as many as it gives
    again: Page  # the same once more
    beyond: Page | None  # one record, from where that page ends
    ascending: Page | None
    descending: Page | None

    @property
    def limit_counts(self) -> bool:
        return len(self.one.records) <= 1

    @property
    def offset_counts(self) -> bool:
        """A page that is the first one, wherever it is asked for, was not asked for at all."""
        return any(page is None or page.ids[: len(self.two.ids)] != self.two.ids for page in self.after)

    @property
    def stands_still(self) -> bool:
        """Whether a page that is asked for one record on begins with the second record."""
        after = self.after[0]
        return len(self.two.ids) == 2 and after is not None and after.ids[:1] == self.two.ids[1:]  # noqa: PLR2004 (that many were asked for)

    @property
    def sorts(self) -> bool:
        up, down = self.ascending, self.descending
        if up is None or down is None or len(up.ids) < 2:  # noqa: PLR2004 (one alone is always in order)
            return False
        orders: tuple[Callable[[str], str], ...] = (str, str.casefold, lambda id_: id_.zfill(40))
        return up.ids[0] != down.ids[0] and any(up.ids == sorted(up.ids, key=key) for key in orders)

    @property
    def ordered(self) -> bool:
        return self.stands_still or self.sorts or len(self.two.ids) < 2  # noqa: PLR2004 (that many were asked for)

    @property
    def has_more(self) -> bool:
        """Whether there are records that the large page does not hold."""
        more = self.offset_counts and self.beyond is not None and bool(self.beyond.records)
        return bool(self.large.following) or more

    @property
    def how(self) -> How:
        if self.offset_counts:
            return How.OFFSET
        if self.large.following or self.two.following or self.one.following:
            return How.LINKS
        whole = not self.limit_counts or self.large.total == len(self.large.records)
        return How.WHOLE if whole else How.OFFSET  # which will be found to go in a circle

    @property
    def counts(self) -> bool:
        return bool(self._count().works)

    @property
    def traits(self) -> tuple[Trait, ...]:
        return (self._limit(), self._offset(), self._links(), self._count(), self._order())

    def _limit(self) -> Trait:
        got = len(self.large.records)
        if not self.limit_counts:
            return Trait(
                name="limit", works=False, sentence=f"One record was asked for, {len(self.one.records):,} came."
            )
        if self.has_more and got < self.asked:
            sentence = f"Clamped: {self.asked:,} records were asked for, {got:,} came, and there are more."
            return Trait(name="limit", works=False, sentence=sentence)
        return Trait(name="limit", works=True, sentence=f"As many come as are asked for, up to {self.asked:,}.")

    def _offset(self) -> Trait:
        if not self.offset_counts:
            return Trait(name="offset", works=False, sentence="Every offset gives the first page.")
        if self.ordered:
            return Trait(name="offset", works=True, sentence="One record on, the second record comes first.")
        sentence = (
            "Two answers are not in the same order, so they are read until as many are there as the provider counts."
        )
        return Trait(name="offset", works=False, sentence=sentence)

    def _links(self) -> Trait:
        if isinstance(self.linked, str):
            return Trait(name="links", works=False, sentence=self.linked)
        if self.linked is None:
            return Trait(name="links", works=False, sentence="No Link header names the next page.")
        if set(self.linked.ids) & set(self.two.ids):
            return Trait(name="links", works=False, sentence="The next page, as linked, holds records of this one.")
        return Trait(name="links", works=True, sentence="The Link header leads to the records that come next.")

    def _count(self) -> Trait:
        large, two = self.large, self.two
        if large.total is None:
            return Trait(name="count", works=False, sentence="X-Total-Count is not told.")
        if large.total < len(large.records) or large.total != two.total:
            sentence = f"X-Total-Count says {two.total} on a page of {len(two.records)}, {large.total} on one of "
            return Trait(name="count", works=False, sentence=f"{sentence}{len(large.records):,}.")
        if not self.has_more and large.total != len(large.records):
            sentence = f"X-Total-Count says {large.total:,}, but {len(large.records):,} records are all there is."
            return Trait(name="count", works=False, sentence=sentence)
        sentence = f"X-Total-Count says {large.total:,}, whatever the size of the page."
        return Trait(name="count", works=True, sentence=sentence)

    def _order(self) -> Trait:
        if self.sorts:
            return Trait(name="sort", works=True, sentence="Ids come in order when that is asked for, and backwards.")
        why = "Refused." if self.ascending is None else "Asked for in order of ids and backwards, they come the same."
        return Trait(name="sort", works=False, sentence=why)


def paged(session: Session, collection: str, *, size: int) -> Paged:
    """Ask for the beginning of a collection in eleven ways. Raises ``Unexpected``, ``NeedsAttention``, ``Retry``."""

    def ask(limit: int, offset: int, **query: str) -> Page | None:
        return _tried(session, collection, limit=str(limit), offset=str(offset), **query)

    asked, large = _largest(session, collection, size)
    two = session.page(collection, limit="2", offset="0")
    return Paged(
        asked=asked,
        one=session.page(collection, limit="1", offset="0"),
        two=two,
        after=(ask(2, 1), ask(2, 2)),
        linked=_linked(session, collection, two),
        large=large,
        again=session.page(collection, limit=str(asked), offset="0"),
        beyond=ask(1, len(large.records)),
        ascending=ask(asked, 0, sort="sourcedId", orderBy="asc"),
        descending=ask(asked, 0, sort="sourcedId", orderBy="desc"),
    )


def probe(session: Session, collection: str, *, size: int) -> Card:
    """Find out what the provider can do, with about twenty requests. Raises as ``paged`` does."""
    pages = paged(session, collection, size=size)
    clock = session.date
    stamp, by_date = _date_filter(session, collection, pages)
    return Card(
        plan=Plan(how=pages.how, size=pages.asked, sort=pages.sorts, ordered=pages.ordered, trust_total=pages.counts),
        stamp=stamp,
        traits=(
            *pages.traits,
            _status_filter(session, collection, pages),
            _dates(pages, clock),
            by_date,
            _deleted(session, collection, pages, stamp),
            _clock(session),
        ),
    )


def date_of(record: Record) -> datetime | None:
    """A record's ``dateLastModified``, where it can be read; without a zone it is taken for UTC."""
    said = record.get("dateLastModified")
    try:
        read = datetime.fromisoformat(said) if isinstance(said, str) else None
    except ValueError:
        return None
    return read.replace(tzinfo=UTC) if read and read.tzinfo is None else read


def _tried(session: Session, collection: str, **query: str) -> Page | None:
    try:
        return session.page(collection, **query)
    except Unexpected as no:
        if no.status not in _REFUSALS:
            raise
        return None


def _largest(session: Session, collection: str, size: int) -> tuple[int, Page]:
    """The size that was asked for, or the largest that is not refused."""
    for smaller in (*(s for s in _SMALLER if s < size), 1):
        try:
            return size, session.page(collection, limit=str(size), offset="0")
        except Unexpected as no:
            if no.status != HTTPStatus.BAD_REQUEST:
                raise
        size = smaller
    return size, session.page(collection, limit=str(size), offset="0")


def _linked(session: Session, collection: str, page: Page) -> Page | str | None:
    if not page.following:
        return None
    try:
        return session.follow(page, collection)
    except NeedsAttention as nowhere:
        return nowhere.sentence


# ----------------------------------------------------------------------------------------------------- dates, filters


def _dates(pages: Paged, clock: datetime) -> Trait:
    dates = [date_of(r) for r in pages.large.records]
    read = [d for d in dates if d is not None]
    again = {id_: date_of(r) for id_, r in zip(pages.again.ids, pages.again.records, strict=True)}
    first = dict(zip(pages.large.ids, dates, strict=True))
    if moved := sum(again[id_] != first[id_] for id_ in first.keys() & again.keys()):
        sentence = f"{moved:,} records had another dateLastModified when they were asked for again."
    elif len(read) < len(dates):
        sentence = f"{len(dates) - len(read):,} of {len(dates):,} records have no dateLastModified that can be read."
    elif future := sum(d > clock + timedelta(days=1) for d in read):
        sentence = f"{future:,} of {len(read):,} dates lie in the future."
    elif len(set(read)) < 2:  # noqa: PLR2004 (one date tells nothing)
        sentence = f"All {len(read):,} records of the first page have the same date, which tells nothing yet."
        return Trait(name="dates", works=None, sentence=sentence)
    else:
        sentence = f"{len(read):,} records have {len(set(read)):,} different dates, none in the future."
        return Trait(name="dates", works=True, sentence=sentence)
    return Trait(name="dates", works=False, sentence=sentence)


def _date_filter(session: Session, collection: str, pages: Paged) -> tuple[str, Trait]:
    """How a date is written in a filter that works; "" and why not, when none does."""
    dated = {id_: d for id_, r in zip(pages.large.ids, pages.large.records, strict=True) if (d := date_of(r))}
    trait = Trait(name="date filter", works=None, sentence="There are no dates to ask for.")
    if not dated:
        return "", trait
    for stamp, step in _STAMPS:
        trait = _date_filtered(session, collection, pages, dated, stamp, step)
        if trait.works:
            return stamp, trait
    return "", trait


def _date_filtered(
    session: Session, collection: str, pages: Paged, dated: dict[str, datetime], stamp: str, step: timedelta
) -> Trait:
    def ask(since: datetime) -> Page | None:
        filter_ = f"dateLastModified>'{since.astimezone(UTC).strftime(stamp)}'"
        return _tried(session, collection, limit=str(pages.asked), offset="0", filter=filter_)

    def no(sentence: str) -> Trait:
        return Trait(name="date filter", works=False, sentence=sentence)

    middle = sorted(dated.values())[len(dated) // 2]
    past, future, since = ask(_PAST), ask(_FUTURE), ask(middle - step)
    if past is None or future is None or since is None:
        return no("A filter by dateLastModified is refused.")
    if future.records:
        return no(f"Asked for what changed after the year 2100, it gives {len(future.records):,} records.")
    if len(past.records) < len(pages.large.records):
        return no(f"Asked for what changed since 1990, it gives {len(past.records):,} of {len(dated):,} records.")
    if older := sum((date_of(r) or _PAST) <= middle - step - step for r in since.records):
        return no(f"Asked for what changed since a date, it gives {older:,} records that are older.")
    wanted = {id_ for id_, date in dated.items() if date >= middle}
    if (lost := wanted - set(since.ids)) and len(since.records) < len(pages.large.records):
        return no(f"Asked for what changed since a date, it leaves out {len(lost):,} records that are newer.")
    sentence = "Asked for what changed since a date of its records, it gives those, and none that is older."
    return Trait(name="date filter", works=True, sentence=sentence)


def _status_filter(session: Session, collection: str, pages: Paged) -> Trait:
    for status in ("active", "tobedeleted"):
        got = _tried(session, collection, limit=str(pages.asked), offset="0", filter=f"status='{status}'")
        if got is None:
            return Trait(name="status filter", works=False, sentence="A filter by status is refused.")
        if others := sum(str(r.get("status", "active")).lower() != status for r in got.records):
            sentence = f"Asked for {status}, it gives {others:,} records of another status."
            return Trait(name="status filter", works=False, sentence=sentence)
    return Trait(name="status filter", works=True, sentence="Records of one status are given when they are asked for.")


def _deleted(session: Session, collection: str, pages: Paged, stamp: str) -> Trait:
    """Whether records that are called deleted are shown at all, and to whoever asks for what changed."""
    called = _tried(session, collection, limit=str(pages.asked), offset="0", filter="status='tobedeleted'")
    looked = [pages.large, *([called] if called else [])]
    gone = [(i, r) for page in looked for i, r in zip(page.ids, page.records, strict=True) if _is_gone(r)]
    if not gone:
        sentence = "No record is called deleted, as far as the first page and a filter by status tell."
        return Trait(name="deleted records", works=None, sentence=sentence)
    id_, record = gone[-1]
    date = date_of(record)
    if not stamp or date is None:
        sentence = "Deleted records are shown."
        return Trait(name="deleted records", works=True, sentence=sentence)
    since = (date - timedelta(days=1)).astimezone(UTC).strftime(stamp)
    got = _tried(session, collection, limit=str(pages.asked), offset="0", filter=f"dateLastModified>'{since}'")
    if got is not None and (id_ in got.ids or len(got.records) >= len(pages.large.records)):
        sentence = "Deleted records are shown, also to whoever asks for what changed."
        return Trait(name="deleted records", works=True, sentence=sentence)
    sentence = "Deleted records are shown, but not to whoever asks for what changed."
    return Trait(name="deleted records", works=False, sentence=sentence)


def _is_gone(record: Record) -> bool:
    return str(record.get("status", "")).lower() == "tobedeleted"


def _clock(session: Session) -> Trait:
    skew = abs(session.date - session.now)
    if skew <= _SKEW:
        return Trait(name="clock", works=True, sentence="The provider's clock and ours agree.")
    sentence = f"The provider's clock differs from ours by {int(skew.total_seconds() // 60):,} minutes; its own counts."
    return Trait(name="clock", works=False, sentence=sentence)

"""What a provider can really do, found out by asking it twice and comparing its answers; nothing is believed."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from schoolpassport.kit.http import Unexpected
from schoolpassport.sources.rest.paging import How, Plan
from schoolpassport.sources.rest.session import Page, Session

_SMALLER: Final = (500, 100)  # limits that providers are known to insist on


@dataclass(frozen=True, kw_only=True)
class Paged:
    """The answers from which it is told how a collection is paged. ``None``: refused."""

    asked: int
    one: Page  # limit 1
    two: Page  # limit 2
    after: tuple[Page | None, ...]  # the same, one and two records on
    large: Page  # as many as it gives
    ascending: Page | None
    descending: Page | None

    @property
    def limit_counts(self) -> bool:
        return len(self.one.records) <= 1

    @property
    def offset_counts(self) -> bool:
        """A page that is the first one, wherever it is asked for, was not asked for at all."""
        pages = [*self.after, self.large]
        return any(page is None or page.ids[: len(self.two.ids)] != self.two.ids for page in pages[:2])

    @property
    def sorts(self) -> bool:
        up, down = self.ascending, self.descending
        if up is None or down is None or len(up.ids) < 2:  # noqa: PLR2004 (one alone is always in order)
            return False
        orders: tuple[Callable[[str], str], ...] = (str, str.casefold, lambda id_: id_.zfill(40))
        return up.ids[0] != down.ids[0] and any(up.ids == sorted(up.ids, key=key) for key in orders)

    @property
    def links(self) -> bool:
        return bool(self.large.following or self.two.following or self.one.following)

    @property
    def how(self) -> How:
        if self.offset_counts:
            return How.OFFSET
        if self.links:
            return How.LINKS
        whole = not self.limit_counts or self.large.total == len(self.large.records)
        return How.WHOLE if whole else How.OFFSET  # which will be found to go in a circle

    @property
    def plan(self) -> Plan:
        return Plan(how=self.how, size=self.asked, sort=self.sorts)


def paged(session: Session, collection: str, *, size: int) -> Paged:
    """Ask for the beginning of a collection in eight ways. Raises ``Unexpected``, ``NeedsAttention``, ``Retry``."""

    def ask(limit: int, offset: int, **query: str) -> Page | None:
        try:
            return session.page(collection, limit=str(limit), offset=str(offset), **query)
        except Unexpected as no:
            if no.status not in {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND}:
                raise
            return None

    asked, large = _largest(session, collection, size)
    return Paged(
        asked=asked,
        one=session.page(collection, limit="1", offset="0"),
        two=session.page(collection, limit="2", offset="0"),
        after=(ask(2, 1), ask(2, 2)),
        large=large,
        ascending=ask(asked, 0, sort="sourcedId", orderBy="asc"),
        descending=ask(asked, 0, sort="sourcedId", orderBy="desc"),
    )


def plan(session: Session, collection: str, *, size: int) -> Plan:
    return paged(session, collection, size=size).plan


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

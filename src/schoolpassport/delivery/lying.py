"""What lies of a delivery on the managed SFTP service, and where its next changes begin so that none is lost."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from schoolpassport.delivery.models import Delivery
from schoolpassport.kit import fetched
from schoolpassport.kit.fetched import Lies, Mark

_DAYS_WHEN_FETCHED, _DAYS = 30, 90  # for which a file lies there, other than those of the last delivery
LONGEST = timedelta(days=_DAYS + 1)  # before a delivery of which anything lies there still, but for the one before it


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """Where changes begin. ``since`` 0: in full. ``day``: on which that revision was delivered.

    ``assumed``: files of which this was concluded. ``over``: those that go when what begins here comes, and when they
    were made. ``waits``: what was delivered last lies there for whoever has not got it whole. ``lost``: it does not.
    """

    since: int
    day: datetime | None
    assumed: Mapping[str, Lies] = field(default_factory=dict)
    over: Mapping[str, int] = field(default_factory=dict)
    waits: bool = False
    lost: bool = False


def beginning(delivery: Delivery, outbox: Path, *, told: Mapping[str, int | None], names: Iterable[str]) -> Beginning:
    """Where the next changes begin, which are going to be in files of these names.

    ``told``: the files of the last delivery, and when they were made.

    What nobody has begun to fetch may be replaced by what says the same and more. What somebody may or may not have
    got whole may not: changes since before it leave out who came with it and has gone again.
    """
    follows = Beginning(since=delivery.revision, day=delivery.sent_at)
    if not told:
        return follows
    there = {name: lies for name, made in told.items() if (lies := fetched.at(outbox / name)) and lies.made == made}
    marks = {lies.mark for lies in there.values()}
    over = {name: lies.made for name, lies in there.items() if lies.mark is not Mark.WHOLE}
    if len(there) < len(told):
        return Beginning(since=0, day=None, over=over, lost=True)
    if marks == {Mark.WHOLE}:
        return Beginning(since=delivery.revision, day=delivery.sent_at, assumed=there)
    if not there.keys() & set(names):
        return follows  # each lies by itself
    if marks == {Mark.NEVER}:
        return Beginning(since=delivery.from_revision, day=delivery.from_at, assumed=there, over=over, waits=True)
    return Beginning(since=0, day=None, over=over, waits=True)


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A file that was sent: of which view revision, and when it was made (None: nobody kept that)."""

    name: str
    made: int | None
    revision: int
    is_last: bool


def without(begins: Beginning, outbox: Path, sent: Iterable[Sent], *, oldest: int, now: datetime) -> Beginning:
    """Files go that were made under other terms (of revisions before ``oldest``) or have lain there long.

    What nobody fetched of them is missing, unless changes begin before it; then everything comes, in place of all.
    """
    lie = [(each, lies) for each in sent if (lies := fetched.at(outbox / each.name)) and lies.made == each.made]
    goes = [(e, lies) for e, lies in lie if e.revision < oldest or (not e.is_last and _is_old(lies, now))]
    if any(lies.mark is not Mark.WHOLE and each.name not in begins.over for each, lies in goes):
        return Beginning(since=0, day=None, over={each.name: lies.made for each, lies in lie}, lost=True)
    return replace(begins, over={**begins.over, **{each.name: lies.made for each, lies in goes}})


def _is_old(lies: Lies, now: datetime) -> bool:
    days = (now.timestamp() - lies.made / 1e9) / 86400
    return days > (_DAYS_WHEN_FETCHED if lies.mark is Mark.WHOLE else _DAYS)

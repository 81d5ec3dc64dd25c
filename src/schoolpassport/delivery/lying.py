"""What lies of a delivery on the managed SFTP service, and where its next changes begin so that none is lost."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from schoolpassport.delivery.models import Delivery
from schoolpassport.kit import fetched
from schoolpassport.kit.fetched import Lies, Mark


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


def without(begins: Beginning, outbox: Path, older: Iterable[tuple[str, int | None]]) -> Beginning:
    """Files made under other terms go, too. What nobody fetched of them is missing, unless changes begin before it."""
    there = [(name, lies) for name, made in older if (lies := fetched.at(outbox / name)) and lies.made == made]
    over = {**begins.over, **{name: lies.made for name, lies in there}}
    is_missing = any(lies.mark is not Mark.WHOLE and name not in begins.over for name, lies in there)
    if is_missing:
        return Beginning(since=0, day=None, over=over, lost=True)
    return replace(begins, over=over)

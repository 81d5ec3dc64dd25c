"""One delivery carried out: files made of the view as it stands, and brought where they belong."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from schoolpassport.delivery import _workroom, accounts, custom, making, queries
from schoolpassport.delivery.formats import FORMATS, Format, Mode
from schoolpassport.delivery.lying import Beginning, beginning, without
from schoolpassport.delivery.making import Made
from schoolpassport.delivery.models import Delivery, State
from schoolpassport.delivery.records import AmbiguousRows, UnknownFormat
from schoolpassport.delivery.transports import TRANSPORTS, Given
from schoolpassport.kit.http import USUAL, Pace
from schoolpassport.kit.recovery import NeedsAttention, Retry
from schoolpassport.sharing.exports import Exported
from schoolpassport.sharing.records import Handed, NothingShared

MANAGED = "managed"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """``state`` waiting: it may pass, ``after`` so many seconds. ``since_at``: when ``since`` had been delivered."""

    state: State
    revision: int = 0
    since: int = 0
    since_at: datetime | None = None
    files: list[dict[str, Any]] = field(default_factory=list)
    rows: int = 0
    size: int = 0
    seconds: float = 0.0
    sentence: str = ""
    notes: list[str] = field(default_factory=list)
    digest: str = ""
    version: int = 0  # of the format
    told: tuple[Handed, ...] = ()
    after: float = 0.0


def given(delivery: Delivery, secrets: Mapping[str, str], *, pace: Pace = USUAL) -> Given:
    return Given(
        values=delivery.settings,
        secrets=secrets,
        outbox=accounts.outbox(district_id=delivery.district_id, integration_id=delivery.integration_id),
        room=queries.room(district_id=delivery.district_id, integration_id=delivery.integration_id),
        kept=queries.files_of_others(delivery),
        policy=settings.ENVIRONMENT.egress,
        pace=pace,
    )


def carried_out(delivery: Delivery, secrets: Mapping[str, str], *, now: datetime, pace: Pace) -> Outcome:
    """Never raises for what other people's systems do, nor for what nobody shares (any more)."""
    begun = time.monotonic()
    try:
        return _made_and_sent(delivery, given(delivery, secrets, pace=pace), now, begun)
    except Retry as later:
        return Outcome(state=State.WAITING, sentence=later.sentence, after=later.after, seconds=_since(begun))
    except NeedsAttention as wrong:
        return Outcome(state=State.FAILED, sentence=wrong.sentence, seconds=_since(begun))
    except (UnknownFormat, custom.BadFormat, AmbiguousRows) as wrong:
        return Outcome(state=State.FAILED, sentence=str(wrong), seconds=_since(begun))
    except NothingShared as nothing:
        return Outcome(state=State.FAILED, sentence=str(nothing), seconds=_since(begun))


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """A format in one version. ``older``: as it was on the day on which that was delivered where changes begin."""

    format_: Format
    older: Format
    version: int
    begins: Beginning


def _asked(delivery: Delivery, outbox: Path, now: datetime) -> _Asked:
    """A delta begins where the last delivery ended; with what another version of a format made nothing is compared."""
    if delivery.format in FORMATS:
        shelved = FORMATS[delivery.format]
        return _Asked(format_=shelved, older=shelved, version=0, begins=_begins(delivery, outbox, shelved, now))
    own = queries.own_format(
        district_id=delivery.district_id, integration_id=delivery.integration_id, name=delivery.format
    )
    held = older = custom.read(own.content, name=own.name, today=now.date())
    if delivery.mode not in set(held.modes):  # a format and a delivery that were saved at the same moment
        raise custom.BadFormat(f"Only what changed is asked for, and {held.hindrance}")
    begins = _begins(delivery, outbox, held, now)
    if own.version != delivery.sent_version or delivery.sent_at is None:
        begins = Beginning(since=0, day=None, over=begins.over, lost=begins.lost)
    if begins.since and begins.day is not None and begins.day.date() != now.date():
        older = custom.read(own.content, name=own.name, today=begins.day.date())
    return _Asked(format_=held, older=older, version=own.version, begins=begins)


def _begins(delivery: Delivery, outbox: Path, format_: Format, now: datetime) -> Beginning:
    """What is pushed is fetched by being sent."""
    follows = delivery.revision if delivery.mode == Mode.DELTA else 0
    if delivery.transport != MANAGED or not delivery.revision:
        return Beginning(since=follows, day=delivery.sent_at if follows else None)
    stands = _workroom.extent(district_id=delivery.district_id, integration_id=delivery.integration_id)
    sent = queries.files_sent(district_id=delivery.district_id, delivery_id=delivery.id)
    begins = Beginning(since=0, day=None)
    if follows:
        names = custom.named(format_, custom.Moment(at=now, revision=stands.revision, mode=Mode.DELTA))
        last = {file.name: file.made for file in sent if file.is_last}
        begins = beginning(delivery, outbox, told=last, names=names.values())
    return without(begins, outbox, sent, oldest=stands.oldest, now=now)


def _made_and_sent(delivery: Delivery, told: Given, now: datetime, begun: float) -> Outcome:
    asked = _asked(delivery, told.outbox, now)
    format_, since = asked.format_, asked.begins.since
    with _workroom.sendable(
        district_id=delivery.district_id, integration_id=delivery.integration_id, format_=format_, since=since
    ) as (room, exported):
        revision = exported.extent.revision
        moment = custom.Moment(at=now, revision=revision, mode=Mode.DELTA if since else Mode.FULL)
        names = custom.named(format_, moment)
        made = making.make(format_, exported, room=room, names=names, mode=Mode(delivery.mode), older=asked.older)
        if _is_nothing_new(delivery, asked, exported, made) and not delivery.always:
            return Outcome(
                state=State.UNCHANGED,
                revision=revision,
                since=since,
                digest=delivery.sent_digest,
                version=asked.version,
                sentence="Nothing changed since the last delivery.",
                seconds=_since(begun),
            )
        if not _workroom.still_holds(
            district_id=delivery.district_id, integration_id=delivery.integration_id, exported=exported
        ):
            raise Retry(0, "The consent changed while the files were made. They are made anew.")
        told = replace(told, assumed=asked.begins.assumed, over=asked.begins.over)
        also = TRANSPORTS[delivery.transport].send(told, [file.path for file in made.files])
        sent = _sent(made, revision, asked.begins, _since(begun))
        return replace(
            sent, version=asked.version, notes=[*sent.notes, *also], told=tuple(_handed(format_, exported, made))
        )


def _is_nothing_new(delivery: Delivery, asked: _Asked, exported: Exported, made: Made) -> bool:
    format_, begins = asked.format_, asked.begins
    if begins.lost:
        return False
    if begins.waits and not format_.compared:
        return exported.extent.revision == delivery.revision
    if begins.waits or not exported.since:
        return made.digest == delivery.sent_digest
    return not any(made.rows.values()) if format_.compared else exported.since == exported.extent.revision


def _handed(format_: Format, exported: Exported, made: Made) -> Iterator[Handed]:
    """What of the view is in the files: of every record of a kind, and of those only that were looked up or chosen."""
    if exported.since and format_.compared:
        most = sum(made.rows.values())
        for kind, names in format_.reads.items() if most else ():
            yield Handed(kind=kind, attributes=names, records=min(most, exported.rows[kind]), is_part=True)
        return
    for kind, names in format_.reads.items():
        told = [f.reads[kind] for f in format_.files if f.kind == kind and f.every and not exported.since]
        whole = frozenset[str]().union(*told)
        if told:
            yield Handed(kind=kind, attributes=whole, records=exported.rows[kind], is_part=False)
        if names - whole or not told:
            yield Handed(kind=kind, attributes=names - whole, records=exported.rows[kind], is_part=True)


def _sent(made: Made, revision: int, begins: Beginning, seconds: float) -> Outcome:
    return Outcome(
        state=State.SENT,
        revision=revision,
        since=begins.since,
        since_at=begins.day,
        files=[{"name": f.path.name, "rows": f.rows, "bytes": f.size, "made": f.made} for f in made.files],
        rows=sum(made.rows.values()),
        size=sum(f.size for f in made.files),
        seconds=seconds,
        notes=list(made.notes),
        digest=made.digest,
    )


def _since(begun: float) -> float:
    return round(time.monotonic() - begun, 3)

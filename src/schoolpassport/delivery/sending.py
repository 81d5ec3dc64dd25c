"""One delivery carried out: files made of the view as it stands, and brought where they belong."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.conf import settings

from schoolpassport.delivery import _workroom, accounts, custom, making, queries
from schoolpassport.delivery.formats import Format, Mode
from schoolpassport.delivery.making import Made
from schoolpassport.delivery.models import Delivery, State
from schoolpassport.delivery.records import UnknownFormat
from schoolpassport.delivery.transports import TRANSPORTS, Given
from schoolpassport.kit.http import USUAL, Pace
from schoolpassport.kit.recovery import NeedsAttention, Retry
from schoolpassport.sharing.exports import Exported
from schoolpassport.sharing.records import Handed, NothingShared


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """``state`` waiting: it may pass, ``after`` so many seconds."""

    state: State
    revision: int = 0
    since: int = 0
    files: list[dict[str, Any]] = field(default_factory=list)
    rows: int = 0
    size: int = 0
    seconds: float = 0.0
    sentence: str = ""
    notes: list[str] = field(default_factory=list)
    digest: str = ""
    told: tuple[Handed, ...] = ()
    after: float = 0.0


def given(delivery: Delivery, secrets: Mapping[str, str], *, pace: Pace = USUAL) -> Given:
    return Given(
        values=delivery.settings,
        secrets=secrets,
        outbox=accounts.outbox(district_id=delivery.district_id, integration_id=delivery.integration_id),
        policy=settings.ENVIRONMENT.egress,
        pace=pace,
    )


def carried_out(delivery: Delivery, secrets: Mapping[str, str], *, now: datetime, pace: Pace) -> Outcome:
    """Never raises for what other people's systems do, nor for what nobody shares (any more)."""
    begun = time.monotonic()
    try:
        format_ = queries.format_(
            district_id=delivery.district_id,
            integration_id=delivery.integration_id,
            name=delivery.format,
            today=now.date(),
        )
        return _made_and_sent(delivery, format_, given(delivery, secrets, pace=pace), now, begun)
    except Retry as later:
        return Outcome(state=State.WAITING, sentence=later.sentence, after=later.after, seconds=_since(begun))
    except NeedsAttention as wrong:
        return Outcome(state=State.FAILED, sentence=wrong.sentence, seconds=_since(begun))
    except (UnknownFormat, custom.BadFormat) as wrong:
        return Outcome(state=State.FAILED, sentence=str(wrong), seconds=_since(begun))
    except NothingShared as nothing:
        return Outcome(state=State.FAILED, sentence=str(nothing), seconds=_since(begun))


def _made_and_sent(delivery: Delivery, format_: Format, told: Given, now: datetime, begun: float) -> Outcome:
    since = delivery.revision if delivery.mode == Mode.DELTA else 0
    with _workroom.exported(
        district_id=delivery.district_id, integration_id=delivery.integration_id, format_=format_, since=since
    ) as (room, exported):
        revision = exported.extent.revision
        moment = custom.Moment(at=now, revision=revision)
        made = making.make(format_, exported, room=room, names=custom.named(format_, moment))
        nothing_new = since == revision if since else made.digest == delivery.sent_digest
        if nothing_new and not delivery.always:
            return Outcome(
                state=State.UNCHANGED,
                revision=revision,
                since=since,
                digest=delivery.sent_digest,
                sentence="Nothing changed since the last delivery.",
                seconds=_since(begun),
            )
        if not _workroom.still_holds(
            district_id=delivery.district_id, integration_id=delivery.integration_id, exported=exported
        ):
            raise Retry(0, "The consent changed while the files were made. They are made anew.")
        TRANSPORTS[delivery.transport].send(told, [file.path for file in made.files])
        return replace(_sent(made, revision, since, _since(begun)), told=tuple(_handed(format_, exported)))


def _handed(format_: Format, exported: Exported) -> Iterator[Handed]:
    """What of the view is in the files: of every record of a kind, and of those only that were looked up or chosen."""
    for kind, names in format_.reads.items():
        told = [f.reads[kind] for f in format_.files if f.kind == kind and f.every and not exported.since]
        whole = frozenset[str]().union(*told)
        if told:
            yield Handed(kind=kind, attributes=whole, records=exported.rows[kind], is_part=False)
        if names - whole or not told:
            yield Handed(kind=kind, attributes=names - whole, records=exported.rows[kind], is_part=True)


def _sent(made: Made, revision: int, since: int, seconds: float) -> Outcome:
    return Outcome(
        state=State.SENT,
        revision=revision,
        since=since,
        files=[{"name": f.path.name, "rows": f.rows, "bytes": f.size} for f in made.files],
        rows=sum(made.rows.values()),
        size=sum(f.size for f in made.files),
        seconds=seconds,
        notes=list(made.notes),
        digest=made.digest,
    )


def _since(begun: float) -> float:
    return round(time.monotonic() - begun, 3)

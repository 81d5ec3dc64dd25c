"""Deliveries: what goes to whom and when, and the sending itself."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from schoolpassport.audit import actions as audit
from schoolpassport.delivery import _vault, queries, sending
from schoolpassport.delivery.models import Delivery, Secret, Shipment, State
from schoolpassport.delivery.records import NAME, BadDelivery, Plan, ShipmentFailed
from schoolpassport.delivery.transports import TRANSPORTS, Checked
from schoolpassport.kit import news
from schoolpassport.kit.http import USUAL, Pace
from schoolpassport.kit.ids import new_id
from schoolpassport.kit.resealing import Resealed
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing.contract import ViewMoved
from schoolpassport.sync import timetable
from schoolpassport.sync.timetable import BadTimetable
from schoolpassport.tenancy import scope

_PUBLICATION, _TIMETABLE = "publication", "timetable"  # why a delivery was asked for, where no person did
_OUTLET = "files"
_NO_SECRETS: Mapping[str, str] = MappingProxyType({})
_MOST_TRIES = 8
_FIRST_PAUSE, _LONGEST_PAUSE = 60.0, 3600.0  # seconds


# ---------------------------------------------------------------------------------------------------------- setting up


def add_delivery(
    *,
    district_id: UUID,
    integration_id: UUID,
    plan: Plan,
    secrets: Mapping[str, str] = _NO_SECRETS,
    by: str,
    now: datetime,
) -> Delivery:
    """Deliver a format from now on: after each publication, or by a timetable. Nothing is sent yet.

    Raises ``BadDelivery``, ``UnknownFormat``.
    """
    if not NAME.fullmatch(plan.name):
        raise BadDelivery(
            f"A delivery cannot be called “{plan.name}”: use letters, digits, dots, hyphens, underscores; 60 at most."
        )
    format_ = queries.format_(
        district_id=district_id, integration_id=integration_id, name=plan.format, today=now.date()
    )
    if plan.mode not in set(format_.modes):
        told = f"{format_.title} is delivered {' or '.join(format_.modes)}, not “{plan.mode}”. {format_.hindrance}"
        raise BadDelivery(told.strip())
    made = Delivery(
        district_id=district_id,
        id=new_id(),
        integration_id=integration_id,
        name=plan.name,
        format=plan.format,
        mode=plan.mode,
        transport=plan.transport,
        settings=_settings(plan.transport, plan.settings),
        timetable=_timetable(plan.schedule, now),
        always=plan.always,
        created_at=now,
    )
    with scope.inside(district_id):
        try:
            with transaction.atomic():
                made.save(force_insert=True)
        except IntegrityError as error:
            raise BadDelivery(f"The district has a delivery “{plan.name}” already.") from error
        _plan(made, now)
        _note(made, "add", by, now)
        _put_secrets(made, secrets, by, now)
    return made


def change_delivery(
    *,
    district_id: UUID,
    name: str,
    settings: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] = _NO_SECRETS,
    schedule: Mapping[str, Any] | None = None,
    paused: bool | None = None,
    by: str,
    now: datetime,
) -> Delivery:
    """Other settings and secrets (those named), another timetable (an empty one: after each publication), or a rest.

    Raises ``BadDelivery``, ``UnknownDelivery``.
    """
    with scope.inside(district_id):
        found = _locked(district_id, name)
        if settings is not None:
            found.settings = _settings(found.transport, {**found.settings, **settings})
        if schedule is not None:
            found.timetable = _timetable(schedule, now)
        if paused is not None:
            found.paused = paused
        found.version += 1
        _plan(found, now)
        _note(found, "change", by, now)
        _put_secrets(found, secrets, by, now)
    return found


def _put_secrets(delivery: Delivery, secrets: Mapping[str, str], by: str, now: datetime) -> None:
    """In the place of the older ones; they are never shown again."""
    transport = TRANSPORTS[delivery.transport]
    known = {s.name: s for s in transport.settings if s.secret}
    for setting, secret in secrets.items():
        if setting not in known:
            there = ", ".join(known) or "none"
            raise BadDelivery(f"{transport.title} has no secret “{setting}”; there are: {there}.")
        if problem := known[setting].problem(secret):
            raise BadDelivery(problem)
        sealed = _vault.seal(secret, district_id=delivery.district_id, delivery_id=delivery.id, name=setting)
        Secret.objects.update_or_create(
            district_id=delivery.district_id,
            delivery_id=delivery.id,
            name=setting,
            defaults={"sealed": sealed, "set_at": now},
        )
    if secrets:
        _note(delivery, "secrets", by, now)


def remove_delivery(*, district_id: UUID, name: str, by: str, now: datetime) -> None:
    """Deliver it no more; its history and its secrets go."""
    with scope.inside(district_id):
        found = _locked(district_id, name)
        for model in (Secret, Shipment):
            model.objects.filter(district_id=district_id, delivery_id=found.id).delete()
        _note(found, "remove", by, now)
        found.delete()


def reseal_secrets(*, district_id: UUID) -> Resealed:
    """Seal with the newest master key what an older one sealed, in the caller's scope and transaction."""
    return _vault.reseal(district_id=district_id)


def _settings(transport: str, settings: Mapping[str, str]) -> dict[str, str]:
    if transport not in TRANSPORTS:
        raise BadDelivery(f"No transport “{transport}”. There are: {', '.join(TRANSPORTS)}.")
    if problems := TRANSPORTS[transport].problems(settings):
        raise BadDelivery(" ".join(problems))
    return TRANSPORTS[transport].filled(settings)


def _timetable(content: Mapping[str, Any] | None, now: datetime) -> dict[str, Any]:
    try:
        if content:
            timetable.wanted(dict(content), now=now)
    except BadTimetable as bad:
        raise BadDelivery(str(bad)) from bad
    return dict(content or {})


def _locked(district_id: UUID, name: str) -> Delivery:
    found = queries.delivery(district_id=district_id, name=name)
    return Delivery.objects.select_for_update().get(district_id=district_id, id=found.id)


def _plan(delivery: Delivery, after: datetime) -> None:
    """The next instant of its timetable, and the job that waits for it."""
    from schoolpassport.delivery import tasks  # noqa: PLC0415 (tasks call actions)

    planned = timetable.parse(delivery.timetable) if delivery.timetable and not delivery.paused else None
    delivery.next_at = timetable.next_after(planned, after) if planned else None
    delivery.save()
    if delivery.next_at is not None:
        tasks.defer_due(
            district_id=delivery.district_id,
            delivery_id=delivery.id,
            version=delivery.version,
            at=delivery.next_at,
        )


def _note(delivery: Delivery, what: str, by: str, now: datetime) -> None:
    audit.note(
        district_id=delivery.district_id,
        act=f"delivery:delivery:{what}",
        about=f"{delivery.integration_id}:{delivery.name}",
        by=by,
        now=now,
    )


# ----------------------------------------------------------------------------------------------------------- asking


def listen(news: ViewMoved, *, now: datetime) -> None:
    """A view has a new revision: what follows publications is asked for (``sharing.contract.Listener``)."""
    following = Delivery.objects.filter(
        district_id=news.district_id, integration_id=news.integration_id, timetable={}, paused=False
    )
    for delivery in following.order_by("name"):
        _ask(delivery, cause=_PUBLICATION, now=now)


def fall_due(*, district_id: UUID, delivery_id: UUID, version: int, at: datetime, now: datetime) -> None:
    """Ask for the delivery of this instant and plan the next, in one transaction; may be called twice."""
    with scope.inside(district_id):
        found = Delivery.objects.select_for_update().filter(district_id=district_id, id=delivery_id).first()
        if found is None or (found.version, found.next_at) != (version, at):
            return
        _ask(found, cause=_TIMETABLE, now=now)
        _plan(found, max(now, at))


def ask(*, district_id: UUID, name: str, by: str, now: datetime) -> Shipment:
    """Leave one delivery to a worker. One that waits already is the same. Raises ``UnknownDelivery``."""
    with scope.inside(district_id):
        return _ask(_locked(district_id, name), cause=by, now=now)


def _ask(delivery: Delivery, *, cause: str, now: datetime) -> Shipment:
    """A row and its job, in the caller's transaction. What waits already will find the newest revision."""
    from schoolpassport.delivery import tasks  # noqa: PLC0415 (tasks call actions)

    every = Shipment.objects.filter(district_id=delivery.district_id, delivery_id=delivery.id)
    if waiting := every.select_for_update().filter(state=State.WAITING).first():
        return waiting
    newest = every.order_by("-number").first()
    shipment = Shipment.objects.create(
        district_id=delivery.district_id,
        delivery_id=delivery.id,
        number=newest.number + 1 if newest else 1,
        cause=cause,
        asked_at=now,
    )
    tasks.defer_send(district_id=delivery.district_id, delivery_id=delivery.id, number=shipment.number)
    return shipment


# ---------------------------------------------------------------------------------------------------------- sending


def check(*, district_id: UUID, name: str) -> Checked:
    """Try the destination. Raises ``Retry``, ``NeedsAttention``, ``UnknownDelivery``."""
    found = queries.delivery(district_id=district_id, name=name)
    with scope.inside(district_id):
        secrets = _vault.opened(district_id=district_id, delivery_id=found.id)
    return TRANSPORTS[found.transport].check(sending.given(found, secrets))


def send(*, district_id: UUID, delivery_id: UUID, number: int, now: datetime, pace: Pace = USUAL) -> Shipment | None:
    """Make and send what was asked for, and write down what became of it. Nothing happens to what is done already.

    What may pass is tried again later and later, by a job; after ``_MOST_TRIES`` it has failed. No transaction is open
    while files are made or sent, so the row may be gone when they are: then nothing is written.
    """
    with scope.inside(district_id):
        shipment = Shipment.objects.filter(
            district_id=district_id, delivery_id=delivery_id, number=number, state=State.WAITING
        ).first()
        delivery = Delivery.objects.filter(district_id=district_id, id=delivery_id).first()
        if shipment is None or delivery is None:
            return None
        secrets = _vault.opened(district_id=district_id, delivery_id=delivery_id)
    outcome = sending.carried_out(delivery, secrets, now=now, pace=pace)
    with scope.inside(district_id):
        held = Shipment.objects.select_for_update().filter(
            district_id=district_id, delivery_id=delivery_id, number=number, state=State.WAITING
        )
        found = held.first()
        return _write(found, outcome, now) if found is not None else None


def _write(shipment: Shipment, outcome: sending.Outcome, now: datetime) -> Shipment:
    from schoolpassport.delivery import tasks  # noqa: PLC0415 (tasks call actions)

    shipment.tries += 1
    again = outcome.state is State.WAITING and shipment.tries < _MOST_TRIES
    shipment.state = outcome.state if again or outcome.state is not State.WAITING else State.FAILED
    shipment.finished_at = None if again else now
    for name in ("revision", "since", "files", "rows", "size", "seconds", "sentence", "notes"):
        setattr(shipment, name, getattr(outcome, name))
    shipment.save()
    if again:
        pause = min(max(outcome.after, _FIRST_PAUSE * 2 ** (shipment.tries - 1)), _LONGEST_PAUSE)
        tasks.defer_send(
            district_id=shipment.district_id, delivery_id=shipment.delivery_id, number=shipment.number, after=pause
        )
    if shipment.state is State.FAILED:
        _announce_failure(shipment, now)
    if shipment.state is State.SENT:
        delivery = Delivery.objects.get(district_id=shipment.district_id, id=shipment.delivery_id)
        sharing.note_delivery(
            district_id=shipment.district_id,
            integration_id=delivery.integration_id,
            revision=outcome.revision,
            handed=outcome.told,
            outlet=_OUTLET,
            now=now,
        )
        Delivery.objects.filter(district_id=shipment.district_id, id=shipment.delivery_id).update(
            from_revision=outcome.since, from_at=outcome.since_at
        )
    if shipment.state in {State.SENT, State.UNCHANGED}:
        Delivery.objects.filter(district_id=shipment.district_id, id=shipment.delivery_id).update(
            revision=outcome.revision, sent_digest=outcome.digest, sent_version=outcome.version, sent_at=now
        )
    return shipment


def _announce_failure(shipment: Shipment, now: datetime) -> None:
    failed = Delivery.objects.get(district_id=shipment.district_id, id=shipment.delivery_id)
    told = ShipmentFailed(
        district_id=failed.district_id,
        integration_id=failed.integration_id,
        delivery_id=failed.id,
        name=failed.name,
        now=now,
    )
    news.announce(told)

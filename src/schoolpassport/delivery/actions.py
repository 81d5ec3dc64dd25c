"""What changes data: formats that are saved, deliveries that are set up, and the sending itself."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from schoolpassport.audit import actions as audit
from schoolpassport.delivery import _vault, accounts, custom, queries, sending
from schoolpassport.delivery.formats import FORMATS, Format, Mode
from schoolpassport.delivery.models import Account, Delivery, OwnFormat, Secret, Shipment, State
from schoolpassport.delivery.records import Access, BadDelivery, NewAccount, Plan, UnknownAccount
from schoolpassport.delivery.transports import TRANSPORTS, Checked
from schoolpassport.kit.egress import Networks
from schoolpassport.kit.http import USUAL, Pace
from schoolpassport.kit.ids import new_id
from schoolpassport.kit.resealing import Resealed
from schoolpassport.kit.secrets import new_secret
from schoolpassport.kit.sftpservice import is_public_key
from schoolpassport.sharing import actions as sharing
from schoolpassport.sharing.contract import ViewMoved
from schoolpassport.sync import timetable
from schoolpassport.sync.timetable import BadTimetable
from schoolpassport.tenancy import scope

_PUBLICATION, _TIMETABLE = "publication", "timetable"  # why a delivery was asked for, where no person did
_OUTLET = "files"
_MOST_TRIES = 8
_FIRST_PAUSE, _LONGEST_PAUSE = 60.0, 3600.0  # seconds
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")


def save_format(*, district_id: UUID, integration_id: UUID, name: str, content: str, by: str, now: datetime) -> int:
    """Let a format hold from the next delivery on; returns its version. The same again is no new version.

    Raises ``custom.BadFormat``.
    """
    if name in FORMATS or not _NAME.fullmatch(name):
        raise custom.BadFormat(
            f"A format cannot be called “{name}”: standard ones have their names, others begin with a letter or digit "
            "and hold letters, digits, dots, hyphens and underscores, 60 at most."
        )
    format_ = custom.read(content, name=name, today=now.date())
    with scope.inside(district_id):
        _check_deltas(district_id, integration_id, format_)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))", [f"{integration_id}{name}"])
        found = OwnFormat.objects.filter(district_id=district_id, integration_id=integration_id, name=name)
        last = found.order_by("-version").first()
        if last is not None and last.content == content:
            return last.version
        version = last.version + 1 if last else 1
        OwnFormat.objects.create(
            district_id=district_id,
            integration_id=integration_id,
            name=name,
            version=version,
            content=content,
            by=by,
            at=now,
        )
        audit.note(
            district_id=district_id,
            act="delivery:format:save",
            about=f"{integration_id}:{name}",
            by=by,
            now=now,
            facts={"version": version},
        )
        return version


def _check_deltas(district_id: UUID, integration_id: UUID, format_: Format) -> None:
    """What is delivered as changes must be able to tell them, in its next version too. Raises ``custom.BadFormat``."""
    mine = Delivery.objects.filter(district_id=district_id, integration_id=integration_id, format=format_.name)
    delta = mine.filter(mode=Mode.DELTA).order_by("name").first()
    if delta is not None and Mode.DELTA not in format_.modes:
        raise custom.BadFormat(f"Delivery “{delta.name}” sends only what changed of it, and {format_.hindrance}")


# ---------------------------------------------------------------------------------------------------------- setting up


def add_delivery(*, district_id: UUID, integration_id: UUID, plan: Plan, by: str, now: datetime) -> Delivery:
    """Deliver a format from now on: after each publication, or by a timetable. Nothing is sent yet.

    Raises ``BadDelivery``, ``UnknownFormat``.
    """
    if not _NAME.fullmatch(plan.name):
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
        timetable=_timetable(plan.schedule),
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
    return made


def change_delivery(
    *,
    district_id: UUID,
    name: str,
    settings: Mapping[str, str] | None = None,
    schedule: Mapping[str, Any] | None = None,
    paused: bool | None = None,
    by: str,
    now: datetime,
) -> Delivery:
    """Other settings (those that are named), another timetable (an empty one: after each publication), or a rest.

    Raises ``BadDelivery``, ``UnknownDelivery``.
    """
    with scope.inside(district_id):
        found = _locked(district_id, name)
        if settings is not None:
            found.settings = _settings(found.transport, {**found.settings, **settings})
        if schedule is not None:
            found.timetable = _timetable(schedule)
        if paused is not None:
            found.paused = paused
        found.version += 1
        _plan(found, now)
        _note(found, "change", by, now)
    return found


def set_secrets(*, district_id: UUID, name: str, secrets: Mapping[str, str], by: str, now: datetime) -> None:
    """Put secrets in the place of the older ones; they are never shown again. Raises ``BadDelivery``."""
    with scope.inside(district_id):
        found = _locked(district_id, name)
        known = {s.name: s for s in TRANSPORTS[found.transport].settings if s.secret}
        for setting, secret in secrets.items():
            if setting not in known:
                raise BadDelivery(f"{TRANSPORTS[found.transport].title} has no secret “{setting}”.")
            if problem := known[setting].problem(secret):
                raise BadDelivery(problem)
            Secret.objects.update_or_create(
                district_id=district_id,
                delivery_id=found.id,
                name=setting,
                defaults={
                    "sealed": _vault.seal(secret, district_id=district_id, delivery_id=found.id, name=setting),
                    "set_at": now,
                },
            )
        _note(found, "secrets", by, now)


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


def _timetable(content: Mapping[str, Any] | None) -> dict[str, Any]:
    try:
        if content:
            timetable.parse(dict(content))
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
    if shipment.state in {State.SENT, State.UNCHANGED}:
        Delivery.objects.filter(district_id=shipment.district_id, id=shipment.delivery_id).update(
            revision=outcome.revision, sent_digest=outcome.digest, sent_version=outcome.version, sent_at=now
        )
    return shipment


# ---------------------------------------------------------------------------------------------------------- accounts


def add_account(
    *, district_id: UUID, name: str, integration_id: UUID | None, access: Access, by: str, now: datetime
) -> NewAccount:
    """An account of the SFTP service: the district's own system (no integration) puts files, a partner fetches them.

    Without a public key it gets a secret, which is shown this once. Raises ``BadDelivery``.
    """
    if not _NAME.fullmatch(name) or "." in name:
        raise BadDelivery(f"An account cannot be called “{name}”: use letters, digits, hyphens and underscores.")
    _check_access(access)
    secret = "" if access.keys else new_secret("")
    account = Account(
        district_id=district_id,
        id=new_id(),
        login=accounts.login(name, district_id),
        integration_id=integration_id,
        proof=accounts.proof(secret) if secret else "",
        keys=list(access.keys),
        networks=list(access.networks),
        quota=access.quota or accounts.QUOTA,
        created_at=now,
    )
    with scope.inside(district_id):
        try:
            with transaction.atomic():
                account.save(force_insert=True)
        except IntegrityError as error:
            raise BadDelivery(f"The district has an account “{name}” already.") from error
        _note_account(account, "add", by, now)
    folder = accounts.landing(account) if integration_id is None else None
    return NewAccount(login=account.login, secret=secret, folder=folder)


def end_account(*, district_id: UUID, login: str, by: str, now: datetime) -> None:
    """Nobody logs in with it any more; whoever is logged in is put out within seconds. Raises ``UnknownAccount``."""
    with scope.inside(district_id):
        found = Account.objects.select_for_update().filter(district_id=district_id, login=login, ended_at=None).first()
        if found is None:
            raise UnknownAccount(f"There is no account “{login}”.")
        found.ended_at = now
        found.save(update_fields=["ended_at"])
        _note_account(found, "end", by, now)


def _check_access(access: Access) -> None:
    for key in access.keys:
        if not is_public_key(key):
            raise BadDelivery("A public key is not one as OpenSSH writes them, like “ssh-ed25519 AAAA…”.")
    try:
        Networks.parse(" ".join(access.networks))
    except ValueError as wrong:
        raise BadDelivery(str(wrong)) from wrong


def _note_account(account: Account, what: str, by: str, now: datetime) -> None:
    audit.note(
        district_id=account.district_id,
        act=f"delivery:account:{what}",
        about=str(account.id),
        by=by,
        now=now,
        facts={"fetches_for": str(account.integration_id) if account.integration_id else None},
    )

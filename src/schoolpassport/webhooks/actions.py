"""Endpoints, and the messages to them: made with the revision that they tell of, and sent by workers."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from schoolpassport.audit import actions as audit
from schoolpassport.kit import http, news
from schoolpassport.kit.egress import Policy
from schoolpassport.kit.ids import new_id
from schoolpassport.kit.killpoint import reach
from schoolpassport.kit.recovery import NeedsAttention
from schoolpassport.kit.resealing import Resealed
from schoolpassport.kit.secrets import SealBroken
from schoolpassport.sharing import changes
from schoolpassport.sharing.contract import ViewMoved
from schoolpassport.tenancy import scope
from schoolpassport.tenancy.queries import districts
from schoolpassport.webhooks import _vault, bodies, posting, signing
from schoolpassport.webhooks.models import Endpoint, EndpointState, Message, MessageState, Setter
from schoolpassport.webhooks.records import BadEndpoint, MessageDead, NewEndpoint, name_of

OVERLAP: Final = timedelta(days=1)
"""For how long the secret before the newest one signs, too."""

KEPT: Final = timedelta(days=30)
"""For how long messages that ended are shown."""

_MOST_ENDPOINTS: Final = 5


def add(
    *,
    district_id: UUID,
    integration_id: UUID,
    url: str,
    by: str,
    now: datetime,
    setter: Setter = Setter.OPERATOR,
) -> NewEndpoint:
    """Tell an address of each revision of the integration's view from now on. Raises ``BadEndpoint``."""
    _check(url, setter)
    made = NewEndpoint(id=new_id(), secret=signing.new_secret())
    with scope.inside(district_id):
        others = Endpoint.objects.filter(district_id=district_id, integration_id=integration_id)
        if others.count() >= _MOST_ENDPOINTS:
            raise BadEndpoint(f"This application has {_MOST_ENDPOINTS} addresses here already; remove one first.")
        try:
            with transaction.atomic():
                Endpoint.objects.create(
                    district_id=district_id,
                    id=made.id,
                    integration_id=integration_id,
                    url=url,
                    set_by=setter,
                    state=EndpointState.ACTIVE,
                    sealed_secret=_vault.seal(made.secret, district_id=district_id, endpoint_id=made.id),
                    told_seq=changes.last_seq(district_id=district_id, integration_id=integration_id),
                    created_at=now,
                )
        except IntegrityError:
            raise BadEndpoint("This address is told already.") from None
        _note(district_id, made.id, "add", by, now, {"integration": str(integration_id)})
    return made


def move(
    *, district_id: UUID, endpoint_id: UUID, url: str, by: str, now: datetime, setter: Setter = Setter.OPERATOR
) -> None:
    """Another address for an endpoint; its secret stays, and what waits goes there. Raises ``BadEndpoint``."""
    _check(url, setter)
    with scope.inside(district_id):
        endpoint = _locked(district_id, endpoint_id)
        try:
            with transaction.atomic():
                endpoint.url, endpoint.set_by = url, setter
                endpoint.save(update_fields=["url", "set_by"])
        except IntegrityError:
            raise BadEndpoint("This address is told already.") from None
        _note(district_id, endpoint_id, "move", by, now)


def try_out(*, district_id: UUID, endpoint_id: UUID, by: str, now: datetime) -> http.Reply:
    """One message about nothing, sent at once and not again: what the receiver made of it. Raises ``BadEndpoint``."""
    with scope.inside(district_id):
        endpoint = _locked(district_id, endpoint_id)
        try:
            signers = _signers(endpoint, now)
        except SealBroken:
            raise BadEndpoint("Its secret cannot be opened; give it a new one.") from None
        _note(district_id, endpoint_id, "try", by, now)
    body = bodies.trial(district_id=district_id, at=now)
    headers = signing.headers(message_id=name_of(new_id()), at=now, body=body, signers=signers)
    return posting.post(endpoint.url, body=body, headers=headers, policy=_policy(endpoint.set_by))


def rotate(*, district_id: UUID, endpoint_id: UUID, by: str, now: datetime) -> NewEndpoint:
    """A new secret; both sign for a day, so that the receiver can change over without losing a message."""
    made = NewEndpoint(id=endpoint_id, secret=signing.new_secret())
    with scope.inside(district_id):
        endpoint = _locked(district_id, endpoint_id)
        try:
            endpoint.sealed_previous, endpoint.previous_until = _vault.seal_previous(endpoint), now + OVERLAP
        except SealBroken:  # a secret that no key opens cannot sign; the new one ends that
            endpoint.sealed_previous, endpoint.previous_until = None, None
        endpoint.sealed_secret = _vault.seal(made.secret, district_id=district_id, endpoint_id=endpoint_id)
        endpoint.save(update_fields=["sealed_secret", "sealed_previous", "previous_until"])
        _note(district_id, endpoint_id, "rotate", by, now)
    return made


def pause(*, district_id: UUID, endpoint_id: UUID, by: str, now: datetime) -> None:
    """Send nothing until ``resume``; what is on its way waits."""
    with scope.inside(district_id):
        endpoint = _locked(district_id, endpoint_id)
        endpoint.state = EndpointState.PAUSED
        endpoint.save(update_fields=["state"])
        _note(district_id, endpoint_id, "pause", by, now)


def resume(*, district_id: UUID, endpoint_id: UUID, by: str, now: datetime) -> int:
    """Send again: what waited, and what was missed meanwhile. Returns how many messages that is."""
    with scope.inside(district_id):
        endpoint = _locked(district_id, endpoint_id)
        endpoint.state = EndpointState.ACTIVE
        endpoint.save(update_fields=["state"])
        _note(district_id, endpoint_id, "resume", by, now)
        waiting = Message.objects.filter(
            district_id=district_id, endpoint_id=endpoint_id, state=MessageState.PENDING
        ).order_by("made_at")
        waited = list(waiting)
        for message in waited:
            _defer(message, max(now, message.next_at or now))
        return len(waited) + _tell(endpoint, after=endpoint.told_seq, now=now)


def remove(*, district_id: UUID, endpoint_id: UUID, by: str, now: datetime) -> None:
    """Forget the address, its secrets and its messages."""
    with scope.inside(district_id):
        endpoint = _locked(district_id, endpoint_id)
        Message.objects.filter(district_id=district_id, endpoint_id=endpoint_id).delete()
        endpoint.delete()
        _note(district_id, endpoint_id, "remove", by, now)


def replay(*, district_id: UUID, endpoint_id: UUID, after: int, by: str, now: datetime) -> int:
    """Tell once more what happened behind a line of the change log, one message for each revision. How many.

    The log never ends at its beginning: ``after`` 0 tells all of it. Raises ``BadEndpoint``.
    """
    with scope.inside(district_id):
        endpoint = _locked(district_id, endpoint_id)
        if endpoint.state != EndpointState.ACTIVE:
            raise BadEndpoint(f"This address is {endpoint.state}; resume it first.")
        _note(district_id, endpoint_id, "replay", by, now, {"after": after})
        return _tell(endpoint, after=after, now=now)


def listen(news: ViewMoved, *, now: datetime) -> None:
    """A view moved (``sharing.contract.Listener``): a message and a job for each address, in the same transaction."""
    active = Endpoint.objects.select_for_update().filter(
        district_id=news.district_id, integration_id=news.integration_id, state=EndpointState.ACTIVE
    )
    for endpoint in active.order_by("id"):
        _tell(endpoint, after=endpoint.told_seq, now=now)


def send(*, district_id: UUID, message_id: UUID, now: datetime) -> None:
    """One attempt. May be called twice, and for a message that has ended: then nothing is sent.

    Killed between sending and writing that down, it is sent again under the same id; the receiver knows it by that.
    """
    with scope.inside(district_id):
        message = Message.objects.filter(district_id=district_id, id=message_id).first()
        if message is None or message.state != MessageState.PENDING:
            return
        endpoint = Endpoint.objects.get(district_id=district_id, id=message.endpoint_id)
        if endpoint.state != EndpointState.ACTIVE:
            return  # ``resume`` plans it again
        body = bodies.body(message, integration_id=endpoint.integration_id)
        try:
            signers = _signers(endpoint, now)
        except SealBroken:
            reply = http.Reply(status=None, sentence="Its secret cannot be opened; give it a new one: webhooks rotate.")
            _write_down(message, reply, now)
            return
    headers = signing.headers(message_id=name_of(message_id), at=now, body=body, signers=signers)
    reply = posting.post(endpoint.url, body=body, headers=headers, policy=_policy(endpoint.set_by))
    reach("webhooks.posted")
    with scope.inside(district_id):
        _write_down(message, reply, now)


def forget_messages(*, now: datetime) -> int:
    """Messages that ended a while ago, of all districts. Returns how many."""
    gone = 0
    for district in districts():
        with scope.inside(district.id):
            gone += Message.objects.filter(district_id=district.id, ended_at__lt=now - KEPT).delete()[0]
    return gone


def reseal_secrets(*, district_id: UUID) -> Resealed:
    """A new master key seals them (``partners.contract.DistrictKeeper``)."""
    return _vault.reseal(district_id=district_id)


def _tell(endpoint: Endpoint, *, after: int, now: datetime) -> int:
    """Messages for all that the log holds behind a line, and their jobs. How many."""
    district_id = endpoint.district_id
    pieces = changes.pieces(district_id=district_id, integration_id=endpoint.integration_id, after=after)
    if not pieces:
        return 0
    made = Message.objects.bulk_create(
        Message(
            district_id=district_id,
            id=new_id(),
            endpoint_id=endpoint.id,
            revision=piece.revision,
            seq_from=piece.seq_from,
            seq_to=piece.seq_to,
            made_at=now,
            state=MessageState.PENDING,
            next_at=now,
        )
        for piece in pieces
    )
    endpoint.told_seq = pieces[-1].seq_to
    endpoint.save(update_fields=["told_seq"])
    for message in made:
        _defer(message, None)
    return len(made)


def _write_down(message: Message, reply: http.Reply, now: datetime) -> None:
    """What became of an attempt, if nobody has written down another one meanwhile."""
    attempts = message.attempts + 1
    pending = Message.objects.filter(
        district_id=message.district_id, id=message.id, state=MessageState.PENDING, attempts=message.attempts
    )
    facts = {"attempts": attempts, "answered": reply.status, "said": reply.sentence}
    if reply.accepted:
        pending.update(state=MessageState.DELIVERED, next_at=None, ended_at=now, **facts)
        return
    gone = reply.status == HTTPStatus.GONE
    wait = None if gone else posting.pause(attempts=attempts, after=reply.after)
    if wait is None:
        if pending.update(state=MessageState.DEAD, next_at=None, ended_at=now, **facts):
            _give_up(message, gone=gone, now=now)
    elif pending.update(next_at=now + wait, **facts):
        _defer(message, now + wait)


def _give_up(message: Message, *, gone: bool, now: datetime) -> None:
    district_id, endpoint_id = message.district_id, message.endpoint_id
    facts = {"revision": message.revision, "after": message.seq_from}
    _note(district_id, endpoint_id, "abandon", "worker", now, facts)
    if gone:
        Endpoint.objects.filter(district_id=district_id, id=endpoint_id).update(state=EndpointState.GONE)
        _note(district_id, endpoint_id, "gone", "worker", now)
    endpoint = Endpoint.objects.get(district_id=district_id, id=endpoint_id)
    dead = MessageDead(
        district_id=district_id,
        integration_id=endpoint.integration_id,
        endpoint_id=endpoint_id,
        host=urlsplit(endpoint.url).hostname or "",
        after=message.seq_from,
        gone=gone,
        now=now,
    )
    news.announce(dead)


def _policy(setter: str) -> Policy:
    """Networks that the operator opened are opened for the operator's own addresses."""
    chosen: Policy = settings.ENVIRONMENT.egress if setter == Setter.OPERATOR else settings.ENVIRONMENT.partner_egress
    return chosen


def _check(url: str, setter: Setter) -> None:
    """Raises ``BadEndpoint`` for what cannot be an address; where it leads is judged at every attempt."""
    try:
        http.check_address(url)
    except NeedsAttention as wrong:
        raise BadEndpoint(wrong.sentence) from None
    if not url.startswith("https://") and not _policy(setter).networks.allowed:
        raise BadEndpoint("The address must begin with https://.")


def _signers(endpoint: Endpoint, now: datetime) -> list[str]:
    """The newest first. Raises ``SealBroken``."""
    rotating = endpoint.previous_until is not None and endpoint.previous_until > now
    return [_vault.opened(endpoint), *([_vault.opened_previous(endpoint)] if rotating else [])]


def _locked(district_id: UUID, endpoint_id: UUID) -> Endpoint:
    found = Endpoint.objects.select_for_update().filter(district_id=district_id, id=endpoint_id).first()
    if found is None:
        raise BadEndpoint("There is no such endpoint. `schoolpassport webhooks list` shows them.")
    return found


def _defer(message: Message, at: datetime | None) -> None:
    from schoolpassport.webhooks import tasks  # noqa: PLC0415 (tasks call actions)

    tasks.defer_send(district_id=message.district_id, message_id=message.id, at=at)


def _note(
    district_id: UUID, endpoint_id: UUID, verb: str, by: str, now: datetime, facts: Mapping[str, object] | None = None
) -> None:
    audit.note(
        district_id=district_id, act=f"webhooks:endpoint:{verb}", about=str(endpoint_id), by=by, now=now, facts=facts
    )

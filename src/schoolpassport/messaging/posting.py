"""Mails about notices: planned with what they tell of, gathered once a day, and what becomes of each attempt.

In the scope and the transaction of ``actions``; only ``hand_over`` is for outside of both.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet

from schoolpassport.kit import smtp
from schoolpassport.kit.ids import new_id
from schoolpassport.messaging import hearing, letters
from schoolpassport.messaging.models import Letter, LetterState, Notice, Recipient, Telling
from schoolpassport.messaging.queries import WAITING, usual
from schoolpassport.messaging.records import How, Usual

PAUSES: Final = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=4),
    timedelta(hours=8),
    timedelta(hours=12),
)
"""How long to wait after each attempt that failed: eight attempts in a little more than a day."""


def plan(*, organisation_id: UUID, notice_id: UUID, kind: str, now: datetime) -> None:
    """Whoever wants to hear of a notice by mail does: by one of its own, or by the next digest."""
    chosen = usual(organisation_id=organisation_id)
    for recipient in Recipient.objects.filter(organisation_id=organisation_id).order_by("id"):
        how = hearing.how(kind, recipient.choices, chosen.choices)
        if how is How.OFF:
            continue
        letter = _write(recipient, daily=False, now=now) if how is How.AT_ONCE else None
        Telling.objects.create(
            organisation_id=organisation_id,
            notice_id=notice_id,
            recipient_id=recipient.id,
            letter_id=letter.id if letter else None,
        )
        if letter is None or kind in WAITING:
            _plan_digest(recipient, chosen, now)


def gather(*, organisation_id: UUID, recipient_id: UUID, at: datetime, now: datetime) -> None:
    """The digest that is due at this instant, if it still is; and the next one, while something waits."""
    recipient = (
        Recipient.objects.select_for_update()
        .filter(organisation_id=organisation_id, id=recipient_id, digest_at=at)
        .first()
    )
    if recipient is None:
        return
    recipient.digest_at = None
    recipient.save(update_fields=["digest_at"])
    chosen = usual(organisation_id=organisation_id)
    tellings = Telling.objects.filter(organisation_id=organisation_id, recipient_id=recipient_id)
    fresh = _notices(organisation_id, tellings.filter(letter_id__isnull=True))
    waiting = [n for n in _waiting(recipient, chosen) if n not in fresh]
    if not fresh and not waiting:
        return
    letter = _write(recipient, daily=True, now=now)
    tellings.filter(letter_id__isnull=True, notice_id__in=[n.id for n in fresh]).update(letter_id=letter.id)
    if waiting or any(n.kind in WAITING for n in fresh):
        _plan_digest(recipient, chosen, now)


def pending(*, organisation_id: UUID, letter_id: UUID) -> Letter | None:
    """The letter, if it has not ended."""
    mine = Letter.objects.filter(organisation_id=organisation_id, id=letter_id)
    return mine.filter(state=LetterState.PENDING).first()


def composed(letter: Letter) -> smtp.Letter:
    """As it is handed over. A digest tells again of what waits by now."""
    recipient = Recipient.objects.get(organisation_id=letter.organisation_id, id=letter.recipient_id)
    mine = Telling.objects.filter(organisation_id=letter.organisation_id, letter_id=letter.id)
    fresh = _notices(letter.organisation_id, mine, settled=True)
    chosen = usual(organisation_id=letter.organisation_id)
    waiting = [n for n in _waiting(recipient, chosen) if n not in fresh] if letter.daily else []
    return letters.composed(letter, to=recipient.address, notices=fresh, waiting=waiting)


def hand_over(mail: smtp.Letter) -> smtp.Reply:
    """To the operator's server, outside of any transaction: it may take its time."""
    server = settings.ENVIRONMENT.mail
    if server is None:
        return smtp.Reply(accepted=False, sentence="No mail server is set any more: SCHOOLPASSPORT_MAIL_HOST.")
    return smtp.hand_over(mail, server)


def write_down(letter: Letter, reply: smtp.Reply, *, now: datetime) -> None:
    """What became of an attempt, if nobody has written down another one meanwhile."""
    attempts = letter.attempts + 1
    still = Letter.objects.filter(
        organisation_id=letter.organisation_id,
        id=letter.id,
        state=LetterState.PENDING,
        attempts=letter.attempts,
    )
    facts = {"attempts": attempts, "said": reply.sentence}
    if reply.accepted:
        still.update(state=LetterState.SENT, next_at=None, ended_at=now, **facts)
    elif reply.final or attempts > len(PAUSES):
        still.update(state=LetterState.DEAD, next_at=None, ended_at=now, **facts)
    elif still.update(next_at=now + PAUSES[attempts - 1], **facts):
        _defer(letter, now + PAUSES[attempts - 1])


def _plan_digest(recipient: Recipient, chosen: Usual, now: datetime) -> None:
    from schoolpassport.messaging import tasks  # noqa: PLC0415 (tasks call actions)

    due = hearing.next_digest(now, at=chosen.digest_at, zone=chosen.zone)
    mine = Recipient.objects.filter(organisation_id=recipient.organisation_id, id=recipient.id)
    if mine.filter(digest_at__isnull=True).update(digest_at=due):
        tasks.defer_digest(organisation_id=recipient.organisation_id, recipient_id=recipient.id, at=due)


def _write(recipient: Recipient, *, daily: bool, now: datetime) -> Letter:
    letter = Letter.objects.create(
        organisation_id=recipient.organisation_id,
        id=new_id(),
        recipient_id=recipient.id,
        daily=daily,
        made_at=now,
        state=LetterState.PENDING,
        next_at=now,
    )
    _defer(letter, None)
    return letter


def _notices(organisation_id: UUID, tellings: QuerySet[Telling], *, settled: bool = False) -> list[Notice]:
    found = Notice.objects.filter(organisation_id=organisation_id, id__in=tellings.values("notice_id"))
    return list(found.filter(Q() if settled else Q(settled_at__isnull=True)).order_by("told_at", "id"))


def _waiting(recipient: Recipient, chosen: Usual) -> list[Notice]:
    """What this person was told of, wants to hear of, and waits still."""
    told = Telling.objects.filter(organisation_id=recipient.organisation_id, recipient_id=recipient.id)
    heard = {kind for kind in WAITING if hearing.how(kind, recipient.choices, chosen.choices) is not How.OFF}
    return [n for n in _notices(recipient.organisation_id, told) if n.kind in heard]


def _defer(letter: Letter, at: datetime | None) -> None:
    from schoolpassport.messaging import tasks  # noqa: PLC0415 (tasks call actions)

    tasks.defer_send(organisation_id=letter.organisation_id, letter_id=letter.id, at=at)

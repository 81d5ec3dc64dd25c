"""Telling people something, and what becomes of it: the list that stays, and mail to those who want it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, time, timedelta
from email.utils import format_datetime
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from schoolpassport.audit import actions as audit
from schoolpassport.kit import smtp
from schoolpassport.kit.ids import new_id
from schoolpassport.kit.killpoint import reach
from schoolpassport.messaging import hearing, letters, posting, wording
from schoolpassport.messaging.kinds import KINDS
from schoolpassport.messaging.models import Letter, Notice, Preference, Recipient
from schoolpassport.messaging.queries import WAITING
from schoolpassport.messaging.records import BadChoice, Fact, How, NoNotice, Usual
from schoolpassport.tenancy import scope

KEPT: Final = timedelta(days=400)
"""For how long notices, and the mails about them, are kept."""

_MOST_RECIPIENTS: Final = 50

# ----------------------------------------------------------------------------------------------------------- notices


def tell(
    *, organisation_id: UUID, kind: str, about: str, facts: Mapping[str, Fact], now: datetime, key: str = ""
) -> UUID | None:
    """Write a notice and its mails, in the caller's transaction where there is one. None if it was told before.

    What was told, settled, and is so again is open again, and not told twice.
    """
    put = wording.put(KINDS[kind], facts)
    with scope.as_organisation(organisation_id), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO messaging_notice (organisation_id, id, kind, about, key, subject, words, commands, told_at, "
            "read_by) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, '') "
            "ON CONFLICT (organisation_id, kind, about, key) DO UPDATE SET settled_at = NULL RETURNING id, xmax = 0",
            [organisation_id, new_id(), kind, about, key, put.subject, put.words, put.commands, now],
        )
        id_, is_new = cursor.fetchone()
        if not is_new:
            return None
        _forget(organisation_id, now)
        if settings.ENVIRONMENT.mail is not None:
            posting.plan(organisation_id=organisation_id, notice_id=id_, kind=kind, now=now)
    told: UUID = id_
    return told


def settle(*, organisation_id: UUID, kinds: Sequence[str], about: str, now: datetime) -> int:
    """What these notices told of does not wait any more. Returns how many did."""
    with scope.as_organisation(organisation_id):
        waiting = Notice.objects.filter(
            organisation_id=organisation_id, kind__in=kinds, about=about, settled_at__isnull=True
        )
        return waiting.update(settled_at=now)


def read(*, organisation_id: UUID, notice_id: UUID, by: str, now: datetime) -> None:
    """Somebody read it; who was the first stays. Raises ``NoNotice``."""
    with scope.as_organisation(organisation_id):
        found = Notice.objects.filter(organisation_id=organisation_id, id=notice_id)
        if not found.exists():
            raise NoNotice("There is no such notice. `schoolpassport notices list` shows them.")
        found.filter(read_at__isnull=True).update(read_at=now, read_by=by)


def read_all(*, organisation_id: UUID, by: str, now: datetime) -> int:
    """Everything that nobody has read. Returns how many that was."""
    with scope.as_organisation(organisation_id):
        unread = Notice.objects.filter(organisation_id=organisation_id, read_at__isnull=True)
        return unread.update(read_at=now, read_by=by)


def _forget(organisation_id: UUID, now: datetime) -> None:
    """What is old goes when something new comes, but for what waits still."""
    old = Notice.objects.filter(organisation_id=organisation_id, told_at__lt=now - KEPT)
    old.exclude(kind__in=WAITING, settled_at__isnull=True).delete()
    Letter.objects.filter(organisation_id=organisation_id, made_at__lt=now - KEPT, ended_at__isnull=False).delete()


# ------------------------------------------------------------------------------------------------- who is told, and how


def add(*, organisation_id: UUID, address: str, by: str, now: datetime) -> UUID:
    """Tell somebody by mail from now on. Raises ``BadChoice``."""
    try:
        checked = smtp.check_address(address)
    except smtp.BadAddress as wrong:
        raise BadChoice(str(wrong)) from wrong
    made = new_id()
    with scope.inside(organisation_id), scope.as_organisation(organisation_id):
        if Recipient.objects.filter(organisation_id=organisation_id).count() >= _MOST_RECIPIENTS:
            raise BadChoice(f"{_MOST_RECIPIENTS} addresses are told already; remove one first.")
        try:
            with transaction.atomic():
                Recipient.objects.create(
                    organisation_id=organisation_id, id=made, address=checked, choices={}, added_at=now
                )
        except IntegrityError:
            raise BadChoice(f"{checked} is told already.") from None
        _note(organisation_id, "recipient", "add", made, by, now)
    return made


def remove(*, organisation_id: UUID, address: str, by: str, now: datetime) -> None:
    """Tell somebody nothing any more; what is on its way to them goes, too. Raises ``BadChoice``."""
    with scope.inside(organisation_id), scope.as_organisation(organisation_id):
        found = _recipient(organisation_id, address)
        Recipient.objects.filter(organisation_id=organisation_id, id=found.id).delete()
        _note(organisation_id, "recipient", "remove", found.id, by, now)


def prefer(
    *, organisation_id: UUID, kind: str, how: How | None, by: str, now: datetime, address: str | None = None
) -> None:
    """How an address hears of a kind from now on; without one, whoever said nothing else. None: as if nothing was said.

    Raises ``BadChoice``.
    """
    with scope.inside(organisation_id), scope.as_organisation(organisation_id):
        if address is None:
            row: Preference | Recipient = _preference(organisation_id)
        else:
            row = _recipient(organisation_id, address)
        row.choices = hearing.changed(row.choices, kind=kind, how=how)
        row.save(update_fields=["choices"])
        about = row.id if isinstance(row, Recipient) else organisation_id
        _note(organisation_id, "preference", "set", about, by, now, {"kind": kind, "how": str(how or "")})


def set_digest_time(*, organisation_id: UUID, at: time, zone: str, by: str, now: datetime) -> None:
    """When digests come, from the next that is planned on. Raises ``BadChoice``."""
    checked = hearing.zone(zone)
    with scope.inside(organisation_id), scope.as_organisation(organisation_id):
        row = _preference(organisation_id)
        row.digest_at, row.zone = at, checked
        row.save(update_fields=["digest_at", "zone"])
        facts = {"at": f"{at:%H:%M}", "zone": checked}
        _note(organisation_id, "digest", "set", organisation_id, by, now, facts)


def try_out(*, organisation_id: UUID, address: str, now: datetime) -> smtp.Reply:
    """One mail about nothing, sent at once and not again: what the mail server made of it. Raises ``BadChoice``."""
    with scope.as_organisation(organisation_id):
        to = _recipient(organisation_id, address).address
    server = settings.ENVIRONMENT.mail
    if server is None:
        raise BadChoice("No mail server is set: SCHOOLPASSPORT_MAIL_HOST.")
    return smtp.hand_over(letters.trial(new_id(), to=to, date=format_datetime(now)), server)


# ------------------------------------------------------------------------------------------------------------- mails


def send(*, organisation_id: UUID, letter_id: UUID, now: datetime) -> None:
    """One attempt. May be called twice, and for a letter that has ended: then nothing is sent.

    Killed between sending and writing that down, it is sent again under the same Message-ID.
    """
    with scope.as_organisation(organisation_id):
        letter = posting.pending(organisation_id=organisation_id, letter_id=letter_id)
        if letter is None:
            return
        mail = posting.composed(letter)
    reply = posting.hand_over(mail)
    reach("messaging.posted")
    with scope.as_organisation(organisation_id):
        posting.write_down(letter, reply, now=now)


def gather(*, organisation_id: UUID, recipient_id: UUID, at: datetime, now: datetime) -> None:
    """The digest of one recipient that is due: what is new, and what waits still. Nothing to tell makes no mail.

    May be called twice. While something waits, the next digest is planned.
    """
    with scope.as_organisation(organisation_id):
        posting.gather(organisation_id=organisation_id, recipient_id=recipient_id, at=at, now=now)


def _preference(organisation_id: UUID) -> Preference:
    mine = Preference.objects.select_for_update()
    return mine.get_or_create(organisation_id=organisation_id, defaults=asdict(Usual()))[0]


def _recipient(organisation_id: UUID, address: str) -> Recipient:
    mine = Recipient.objects.select_for_update().filter(organisation_id=organisation_id, address__iexact=address)
    found = mine.first()
    if found is None:
        raise BadChoice("Nobody is told at this address. `schoolpassport notices recipients` shows who is.")
    return found


def _note(
    organisation_id: UUID,
    thing: str,
    verb: str,
    about: UUID,
    by: str,
    now: datetime,
    facts: Mapping[str, object] | None = None,
) -> None:
    """In the ledger of the district, or in that which is kept under the partner's id."""
    act = f"messaging:{thing}:{verb}"
    audit.note(district_id=organisation_id, act=act, about=str(about), by=by, now=now, facts=facts)

"""What was told, and what of it waits for somebody."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from schoolpassport.messaging import hearing
from schoolpassport.messaging.kinds import KINDS
from schoolpassport.messaging.models import Letter, Notice, Preference, Recipient, Telling
from schoolpassport.messaging.records import How, Kind, LetterFacts, NoNotice, NoticeFacts, RecipientFacts, Usual
from schoolpassport.tenancy import scope

WAITING = tuple(kind.name for kind in KINDS.values() if kind.waits)


def kinds() -> list[Kind]:
    return list(KINDS.values())


def notices(
    *, organisation_id: UUID, limit: int = 50, unread: bool = False, waiting: bool = False
) -> list[NoticeFacts]:
    """The newest first: all, those that nobody has read, those that wait for a decision."""
    with scope.as_organisation(organisation_id):
        found = Notice.objects.filter(organisation_id=organisation_id)
        if unread:
            found = found.filter(read_at__isnull=True)
        if waiting:
            found = found.filter(kind__in=WAITING, settled_at__isnull=True)
        return [_facts(notice) for notice in found.order_by("-told_at", "-id")[:limit]]


def notice(*, organisation_id: UUID, prefix: str) -> NoticeFacts:
    """The one whose id begins so, or ends so: ids of one night begin alike. Raises ``NoNotice``."""
    wanted = prefix.replace("-", "").lower()
    with scope.as_organisation(organisation_id):
        ids = Notice.objects.filter(organisation_id=organisation_id).values_list("id", flat=True)
        matching = [id_ for id_ in ids if wanted and (id_.hex.startswith(wanted) or id_.hex.endswith(wanted))]
        if len(matching) != 1:
            what = "Several notices are" if matching else "No notice is"
            raise NoNotice(f"{what} called “{prefix}”. `schoolpassport notices list` shows them.")
        return _facts(Notice.objects.get(organisation_id=organisation_id, id=matching[0]))


def _facts(found: Notice) -> NoticeFacts:
    return NoticeFacts(
        id=found.id,
        kind=found.kind,
        subject=found.subject,
        words=found.words,
        commands=tuple(found.commands.splitlines()),
        told_at=found.told_at,
        waits=found.kind in WAITING and found.settled_at is None,
        settled_at=found.settled_at,
        read_at=found.read_at,
        read_by=found.read_by,
    )


def recipients(*, organisation_id: UUID) -> list[RecipientFacts]:
    """Who is told by mail, by address."""
    with scope.as_organisation(organisation_id):
        found = Recipient.objects.filter(organisation_id=organisation_id).order_by("address")
        return [RecipientFacts(id=r.id, address=r.address, choices=_hows(r.choices)) for r in found]


def usual(*, organisation_id: UUID) -> Usual:
    """What was chosen for all who chose nothing themselves; as it is at first where nothing was."""
    with scope.as_organisation(organisation_id):
        held = Preference.objects.filter(organisation_id=organisation_id).first()
    return Usual(choices=held.choices, digest_at=held.digest_at, zone=held.zone) if held else Usual()


def preferences(*, organisation_id: UUID) -> dict[str, How]:
    """How whoever said nothing hears of each kind, kind → how."""
    chosen = usual(organisation_id=organisation_id)
    return {kind: hearing.how(kind, chosen.choices) for kind in KINDS}


def letters(*, organisation_id: UUID, notice_id: UUID | None = None, limit: int = 50) -> list[LetterFacts]:
    """Mails, the newest first; all, or those that tell of a notice."""
    with scope.as_organisation(organisation_id):
        found = Letter.objects.filter(organisation_id=organisation_id)
        if notice_id is not None:
            telling = Telling.objects.filter(organisation_id=organisation_id, notice_id=notice_id)
            found = found.filter(id__in=telling.values("letter_id"))
        return _letter_facts(organisation_id, list(found.order_by("-made_at", "-id")[:limit]))


def to_be_gathered(*, organisation_id: UUID, notice_id: UUID) -> list[tuple[str, datetime | None]]:
    """Who hears of a notice by the next digest, and when that comes."""
    with scope.as_organisation(organisation_id):
        waiting = Telling.objects.filter(
            organisation_id=organisation_id, notice_id=notice_id, letter_id__isnull=True
        ).values("recipient_id")
        mine = Recipient.objects.filter(organisation_id=organisation_id, id__in=waiting).order_by("address")
        return list(mine.values_list("address", "digest_at"))


def _letter_facts(organisation_id: UUID, found: Iterable[Letter]) -> list[LetterFacts]:
    addresses = dict(Recipient.objects.filter(organisation_id=organisation_id).values_list("id", "address"))
    told: dict[UUID | None, list[UUID]] = defaultdict(list)
    tellings = Telling.objects.filter(organisation_id=organisation_id, letter_id__in=[each.id for each in found])
    for letter_id, notice_id in tellings.order_by("notice_id").values_list("letter_id", "notice_id"):
        told[letter_id].append(notice_id)
    return [
        LetterFacts(
            id=each.id,
            address=addresses[each.recipient_id],
            daily=each.daily,
            notices=tuple(told[each.id]),
            state=each.state,
            attempts=each.attempts,
            made_at=each.made_at,
            next_at=each.next_at,
            ended_at=each.ended_at,
            said=each.said,
        )
        for each in found
    ]


def _hows(choices: dict[str, str]) -> dict[str, How]:
    return {kind: How(said) for kind, said in choices.items() if kind in KINDS}

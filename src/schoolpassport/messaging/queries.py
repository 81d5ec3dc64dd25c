"""What was told, and what of it waits for somebody."""

from uuid import UUID

from schoolpassport.messaging.kinds import KINDS
from schoolpassport.messaging.models import Notice
from schoolpassport.messaging.records import NoNotice, NoticeFacts
from schoolpassport.tenancy import scope

_WAITING = tuple(kind.name for kind in KINDS.values() if kind.waits)


def notices(
    *, organisation_id: UUID, limit: int = 50, unread: bool = False, waiting: bool = False
) -> list[NoticeFacts]:
    """The newest first: all, those that nobody has read, those that wait for a decision."""
    with scope.as_organisation(organisation_id):
        found = Notice.objects.filter(organisation_id=organisation_id)
        if unread:
            found = found.filter(read_at__isnull=True)
        if waiting:
            found = found.filter(kind__in=_WAITING, settled_at__isnull=True)
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
        waits=found.kind in _WAITING and found.settled_at is None,
        settled_at=found.settled_at,
        read_at=found.read_at,
        read_by=found.read_by,
    )

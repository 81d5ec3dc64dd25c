from uuid import UUID

from schoolpassport.audit.models import Event


def events(*, district_id: UUID, limit: int = 100, act: str = "", by: str = "") -> list[Event]:
    """The newest events of a district first. ``act``: only those that begin so; ``by``: only of this person."""
    found = Event.objects.filter(district_id=district_id, act__startswith=act)
    return list((found.filter(by=by) if by else found).order_by("-at", "-id")[:limit])

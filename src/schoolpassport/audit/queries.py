from uuid import UUID

from schoolpassport.audit.models import Event


def events(*, district_id: UUID, limit: int = 100) -> list[Event]:
    """The newest events of a district first."""
    return list(Event.objects.filter(district_id=district_id).order_by("-at", "-id")[:limit])

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from schoolpassport.audit.models import Event
from schoolpassport.kit.ids import new_id


def note(
    *, district_id: UUID, act: str, about: str, by: str, now: datetime, facts: Mapping[str, Any] | None = None
) -> None:
    """Write one line of the ledger, in the caller's transaction. ``facts`` never hold personal data."""
    Event.objects.create(
        district_id=district_id, id=new_id(), at=now, by=by, act=act, about=about, facts=dict(facts or {})
    )

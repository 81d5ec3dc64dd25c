from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from schoolpassport.kit.ids import new_id
from schoolpassport.kit.naming import fit_name
from schoolpassport.tenancy.models import District


class DistrictExists(Exception):
    """A district of this name is registered already."""


@transaction.atomic
def register_district(*, name: str, now: datetime, district_id: UUID | None = None) -> District:
    """Raises ``DistrictExists``, and ``BadName``."""
    called = fit_name(name, most=300)
    try:
        with transaction.atomic():
            return District.objects.create(id=district_id or new_id(), name=called, created_at=now)
    except IntegrityError as error:
        raise DistrictExists(f"There is already a district named “{name}”.") from error


def refresh_statistics(tables: Iterable[str]) -> None:
    """Let the planner look at tables again that a load has changed a lot. After the load's transaction, never in it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT public.refresh_statistics(%s)", [sorted(tables)])

from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from schoolpassport.audit import actions as audit
from schoolpassport.kit.ids import new_id
from schoolpassport.sources.models import Source
from schoolpassport.sources.schemas import SCHEMAS
from schoolpassport.tenancy import scope


class SourceExists(Exception):
    """The district has a source of this name."""


def register_source(*, district_id: UUID, name: str, schema: str, by: str, now: datetime) -> Source:
    if schema not in SCHEMAS:
        raise ValueError(f"No schema “{schema}”. There are: {', '.join(sorted(SCHEMAS))}.")
    with scope.inside(district_id):
        try:
            with transaction.atomic():
                source = Source.objects.create(
                    district_id=district_id, id=new_id(), name=name, schema=schema, created_at=now
                )
        except IntegrityError as error:
            raise SourceExists(f"The district has a source “{name}” already.") from error
        audit.note(district_id=district_id, act="sources:source:register", about=str(source.id), by=by, now=now)
        return source


def note_settled(
    *, district_id: UUID, source_id: UUID, digest: str, prints: dict[str, dict[str, object]], links_changed: int
) -> int:
    """Remember what the source said last, in the caller's transaction. Returns the number of its links' state."""
    source = Source.objects.select_for_update().get(district_id=district_id, id=source_id)
    source.input_digest = digest
    source.prints = {**source.prints, **prints}
    source.settled += 1 if links_changed else 0
    source.save(update_fields=["input_digest", "prints", "settled"])
    return source.settled

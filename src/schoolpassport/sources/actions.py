from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from schoolpassport.audit import actions as audit
from schoolpassport.kit.ids import new_id
from schoolpassport.sources.models import OF_THE_DISTRICT, Setting, Source, SourceRole
from schoolpassport.sources.schemas import SCHEMAS
from schoolpassport.tenancy import scope


class SourceExists(Exception):
    """The district has a source of this name."""


def register_source(
    *,
    district_id: UUID,
    name: str,
    schema: str,
    by: str,
    now: datetime,
    role: SourceRole = SourceRole.ROSTER,
) -> Source:
    if schema not in SCHEMAS:
        raise ValueError(f"No schema “{schema}”. There are: {', '.join(sorted(SCHEMAS))}.")
    with scope.inside(district_id):
        try:
            with transaction.atomic():
                source = Source.objects.create(
                    district_id=district_id, id=new_id(), name=name, schema=schema, role=role, created_at=now
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


def write_setting(
    *, district_id: UUID, source_id: UUID | None = None, subject: str, content: object, by: str, now: datetime
) -> int:
    """Let a document hold from now on; returns its version. The same again is no new version.

    Rooms call this from an action of their own, after they have parsed the content: what stands can always be read.
    The ledger gets the numbers of the versions before and after; the documents themselves stay readable here.
    """
    with scope.inside(district_id):
        owner = source_id or OF_THE_DISTRICT
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 4))", [f"{owner}{subject}"])
        last = (
            Setting.objects.filter(district_id=district_id, source_id=owner, subject=subject)
            .order_by("-version")
            .first()
        )
        if last is not None and last.content == content:
            return last.version
        version = last.version + 1 if last else 1
        Setting.objects.create(
            district_id=district_id, source_id=owner, subject=subject, version=version, content=content, by=by, at=now
        )
        audit.note(
            district_id=district_id,
            act="sources:setting:write",
            about=str(source_id or district_id),
            by=by,
            now=now,
            facts={"subject": subject, "before": version - 1, "after": version},
        )
        return version

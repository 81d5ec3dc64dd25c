"""Formats that applications have of their own."""

from datetime import datetime
from uuid import UUID

from django.db import connection

from schoolpassport.audit import actions as audit
from schoolpassport.delivery import custom
from schoolpassport.delivery.formats import FORMATS, Format, Mode
from schoolpassport.delivery.models import Delivery, OwnFormat
from schoolpassport.delivery.records import NAME
from schoolpassport.tenancy import scope


def save_format(*, district_id: UUID, integration_id: UUID, name: str, content: str, by: str, now: datetime) -> int:
    """Let a format hold from the next delivery on; returns its version. The same again is no new version.

    Raises ``custom.BadFormat``.
    """
    if name in FORMATS or not NAME.fullmatch(name):
        raise custom.BadFormat(
            f"A format cannot be called “{name}”: standard ones have their names, others begin with a letter or digit "
            "and hold letters, digits, dots, hyphens and underscores, 60 at most."
        )
    format_ = custom.read(content, name=name, today=now.date())
    with scope.inside(district_id):
        _check_deltas(district_id, integration_id, format_)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))", [f"{integration_id}{name}"])
        found = OwnFormat.objects.filter(district_id=district_id, integration_id=integration_id, name=name)
        last = found.order_by("-version").first()
        if last is not None and last.content == content:
            return last.version
        version = last.version + 1 if last else 1
        OwnFormat.objects.create(
            district_id=district_id,
            integration_id=integration_id,
            name=name,
            version=version,
            content=content,
            by=by,
            at=now,
        )
        audit.note(
            district_id=district_id,
            act="delivery:format:save",
            about=f"{integration_id}:{name}",
            by=by,
            now=now,
            facts={"version": version},
        )
        return version


def _check_deltas(district_id: UUID, integration_id: UUID, format_: Format) -> None:
    """What is delivered as changes must be able to tell them, in its next version too. Raises ``custom.BadFormat``."""
    mine = Delivery.objects.filter(district_id=district_id, integration_id=integration_id, format=format_.name)
    delta = mine.filter(mode=Mode.DELTA).order_by("name").first()
    if delta is not None and Mode.DELTA not in format_.modes:
        raise custom.BadFormat(f"Delivery “{delta.name}” sends only what changed of it, and {format_.hindrance}")

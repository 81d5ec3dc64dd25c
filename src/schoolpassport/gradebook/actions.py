"""Keeping what applications write, and what a district decides about it. Views follow in ``sharing.actions``."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from psycopg.types.json import Jsonb

from schoolpassport.audit import actions as audit
from schoolpassport.gradebook.models import Audience, Writer
from schoolpassport.gradebook.records import Said
from schoolpassport.kit.columns import quoted
from schoolpassport.roster.kinds import KINDS
from schoolpassport.tenancy import scope


def allow(*, district_id: UUID, integration_id: UUID, by: str, now: datetime) -> None:
    """Let an application write what its consent shares of the kinds of a gradebook."""
    with scope.inside(district_id):
        Writer.objects.get_or_create(district_id=district_id, integration_id=integration_id, defaults={"since": now})
        _note(district_id, "gradebook:writer:allowed", integration_id, by, now)


def forbid(*, district_id: UUID, integration_id: UUID, by: str, now: datetime) -> None:
    """Let it write no more. What it wrote stays where it is."""
    with scope.inside(district_id):
        Writer.objects.filter(district_id=district_id, integration_id=integration_id).delete()
        _note(district_id, "gradebook:writer:forbidden", integration_id, by, now)


def show(*, district_id: UUID, writer_id: UUID, reader_id: UUID, by: str, now: datetime) -> None:
    """What one wrote is shown to the other; its view is to follow in the same transaction."""
    with scope.inside(district_id):
        Audience.objects.get_or_create(
            district_id=district_id, writer_id=writer_id, reader_id=reader_id, defaults={"since": now}
        )
        _note(district_id, "gradebook:audience:shown", writer_id, by, now, {"reader": str(reader_id)})


def hide(*, district_id: UUID, writer_id: UUID, reader_id: UUID, by: str, now: datetime) -> None:
    """It is shown no more; the other's view is to follow in the same transaction."""
    with scope.inside(district_id):
        Audience.objects.filter(district_id=district_id, writer_id=writer_id, reader_id=reader_id).delete()
        _note(district_id, "gradebook:audience:hidden", writer_id, by, now, {"reader": str(reader_id)})


def put(*, district_id: UUID, integration_id: UUID, said: Sequence[Said], by: str, now: datetime) -> None:
    """Keep these records of one kind as they are said now, whatever was said before; all or none.

    In the scope and transaction of whoever moves the views.
    """
    kind = KINDS[said[0].kind]
    own = ", ".join(quoted(column) for column in kind.columns)
    values = ", ".join(f"%({column})s" for column in kind.columns)
    again = ", ".join(
        f"{quoted(column)} = excluded.{quoted(column)}" for column in ("status", "written_at", *kind.columns)
    )
    blank = dict.fromkeys(kind.columns)
    with scope.inside(district_id), connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO gradebook_{kind.table} (district_id, id, integration_id, name, status, written_at, {own}) "
            f"VALUES (%(d)s, %(id)s, %(integration)s, %(name)s, 'active', %(now)s, {values}) "
            f"ON CONFLICT (district_id, id) DO UPDATE SET {again}",
            [
                {
                    **blank,
                    **{name: _kept(value) for name, value in each.values.items()},
                    "d": district_id,
                    "id": each.id,
                    "integration": integration_id,
                    "name": each.name,
                    "now": now,
                }
                for each in said
            ],
        )
        _note_written(district_id, integration_id, "put", kind.name, [each.id for each in said], by, now)


def delete(*, district_id: UUID, integration_id: UUID, kind: str, record_id: UUID, by: str, now: datetime) -> None:
    """Mark one as deleted; its last content is kept for the district. In the scope of whoever moves the views."""
    with scope.inside(district_id), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE gradebook_{KINDS[kind].table} SET status = 'tobedeleted', written_at = %(now)s "
            "WHERE district_id = %(d)s AND integration_id = %(integration)s AND id = %(id)s AND status = 'active'",
            {"d": district_id, "integration": integration_id, "id": record_id, "now": now},
        )
        _note_written(district_id, integration_id, "delete", kind, [record_id], by, now)


def _kept(value: Any) -> Any:  # noqa: ANN401 (a value of whichever column)
    return Jsonb(value) if isinstance(value, dict | list) else value


def _note_written(
    district_id: UUID, integration_id: UUID, verb: str, kind: str, ids: Sequence[UUID], by: str, now: datetime
) -> None:
    facts = {"kind": kind, "ids": [str(id_) for id_ in ids]}
    _note(district_id, f"gradebook:record:{verb}", integration_id, by, now, facts)


def _note(
    district_id: UUID, act: str, integration_id: UUID, by: str, now: datetime, facts: Mapping[str, object] | None = None
) -> None:
    about = f"integration:{integration_id}"
    audit.note(district_id=district_id, act=act, about=about, by=by, now=now, facts=facts)

"""Reading what was written: for views, which show it, and for the district, whose it is."""

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from django.db import connection

from schoolpassport.gradebook.contract import GRADES
from schoolpassport.gradebook.models import WRITTEN, Audience
from schoolpassport.gradebook.models import Writer as WriterRow
from schoolpassport.gradebook.records import Writer
from schoolpassport.kit.columns import literal, quoted
from schoolpassport.partners import queries as partners
from schoolpassport.roster.kinds import KINDS, Kind
from schoolpassport.tenancy import scope

NAMES = (
    "SELECT jsonb_object_agg(w.id, w.name) FROM ("
    + " UNION ALL ".join(
        f"SELECT id, name FROM gradebook_{KINDS[kind].table} WHERE district_id = %(district)s "
        "AND integration_id = %(integration)s AND id = ANY(%(ids)s::uuid[])"
        for kind in GRADES
    )
    + ") w"
)
"""SQL: what an integration itself calls these ids of records that it wrote."""


def shown(kind: Kind, *, columns: Sequence[str]) -> str:
    """SQL: rows of a kind that a view shows, with these columns: what its reader wrote, and what others let it see.

    Parameters to come: %(d)s, the district, and %(reader)s, the integration.
    """
    own = ", ".join(f"w.{quoted(column)}" for column in columns)
    heard = (
        "SELECT FROM gradebook_audience a WHERE a.district_id = w.district_id AND a.writer_id = w.integration_id "
        "AND a.reader_id = %(reader)s"
    )
    return (
        f"SELECT w.district_id, w.id, w.status, {own} FROM gradebook_{kind.table} w WHERE w.district_id = %(d)s "
        f"AND w.status = 'active' AND (w.integration_id = %(reader)s OR EXISTS ({heard}))"
    )


def may_write(*, district_id: UUID, integration_id: UUID) -> bool:
    """In the caller's scope."""
    return WriterRow.objects.filter(district_id=district_id, integration_id=integration_id).exists()


def readers(*, district_id: UUID, writer_id: UUID) -> list[UUID]:
    """To whom else the district shows what it writes, in the caller's scope."""
    rows = Audience.objects.filter(district_id=district_id, writer_id=writer_id)
    return sorted(rows.values_list("reader_id", flat=True))


def written_by(*, district_id: UUID, integration_id: UUID, kind: str, ids: Sequence[UUID]) -> dict[UUID, str]:
    """The status of those of the ids that the integration wrote itself, in the caller's scope."""
    rows = WRITTEN[kind].objects.filter(district_id=district_id, integration_id=integration_id, id__in=ids)  # type: ignore[attr-defined]  # models that were made for the kinds
    return dict(rows.values_list("id", "status"))


def writers(*, district_id: UUID) -> list[Writer]:
    """Whoever may write, wrote, or is shown to somebody."""
    with scope.inside(district_id):
        names = partners.names_of_integrations(district_id=district_id)
        allowed = set(WriterRow.objects.filter(district_id=district_id).values_list("integration_id", flat=True))
        pairs = list(Audience.objects.filter(district_id=district_id).values_list("writer_id", "reader_id"))
        counts = _counts(district_id)
    every = sorted(allowed | set(counts) | {writer for writer, _ in pairs}, key=lambda id_: names.get(id_, ""))
    return [
        Writer(
            integration_id=id_,
            application=names.get(id_, str(id_)),
            may_write=id_ in allowed,
            counts=counts.get(id_, {}),
            readers=tuple(sorted(names.get(reader, str(reader)) for writer, reader in pairs if writer == id_)),
        )
        for id_ in every
    ]


def _counts(district_id: UUID) -> Mapping[UUID, dict[str, int]]:
    each = (
        f"SELECT integration_id, {literal(kind)}, count(*) FROM gradebook_{KINDS[kind].table} "
        "WHERE district_id = %(d)s AND status = 'active' GROUP BY integration_id"
        for kind in GRADES
    )
    found: dict[UUID, dict[str, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(each), {"d": district_id})
        for integration_id, kind, count in cursor.fetchall():
            found.setdefault(integration_id, {})[kind] = count
    return found


def export_columns(kind: str) -> tuple[str, ...]:
    return ("application", "sourcedId", "gg4lId", "status", "writtenAt", *(f.name for f in KINDS[kind].fields))


def export(*, district_id: UUID, kind: str) -> Iterator[tuple[object, ...]]:
    """Rows of all that applications wrote, deleted or not, in the order of ``export_columns``; read piece by piece."""
    table, names = KINDS[kind], partners.names_of_integrations(district_id=district_id)
    own = ", ".join(quoted(column) for column in table.columns)
    with scope.inside(district_id), connection.chunked_cursor() as cursor:
        cursor.execute(
            f"SELECT integration_id, name, id, status, written_at, {own} FROM gradebook_{table.table} "
            "WHERE district_id = %s ORDER BY integration_id, name",
            [district_id],
        )
        for integration_id, *rest in cursor:
            yield (names.get(integration_id, str(integration_id)), *rest)

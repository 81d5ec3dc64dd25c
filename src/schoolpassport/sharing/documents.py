"""The document of a view row as SQL. Most kinds store it; small and many records (enrollments) are written here."""

from schoolpassport.kit.columns import quoted
from schoolpassport.roster.kinds import KINDS, Field, Kind, Type
from schoolpassport.sharing.catalogue import SIS_ID
from schoolpassport.sharing.conditions import STAMP
from schoolpassport.sharing.models import HREF

# Once per page, not once per record: to_char is what would cost most.
_STAMPS = (
    f"(SELECT jsonb_object_agg(s.number, to_char(s.at AT TIME ZONE 'UTC', '{STAMP}')) FROM sharing_viewrevision s "
    "WHERE s.district_id = %(district)s AND s.view = %(view)s AND s.number <= %(revision)s)"
)


def columns(kind: Kind) -> str:
    """SQL: what ``text`` needs of each row ``r``."""
    if kind.stored_document:
        return "r.doc"
    own = (f"r.{quoted(f.column)}{'::text' if f.is_reference else ''} AS {quoted(f.column)}" for f in kind.fields)
    return ", ".join(["r.id::text AS id", "r.status", "r.rev_from::text AS revision", "r.sis_id", *own])


def text(kind: Kind) -> str:
    """SQL: the document, of a row ``d`` that has these columns. Absent attributes are absent."""
    if kind.stored_document:
        return "d.doc"
    head = f"""'{{"sourcedId":"' || d.id || '","status":"' || d.status
        || '","dateLastModified":"' || ({_STAMPS}->>d.revision) || '"'"""
    pieces = (_piece(f.name, _json(f)) for f in kind.fields if f.name != "metadata")
    return " || ".join([head, *pieces, _piece("metadata", _METADATA), "'}'"])


def _piece(name: str, value: str) -> str:
    return f"""coalesce(',"{name}":' || {value}, '')"""


def _json(field: Field) -> str:
    value = f"d.{quoted(field.column)}"
    if field.is_reference:
        path = f"{HREF}/{KINDS[field.target].plural}/"
        return f"""'{{"href":"{path}' || {value} || '","sourcedId":"' || {value} || '","type":"{field.target}"}}'"""
    if field.values or field.type in {Type.BOOLEAN, Type.DATE}:
        return f"""'"' || {value} || '"'"""  # nothing in these needs escaping
    return f"to_json({value})::text"


_METADATA = f"""CASE
    WHEN d.sis_id IS NULL THEN d.metadata::text
    WHEN d.metadata IS NULL THEN '{{"{SIS_ID}": ' || to_json(d.sis_id) || '}}'
    ELSE (d.metadata || jsonb_build_object('{SIS_ID}', d.sis_id))::text END"""

"""The document of a view row as SQL. Most kinds store it; small and many records (enrollments) are written here."""

from collections.abc import Callable

from schoolpassport.kit.columns import quoted
from schoolpassport.roster.kinds import KINDS, Field, Kind, Type
from schoolpassport.sharing.catalogue import SIS_ID
from schoolpassport.sharing.conditions import STAMP
from schoolpassport.sharing.models import HREF

ID_AT = len('{"sourcedId":"')
"""Where in every document its id begins."""

# Once per page, not once per record: to_char is what would cost most. Grades come in revisions of their own, by the
# thousand, and have stored documents.
_STAMPS = (
    f"(SELECT jsonb_object_agg(s.number, to_char(s.at AT TIME ZONE 'UTC', '{STAMP}')) FROM sharing_viewrevision s "
    "WHERE s.district_id = %(district)s AND s.view = %(view)s AND s.number <= %(revision)s "
    "AND NOT s.graded)"
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
    pieces = (piece(name, value) for name, value in members(kind, reference).items())
    return " || ".join([head, *pieces, "'}'"])


def members(kind: Kind, refer: Callable[[Field], str]) -> dict[str, str]:
    """SQL: what a document that is not stored says besides its heads, as JSON. ``refer`` writes references."""
    own = {f.name: refer(f) if f.is_reference else _json(f) for f in kind.fields if f.name != "metadata"}
    return {**own, "metadata": METADATA}


def reference(field: Field) -> str:
    return _reference(field, f""""href":"{HREF}/{KINDS[field.target].plural}/' || {_value(field)} || '",""")


def bare_reference(field: Field) -> str:
    """SQL: a reference without its address."""
    return _reference(field, "")


def _reference(field: Field, address: str) -> str:
    return f"""'{{{address}"sourcedId":"' || {_value(field)} || '","type":"{field.target}"}}'"""


def piece(name: str, value: str) -> str:
    """SQL: a member, with the comma before it; nothing where there is no value."""
    return f"""coalesce(',"{name}":' || {value}, '')"""


def _json(field: Field) -> str:
    if field.values or field.type in {Type.BOOLEAN, Type.DATE}:
        return _in_quotes(_value(field))  # nothing in these needs escaping
    return f"to_json({_value(field)})::text"


def _value(field: Field) -> str:
    return f"d.{quoted(field.column)}"


def _in_quotes(value: str) -> str:
    return f"""'"' || {value} || '"'"""


HEADS = {
    "sourcedId": _in_quotes("d.id"),
    "status": _in_quotes("d.status"),
    "dateLastModified": _in_quotes(f"({_STAMPS}->>d.revision)"),
}


def metadata(alias: str) -> str:
    """SQL: the metadata of a row that stores no document, as text; most have nothing but the SIS's own id."""
    return f"""CASE
    WHEN {alias}.sis_id IS NULL THEN {alias}.metadata::text
    WHEN {alias}.metadata IS NULL THEN '{{"{SIS_ID}": ' || to_json({alias}.sis_id) || '}}'
    ELSE ({alias}.metadata || jsonb_build_object('{SIS_ID}', {alias}.sis_id))::text END"""


METADATA = metadata("d")

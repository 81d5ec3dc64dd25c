"""Which schools a record belongs to, as SQL, from the catalogue of kinds.

The record stands in the query as ``r`` (a version, or a staged row), the district as the parameter ``d``.
"""

from schoolpassport.kit.columns import quoted
from schoolpassport.roster.kinds import KINDS, Kind
from schoolpassport.roster.models import OPEN
from schoolpassport.roster.records import ALTOGETHER


def schools(kind: Kind) -> str:
    """SQL: one row for the kind altogether, and one per school the record belongs to."""
    whole = f"'{ALTOGETHER}'::uuid"
    if kind.same_id_as:
        return f"unnest(array[{whole}] || u.orgs)"
    if not kind.school:
        return whole
    if kind.school == "id":
        return f"unnest(array[{whole}, r.id])"
    field = kind[kind.school]
    return (
        f"unnest({whole} || r.{quoted(field.column)})"
        if field.many
        else f"unnest(array[{whole}, r.{quoted(field.column)}])"
    )


def school_join(kind: Kind) -> str:
    if not kind.same_id_as:
        return ""
    return (
        f"LEFT JOIN roster_{KINDS[kind.same_id_as].table} u ON u.district_id = %(d)s AND u.id = r.id "
        f"AND u.rev_to = {OPEN}"
    )

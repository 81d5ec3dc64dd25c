"""Which schools a record belongs to, as SQL, from the catalogue of kinds.

The record stands in the query as ``r`` (a version, or a staged row), the district as the parameter ``d``.
"""

from schoolpassport.kit.columns import quoted
from schoolpassport.roster.kinds import KINDS, Kind
from schoolpassport.roster.models import OPEN
from schoolpassport.roster.records import ALTOGETHER


def belongs(kind: Kind) -> str:
    """SQL: the school, or the list of schools, that the record names."""
    if kind.same_id_as:
        return "u.orgs"
    if not kind.school:
        return "NULL::uuid"
    return "r.id" if kind.school == "id" else f"r.{quoted(kind[kind.school].column)}"


def schools(value: str, kind: Kind) -> str:
    """SQL: of what ``belongs`` gave, one row for the kind altogether, and one per school. Some of them may be NULL."""
    many = bool(kind.same_id_as) or (kind.school not in {"", "id"} and kind[kind.school].many)
    whole = f"'{ALTOGETHER}'::uuid"
    return f"unnest({whole} || {value})" if many else f"unnest(array[{whole}, {value}])"


def school_join(kind: Kind, at: str = "") -> str:
    """SQL: what ``belongs`` needs beside the record; as of a revision, or as it stands."""
    if not kind.same_id_as:
        return ""
    holds = f"u.rev_from <= {at} AND u.rev_to > {at}" if at else f"u.rev_to = {OPEN}"
    return f"LEFT JOIN roster_{KINDS[kind.same_id_as].table} u ON u.district_id = %(d)s AND u.id = r.id AND {holds}"

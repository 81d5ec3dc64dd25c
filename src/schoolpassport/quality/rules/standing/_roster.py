"""How rules ask the roster about what stands beside a record ``r``."""

from schoolpassport.roster.kinds import KINDS

OPEN = 2_147_483_647  # as in roster.models; a rule is pure, and imports no tables


def stands(kind: str, alias: str, condition: str, *, among: str = "") -> str:
    """SQL: a record of this kind stands of which that holds. ``among``: where to look; all of them if blank."""
    records = among or f"roster_{KINDS[kind].table}"
    return (
        f"EXISTS (SELECT FROM {records} {alias} WHERE {alias}.district_id = r.district_id "
        f"AND {alias}.rev_to = {OPEN} AND {alias}.status = 'active' AND {condition})"
    )

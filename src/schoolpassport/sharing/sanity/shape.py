"""The words in which a sanity check is declared."""

from dataclasses import dataclass

from schoolpassport.roster.kinds import KINDS


@dataclass(frozen=True, kw_only=True)
class Check:
    """``wrong``: SQL over ``r``, an active row of the view; true of rows that look wrong. ``needs``: shared kinds."""

    name: str
    title: str
    kind: str
    wrong: str
    needs: tuple[str, ...]


def beside(kind: str, alias: str) -> str:
    """SQL: the active rows of a kind in the view of ``r``, which stands as they do."""
    return (
        f"sharing_{KINDS[kind].table} {alias} WHERE {alias}.district_id = r.district_id AND {alias}.view = r.view "
        f"AND {alias}.rev_to = r.rev_to AND {alias}.status = 'active'"
    )

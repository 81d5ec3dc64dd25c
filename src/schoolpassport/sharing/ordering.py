"""The order of a collection: by the ids, or by one field with the ids to break ties.

Text follows Unicode, by code point. Records that lack the field come last, whichever way the others go.
"""

from schoolpassport.roster.kinds import Kind
from schoolpassport.sharing.conditions import Condition
from schoolpassport.sharing.records import Shared
from schoolpassport.sharing.values import Shape, find

BY_ID = Condition("r.id")


def compiled(kind: Kind, shared: Shared, sort: str, *, descending: bool) -> Condition | None:
    """The SQL after ORDER BY, or None when there is no such field to sort by."""
    value = find(kind, shared, sort, prefix="o") if "\0" not in sort else None
    if value is None or value.many:
        return None
    collation = ' COLLATE "C"' if value.shape is Shape.TEXT else ""
    direction = "DESC" if descending else "ASC"
    return Condition(f"{value.sql}{collation} {direction} NULLS LAST, r.id", value.parameters)

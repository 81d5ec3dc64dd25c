"""What the words of ``contract`` mean in SQL. Every column is looked up in the catalogue of kinds.

A deleted link links nothing: only active records of the kind between tie two others together.
"""

from collections.abc import Sequence
from uuid import UUID

from schoolpassport.kit.columns import quoted
from schoolpassport.roster.kinds import KINDS, Field, Kind
from schoolpassport.sharing.conditions import Condition
from schoolpassport.sharing.contract import (
    AllOf,
    AnyOf,
    Collection,
    Meets,
    Names,
    Of,
    Parent,
    Refers,
    Relation,
    Subset,
    Through,
)

_JSON = "replace(t.doc, chr(1), '')::jsonb"  # chr(1) is models.HREF, which JSON may not hold


def at(kind: Kind, alias: str) -> str:
    """SQL: the rows of a kind's view table that the pinned revision shows."""
    return (
        f"sharing_{kind.table} {alias} WHERE {alias}.district_id = %(district)s AND {alias}.view = %(view)s "
        f"AND {alias}.rev_from <= %(revision)s AND {alias}.rev_to > %(revision)s"
    )


def among(subset: Subset, alias: str = "r") -> str:
    """SQL: the row belongs to the subset."""
    if not subset.field:
        return "true"
    found = KINDS[subset.kind][subset.field]
    return f"{alias}.{quoted(found.column)} = '{found.values[found.values.index(subset.value)]}'"


def members(collection: Collection) -> Condition:
    """SQL: the row ``r`` belongs to the collection."""
    conditions = [among(collection.subset)]
    if collection.relation is not None:
        last = f"%({_name(len(collection.parents) - 1)})s"
        conditions.append(_related(collection.relation, KINDS[collection.subset.kind], last))
    return Condition(" AND ".join(conditions))


def ways(collection: Collection) -> tuple[str, ...]:
    """SQL: conditions of which each member meets one, or several; each of them is one that an index can follow."""
    if collection.relation is None:
        return (members(collection).sql,)
    kind, last = KINDS[collection.subset.kind], f"%({_name(len(collection.parents) - 1)})s"
    return tuple(f"{among(collection.subset)} AND {way}" for way in _ways(collection.relation, kind, last))


def sought(collection: Collection) -> Condition:
    """SQL: the same as ``members``, for few rows of many: each way is followed, and whom it leads to is looked up."""
    found = ways(collection)
    if len(found) == 1:
        return Condition(found[0])
    kind = KINDS[collection.subset.kind]
    ids = " UNION ALL ".join(f"SELECT r.id FROM {at(kind, 'r')} AND {way}" for way in found)
    return Condition(f"r.id = ANY(ARRAY({ids}))")


def naming(kind: Kind, field: Field, which: str) -> str:
    """SQL: (named, id) for each of %(ids)s that rows ``r`` of which ``which`` is true name in a list with places.

    As often as they name it.
    """
    rows, column, ids = f"{at(kind, 'r')} AND {which}", f"r.{quoted(field.column)}", "%(ids)s::uuid[]"
    at_places = [
        f"SELECT {column}[{place}] AS named, r.id FROM {rows} AND {column}[{place}] = ANY({ids})"
        for place in _places(field)
    ]
    behind = field.places + 1
    longer = f"SELECT r.id, {column}[{behind}:] AS refs FROM {rows} AND {column}[{behind}] IS NOT NULL"
    # Left as a condition, what is asked for is hashed; made a join, it would be gone through again for each row.
    wanted = f"(n.id IN (SELECT unnest({ids}))) IS TRUE"
    return " UNION ALL ".join(
        [*at_places, f"SELECT n.id AS named, r.id FROM ({longer}) r, unnest(r.refs) n(id) WHERE {wanted}"]
    )


def parents_exist(collection: Collection) -> Condition:
    """SQL: each parent is there and is what the path calls it; a deleted one still is."""
    checks = [_exists(parent, place) for place, parent in enumerate(collection.parents)]
    return Condition(" AND ".join(checks) or "true")


def _exists(parent: Parent, place: int) -> str:
    kind = KINDS[parent.subset.kind]
    within = f" AND p.{quoted(kind[parent.within].column)} = %({_name(place - 1)})s" if parent.within else ""
    return f"EXISTS (SELECT FROM {at(kind, 'p')} AND p.id = %({_name(place)})s AND {among(parent.subset, 'p')}{within})"


def _related(relation: Relation, kind: Kind, parent: str) -> str:
    match relation:
        case Refers(field):
            return _names(kind, field, parent, "r")
        case AnyOf(relations):
            return f"({' OR '.join(_related(each, kind, parent) for each in relations)})"
        case AllOf(relations):
            return f"({' AND '.join(_related(each, kind, parent) for each in relations)})"
        case Of():
            return _of(relation, kind, f"%({_name(0)})s" if relation.first else parent)
        case Through():
            return _through(relation, parent)
        case Names(kind_name, field):
            return _named_by(KINDS[kind_name], field, parent)
        case Meets(mine, theirs):
            return _meets(mine, theirs, parent)


def _ways(relation: Relation, kind: Kind, parent: str) -> tuple[str, ...]:
    match relation:
        case AnyOf(relations):
            return tuple(way for each in relations for way in _ways(each, kind, parent))
        case Refers(name) if kind[name].places:
            field, column = kind[name], f"r.{quoted(kind[name].column)}"
            longer = f"{column}[{field.places + 1}] IS NOT NULL AND {_names(kind, name, parent, 'r')}"
            return (*(f"{column}[{place}] = {parent}" for place in _places(field)), longer)
        case _:
            return (_related(relation, kind, parent),)


def _places(field: Field) -> range:
    """Of a list, as PostgreSQL counts them; ``models`` makes an index for each, and one for what is longer."""
    return range(1, field.places + 1)


def _through(relation: Through, parent: str) -> str:
    kind = KINDS[relation.kind]
    given = _given(kind[relation.give])
    role = among(Subset(relation.kind, "role", relation.role), "t") if relation.role else "true"
    return (
        f"r.id IN (SELECT {given} FROM {at(kind, 't')} AND t.status = 'active' "
        f"AND {_names(kind, relation.match, parent, 't')} AND {role})"
    )


def _given(field: Field) -> str:
    """SQL: what a row ``t`` names in the field. Where the view keeps no column, the document says it."""
    if not field.in_view:
        return f"({_JSON}->'{field.name}'->>'sourcedId')::uuid"
    return f"unnest(t.{quoted(field.column)})" if field.many else f"t.{quoted(field.column)}"


def _of(relation: Of, kind: Kind, parent: str) -> str:
    other = KINDS[relation.kind]
    named = f"SELECT t.id FROM {at(other, 't')} AND {_names(other, relation.match, parent, 't')}"
    return f"r.{quoted(kind[relation.field].column)} IN ({named})"


def _named_by(kind: Kind, field: str, parent: str) -> str:
    return f"r.id IN (SELECT {_given(kind[field])} FROM {at(kind, 't')} AND t.status = 'active' AND t.id = {parent})"


def _meets(mine: str, theirs: str, parent: str) -> str:
    kind = KINDS["enrollment"]
    hers, his = among(Subset(kind.name, "role", mine), "m"), among(Subset(kind.name, "role", theirs), "t")
    classes = f"SELECT m.class_id FROM {at(kind, 'm')} AND m.status = 'active' AND m.user_id = {parent} AND {hers}"
    met = f"SELECT t.user_id FROM {at(kind, 't')} AND t.status = 'active' AND {his} AND t.class_id IN ({classes})"
    return f"r.id IN ({met})"


def _names(kind: Kind, field: str, parent: str, alias: str) -> str:
    found = kind[field]
    column = f"{alias}.{quoted(found.column)}"
    return f"{column} @> ARRAY[{parent}]::uuid[]" if found.many else f"{column} = {parent}"


def _name(place: int) -> str:
    return f"parent{place}"


def parameters(parents: Sequence[UUID]) -> dict[str, object]:
    """The ids that these conditions name."""
    return {_name(place): each for place, each in enumerate(parents)}

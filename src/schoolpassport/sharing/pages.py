"""One page of a collection as SQL: along the key from a boundary on, or the records of a list of ids in its order."""

from schoolpassport.kit.columns import literal
from schoolpassport.roster.kinds import Kind
from schoolpassport.sharing import documents
from schoolpassport.sharing.conditions import Condition
from schoolpassport.sharing.listings import ID_BYTES
from schoolpassport.sharing.relations import at

_SINCE = "r.rev_from >= %(oldest)s::int"  # an index knows it: versions from before are not met on the way


def along_the_key(kind: Kind, *, members: Condition, filter_: Condition | None) -> Condition:
    """Parameters to come: %(start)s (bytes), %(skip)s, %(limit)s."""
    wanted = filter_ or Condition()
    rows = f"""SELECT {documents.columns(kind)} FROM {at(kind, "r")} AND {members.sql} AND {wanted.sql}
        AND r.id >= encode(%(start)s::bytea, 'hex')::uuid ORDER BY r.id LIMIT %(limit)s::int OFFSET %(skip)s::int"""
    return Condition(_joined(kind, rows), {**members.parameters, **wanted.parameters})


def in_order(kind: Kind) -> Condition:
    """Records whose order is that of their ids, in one walk along the index.

    Parameters to come: %(ids)s, an array, and %(oldest)s, the revision before which no version of theirs came in.
    """
    rows = f"""SELECT {documents.columns(kind)} FROM {at(kind, "r")} AND {_SINCE} AND r.id = ANY(%(ids)s::uuid[])
        ORDER BY r.id"""
    return Condition(_joined(kind, rows))


def by_ids(kind: Kind) -> Condition:
    """Records in any order. Parameters to come: %(ids)s (bytes, 16 for each), %(limit)s, how many, %(oldest)s."""
    rows = f"""SELECT d.* FROM generate_series(0, %(limit)s::int - 1) place CROSS JOIN LATERAL (
        SELECT {documents.columns(kind)} FROM {at(kind, "r")} AND {_SINCE}
        AND r.id = encode(substr(%(ids)s::bytea, place * {ID_BYTES} + 1, {ID_BYTES}), 'hex')::uuid LIMIT 1) d"""
    return Condition(_joined(kind, rows))


def few(kind: Kind, *, members: Condition, filter_: Condition, order: Condition) -> Condition:
    """All records that there are, or one more than %(limit)s, which says that they are not all.

    Which ones is settled before they are put in order, so that nobody reads a view in that order to find them.
    """
    some = f"SELECT r.* FROM {at(kind, 'r')} AND {members.sql} AND {filter_.sql} LIMIT %(limit)s::int + 1"
    rows = f"SELECT {documents.columns(kind)} FROM ({some}) r ORDER BY {order.sql}"
    return Condition(
        f"SELECT count(*)::int AS total, string_agg({documents.text(kind)}, ',') AS documents FROM ({rows}) d"
    )


def single(kind: Kind, *, members: Condition) -> Condition:
    """Parameter to come: %(id)s. NULL when no record with this id is active; then ``merged`` is to be asked."""
    return Condition(
        f"""SELECT (SELECT {documents.text(kind)} FROM (SELECT {documents.columns(kind)} FROM {at(kind, "r")}
        AND {members.sql} AND r.status = 'active' AND r.id = %(id)s::uuid LIMIT 1) d) AS documents"""
    )


def merged(kind: Kind, *, members: Condition) -> Condition:
    """Parameter to come: %(id)s, perhaps one that was merged into another. NULL when there is no such record.

    What a merged id means now is answered, where the view holds it; else what the view says of the id itself.
    """
    meant = f"""WITH RECURSIVE meant (id, steps) AS (SELECT %(id)s::uuid, 0 UNION ALL
        SELECT a.record_id, m.steps + 1 FROM meant m JOIN roster_alias a ON a.district_id = %(district)s
        AND a.kind = {literal(kind.name)} AND a.alias_id = m.id) SELECT id, steps FROM meant"""
    rows = f"""SELECT {documents.columns(kind)} FROM {at(kind, "r")} AND {members.sql}
        AND r.id = (SELECT n.id FROM ({meant}) n, {at(kind, "x")} AND x.id = n.id
        ORDER BY x.status = 'active' DESC, n.steps LIMIT 1)"""
    return Condition(_joined(kind, rows))


def _joined(kind: Kind, rows: str) -> str:
    """The order of the rows is the order of the documents: PostgreSQL reads a sorted subquery as it comes."""
    return f"SELECT string_agg({documents.text(kind)}, ',') AS documents FROM ({rows}) d"

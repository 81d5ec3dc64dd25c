"""What is the same for every page of one selection: its SQL, its notices, and its name. Made once, then found.

Statements hold none of the client's words, so those that differ in nothing else share them.
"""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from schoolpassport.roster.kinds import KINDS, Kind
from schoolpassport.sharing import conditions, filters, listings, ordering, pages, relations, selection, values
from schoolpassport.sharing.conditions import Condition
from schoolpassport.sharing.contract import Collection
from schoolpassport.sharing.records import Fault, Notice, Selection, Shared
from schoolpassport.sharing.standing import with_pull, with_standing


@dataclass(frozen=True, eq=False)
class Statements:
    """They carry the standing; those of pages the pull, too, but for ``few``, which no page follows.

    ``in_order`` is empty where the order is not that of the ids.
    """

    listing: str
    along_the_key: str
    by_ids: str
    in_order: str
    few: str
    single: str
    merged: str


@dataclass(frozen=True, eq=False)
class Plan:
    """Statements, and the parameters that come from the client's words.

    ``heads_only``: the consent does not share the kind (any more). What is left of it in the view is tombstones, and
    of these an application learns which records are gone, and nothing else. ``are_few``: an index knows the records,
    so that they are asked for before they are counted.
    """

    statements: Statements
    parameters: dict[str, object]
    known: frozenset[str]
    heads_only: bool
    are_few: bool
    notices: tuple[Notice, ...]

    def selected(self, fields: str | None) -> tuple[tuple[str, ...] | None, tuple[Notice, ...]]:
        """The properties to send, or None for all. Raises ``Unanswerable`` when ``fields`` is blank."""
        names, notice = (None, None) if fields is None else selection.chosen(fields, self.known)
        if self.heads_only:
            names = tuple(n for n in names or sorted(values.UNIVERSAL) if n in values.UNIVERSAL)
        return names, self.notices + ((notice,) if notice else ())


def plan(selected: Selection, shared: Shared) -> Plan:
    """Raises ``Unanswerable`` for a filter that cannot be read or names what is not shared."""
    return _plan(selected.collection, selected.filter.strip(), selected.sort, selected.descending, shared)


@lru_cache(maxsize=2048)
def _plan(collection: Collection, filter_: str, sort: str, descending: bool, shared: Shared) -> Plan:  # noqa: FBT001 (a cache's key)
    kind = KINDS[collection.subset.kind]
    read = filters.parse(filter_) if filter_ else None
    wanted = conditions.compiled(read, kind, shared) if read else None
    order = ordering.compiled(kind, shared, sort, descending=descending) if sort else None
    return Plan(
        statements=_statements(collection, wanted.sql if wanted else "", order.sql if order else ""),
        parameters={**(wanted.parameters if wanted else {}), **(order.parameters if order else {})},
        known=values.names(kind, shared),
        heads_only=kind.name not in shared.attributes,
        are_few=read is not None and not collection.parents and conditions.are_few(read, kind, shared),
        notices=(_unknown(sort, kind),) if sort and order is None else (),
    )


def _unknown(sort: str, kind: Kind) -> Notice:
    return Notice(Fault.UNKNOWN_SORT, f"There is no field {sort} to sort {kind.plural} by; the order is by sourcedId.")


@lru_cache(maxsize=512)
def _statements(collection: Collection, filter_: str, sort: str) -> Statements:
    """``filter_`` and ``sort`` are SQL, empty for none."""
    kind = KINDS[collection.subset.kind]
    members, sought = relations.members(collection), relations.sought(collection)
    parents = relations.parents_exist(collection)
    wanted, order = Condition(filter_) if filter_ else None, Condition(sort) if sort else None
    return Statements(
        listing=with_pull(listings.statement(kind, members=sought, parents=parents, filter_=wanted, order=order)),
        along_the_key=with_pull(pages.along_the_key(kind, members=members, filter_=wanted)),
        by_ids=with_pull(pages.by_ids(kind)),
        in_order="" if sort else with_pull(pages.in_order(kind)),
        few=with_standing(
            pages.few(kind, members=members, filter_=wanted or Condition(), order=order or ordering.BY_ID)
        ),
        single=with_standing(pages.single(kind, members=members)),
        merged=with_standing(pages.merged(kind, members=members)),
    )


def name(selected: Selection) -> bytes:
    """16 bytes: the same for all pages of one walk, different for all other collections, in the client's own words."""
    words = repr((selected.filter.strip(), selected.sort, selected.descending)).encode()
    ids = b"".join(parent.bytes for parent in selected.parents)
    return blake2b(_name(selected.collection) + ids + words, digest_size=16).digest()


@lru_cache(maxsize=512)
def _name(collection: Collection) -> bytes:
    return blake2b(repr(collection).encode(), digest_size=16).digest()

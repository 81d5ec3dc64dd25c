"""What is the same for every page of one selection: its SQL, its notices, and its name. Made once, then found."""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from uuid import UUID

from schoolpassport.roster.kinds import KINDS
from schoolpassport.sharing import conditions, filters, listings, ordering, pages, relations, selection, values
from schoolpassport.sharing.contract import Collection
from schoolpassport.sharing.records import Fault, Notice, Selection, Shared
from schoolpassport.sharing.standing import with_standing


@dataclass(frozen=True, eq=False)
class Plan:
    """Statements that carry the standing, and the parameters that come from the client's words.

    ``heads_only``: the consent does not share the kind (any more). What is left of it in the view is tombstones, and
    of these an application learns which records are gone, and nothing else.
    """

    listing: str
    along_the_key: str
    by_ids: str
    single: str
    parameters: dict[str, object]
    known: frozenset[str]
    heads_only: bool
    notices: tuple[Notice, ...]
    name: bytes

    def collection_name(self, parents: tuple[UUID, ...]) -> bytes:
        """16 bytes: the same for all pages of one walk, different for all other collections."""
        return blake2b(self.name + b"".join(p.bytes for p in parents), digest_size=16).digest()

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
    members, parents = relations.members(collection), relations.parents_exist(collection)
    wanted = conditions.compiled(filters.parse(filter_), kind, shared) if filter_ else None
    order = ordering.compiled(kind, shared, sort, descending=descending) if sort else None
    unknown = Notice(
        Fault.UNKNOWN_SORT, f"There is no field {sort} to sort {kind.plural} by; the order is by sourcedId."
    )
    sought = relations.sought(collection)
    listing = listings.statement(kind, members=sought, parents=parents, filter_=wanted, order=order)
    return Plan(
        listing=with_standing(listing),
        along_the_key=with_standing(pages.along_the_key(kind, members=members, filter_=wanted)),
        by_ids=with_standing(pages.by_ids(kind)),
        single=with_standing(pages.single(kind, members=members)),
        parameters=dict(listing.parameters),
        known=values.names(kind, shared),
        heads_only=kind.name not in shared.attributes,
        notices=(unknown,) if sort and order is None else (),
        name=blake2b(repr((collection, filter_, sort, descending)).encode(), digest_size=16).digest(),
    )

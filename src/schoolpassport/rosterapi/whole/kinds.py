"""Which kinds of a view a token opens, and which of them a request asks for."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from schoolpassport.partners.contract import meant
from schoolpassport.roster.kinds import SHARED
from schoolpassport.rosterapi.errors import Failure, Minor
from schoolpassport.rosterapi.operations import OPERATIONS
from schoolpassport.rosterapi.visits import Trouble, Visit

_OPENED_BY: Final[Mapping[str, frozenset[str]]] = {
    operation.kind.name: operation.scopes for operation in reversed(OPERATIONS) if not operation.collection.relation
}
SCOPES: Final = frozenset(scope for scopes in _OPENED_BY.values() for scope in scopes)
_BY_PLURAL: Final = {kind.plural: name for name, kind in SHARED.items()}


def asked_for(visit: Visit, collections: str) -> tuple[str, ...]:
    """Kinds, those that others refer to first; all that the token opens when none is named.

    ``collections``: names as ``users,classes``. Raises ``Trouble`` for an unknown one, ``Failure`` for a closed one.
    """
    scopes = meant(visit.bearer().scopes)
    opened = tuple(kind for kind in SHARED if not _OPENED_BY[kind].isdisjoint(scopes))
    if not collections:
        return opened
    names = [each.strip() for each in collections.split(",")]
    if unknown := [each for each in names if each not in _BY_PLURAL]:
        raise Trouble(HTTPStatus.BAD_REQUEST, f"There is no collection {unknown[0] or '(nothing)'}.")
    wanted = {_BY_PLURAL[each] for each in names}
    if closed := sorted(wanted.difference(opened)):
        raise Failure(Minor.FORBIDDEN, f"The token lacks the scope for {SHARED[closed[0]].plural}.")
    return tuple(kind for kind in SHARED if kind in wanted)

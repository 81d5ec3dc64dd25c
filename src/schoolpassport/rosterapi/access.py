"""From who asks to what may be read: a reader whose door proves the token in the trip of the page it opens."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import close_old_connections

from schoolpassport.kit.recent import Recent
from schoolpassport.partners import queries as partners
from schoolpassport.partners.records import Bearer, Refused
from schoolpassport.rosterapi.authentication import Caller, challenge, prove
from schoolpassport.rosterapi.errors import Failure, Minor
from schoolpassport.rosterapi.operations import Operation
from schoolpassport.sharing.queries import Reader, view_for
from schoolpassport.sharing.records import Door

_integrations: Recent[bytes, UUID] = Recent(10_000)  # whose a token is never changes; whether it holds is asked


def proved(caller: Caller | Refused, *, now: datetime) -> Bearer:
    """Raises ``Failure`` (401) for whoever cannot prove who they are.

    Asks by Django, which on the short way hears of no beginning of a request, when it would look after its connection.
    """
    close_old_connections()
    bearer = caller if isinstance(caller, Refused) else prove(caller, now=now)
    if isinstance(bearer, Refused):
        raise unauthorized(bearer)
    return bearer


def reader_for(caller: Caller, operation: Operation, *, base: str, now: datetime) -> Reader:
    """Raises ``Failure`` (401, 403), and so does the reader when the token turns out not to hold any more."""
    integration_id = _integrations.get(caller.token_digest)
    if integration_id is None or caller.proved is not None:
        bearer = proved(caller, now=now)
        _allow(bearer, operation)
        integration_id = bearer.integration_id
        if caller.proved is None:
            _integrations.put(caller.token_digest, integration_id)
    return view_for(
        district_id=caller.district_id,
        integration_id=integration_id,
        base=base,
        now=now,
        door=None if caller.proved else _door(caller, operation, now),
    )


def unauthorized(refused: Refused) -> Failure:
    return Failure(Minor.UNAUTHORIZED, refused.sentence, {"WWW-Authenticate": challenge(refused)})


def _door(caller: Caller, operation: Operation, now: datetime) -> Door:
    statement, parameters = partners.bearer_state_sql(district_id=caller.district_id, digest=caller.token_digest)

    def admit(state: tuple[Any, ...] | None) -> None:
        bearer = partners.judge_bearer(
            state=state,
            district_id=caller.district_id,
            digest=caller.token_digest,
            now=now,
        )
        if isinstance(bearer, Refused):
            raise unauthorized(bearer)
        _allow(bearer, operation)

    return Door(statement, parameters, admit)


def _allow(bearer: Bearer, operation: Operation) -> None:
    if bearer.scopes.isdisjoint(operation.scopes):
        scopes = " or ".join(sorted(operation.scopes))
        raise Failure(Minor.FORBIDDEN, f"The token lacks the scope for this: {scopes}.")

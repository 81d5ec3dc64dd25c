"""From who asks to what may be read: a reader whose door proves the token in the trip of the page it opens."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import close_old_connections

from schoolpassport.kit.recent import Recent
from schoolpassport.partners import queries as partners
from schoolpassport.partners.contract import meant
from schoolpassport.partners.records import Bearer, Refused
from schoolpassport.rosterapi import limits
from schoolpassport.rosterapi.authentication import Caller, challenge, prove
from schoolpassport.rosterapi.errors import Failure, Minor
from schoolpassport.sharing.queries import Reader, view_for
from schoolpassport.sharing.records import Door

OUTLET = "oneroster-1.1"
_integrations: Recent[bytes, UUID] = Recent(10_000)  # whose a token is never changes; whether it holds is asked


def proved(caller: Caller | Refused, *, now: datetime) -> Bearer:
    """Raises ``Failure``: 401 for whoever cannot prove who they are, 429 for one request too many.

    Asks by Django, which on the short way hears of no beginning of a request, when it would look after its connection.
    """
    close_old_connections()
    bearer = caller if isinstance(caller, Refused) else prove(caller, now=now)
    if isinstance(bearer, Refused):
        raise unauthorized(bearer)
    limits.count_once(district_id=bearer.district_id, integration_id=bearer.integration_id, now=now)
    return bearer


def reader_for(
    caller: Caller,
    scopes: frozenset[str],
    *,
    base: str,
    now: datetime,
    outlet: str = OUTLET,
    admitted: Callable[[Bearer], None] = lambda bearer: None,  # noqa: ARG005 (whoever does not ask is not told)
) -> Reader:
    """Raises ``Failure`` (401, 403, 429), and so does the reader when the token turns out not to hold any more.

    ``scopes``: any of them opens. ``admitted`` is told who was let in, before any answer is. ``outlet`` says in
    the ledger of what was read in which dialect.
    """
    integration_id = _integrations.get(caller.token_digest)
    if integration_id is None or caller.proved is not None:
        bearer = proved(caller, now=now)
        _allow(bearer, scopes)
        admitted(bearer)
        integration_id = bearer.integration_id
        if caller.proved is None:
            _integrations.put(caller.token_digest, integration_id)
    limits.count_once(district_id=caller.district_id, integration_id=integration_id, now=now)
    return view_for(
        district_id=caller.district_id,
        integration_id=integration_id,
        base=base,
        now=now,
        caller=caller.token_digest,
        outlet=outlet,
        door=None if caller.proved else _door(caller, scopes, now, admitted),
    )


def writer_for(caller: Caller, scope: str, *, base: str, now: datetime, outlet: str = OUTLET) -> tuple[Bearer, Reader]:
    """Who writes, proved and counted, and what reads its view. Raises ``Failure`` (401, 403, 429)."""
    bearer = proved(caller, now=now)
    _allow(bearer, frozenset({scope}))
    limits.count_writing(district_id=bearer.district_id, integration_id=bearer.integration_id, now=now)
    return bearer, reader_for(caller, frozenset({scope}), base=base, now=now, outlet=outlet)


def unauthorized(refused: Refused) -> Failure:
    return Failure(Minor.UNAUTHORIZED, refused.sentence, {"WWW-Authenticate": challenge(refused)})


def _door(caller: Caller, scopes: frozenset[str], now: datetime, admitted: Callable[[Bearer], None]) -> Door:
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
        _allow(bearer, scopes)
        admitted(bearer)

    return Door(statement, parameters, admit)


def _allow(bearer: Bearer, scopes: frozenset[str]) -> None:
    if meant(bearer.scopes).isdisjoint(scopes):
        listed = " or ".join(sorted(scopes))
        raise Failure(Minor.FORBIDDEN, f"The token lacks the scope for this: {listed}.")

"""A partner manages its own webhooks, one integration at a time: what operators do by ``schoolpassport webhooks``.

Where a receiver stands in no network that partners may name, nothing is told of what stands there instead.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, TypedDict
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse

from schoolpassport.partners import queries as partners
from schoolpassport.partners.records import PartnerBearer, PartnersIntegration
from schoolpassport.rosterapi import limits
from schoolpassport.rosterapi.vendor.admission import READING, Declined, answered, instant, sent, unusable
from schoolpassport.webhooks import actions, queries
from schoolpassport.webhooks.records import BadEndpoint, EndpointFacts, MessageFacts, NewEndpoint, Setter

_MOST_MESSAGES: Final = 500
_STATES: Final = ("pending", "delivered", "dead")
_NO_ANSWER: Final = "There was no answer from there, or it is no address that partners may name."


class _Place(TypedDict):
    district_id: UUID
    endpoint_id: UUID
    by: str
    now: datetime


def webhooks(request: HttpRequest, integration: UUID) -> HttpResponse:
    """Those of an integration; a new one by POST ``{"url": …}``."""

    def work(bearer: PartnerBearer, now: datetime) -> HttpResponse:
        mine = _mine(bearer, integration, now)
        if request.method == "POST":
            url = _url(sent(request, url=str))
            with _told():
                made = actions.add(
                    district_id=mine.district_id,
                    integration_id=mine.id,
                    url=url,
                    by=_by(bearer),
                    now=now,
                    setter=Setter.PARTNER,
                )
            shown = _shown(_endpoint(mine, made.id))
            return JsonResponse({**shown, **_secret(made)}, status=HTTPStatus.CREATED)
        found = queries.endpoints(district_id=mine.district_id, integration_id=mine.id)
        return JsonResponse({"webhooks": [_shown(each) for each in found]})

    return answered(request, (*READING, "POST"), work)


def webhook(request: HttpRequest, integration: UUID, endpoint: UUID) -> HttpResponse:
    """One of them; PATCH ``{"url": …, "state": "active"}`` changes it, DELETE forgets it."""

    def work(bearer: PartnerBearer, now: datetime) -> HttpResponse:
        mine = _mine(bearer, integration, now)
        _endpoint(mine, endpoint)
        place = _Place(district_id=mine.district_id, endpoint_id=endpoint, by=_by(bearer), now=now)
        if request.method == "DELETE":
            actions.remove(**place)
            return HttpResponse(status=HTTPStatus.NO_CONTENT)
        if request.method == "PATCH":
            wanted = sent(request, url=str, state=str)
            state = wanted.get("state")
            if state not in {None, "active", "paused"}:
                raise unusable("“state” is active or paused.")
            with _told():
                if "url" in wanted:
                    actions.move(**place, url=_url(wanted), setter=Setter.PARTNER)
                if state == "active":
                    actions.resume(**place)
                elif state == "paused":
                    actions.pause(**place)
        return JsonResponse(_shown(_endpoint(mine, endpoint)))

    return answered(request, (*READING, "PATCH", "DELETE"), work)


def secret(request: HttpRequest, integration: UUID, endpoint: UUID) -> HttpResponse:
    """A new secret, shown this once; the one before signs, too, for a day."""

    def work(bearer: PartnerBearer, now: datetime) -> HttpResponse:
        mine = _mine(bearer, integration, now)
        _endpoint(mine, endpoint)
        made = actions.rotate(district_id=mine.district_id, endpoint_id=endpoint, by=_by(bearer), now=now)
        return JsonResponse({"id": str(endpoint), **_secret(made)}, status=HTTPStatus.CREATED)

    return answered(request, ("POST",), work)


def trial(request: HttpRequest, integration: UUID, endpoint: UUID) -> HttpResponse:
    """A message that says nothing, sent now; what came of it."""

    def work(bearer: PartnerBearer, now: datetime) -> HttpResponse:
        mine = _mine(bearer, integration, now)
        _endpoint(mine, endpoint)
        with _told():
            reply = actions.try_out(district_id=mine.district_id, endpoint_id=endpoint, by=_by(bearer), now=now)
        said = "" if reply.accepted else _said(reply.status, reply.sentence)
        return JsonResponse({"delivered": reply.accepted, "answered": reply.status, "said": said})

    return answered(request, ("POST",), work)


def messages(request: HttpRequest, integration: UUID, endpoint: UUID) -> HttpResponse:
    """The newest first; ``state=dead`` shows those that were given up, ``limit`` says how many."""

    def work(bearer: PartnerBearer, now: datetime) -> HttpResponse:
        mine = _mine(bearer, integration, now)
        _endpoint(mine, endpoint)
        state, limit = request.GET.get("state", ""), request.GET.get("limit", "50")
        if state and state not in _STATES:
            raise unusable(f"state is one of {', '.join(_STATES)}.")
        if not (limit.isascii() and limit.isdigit() and 1 <= int(limit) <= _MOST_MESSAGES):
            raise unusable(f"limit is a whole number from 1 to {_MOST_MESSAGES}.")
        found = queries.messages(
            district_id=mine.district_id, endpoint_id=endpoint, limit=int(limit), state=state or None
        )
        return JsonResponse({"messages": [_message(each) for each in found]})

    return answered(request, READING, work)


def replay(request: HttpRequest, integration: UUID, endpoint: UUID) -> HttpResponse:
    """POST ``{"after": 120}``: once more what happened behind that line of the change log."""

    def work(bearer: PartnerBearer, now: datetime) -> HttpResponse:
        mine = _mine(bearer, integration, now)
        _endpoint(mine, endpoint)
        after = sent(request, after=int).get("after", -1)
        if after < 0:
            raise unusable("“after” is the last line of the change log that the receiver knows; 0: none.")
        with _told():
            count = actions.replay(
                district_id=mine.district_id, endpoint_id=endpoint, after=after, by=_by(bearer), now=now
            )
        return JsonResponse({"messages": count}, status=HTTPStatus.ACCEPTED)

    return answered(request, ("POST",), work)


# --------------------------------------------------------------------------------------------------------------- tools


def _mine(bearer: PartnerBearer, integration_id: UUID, now: datetime) -> PartnersIntegration:
    """Raises ``Declined`` for what is another's as for what there is not, and ``Failure`` for one request too many."""
    found = partners.integration_of(partner_id=bearer.partner_id, integration_id=integration_id)
    if found is None or not found.is_open(now):
        raise _nothing("You have no such integration, or it has ended. Ask for your applications to see them.")
    limits.count(district_id=found.district_id, integration_id=found.id, now=now)
    return found


def _endpoint(mine: PartnersIntegration, endpoint_id: UUID) -> EndpointFacts:
    found = queries.endpoints(district_id=mine.district_id, integration_id=mine.id)
    endpoint = next((each for each in found if each.id == endpoint_id), None)
    if endpoint is None:
        raise _nothing("This integration has no such webhook.")
    return endpoint


def _nothing(sentence: str) -> Declined:
    return Declined(HTTPStatus.NOT_FOUND, "not_found", sentence)


def _url(wanted: dict[str, Any]) -> str:
    if "url" not in wanted:
        raise unusable("“url” is the address of your receiver.")
    return str(wanted["url"])


def _by(bearer: PartnerBearer) -> str:
    return f"partner:{bearer.partner_id}"


def _secret(made: NewEndpoint) -> dict[str, str]:
    return {"secret": made.secret}


def _shown(endpoint: EndpointFacts) -> dict[str, Any]:
    return {
        "id": str(endpoint.id),
        "url": endpoint.url,
        "state": endpoint.state,
        "toldUpTo": endpoint.told_seq,
        "waiting": endpoint.waiting,
        "dead": endpoint.dead,
    }


def _message(message: MessageFacts) -> dict[str, Any]:
    return {
        "id": message.id,
        "revision": message.revision,
        "after": message.seq_from,
        "last": message.seq_to,
        "state": message.state,
        "attempts": message.attempts,
        "madeAt": instant(message.made_at),
        "nextAt": instant(message.next_at),
        "answered": message.answered,
        "said": _said(message.answered, message.said),
    }


def _said(status: int | None, sentence: str) -> str:
    """What our own network makes of an address is nobody's to know."""
    return _NO_ANSWER if sentence and status is None else sentence


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except BadEndpoint as problem:
        raise unusable(str(problem)) from problem

"""Which addresses are told, and what became of the messages."""

from uuid import UUID

from django.db.models import Count, Q

from schoolpassport.partners import queries as partners
from schoolpassport.tenancy import scope
from schoolpassport.webhooks.models import Endpoint, Message, MessageState
from schoolpassport.webhooks.records import BadEndpoint, EndpointFacts, MessageFacts, name_of


def endpoints(*, district_id: UUID, integration_id: UUID | None = None) -> list[EndpointFacts]:
    """All of a district, or of one of its integrations, the oldest first."""
    mine = {} if integration_id is None else {"integration_id": integration_id}
    with scope.inside(district_id):
        names = partners.names_of_integrations(district_id=district_id)
        rows = Message.objects.filter(district_id=district_id).values("endpoint_id")
        counted = rows.annotate(
            waiting=Count("id", filter=Q(state=MessageState.PENDING)),
            dead=Count("id", filter=Q(state=MessageState.DEAD)),
        )
        counts = {row["endpoint_id"]: (row["waiting"], row["dead"]) for row in counted}
        return [
            EndpointFacts(
                id=e.id,
                application=names.get(e.integration_id, str(e.integration_id)),
                url=e.url,
                state=e.state,
                told_seq=e.told_seq,
                waiting=counts.get(e.id, (0, 0))[0],
                dead=counts.get(e.id, (0, 0))[1],
            )
            for e in Endpoint.objects.filter(district_id=district_id, **mine).order_by("created_at", "id")
        ]


def endpoint_named(*, district_id: UUID, prefix: str) -> UUID:
    """The endpoint whose id begins so. Raises ``BadEndpoint``."""
    found = [e.id for e in endpoints(district_id=district_id) if prefix and str(e.id).startswith(prefix)]
    if len(found) != 1:
        what = "Several endpoints begin" if found else "No endpoint begins"
        raise BadEndpoint(f"{what} with “{prefix}”. `schoolpassport webhooks list` shows them.")
    return found[0]


def messages(*, district_id: UUID, endpoint_id: UUID, limit: int = 50, state: str | None = None) -> list[MessageFacts]:
    """The newest first; of one state, or of all."""
    wanted = {} if state is None else {"state": state}
    with scope.inside(district_id):
        mine = Message.objects.filter(district_id=district_id, endpoint_id=endpoint_id, **wanted)
        newest = mine.order_by("-made_at", "-id")
        return [
            MessageFacts(
                id=name_of(m.id),
                revision=m.revision,
                seq_from=m.seq_from,
                seq_to=m.seq_to,
                state=m.state,
                attempts=m.attempts,
                made_at=m.made_at,
                next_at=m.next_at,
                answered=m.answered,
                said=m.said,
            )
            for m in newest[:limit]
        ]

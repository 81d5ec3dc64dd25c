"""Jobs of the room. They take ids, may run twice, and hold no logic."""

from datetime import datetime
from uuid import UUID

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from schoolpassport.kit import clock
from schoolpassport.messaging import actions

_RETRY = RetryStrategy(max_attempts=5, exponential_wait=4)


@app.task(name="messaging.send", queue="messaging", retry=_RETRY)
def send(*, organisation_id: str, letter_id: str) -> None:
    """A mail server that fails is no failure of the job; what makes it fail is our own database, which comes back."""
    actions.send(organisation_id=UUID(organisation_id), letter_id=UUID(letter_id), now=clock.now())


@app.task(name="messaging.digest", queue="messaging", retry=_RETRY)
def digest(*, organisation_id: str, recipient_id: str, at: str) -> None:
    actions.gather(
        organisation_id=UUID(organisation_id),
        recipient_id=UUID(recipient_id),
        at=datetime.fromisoformat(at),
        now=clock.now(),
    )


def defer_send(*, organisation_id: UUID, letter_id: UUID, at: datetime | None) -> None:
    """In the caller's transaction: now, or at an instant."""
    job = send.configure(schedule_at=at) if at else send
    job.defer(organisation_id=str(organisation_id), letter_id=str(letter_id))


def defer_digest(*, organisation_id: UUID, recipient_id: UUID, at: datetime) -> None:
    """In the caller's transaction. The job waits in the queue until its instant."""
    digest.configure(schedule_at=at).defer(
        organisation_id=str(organisation_id), recipient_id=str(recipient_id), at=at.isoformat()
    )

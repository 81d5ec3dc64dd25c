"""Jobs of the room. They take ids, may run twice, and hold no logic."""

from datetime import datetime
from uuid import UUID

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from schoolpassport.kit import clock
from schoolpassport.webhooks import actions


@app.task(name="webhooks.send", queue="webhooks", retry=RetryStrategy(max_attempts=5, exponential_wait=4))
def send(*, district_id: str, message_id: str) -> None:
    """A receiver that fails is no failure of the job; what makes it fail is our own database, which comes back."""
    actions.send(district_id=UUID(district_id), message_id=UUID(message_id), now=clock.now())


@app.periodic(cron="41 * * * *")
@app.task(name="webhooks.forget_messages", queue="webhooks")
def forget_messages(timestamp: int) -> None:
    del timestamp
    actions.forget_messages(now=clock.now())


def defer_send(*, district_id: UUID, message_id: UUID, at: datetime | None) -> None:
    """In the caller's transaction: now, or at an instant."""
    job = send.configure(schedule_at=at) if at else send
    job.defer(district_id=str(district_id), message_id=str(message_id))

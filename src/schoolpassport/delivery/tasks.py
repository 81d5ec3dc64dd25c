"""Jobs of the room. They take ids, may run twice, and hold no logic."""

from datetime import datetime
from uuid import UUID

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from schoolpassport.delivery import actions
from schoolpassport.kit import clock

_TRIES = RetryStrategy(max_attempts=5, exponential_wait=4)  # of what our own database does not let through


@app.task(name="delivery.send", queue="delivery", retry=_TRIES)
def send(*, district_id: str, delivery_id: str, number: int) -> None:
    actions.send(district_id=UUID(district_id), delivery_id=UUID(delivery_id), number=number, now=clock.now())


@app.task(name="delivery.due", queue="delivery", retry=_TRIES)
def due(*, district_id: str, delivery_id: str, version: int, at: str) -> None:
    actions.fall_due(
        district_id=UUID(district_id),
        delivery_id=UUID(delivery_id),
        version=version,
        at=datetime.fromisoformat(at),
        now=clock.now(),
    )


@app.periodic(cron="* * * * *")
@app.task(name="delivery.rescue_stalled", queue="delivery", pass_context=False)
async def rescue_stalled(timestamp: int) -> None:
    """A worker that was killed leaves its job behind as running; it is tried again."""
    del timestamp
    for job in await app.job_manager.get_stalled_jobs(queue="delivery"):
        await app.job_manager.retry_job(job)


def defer_send(*, district_id: UUID, delivery_id: UUID, number: int, after: float = 0) -> None:
    """In the caller's transaction. One lock per delivery: its files go one after the other."""
    job = send.configure(lock=str(delivery_id), schedule_in={"seconds": int(after)} if after else None)
    job.defer(district_id=str(district_id), delivery_id=str(delivery_id), number=number)


def defer_due(*, district_id: UUID, delivery_id: UUID, version: int, at: datetime) -> None:
    """In the caller's transaction. The job waits in the queue until its instant."""
    due.configure(schedule_at=at).defer(
        district_id=str(district_id), delivery_id=str(delivery_id), version=version, at=at.isoformat()
    )

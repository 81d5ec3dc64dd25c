"""Jobs of the walk. They take ids, may run twice, and hold no logic."""

from uuid import UUID

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from schoolpassport.sync import actions

_TRIES = RetryStrategy(max_attempts=5, exponential_wait=4)


@app.task(name="sync.walk", queue="sync", retry=_TRIES)
def walk(*, district_id: str, run_id: str) -> None:
    actions.walk(district_id=UUID(district_id), run_id=UUID(run_id))


@app.periodic(cron="* * * * *")
@app.task(name="sync.rescue_stalled", queue="sync", pass_context=False)
async def rescue_stalled(timestamp: int) -> None:
    """A worker that was killed leaves its job behind as running; it is tried again."""
    del timestamp
    for job in await app.job_manager.get_stalled_jobs(queue="sync"):
        await app.job_manager.retry_job(job)


def defer_walk(*, district_id: UUID, run_id: UUID) -> None:
    """In the caller's transaction. One lock per district: its runs are walked one after the other."""
    walk.configure(lock=str(district_id)).defer(district_id=str(district_id), run_id=str(run_id))

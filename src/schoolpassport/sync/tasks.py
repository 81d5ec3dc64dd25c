"""Jobs of the walk. They take ids, may run twice, and hold no logic."""

from datetime import datetime
from uuid import UUID

from procrastinate import RetryDecision, RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.jobs import Job

from schoolpassport.kit import clock
from schoolpassport.kit.recovery import Retry
from schoolpassport.sync import actions, overdue, schedules

_LONGEST = 3600  # seconds


class _Patient(RetryStrategy):
    """Later and later, and never before the other side wants to be asked again."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        usual = super().get_retry_decision(exception=exception, job=job)
        if usual is None or not isinstance(exception, Retry):
            return usual
        asked = int(exception.after)
        return RetryDecision(retry_in={"seconds": max(asked, min(asked * 2**job.attempts, _LONGEST))})


_TRIES = _Patient(max_attempts=5, exponential_wait=4)


@app.task(name="sync.walk", queue="sync", retry=_TRIES)
def walk(*, district_id: str, run_id: str) -> None:
    actions.walk(district_id=UUID(district_id), run_id=UUID(run_id))


@app.periodic(cron="* * * * *")
@app.task(name="sync.rescue_stalled", queue="sync", pass_context=False)
async def rescue_stalled(timestamp: int) -> None:
    """A worker that was killed leaves its job behind as running; it is tried again, whatever its queue."""
    del timestamp
    for job in await app.job_manager.get_stalled_jobs():
        await app.job_manager.retry_job(job)


@app.periodic(cron="23 * * * *")
@app.task(name="sync.forget_packages", queue="sync")
def forget_packages(timestamp: int) -> None:
    """What was kept for a while goes when its time is over."""
    del timestamp
    actions.forget_packages(now=clock.now())


@app.periodic(cron="37 5 * * *")
@app.task(name="sync.look_for_overdue", queue="sync")
def look_for_overdue(timestamp: int) -> None:
    del timestamp
    overdue.look(now=clock.now())


def defer_walk(*, district_id: UUID, run_id: UUID) -> None:
    """In the caller's transaction. One lock per district: its runs are walked one after the other."""
    walk.configure(lock=str(district_id)).defer(district_id=str(district_id), run_id=str(run_id))


@app.task(name="sync.due", queue="sync", retry=_TRIES)
def due(*, district_id: str, source_id: str, version: int, at: str) -> None:
    schedules.fall_due(
        district_id=UUID(district_id),
        source_id=UUID(source_id),
        version=version,
        at=datetime.fromisoformat(at),
        now=clock.now(),
    )


def defer_due(*, district_id: UUID, source_id: UUID, version: int, at: datetime) -> None:
    """In the caller's transaction. The job waits in the queue until its instant."""
    due.configure(schedule_at=at).defer(
        district_id=str(district_id), source_id=str(source_id), version=version, at=at.isoformat()
    )

"""``schoolpassport worker``: walks the runs that were queued."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from uuid import UUID

import click
from procrastinate.contrib.django import app
from procrastinate.job_context import JobContext
from procrastinate.worker import Worker

from schoolpassport.cli import show
from schoolpassport.sync import queries
from schoolpassport.sync.models import Run
from schoolpassport.tenancy import queries as tenancy
from schoolpassport.tenancy import scope

_NEWEST = 1000  # of a district's runs; what waits in the queue is among them


@click.command()
@click.option("--once", is_flag=True, help="End when nothing is left to do.")
@click.option("--concurrency", default=1, show_default=True, type=click.IntRange(1, 32), help="Runs at the same time.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line at the end, for scripts.")
def command(concurrency: int, *, once: bool, as_json: bool) -> None:
    """Work off queued runs: any number of workers, on any number of machines; one run per district at a time.

    At its end it says what became of the runs it took. It ends with 1 when one of them could not be walked.
    """
    taken = _Taken()
    with app.replace_connector(app.connector.get_worker_connector()) as working:  # type: ignore[attr-defined]  # Django's
        working.run_worker(
            wait=not once,
            concurrency=concurrency,
            fetch_job_polling_interval=1.0,
            install_signal_handlers=True,
            worker_middleware=[taken.note],
        )
    _tell(taken, as_json=as_json)
    if taken.failed:
        raise click.exceptions.Exit(1)


class _Taken:
    """The runs that this worker took up, and which of them it could not walk to an end."""

    def __init__(self) -> None:
        self.runs: dict[UUID, UUID] = {}  # the district of each
        self.failed: set[UUID] = set()

    async def note(self, work: Callable[[], Awaitable[Any]], context: JobContext, worker: Worker) -> Any:  # noqa: ANN401 (whatever the job gives is handed on)
        del worker
        about = context.job.task_kwargs
        if "run_id" not in about:  # housekeeping is nobody's news
            return await work()
        run_id, district_id = UUID(str(about["run_id"])), UUID(str(about["district_id"]))
        self.runs[run_id] = district_id
        self.failed.add(run_id)
        result = await work()
        self.failed.discard(run_id)
        return result


def _tell(taken: _Taken, *, as_json: bool) -> None:
    told = [
        {"district": name, "run": r.number, "state": r.state, "revision": r.revision, "message": r.message}
        for name, r in _by_district(taken)
    ]
    if as_json:
        show.as_json({"taken": len(taken.runs), "failed": len(taken.failed), "runs": told})
        return
    click.echo(f"Runs taken: {len(taken.runs)}." if taken.runs else "No run was waiting.")
    for each in told:
        click.echo(f"  {each['district']}, run {each['run']}: {each['state']}. {each['message']}".rstrip())


def _by_district(taken: _Taken) -> Iterator[tuple[str, Run]]:
    for district_id in dict.fromkeys(taken.runs.values()):
        name = tenancy.district(district_id).name
        with scope.inside(district_id):
            newest = queries.runs(district_id=district_id, limit=_NEWEST)
        yield from ((name, run) for run in reversed(newest) if run.id in taken.runs)

"""``schoolpassport worker``: walks the runs that were queued."""

import click
from procrastinate.contrib.django import app


@click.command()
@click.option("--once", is_flag=True, help="End when nothing is left to do.")
@click.option("--concurrency", default=1, show_default=True, type=click.IntRange(1, 32), help="Runs at the same time.")
def command(concurrency: int, *, once: bool) -> None:
    """Work off queued runs: any number of workers, on any number of machines; one run per district at a time."""
    with app.replace_connector(app.connector.get_worker_connector()) as working:  # type: ignore[attr-defined]  # Django's
        working.run_worker(
            wait=not once, concurrency=concurrency, fetch_job_polling_interval=1.0, install_signal_handlers=True
        )

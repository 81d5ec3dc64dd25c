"""``schoolpassport serve``: the API over HTTP."""

import os

import click
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from schoolpassport.config.environment import SERVER_PROCESSES


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Port to listen on.")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64), help="Server processes.")
def command(host: str, port: int, workers: int) -> None:
    """Serve the API. Behind a proxy, set SCHOOLPASSPORT_PUBLIC_URL to the address clients use."""
    os.environ[SERVER_PROCESSES] = str(workers)
    Granian(
        "schoolpassport.config.wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=2,
        websockets=False,
        log_level=LogLevels.warning,
        log_access=False,  # addresses and queries of students' data are nobody's reading
    ).serve()

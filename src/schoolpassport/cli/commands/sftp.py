"""``schoolpassport sftp``: the managed SFTP service."""

import asyncio
import signal

import click
from django.conf import settings
from django.db import close_old_connections

from schoolpassport.delivery import queries
from schoolpassport.kit import clock, sftpservice
from schoolpassport.kit.sftpservice import Entry, Service


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=2222, show_default=True, type=click.IntRange(0, 65535), help="Port to listen on.")
@click.option("--connections", default=100, show_default=True, type=click.IntRange(1, 10_000), help="The most at once.")
def command(host: str, port: int, connections: int) -> None:
    """Serve SFTP: districts' systems put packages of sources there, partners fetch what is delivered to them.

    Accounts are made by `schoolpassport account`. Its key is made at the first start; tell its fingerprint to those who
    log in.
    """
    service = Service(
        known=_known,
        host_key=settings.ENVIRONMENT.data_dir / "sftp_host_key",
        host=host,
        port=port,
        connections=connections,
    )
    asyncio.run(_serve(service))


def _known(login: str) -> Entry:
    """Asked at every login, days apart: a connection that the database has let go meanwhile is not tried."""
    close_old_connections()
    return queries.entry(login, now=clock.now())


async def _serve(service: Service) -> None:
    ended = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, ended.set)
    acceptor = await sftpservice.start(service)
    click.echo(
        f"SFTP on {service.host} port {acceptor.get_port()}, key {sftpservice.fingerprint(service.host_key)}", err=True
    )
    await ended.wait()
    acceptor.close()

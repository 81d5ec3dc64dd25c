"""``schoolpassport key``: the master key, under which clients' secrets are sealed."""

import click
from django.conf import settings

from schoolpassport.cli.asking import me
from schoolpassport.kit import clock
from schoolpassport.kit.secrets import KeyFileRefused
from schoolpassport.partners import actions


@click.group()
def command() -> None:
    """The master key of all secrets: replace it, forget the old one."""


@command.command("rotate")
def rotate() -> None:
    """Make a new master key, and seal every secret anew with it. The old one stays in the key file, behind it."""
    try:
        resealed = actions.rotate_master_key(by=me(), now=clock.now())
    except KeyFileRefused as refused:
        raise click.ClickException(str(refused)) from refused
    click.echo(f"A new master key seals from now on; secrets sealed anew: {resealed.done}.")
    if resealed.lost:
        click.echo(f"No key opens {resealed.lost} secrets of clients or sources; give new ones.", err=True)
    click.echo(
        f"Copy {settings.ENVIRONMENT.key_file} to every machine that serves, and to where its copy is kept. "
        "Then: schoolpassport key forget"
    )


@command.command("forget")
def forget() -> None:
    """Take the old master keys out of the key file. Dumps from before the rotation need a copy of it from then."""
    try:
        gone = actions.forget_old_master_keys(by=me(), now=clock.now())
    except KeyFileRefused as refused:
        raise click.ClickException(str(refused)) from refused
    click.echo(f"Old master keys taken out of {settings.ENVIRONMENT.key_file}: {gone}.")

"""``schoolpassport database``: the embedded database, when it is to be stopped."""

from pathlib import Path

import click

from schoolpassport.config import environment
from schoolpassport.kit import postgres


@click.group()
def command() -> None:
    """The embedded database. It starts by itself with whatever needs it."""


@command.command("stop")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Whose database; if not given, that of SCHOOLPASSPORT_DATA_DIR.",
)
def stop(data_dir: Path | None) -> None:
    """Stop the embedded database. All that is committed is kept; the next command that needs it starts it again."""
    folder = data_dir or environment.read().data_dir
    if postgres.stop(data_dir=folder):
        click.echo(f"The database in {folder} is stopped.")
    else:
        click.echo(f"No database runs in {folder}.")

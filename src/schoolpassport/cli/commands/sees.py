"""``schoolpassport sees``: can this application see this person, and why, or why not."""

from dataclasses import asdict
from uuid import UUID

import click

from schoolpassport.cli import show
from schoolpassport.cli.asking import district_id
from schoolpassport.kit import clock
from schoolpassport.sharing import agreements

_MARKS = {True: "✓", False: "✗", None: "·"}


@click.command()
@click.argument("application")
@click.argument("id_", metavar="GG4L_ID", type=click.UUID)
@click.option("--district", help="Name or id; not needed when there is only one.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
def command(application: str, id_: UUID, district: str | None, *, as_json: bool) -> None:
    """Can APPLICATION see this person? The verdict first, then the way from the source's row to the last reading."""
    try:
        found = agreements.explained(
            district_id=district_id(district), application=application, id=id_, now=clock.now()
        )
    except LookupError as unknown:
        raise click.ClickException(str(unknown)) from unknown
    if as_json:
        show.as_json(asdict(found))
        return
    click.secho(found.sentence, bold=True)
    for place in found.way:
        click.echo(f"  {_MARKS[place.passed]} {place.name}: {place.sentence}")

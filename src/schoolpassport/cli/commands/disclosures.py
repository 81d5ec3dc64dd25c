"""``schoolpassport disclosures``: who had what of one person."""

from dataclasses import asdict
from uuid import UUID

import click

from schoolpassport.cli import show
from schoolpassport.cli.asking import district_id
from schoolpassport.sharing import agreements


@click.command()
@click.argument("id_", metavar="GG4L_ID", type=click.UUID)
@click.option("--district", help="Name or id; not needed when there is only one.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
def command(id_: UUID, district: str | None, *, as_json: bool) -> None:
    """What of a person was shown to which application, what of it was read, when, and on what basis."""
    found = agreements.disclosed(district_id=district_id(district), id=id_)
    if as_json:
        show.as_json([asdict(each) for each in found])
        return
    if not found:
        click.echo("Nothing of this person was ever shown to an application.")
        return
    show.table(
        ("application", "kind", "shown", "read", "first", "last", "basis", "fields"),
        [
            (
                d.application,
                d.kind,
                f"{d.since:%Y-%m-%d}–{'' if d.until is None else format(d.until, '%Y-%m-%d')}",
                d.certainty,
                None if d.first_read is None else f"{d.first_read:%Y-%m-%d %H:%M}",
                None if d.last_read is None else f"{d.last_read:%Y-%m-%d %H:%M}",
                d.purpose or d.consent_id,
                " ".join(d.fields),
            )
            for d in found
        ],
    )

"""``schoolpassport why``: why a record says this, and since when."""

from dataclasses import asdict
from uuid import UUID

import click

from schoolpassport.cli import show
from schoolpassport.cli.asking import KIND, district_id
from schoolpassport.kit.readable import in_a_sentence
from schoolpassport.roster.kinds import KINDS
from schoolpassport.sync import people
from schoolpassport.sync.people import Why


@click.command()
@click.argument("kind", type=KIND)
@click.argument("id_", metavar="GG4L_ID", type=click.UUID)
@click.argument("attribute")
@click.option("--district", help="Name or id; not needed when there is only one.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
def command(kind: str, id_: UUID, attribute: str, district: str | None, *, as_json: bool) -> None:
    """Why does this record say this, and since when: revision, run, source, file, line, and what each source claims."""
    if attribute not in KINDS[kind]:
        names = ", ".join(f.name for f in KINDS[kind].fields)
        raise click.ClickException(f"{kind} has no attribute “{attribute}”. There are: {names}.")
    found = people.why(district_id=district_id(district), kind=kind, id=id_, attribute=attribute)
    if found is None:
        raise click.ClickException(f"There is no {kind} {id_} in this district.")
    if as_json:
        show.as_json(asdict(found) | {"names": {str(k): v for k, v in found.names.items()}})
    else:
        _tell(found, attribute)


def _tell(found: Why, attribute: str) -> None:
    told = found.lineage
    click.echo(
        f"{attribute} is {in_a_sentence(told.value)} since revision {told.revision} ({told.at:%Y-%m-%d %H:%M}), "
        f"{told.cause}."
    )
    if found.run is not None:
        place = f"{found.file}:{told.line}" if told.line else found.file
        click.echo(f"  {found.source}, {place}, package {found.digest[:12]}")
        settings = ", ".join(f"{subject} {version}" for subject, version in sorted((found.settings or {}).items()))
        click.echo(f"  settings: {settings or 'none'}")
        for part in found.shaped:
            click.echo(f"    {part}")
    for claim in told.claims:
        mark = f"  ← stands ({told.by})" if claim == told.chosen else ""
        click.echo(
            f"  {found.names.get(claim.source_id, claim.source_id)} “{claim.key}” ({claim.rule}) says "
            f"{in_a_sentence(claim.value)} since revision {claim.since}{mark}"
        )

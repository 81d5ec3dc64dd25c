"""``schoolpassport district``: districts and when their guard asks."""

import click

from schoolpassport.cli import show
from schoolpassport.cli.asking import district_id, me
from schoolpassport.kit import clock
from schoolpassport.sync import actions as sync
from schoolpassport.sync import queries as runs
from schoolpassport.tenancy import actions, queries, scope


@click.group()
def command() -> None:
    """Districts: add one, list them, set when the guard asks."""


@command.command("add")
@click.argument("name")
def add(name: str) -> None:
    """Register a district under its NAME."""
    try:
        made = actions.register_district(name=name, now=clock.now())
    except actions.DistrictExists as exists:
        raise click.ClickException(str(exists)) from exists
    click.echo(f"{made.name}: {made.id}")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
def list_(*, as_json: bool) -> None:
    """Every district there is."""
    found = queries.districts()
    if as_json:
        show.as_json([{"id": d.id, "name": d.name} for d in found])
    else:
        show.table(("name", "id"), [(d.name, d.id) for d in found])


@command.command("limits")
@click.option("--district", help="Name or id; not needed when there is only one.")
@click.option("--removed-share", type=click.FloatRange(0, 1), help="Ask above this share of removals (0.05).")
@click.option("--removed-count", type=click.IntRange(min=0), help="Ask above this number of removals (200).")
@click.option("--minimum-base", type=click.IntRange(min=0), help="Never ask where fewer records stand (50).")
@click.option("--overlap-share", type=click.FloatRange(0, 1), help="Ask when fewer ids than this are known (0.80).")
@click.option("--bad-row-share", type=click.FloatRange(0, 1), help="Refuse a package with more bad rows (0.02).")
def limits(district: str | None, **values: float | None) -> None:
    """Show the limits of the guard, or set those that are given."""
    chosen = {k: v for k, v in values.items() if v is not None}
    id_ = district_id(district)
    if chosen:
        sync.set_limits(district_id=id_, by=me(), now=clock.now(), **chosen)
    with scope.inside(id_):
        now = runs.limits(district_id=id_)
    show.table(("limit", "value"), [(name.replace("_", " "), getattr(now, name)) for name in values])

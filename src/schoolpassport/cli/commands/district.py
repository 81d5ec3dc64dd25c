"""``schoolpassport district``: districts and when their guard asks."""

from pathlib import Path

import click

from schoolpassport.cli import show
from schoolpassport.cli.asking import district_id, json_of, me, source_id_of
from schoolpassport.kit import clock
from schoolpassport.roster.kinds import KINDS
from schoolpassport.sources import actions as source_actions
from schoolpassport.sources import packages
from schoolpassport.sources import queries as sources
from schoolpassport.sync import actions as sync
from schoolpassport.sync import queries as runs
from schoolpassport.sync.policies import NO_LIMIT, BadPolicy
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
@click.option("--source", help="The limits of this source; without it, those of the district.")
@click.option("--kind", type=click.Choice(list(KINDS)), help="The limits of this kind; without it, those of all.")
@click.option("--witnesses", type=click.IntRange(1, 3), help="Packages that must lack a record before it goes (2).")
@click.option("--removed-share", type=click.FloatRange(0, 1), help="Ask above this share of removals (0.05).")
@click.option("--removed-count", type=click.IntRange(min=0), help="Ask above this number of removals (200).")
@click.option("--school-removed-share", type=click.FloatRange(0, 1), help="The same, of one school (0.10).")
@click.option("--school-removed-count", type=click.IntRange(min=0), help="The same, of one school (200).")
@click.option("--added-share", type=click.FloatRange(min=0), help="Hold above this share of additions (0.50).")
@click.option("--added-count", type=click.IntRange(min=0), help="Hold above this number of additions.")
@click.option("--updated-share", type=click.FloatRange(min=0), help="Hold above this share of changes (0.75).")
@click.option("--updated-count", type=click.IntRange(min=0), help="Hold above this number of changes.")
@click.option("--school-added-share", type=click.FloatRange(min=0), help="The same, of additions to a school (1.00).")
@click.option("--school-added-count", type=click.IntRange(min=0), help="The same, of additions to a school.")
@click.option("--school-updated-share", type=click.FloatRange(min=0), help="The same, of changes in a school (1.00).")
@click.option("--school-updated-count", type=click.IntRange(min=0), help="The same, of changes in a school.")
@click.option(
    "--hold-whole/--hold-removals", default=None, help="Hold the whole run, or the removals only (so at first)."
)
@click.option("--minimum-base", type=click.IntRange(min=0), help="Never ask where fewer records stand (50).")
@click.option("--overlap-share", type=click.FloatRange(0, 1), help="Ask when fewer ids than this are known (0.80).")
@click.option("--bad-row-share", type=click.FloatRange(0, 1), help="Refuse a package with more bad rows (0.02).")
def limits(district: str | None, source: str | None, kind: str | None, **values: float | None) -> None:
    """Show the limits of the guard, or set those that are given."""
    chosen = {k: v for k, v in values.items() if v is not None}
    id_ = district_id(district)
    source_id = source_id_of(id_, source)
    if chosen:
        try:
            sync.set_limits(district_id=id_, source_id=source_id, kind=kind, by=me(), now=clock.now(), **chosen)
        except BadPolicy as bad:
            raise click.ClickException(str(bad)) from bad
    with scope.inside(id_):
        now = runs.limits(district_id=id_, source_id=source_id)
    shown = now.of_kind(kind) if kind else now
    rows = [(name.replace("_", " "), getattr(shown, name)) for name in values]
    show.table(("limit", "value"), [(name, "none" if value == NO_LIMIT else value) for name, value in rows])
    for other, own in sorted(now.kinds.items()) if kind is None else ():
        told = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in own.items())
        click.echo(f"{KINDS[other].plural} only: {told}")


@command.command("retention")
@click.option("--district", help="Name or id; not needed when there is only one.")
@click.option("--source", help="Only for this source.")
@click.option("--days", type=click.IntRange(0, 400), help="Keep packages that long after their runs; 0: not at all.")
def retention(district: str | None, source: str | None, days: int | None) -> None:
    """Show how long packages are kept, sealed, after their runs, or set it. Packages of before keep their day."""
    id_ = district_id(district)
    source_id = source_id_of(id_, source)
    if days is not None:
        source_actions.set_retention(district_id=id_, source_id=source_id, days=days, by=me(), now=clock.now())
    with scope.inside(id_):
        held = sources.settings(district_id=id_, source_id=source_id)
    click.echo(f"Packages are kept for {packages.retention(held.get(packages.RETENTION)).days} days after their runs.")


@command.command("rollover")
@click.argument("file", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--district", help="Name or id; not needed when there is only one.")
@click.option("--source", help="Only for this source.")
def rollover(file: Path | None, district: str | None, source: str | None) -> None:
    """Show on which dates imports or removals rest and what is expected to go, or set it from a JSON FILE."""
    id_ = district_id(district)
    source_id = source_id_of(id_, source)
    if file is not None:
        try:
            sync.set_rollover(district_id=id_, source_id=source_id, content=json_of(file), by=me(), now=clock.now())
        except ValueError as bad:  # BadPolicy is one
            raise click.ClickException(f"{file.name}: {bad}") from bad
    with scope.inside(id_):
        held = sources.settings(district_id=id_, source_id=source_id)
    show.as_json(held.get("rollover") or {})

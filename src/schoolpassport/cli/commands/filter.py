"""``schoolpassport filter``: which rows a source may bring."""

from pathlib import Path

import click

from schoolpassport.cli import show
from schoolpassport.cli.asking import district_id, json_of, known_source, me
from schoolpassport.kit import clock
from schoolpassport.kit.conditions import told
from schoolpassport.quality import actions, policies
from schoolpassport.sources import queries as sources
from schoolpassport.sync import preview as previews
from schoolpassport.tenancy import scope


@click.group()
def command() -> None:
    """Filters: which rows a source may bring. What matches passes; the rest counts as not in the source."""


@command.command("set")
@click.argument("source")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--district", help="Name or id; not needed when there is only one.")
def set_(source: str, file: Path, district: str | None) -> None:
    """Let the filters in FILE (JSON) hold for SOURCE from its next package on."""
    id_ = district_id(district)
    try:
        version = actions.set_filters(
            district_id=id_, source_id=known_source(id_, source), content=json_of(file), by=me(), now=clock.now()
        )
    except policies.NotUnderstood as problem:
        raise click.ClickException(str(problem)) from problem
    click.echo(f"Version {version} of the filters holds from the next package on.")


@command.command("show")
@click.argument("source")
@click.option("--district", help="Name or id; not needed when there is only one.")
@click.option("--json", "as_json", is_flag=True, help="As `filter set` reads it.")
def show_(source: str, district: str | None, *, as_json: bool) -> None:
    """The filters that hold for SOURCE."""
    id_ = district_id(district)
    with scope.inside(id_):
        content = sources.settings(district_id=id_, source_id=known_source(id_, source)).get("filters")
    if as_json:
        show.as_json(content or {})
        return
    found = policies.filters(content)
    show.table(
        ("kind", "passes", "goes along with what does not"),
        [(f.kind, told(f.where), ", ".join(f.linked) or "nothing") for f in found.of.values()],
    )


@command.command("preview")
@click.argument("source")
@click.argument("package", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="These, not those that hold."
)
@click.option("--district", help="Name or id; not needed when there is only one.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object per line, for scripts.")
def preview(source: str, package: Path, file: Path | None, district: str | None, *, as_json: bool) -> None:
    """Count what of PACKAGE would pass, by kind and school; nothing is changed."""
    id_ = district_id(district)
    source_id = known_source(id_, source)
    with scope.inside(id_):
        held = sources.settings(district_id=id_, source_id=source_id).get("filters")
    try:
        rows = previews.filters(
            district_id=id_,
            source_id=source_id,
            origin=package,
            content=json_of(file) if file else held,
            today=clock.now().date(),
        )
    except (policies.NotUnderstood, previews.Unread) as problem:
        raise click.ClickException(str(problem)) from problem
    names = ("kind", "school", "passing", "out", "linked")
    if as_json:
        for row in rows:
            show.as_json({**{n: getattr(row, n) for n in names}, "examples": row.examples})
        return
    show.table(("kind", "school", "pass", "do not", "go along"), [tuple(getattr(r, n) for n in names) for r in rows])
    for row in rows:
        if row.examples:
            click.echo(f"{row.kind}, not taken for example: {', '.join(row.examples)}")

"""``schoolpassport requirements``: what an application needs of the data, and what it lacks."""

from pathlib import Path
from typing import Unpack
from uuid import UUID

import click

from schoolpassport.cli import show
from schoolpassport.cli.asking import district_id, integration_id, json_of, me
from schoolpassport.cli.contents import Asked, contents_of, nothing_else, options, tell_what_breaks
from schoolpassport.kit import clock
from schoolpassport.partners import queries
from schoolpassport.sharing import actions, agreements, asking, contents
from schoolpassport.sharing import queries as sharing
from schoolpassport.sharing import requirements as demands
from schoolpassport.sharing.sanity import CHECKS


@click.group()
def command() -> None:
    """What an application needs: attributes, what becomes of records that lack them, and checks."""


@command.command("set")
@click.argument("application")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def set_(application: str, file: Path) -> None:
    """Say what APPLICATION needs, in a JSON FILE, in place of what it said before.

    {"attributes": {"user.email": {"required": true, "missing": "skip", "masked": false}}, "checks": []}. An attribute
    that is not named is not wanted. "missing" is show, report (the record is shown, and counted) or skip (it is
    withheld, and counted). It takes effect in each district with its next publication.
    """
    try:
        app = queries.application(name=application)
        made = actions.require(application_id=app.id, content=json_of(file), by=me(), now=clock.now())
    except (ValueError, LookupError) as wrong:
        raise click.ClickException(f"{wrong}") from wrong
    click.echo(f"{application} needs {len(made.of)} attributes; these are its requirements no. {made.number}.")


@command.command("show")
@click.argument("application")
def show_(application: str) -> None:
    """What APPLICATION needs, as JSON that `set` takes."""
    try:
        found = asking.of_application(application_id=queries.application(name=application).id)
    except LookupError as unknown:
        raise click.ClickException(f"{unknown}") from unknown
    show.as_json(demands.written(found))


@command.command("checks")
def checks_() -> None:
    """The sanity checks that an application can ask for."""
    show.table(("check", "finds"), [(c.name, c.title) for c in CHECKS.values()])


@command.command("report")
@click.argument("application")
@click.option("--district", help="Name or id; not needed when there is only one.")
@click.option("--examples", type=click.IntRange(0, 100), default=3, show_default=True, help="GG4L IDs to show of each.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
def report(application: str, district: str | None, *, examples: int, as_json: bool) -> None:
    """What APPLICATION lacks in a district: errors (shown all the same), skipped records, and what looks wrong."""
    id_ = district_id(district)
    found = sharing.lacks(district_id=id_, integration_id=integration_id(id_, application), examples=examples)
    if as_json:
        show.as_json([{**vars(lack), "result": str(lack.result)} for lack in found])
    elif not found:
        click.echo(f"Nothing is lacking in what {application} is shown; without a consent in force that is nothing.")
    else:
        show.table(
            ("result", "of", "what", "count", "examples"),
            [(str(f.result), f.about, f.label, f.count, " ".join(map(str, f.examples))) for f in found],
        )


@command.command("check")
@click.argument("application")
@click.option("--consent", "consent_id", type=click.UUID, help="A consent that was drafted or sent, not the options.")
@click.option("--district", help="Name or id; not needed when there is only one.")
@options
def check(application: str, consent_id: UUID | None, district: str | None, **asked: Unpack[Asked]) -> None:
    """Which needs of APPLICATION a consent would not meet, before anybody agrees to it.

    Nothing is changed. The exit code is 1 if the application could not work.
    """
    try:
        needs = asking.of_application(application_id=queries.application(name=application).id)
        id_ = district_id(district)
        if consent_id is None:
            wanted = contents.checked(contents_of(id_, asked, takes=needs.takes_masked))
        else:
            nothing_else("--consent", asked)
            wanted = agreements.contents_of(
                district_id=id_, integration_id=integration_id(id_, application), consent_id=consent_id
            )
    except (ValueError, LookupError) as wrong:
        raise click.ClickException(f"{wrong}") from wrong
    if any(each.stops for each in tell_what_breaks(needs, wanted)):
        raise SystemExit(1)
    click.echo(f"{application} can work with this consent.")

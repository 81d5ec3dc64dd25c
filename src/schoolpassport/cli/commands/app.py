"""``schoolpassport app``: partners, their applications, and an application's credentials in a district."""

from datetime import timedelta

import click

from schoolpassport.cli import show
from schoolpassport.cli.asking import district_id, me
from schoolpassport.kit import clock
from schoolpassport.partners import actions, queries
from schoolpassport.partners.records import UnknownApplication, UnknownClient, UnknownPartner


@click.group()
def command() -> None:
    """Applications: add one, list them, hand out and rotate credentials."""


@command.command("add")
@click.argument("name")
@click.option("--partner", required=True, help="Who makes it; registered when new.")
def add(name: str, partner: str) -> None:
    """Register an application under its NAME."""
    try:
        owner = queries.partner(name=partner)
    except UnknownPartner:
        owner = actions.register_partner(name=partner, by=me(), now=clock.now())
    try:
        made = actions.register_application(partner_id=owner.id, name=name, by=me(), now=clock.now())
    except actions.ApplicationExists as exists:
        raise click.ClickException(str(exists)) from exists
    click.echo(f"{made.name}: {made.id}")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
def list_(*, as_json: bool) -> None:
    """Every application there is."""
    found = queries.applications()
    if as_json:
        show.as_json([{"id": a.id, "name": a.name, "partner": a.partner.name} for a in found])
    else:
        show.table(("application", "partner", "id"), [(a.name, a.partner.name, a.id) for a in found])


@command.command("credentials")
@click.argument("name")
@click.option("--district", help="Name or id; not needed when there is only one.")
@click.option("--rotate", "old", metavar="CLIENT_ID", help="Replace this credential.")
@click.option(
    "--overlap-hours", default=24, show_default=True, type=click.IntRange(min=0), help="How long the old one goes on."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
def credentials(name: str, district: str | None, old: str | None, overlap_hours: int, *, as_json: bool) -> None:
    """A new client id and secret for application NAME in a district. The secret is shown now and not again here."""
    now = clock.now()
    try:
        if old:
            new = actions.rotate(client_id=old, overlap=timedelta(hours=overlap_hours), by=me(), now=now)
        else:
            integration = actions.integrate(
                district_id=district_id(district), application_id=queries.application(name=name).id, by=me(), now=now
            )
            new = actions.issue_credential(
                district_id=integration.district_id, integration_id=integration.id, by=me(), now=now
            )
    except (UnknownApplication, UnknownClient) as unknown:
        raise click.ClickException(str(unknown)) from unknown
    if as_json:
        show.as_json({"client_id": new.client_id, "client_secret": new.client_secret})
    else:
        click.echo(f"client id      {new.client_id}\nclient secret  {new.client_secret}")


@command.command("partner-credentials")
@click.argument("partner")
@click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
def partner_credentials(partner: str, *, as_json: bool) -> None:
    """A new client id and secret of PARTNER itself, for Discovery: which districts its applications may read."""
    try:
        owner = queries.partner(name=partner)
    except UnknownPartner as unknown:
        raise click.ClickException(str(unknown)) from unknown
    new = actions.issue_partner_credential(partner_id=owner.id, by=me(), now=clock.now())
    if as_json:
        show.as_json({"client_id": new.client_id, "client_secret": new.client_secret})
    else:
        click.echo(f"client id      {new.client_id}\nclient secret  {new.client_secret}")


@command.command("revoke")
@click.argument("client_id")
def revoke(client_id: str) -> None:
    """Revoke a credential; its tokens are worth nothing at once."""
    try:
        actions.revoke_credential(client_id=client_id, by=me(), now=clock.now())
    except UnknownClient as unknown:
        raise click.ClickException(str(unknown)) from unknown
    click.echo("Revoked.")

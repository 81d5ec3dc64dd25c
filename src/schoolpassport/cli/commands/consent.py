"""``schoolpassport consent``: what a district shares with an application."""

from typing import Unpack

import click

from schoolpassport.cli import consenting, show
from schoolpassport.cli.asking import district_id, me
from schoolpassport.cli.contents import Asked, contents_of, options, tell_what_breaks
from schoolpassport.kit import clock
from schoolpassport.partners import actions as partners
from schoolpassport.partners import queries
from schoolpassport.sharing import actions, agreements, asking
from schoolpassport.sharing.lifecycle import IN_FORCE


@click.group()
def command() -> None:
    """Consents: agree, show, revoke; or step by step, one side after the other, from draft to end."""


@command.command("agree")
@click.argument("application")
@click.option("--district", help="Name or id; not needed when there is only one.")
@options
def agree(application: str, district: str | None, **asked: Unpack[Asked]) -> None:
    """Put a consent with APPLICATION in force; an older one ends. The view is published before this returns.

    What OneRoster requires cannot be withheld while its kind is shared. Masks stand in the place of values wherever the
    application looks; `schoolpassport shield list` tells what there is. What a level of Privacy Shield masks and the
    application does not take masked is withheld; `schoolpassport requirements check` tells what that breaks.
    """
    id_, now = district_id(district), clock.now()
    try:
        app = queries.application(name=application)
        needs = asking.of_application(application_id=app.id)
        contents = contents_of(id_, asked, takes=needs.takes_masked)
        integration = partners.integrate(district_id=id_, application_id=app.id, by=me(), now=now)
        made = actions.agree(district_id=id_, integration_id=integration.id, contents=contents, by=me(), now=now)
    except (ValueError, LookupError) as wrong:
        raise click.ClickException(f"{wrong}") from wrong
    where = ", ".join(asked["schools"]) or "the whole district"
    click.echo(f"{application} may read {', '.join(contents.attributes)} of {where}.")
    tell_what_breaks(needs, made.contents)


@command.command("show")
@click.option("--district", help="Name or id; not needed when there is only one.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
def show_(district: str | None, *, as_json: bool) -> None:
    """The consents of a district, and what their views hold."""
    rows = agreements.consents(district_id=district_id(district))
    if as_json:
        show.as_json(rows)
    else:
        show.table(
            ("application", "state", "until (UTC)", "view revision", "last change", "consent", "schools", "kinds"),
            [
                (
                    r["application"],
                    f"{r['state']}, held" if r["held"] and r["state"] in IN_FORCE else r["state"],
                    f"{r['expires_at']:%Y-%m-%d %H:%M}" if r["expires_at"] else None,
                    r["revision"],
                    r["last_seq"],
                    r["id"],
                    "all" if r["schools"] is None else ", ".join(r["schools"]),
                    " ".join(r["attributes"]),
                )
                for r in rows
            ],
        )


@command.command("revoke")
@click.argument("application")
@click.option("--district", help="Name or id; not needed when there is only one.")
def revoke(application: str, district: str | None) -> None:
    """End the consent with APPLICATION: what it saw is deleted from its view at once."""
    id_, now = district_id(district), clock.now()
    try:
        app = queries.application(name=application)
    except LookupError as unknown:
        raise click.ClickException(str(unknown)) from unknown
    integration = partners.integrate(district_id=id_, application_id=app.id, by=me(), now=now)
    actions.revoke(district_id=id_, integration_id=integration.id, by=me(), now=now)
    click.echo(f"{application} sees nothing of the district any more.")


for each in consenting.COMMANDS:
    command.add_command(each)

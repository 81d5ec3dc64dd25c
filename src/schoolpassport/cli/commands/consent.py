"""``schoolpassport consent``: what a district shares with an application."""

import click

from schoolpassport.cli import show
from schoolpassport.cli.asking import district_id, me
from schoolpassport.kit import clock
from schoolpassport.partners import actions as partners
from schoolpassport.partners import queries
from schoolpassport.sharing import actions, agreements, catalogue
from schoolpassport.sharing.records import Contents


@click.group()
def command() -> None:
    """Consents: agree, show, revoke."""


@command.command("agree")
@click.argument("application")
@click.option("--district", help="Name or id; not needed when there is only one.")
@click.option(
    "--school", "schools", multiple=True, help="Name or id of a school; several allowed. None: the whole district."
)
@click.option(
    "--kind", "kinds", multiple=True, help="Only these kinds (org, user, class …). None: all but demographics."
)
@click.option("--demographics", is_flag=True, help="Share demographics, too; never shared unless named.")
@click.option("--without", multiple=True, metavar="KIND.ATTRIBUTE", help="Leave an attribute out, like user.email.")
@click.option("--purpose", default="", help="What for, in the words of the agreement.")
def agree(
    application: str,
    district: str | None,
    schools: tuple[str, ...],
    kinds: tuple[str, ...],
    without: tuple[str, ...],
    purpose: str,
    *,
    demographics: bool,
) -> None:
    """Put a consent with APPLICATION in force; an older one ends. The view is published before this returns."""
    id_, now = district_id(district), clock.now()
    chosen = kinds or tuple(catalogue.everything())
    try:
        terms = catalogue.everything(kinds=(*chosen, "demographics") if demographics else chosen)
        for name in without:
            kind, _, attribute = name.partition(".")
            terms[kind].remove(attribute)
        integration = partners.integrate(
            district_id=id_, application_id=queries.application(name=application).id, by=me(), now=now
        )
        actions.agree(
            district_id=id_,
            integration_id=integration.id,
            contents=Contents(
                attributes=terms,
                schools=agreements.schools_named(district_id=id_, names=schools) if schools else None,
                purpose=purpose,
            ),
            by=me(),
            now=now,
        )
    except (ValueError, LookupError) as wrong:
        raise click.ClickException(f"{wrong}") from wrong
    where = ", ".join(schools) or "the whole district"
    click.echo(f"{application} may read {', '.join(terms)} of {where}.")


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
            ("application", "state", "schools", "kinds", "view revision", "last change"),
            [
                (
                    r["application"],
                    r["state"],
                    r["schools"] or "all",
                    " ".join(r["attributes"]),
                    r["revision"],
                    r["last_seq"],
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

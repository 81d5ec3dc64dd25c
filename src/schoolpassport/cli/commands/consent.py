"""``schoolpassport consent``: what a district shares with an application."""

import json
from typing import TypedDict, Unpack
from uuid import UUID

import click

from schoolpassport.cli import consenting, show
from schoolpassport.cli.asking import district_id, me
from schoolpassport.kit import clock, conditions
from schoolpassport.partners import actions as partners
from schoolpassport.partners import queries
from schoolpassport.sharing import actions, agreements, catalogue
from schoolpassport.sharing.records import Contents
from schoolpassport.sharing.shield import raised as behind_shield


class _Asked(TypedDict):
    """What is to be shared, in the words of the options."""

    schools: tuple[str, ...]
    kinds: tuple[str, ...]
    demographics: bool
    without: tuple[str, ...]
    masks: tuple[str, ...]
    shield: int
    filters: tuple[str, ...]
    purpose: str


@click.group()
def command() -> None:
    """Consents: agree, show, revoke; or step by step, one side after the other, from draft to end."""


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
@click.option(
    "--mask", "masks", multiple=True, metavar="KIND.ATTRIBUTE=MASK", help="Show a mask in its place: user.email=alias."
)
@click.option(
    "--shield",
    type=click.IntRange(0, 3),
    default=0,
    help="Level of Privacy Shield, which masks names and more.",
)
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="KIND=JSON",
    help="Only records of the kind that fulfil conditions.",
)
@click.option("--purpose", default="", help="What for, in the words of the agreement.")
def agree(application: str, district: str | None, **asked: Unpack[_Asked]) -> None:
    """Put a consent with APPLICATION in force; an older one ends. The view is published before this returns.

    What OneRoster requires cannot be withheld while its kind is shared. Masks stand in the place of values wherever the
    application looks; `schoolpassport shield list` tells what there is.
    """
    id_, now = district_id(district), clock.now()
    try:
        contents = _contents(id_, asked)
        integration = partners.integrate(
            district_id=id_, application_id=queries.application(name=application).id, by=me(), now=now
        )
        actions.agree(district_id=id_, integration_id=integration.id, contents=contents, by=me(), now=now)
    except (ValueError, LookupError) as wrong:
        raise click.ClickException(f"{wrong}") from wrong
    where = ", ".join(asked["schools"]) or "the whole district"
    click.echo(f"{application} may read {', '.join(contents.attributes)} of {where}.")


def _contents(district_id: UUID, asked: _Asked) -> Contents:
    """Raises ``ValueError`` and ``LookupError`` for what is not understood."""
    chosen = asked["kinds"] or tuple(catalogue.everything())
    attributes = catalogue.everything(kinds=(*chosen, "demographics") if asked["demographics"] else chosen)
    for name in asked["without"]:
        kind, _, attribute = name.partition(".")
        if attribute not in attributes.get(kind, ()):
            raise LookupError(f"{name} is not shared anyway; write it like user.email.")
        attributes[kind].remove(attribute)
    schools = agreements.schools_named(district_id=district_id, names=asked["schools"]) if asked["schools"] else None
    contents = Contents(
        attributes=attributes,
        schools=schools,
        masks=dict(_pair(m, "KIND.ATTRIBUTE=MASK") for m in asked["masks"]),
        filters={kind: _conditions(said) for kind, said in (_pair(f, "KIND=JSON") for f in asked["filters"])},
        purpose=asked["purpose"],
    )
    return behind_shield(contents, level=asked["shield"], takes=lambda _: True)


def _pair(said: str, form: str) -> tuple[str, str]:
    name, equals, value = said.partition("=")
    if not equals:
        raise ValueError(f"“{said}” is not understood; write {form}.")
    return name.strip(), value.strip()


def _conditions(said: str) -> conditions.Tree:
    try:
        return conditions.parse(json.loads(said))
    except json.JSONDecodeError as wrong:
        raise ValueError(f"The conditions are no JSON: {wrong}.") from wrong


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


for each in consenting.COMMANDS:
    command.add_command(each)

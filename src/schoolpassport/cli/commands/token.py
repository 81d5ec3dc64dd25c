"""``schoolpassport token``: access tokens by hand, for trying things out."""

from datetime import timedelta

import click
from django.conf import settings

from schoolpassport.cli import show
from schoolpassport.cli.asking import me
from schoolpassport.kit import clock
from schoolpassport.partners import actions, queries
from schoolpassport.partners.contract import READING
from schoolpassport.partners.records import Client, NewToken


@click.group()
def command() -> None:
    """Access tokens: issue one by hand, revoke one."""


@command.command("issue")
@click.option("--client-id", required=True)
@click.option("--client-secret", required=True, prompt=True, hide_input=True, help="Asked for when not given.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
def issue(client_id: str, client_secret: str, *, as_json: bool) -> None:
    """A token as `POST /oauth/token` would give it."""
    now = clock.now()
    client = queries.client(client_id=client_id, client_secret=client_secret, now=now)
    if not isinstance(client, Client):
        raise click.ClickException("Unknown client, or a wrong secret.")
    new = actions.grant_token(
        client=client,
        asked=frozenset(),
        may=READING,
        lifetime=timedelta(seconds=settings.ENVIRONMENT.token_seconds),
        by=me(),
        now=now,
    )
    if not isinstance(new, NewToken):
        raise click.ClickException(new.sentence)
    if as_json:
        show.as_json({"access_token": new.token, "expires_in": new.expires_in, "scope": " ".join(sorted(new.scopes))})
    else:
        click.echo(new.token)


@command.command("revoke")
@click.argument("token")
def revoke(token: str) -> None:
    """Make a token worthless, at once."""
    try:
        actions.revoke_token(token=token, by=me(), now=clock.now())
    except LookupError as unknown:
        raise click.ClickException(str(unknown)) from unknown
    click.echo("Revoked.")

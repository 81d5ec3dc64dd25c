"""``schoolpassport receipts``: what both sides of a consent can show to anybody."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from schoolpassport.cli import show
from schoolpassport.cli.asking import NUMBER, district_id, json_of, me, text_of
from schoolpassport.kit import clock
from schoolpassport.sharing import actions, agreements, signatures


@click.group()
def command() -> None:
    """Receipts of consents: signed, and checked by anybody with the published keys."""


@command.command("show")
@click.argument("consent", type=click.UUID)
@click.option("--district", help="Name or id; not needed when there is only one.")
@click.option("--step", type=NUMBER, help="Of this step; of the newest when not given.")
def show_(consent: UUID, district: str | None, step: int | None) -> None:
    """Print the receipt of a consent, to be kept in a file."""
    try:
        found = agreements.history(district_id=district_id(district), consent_id=consent).receipts
        click.echo(found[max(found) if step is None else step])
    except (LookupError, ValueError) as none:
        raise click.ClickException("There is no such receipt: a consent has its first one when it begins.") from none


@command.command("keys")
def keys() -> None:
    """Print the keys that receipts of this installation are checked with, as `/.well-known/jwks.json` has them."""
    show.as_json(agreements.signing_keys())


@command.command("rotate-key")
def rotate_key() -> None:
    """Sign with a fresh key from now on. The old ones stay published, and what they signed stays good."""
    click.echo(f"Receipts are signed by {actions.rotate_signing_key(by=me(), now=clock.now())} from now on.")


@command.command("verify")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--keys",
    "key_file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The issuer's key set, from its `/.well-known/jwks.json`.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what the receipt says as one JSON line.")
def verify(file: Path, key_file: Path, *, as_json: bool) -> None:
    """Check the receipt in FILE. Needs neither a database nor the network; ends with 1 when it is not genuine."""
    try:
        found = signatures.verified(text_of(file), json_of(key_file))
    except ValueError as wrong:
        raise click.ClickException(f"Not genuine. {wrong}") from wrong
    if as_json:
        show.as_json(found.claims)
    else:
        _tell(found)


def _tell(found: signatures.Genuine) -> None:
    said: dict[str, Any] = found.claims["consent"]
    at = datetime.fromtimestamp(found.claims["iat"], UTC)
    click.echo(f"Genuine: signed by {found.claims['iss']} with the key {found.kid}.")
    click.echo(
        f"As of {at:%Y-%m-%d %H:%M} UTC, the consent of {said['district']['name']} with "
        f"{said['application']['name']} ({said['application']['partner']}) is {said['state']}."
    )
    schools = said["schools"]
    click.echo(f"  schools: {'all' if schools is None else ', '.join(s['name'] for s in schools)}")
    for kind, names in said["attributes"].items():
        click.echo(f"  {kind}: {', '.join(names)}")
    click.echo(f"  purpose: {said['purpose'] or '–'}")
    click.echo(f"  from {said['begun_at']} until {said['ended_at'] or said['expires_at'] or 'it is ended'}")

"""``schoolpassport account``: who may log in to the managed SFTP service."""

from pathlib import Path

import click

from schoolpassport.cli import show
from schoolpassport.cli.asking import district_id, integration_id, me, text_of
from schoolpassport.delivery import actions, queries
from schoolpassport.delivery.records import Access, BadDelivery, UnknownAccount
from schoolpassport.kit import clock
from schoolpassport.partners import queries as partners

_MEGABYTES = click.IntRange(1, 100_000_000)
_DISTRICT = click.option("--district", help="Name or id; not needed when there is only one.")
_MB = 1_000_000


@click.group()
def command() -> None:
    """Accounts of the managed SFTP service (`schoolpassport sftp`)."""


@command.command("add")
@click.argument("name")
@click.option("--app", "application", help="Fetches what is delivered to this application. None: puts packages there.")
@click.option(
    "--key",
    "keys",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with a public key, as ssh-keygen writes it. None: a secret is drawn.",
)
@click.option("--network", "networks", multiple=True, help="From where only, like 192.0.2.0/24; repeat it.")
@click.option("--quota-mb", default=5000, show_default=True, type=_MEGABYTES, help="The most that may lie there.")
@_DISTRICT
@click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
def add(
    name: str,
    application: str | None,
    keys: tuple[Path, ...],
    networks: tuple[str, ...],
    quota_mb: int,
    district: str | None,
    *,
    as_json: bool,
) -> None:
    """Make an account. Its secret, if it has one, is shown now and never again."""
    id_ = district_id(district)
    access = Access(keys=tuple(text_of(k).strip() for k in keys), networks=networks, quota=quota_mb * _MB)
    try:
        made = actions.add_account(
            district_id=id_,
            name=name,
            integration_id=integration_id(id_, application) if application else None,
            access=access,
            by=me(),
            now=clock.now(),
        )
    except BadDelivery as bad:
        raise click.ClickException(str(bad)) from bad
    if as_json:
        show.as_json({"login": made.login, "secret": made.secret, "folder": made.folder})
        return
    click.echo(f"login   {made.login}")
    if made.secret:
        click.echo(f"secret  {made.secret}")
    if made.folder is not None:
        click.echo(f"Its files arrive in {made.folder}; a source of the connector `landing` reads there.")


@command.command("list")
@_DISTRICT
def list_(district: str | None) -> None:
    """The accounts of a district."""
    id_ = district_id(district)
    names = partners.names_of_integrations(district_id=id_)
    show.table(
        ("login", "does", "by", "from", "quota (MB)", "ended (UTC)"),
        [
            (
                a.login,
                f"fetches for {names[a.integration_id]}" if a.integration_id else "puts packages",
                "key" if a.keys else "secret",
                " ".join(a.networks) or "anywhere",
                a.quota // _MB,
                f"{a.ended_at:%Y-%m-%d %H:%M}" if a.ended_at else "–",
            )
            for a in queries.sftp_accounts(district_id=id_)
        ],
    )


@command.command("quota")
@click.argument("login")
@click.argument("megabytes", type=_MEGABYTES)
@_DISTRICT
def quota(login: str, megabytes: int, district: str | None) -> None:
    """The most that may lie there for LOGIN, in MB, from now on. Of an application's accounts the least counts."""
    try:
        actions.set_quota(
            district_id=district_id(district), login=login, quota=megabytes * _MB, by=me(), now=clock.now()
        )
    except UnknownAccount as unknown:
        raise click.ClickException(str(unknown)) from unknown
    click.echo(f"{megabytes:,} MB may lie there for {login}.")


@command.command("end")
@click.argument("login")
@_DISTRICT
def end(login: str, district: str | None) -> None:
    """Let nobody log in as LOGIN any more."""
    try:
        actions.end_account(district_id=district_id(district), login=login, by=me(), now=clock.now())
    except UnknownAccount as unknown:
        raise click.ClickException(str(unknown)) from unknown
    click.echo(f"{login} has ended.")

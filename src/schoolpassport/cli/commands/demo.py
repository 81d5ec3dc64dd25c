"""``schoolpassport demo``: the whole walk on a believable district."""

import json
import os
import signal
import socket
from pathlib import Path
from uuid import UUID

import click

from schoolpassport.config import startup
from schoolpassport.kit import postgres

_MARK = ".schoolpassport-demo"


@click.command()
@click.option("--once", is_flag=True, help="End by itself instead of serving until stopped.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print one line with addresses and credentials, for other clients."
)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Where it keeps its data; emptied first."
)
@click.option(
    "--from",
    "package",
    type=click.Path(path_type=Path, exists=True),
    help="Load this package, not the made-up district.",
)
def command(port: int, data_dir: Path | None, package: Path | None, *, once: bool, as_json: bool) -> None:
    """Load a believable district with every kind of trouble in it, run two nights, and serve it to one application.

    Shows what each night changed, what was rejected and why; two more applications with other terms, one by API and
    one by SFTP, and what both are told when a school is not shared any more; and a `curl` for a token and a page.
    """
    port = _open_port(port)
    folder = _own_folder(data_dir)
    os.environ["SCHOOLPASSPORT_DATA_DIR"] = str(folder)
    os.environ.pop("DATABASE_URL", None)  # a demonstration never touches a real database
    server = _fresh_database(folder)
    try:
        startup.prepare()
        _run(port, package, once=once, as_json=as_json)
    finally:
        if server.started_here:
            postgres.stop(data_dir=folder)


def _own_folder(data_dir: Path | None) -> Path:
    """A folder that is ours to empty: new, empty, or marked by an earlier demonstration."""
    folder = (data_dir or postgres.default_data_dir() / "demo").expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()) and not (folder / _MARK).exists():
        raise click.ClickException(
            f"{folder} holds something else; the demonstration wants a folder of its own (--data-dir)."
        )
    (folder / _MARK).touch()
    return folder


def _fresh_database(folder: Path) -> postgres.EmbeddedServer:
    server = postgres.ensure_running(data_dir=folder)
    postgres.drop_database(server, postgres.DATABASE)
    postgres.create_database(server, postgres.DATABASE)
    return server


def _open_port(wanted: int) -> int:
    """The port that was asked for, if nobody listens there, or a free one for 0."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError as taken:
            raise click.ClickException(f"Port {wanted} is taken; choose another with --port.") from taken
        port: int = probe.getsockname()[1]
        return port


def _run(port: int, package: Path | None, *, once: bool, as_json: bool) -> None:
    from schoolpassport.cli import show  # noqa: PLC0415 (not before Django is set up)
    from schoolpassport.cli.commands.sync import tell  # noqa: PLC0415 (not before Django is set up)
    from schoolpassport.demo import walkthrough  # noqa: PLC0415 (not before Django is set up)

    staged = walkthrough.set_stage(name=package.stem if package else "Cedar Hollow Unified School District")
    with show.bar() as bar:
        for night in walkthrough.nights(staged=staged, package=package, watch=bar):
            bar.clear()
            if not as_json:
                click.secho(f"\n── {night.title} ──", fg="cyan")
                tell(night.run, as_json=False)
    with walkthrough.served(port=port) as base:
        if package is None and not as_json:
            _tell_story(staged.district_id, base)
        page = walkthrough.first_page(base=base, credential=staged.credential)
        facts = {
            "base_url": base,
            "oneroster_url": f"{base}/ims/oneroster/v1p1",
            "token_url": f"{base}/oauth/token",
            "client_id": staged.credential.client_id,
            "client_secret": staged.credential.client_secret,
            "partner_client_id": staged.partner_credential.client_id,
            "partner_client_secret": staged.partner_credential.client_secret,
            "teacher_email": page["teacher_email"],
        }
        if as_json:
            click.echo(json.dumps(facts))
        else:
            _tell_how(facts, page["users"])
        if not once:
            _until_stopped(as_json=as_json)


def _tell_story(district_id: UUID, base: str) -> None:
    from schoolpassport.demo import story  # noqa: PLC0415 (not before Django is set up)

    for told in story.tell(district_id=district_id, base=base):
        click.secho(f"\n── {told.title} ──", fg="cyan")
        for line in told.lines:
            click.echo(line)


def _tell_how(facts: dict[str, object], users: object) -> None:
    assert isinstance(users, list)  # noqa: S101 (a page of users)
    click.secho("\n── Read it as the application does ──", fg="cyan")
    click.echo(f"TOKEN=$(curl -s -u '{facts['client_id']}:{facts['client_secret']}' \\")
    click.echo(
        f'  -d grant_type=client_credentials {facts["token_url"]} | sed \'s/.*"access_token": *"\\([^"]*\\)".*/\\1/\')'
    )
    click.echo(f"curl -s -H \"Authorization: Bearer $TOKEN\" '{facts['oneroster_url']}/users?limit=3'")
    click.echo("\nThe first of them: " + ", ".join(f"{u['givenName']} {u['familyName']} ({u['role']})" for u in users))


def _until_stopped(*, as_json: bool) -> None:
    if not as_json:
        click.echo("\nServing until stopped (Ctrl-C).")
    try:
        signal.pause()
    except KeyboardInterrupt:
        click.echo("", err=True)

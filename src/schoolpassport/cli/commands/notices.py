"""``schoolpassport notices``: what the people of a district or a partner should know."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any
from uuid import UUID

import click

from schoolpassport.cli import show
from schoolpassport.cli.asking import me, organisation_id
from schoolpassport.kit import clock
from schoolpassport.messaging import actions, queries
from schoolpassport.messaging.records import NoNotice, NoticeFacts

_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")


def _whose(command_: Callable[..., None]) -> Callable[..., None]:
    """Options that say whose notices these are."""
    for option in (
        click.option("--partner", help="A partner's notices, by its name, in place of a district's."),
        click.option("--district", help="Name or id; not needed when there is only one."),
    ):
        command_ = option(command_)
    return command_


@click.group()
def command() -> None:
    """What people should know: a run that is held, and what else waits or went wrong, in plain words.

    Each notice says what happened and which commands answer it. It is written in the moment in which it happens, and
    once. NOTICE is an id as `list` shows it.
    """


@command.command("list")
@_whose
@click.option("--unread", is_flag=True, help="Only those that nobody has read.")
@click.option("--waiting", is_flag=True, help="Only those that wait for a decision.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="The newest so many.")
@_JSON
def list_(district: str | None, partner: str | None, limit: int, *, unread: bool, waiting: bool, as_json: bool) -> None:
    """What was told, the newest first; `!` marks what waits for a decision, `*` what nobody has read."""
    whose = organisation_id(district, partner)
    found = queries.notices(organisation_id=whose, limit=limit, unread=unread, waiting=waiting)
    if as_json:
        show.as_json([_told(each) for each in found])
    elif found:
        show.table(("notice", "", "told (UTC)", "kind", "subject"), [_row(each) for each in found])
    else:
        click.echo("Nothing waits." if waiting else "Nothing is unread." if unread else "Nothing was told.")


@command.command("show")
@click.argument("notice")
@_whose
@_JSON
def show_(notice: str, district: str | None, partner: str | None, *, as_json: bool) -> None:
    """All of NOTICE: what happened, and what to do."""
    whose = organisation_id(district, partner)
    with _known():
        found = queries.notice(organisation_id=whose, prefix=notice)
    if as_json:
        show.as_json(_told(found))
        return
    click.secho(found.subject, bold=True)
    click.echo(f"\n{found.words}\n")
    for each in found.commands:
        click.echo(f"    {each}")
    click.echo(f"\nTold {found.told_at:%Y-%m-%d %H:%M} UTC. {_standing(found)}")


@command.command("read")
@click.argument("notice", required=False)
@click.option("--all", "every", is_flag=True, help="Every notice that nobody has read.")
@_whose
def read(notice: str | None, district: str | None, partner: str | None, *, every: bool) -> None:
    """Mark NOTICE as read, by you. It stays in the list, and what waits goes on waiting."""
    if (notice is None) == (not every):
        raise click.UsageError("Name a NOTICE, or say --all.")
    whose, now = organisation_id(district, partner), clock.now()
    if notice is None:
        click.echo(f"Read: {actions.read_all(organisation_id=whose, by=me(), now=now)}.")
        return
    with _known():
        id_ = queries.notice(organisation_id=whose, prefix=notice).id
        actions.read(organisation_id=whose, notice_id=id_, by=me(), now=now)
    click.echo("Read.")


def _told(found: NoticeFacts) -> dict[str, Any]:
    return asdict(found)


def _row(found: NoticeFacts) -> tuple[object, ...]:
    marks = ("!" if found.waits else "") + ("" if found.read_at else "*")
    return (_short(found.id), marks, f"{found.told_at:%Y-%m-%d %H:%M}", found.kind, found.subject)


def _short(id_: UUID) -> str:
    """Its end: how it begins says when it was made, and notices of one night begin alike."""
    return id_.hex[-8:]


def _standing(found: NoticeFacts) -> str:
    waits = "It waits for a decision." if found.waits else ""
    settled = f"Settled {found.settled_at:%Y-%m-%d %H:%M}." if found.settled_at else ""
    seen = f"Read by {found.read_by}, {found.read_at:%Y-%m-%d %H:%M}." if found.read_at else "Nobody has read it."
    return " ".join(filter(None, (waits, settled, seen)))


@contextmanager
def _known() -> Iterator[None]:
    try:
        yield
    except NoNotice as unknown:
        raise click.ClickException(str(unknown)) from unknown

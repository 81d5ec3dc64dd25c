"""``schoolpassport notices``: what the people of a district or a partner should know."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

import click
from django.conf import settings

from schoolpassport.cli import show
from schoolpassport.cli.asking import me, organisation_id
from schoolpassport.kit import clock
from schoolpassport.messaging import actions, queries
from schoolpassport.messaging.records import BadChoice, How, LetterFacts, NoNotice, NoticeFacts

_NO_SERVER = " No mail server is set yet, so nothing is sent: SCHOOLPASSPORT_MAIL_HOST."
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

    Who was added is told by mail, too, at once or once a day, as each prefers. A worker sends it, by the server that
    SCHOOLPASSPORT_MAIL_HOST names, for a day where that is down. Where none is named no mail is sent, and notices stay
    in this list.
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
    mails = queries.letters(organisation_id=whose, notice_id=found.id)
    gathered = queries.to_be_gathered(organisation_id=whose, notice_id=found.id)
    if as_json:
        show.as_json({**_told(found), "mails": [asdict(mail) for mail in mails], "in_digest": dict(gathered)})
        return
    click.secho(found.subject, bold=True)
    click.echo(f"\n{found.words}\n")
    for each in found.commands:
        click.echo(f"    {each}")
    click.echo(f"\nTold {found.told_at:%Y-%m-%d %H:%M} UTC. {_standing(found)}")
    for mail in mails:
        click.echo(f"To {mail.address}: {mail.state}{_when(mail)}")
    for address, at in gathered:
        click.echo(f"To {address}: by the digest" + (f" of {at:%Y-%m-%d %H:%M} UTC" if at else ""))


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


@command.command("add")
@click.argument("address")
@_whose
def add(address: str, district: str | None, partner: str | None) -> None:
    """Tell ADDRESS by mail from now on, of each kind as `preferences` says."""
    whose = organisation_id(district, partner)
    with _known():
        actions.add(organisation_id=whose, address=address, by=me(), now=clock.now())
    click.echo(f"{address} is told from now on.{_NO_SERVER if settings.ENVIRONMENT.mail is None else ''}")


@command.command("remove")
@click.argument("address")
@_whose
def remove(address: str, district: str | None, partner: str | None) -> None:
    """Tell ADDRESS nothing any more; what is on its way there goes, too."""
    whose = organisation_id(district, partner)
    with _known():
        actions.remove(organisation_id=whose, address=address, by=me(), now=clock.now())
    click.echo("Removed.")


@command.command("try")
@click.argument("address")
@_whose
def try_(address: str, district: str | None, partner: str | None) -> None:
    """Send ADDRESS a mail about nothing, at once, and say what the mail server made of it."""
    whose = organisation_id(district, partner)
    with _known():
        reply = actions.try_out(organisation_id=whose, address=address, now=clock.now())
    if not reply.accepted:
        raise click.ClickException(reply.sentence)
    click.echo("The mail server took it.")


@command.command("recipients")
@_whose
@_JSON
def recipients(district: str | None, partner: str | None, *, as_json: bool) -> None:
    """Who is told by mail, and what each chose that others did not."""
    found = queries.recipients(organisation_id=organisation_id(district, partner))
    if as_json:
        show.as_json([asdict(each) for each in found])
    elif found:
        chosen = [", ".join(f"{kind} {how}" for kind, how in sorted(each.choices.items())) for each in found]
        show.table(("address", "chose"), [(e.address, c or "–") for e, c in zip(found, chosen, strict=True)])
    else:
        click.echo("Nobody is told by mail. `schoolpassport notices add --help` says how to change that.")


@command.command("preferences")
@_whose
@_JSON
def preferences(district: str | None, partner: str | None, *, as_json: bool) -> None:
    """Every kind of notice, and how those hear of it who chose nothing themselves; when digests come."""
    whose = organisation_id(district, partner)
    hows, usual = queries.preferences(organisation_id=whose), queries.usual(organisation_id=whose)
    if as_json:
        show.as_json({"kinds": hows, "digest": {"at": f"{usual.digest_at:%H:%M}", "zone": usual.zone}})
        return
    show.table(("kind", "heard of", "tells"), [(k.name, hows[k.name], k.title) for k in queries.kinds()])
    click.echo(f"Digests come at {usual.digest_at:%H:%M}, {usual.zone}.")


@command.command("prefer")
@click.argument("kind")
@click.argument("how", type=click.Choice([*map(str, How), "usual"]))
@click.option("--address", help="Only this one; without it, all who chose nothing themselves, also who comes later.")
@_whose
def prefer(kind: str, how: str, address: str | None, district: str | None, partner: str | None) -> None:
    """Hear of KIND at once, daily (in one mail a day), or not at all (off); usual: as if nothing had been chosen."""
    whose, chosen = organisation_id(district, partner), None if how == "usual" else How(how)
    with _known():
        actions.prefer(organisation_id=whose, kind=kind, how=chosen, address=address, by=me(), now=clock.now())
    click.echo(f"{address or 'Whoever chose nothing else'} hears of {kind}: {how}.")


@command.command("digest")
@click.option("--at", required=True, type=click.DateTime(["%H:%M"]), help="The time of day, like 07:00.")
@click.option("--zone", required=True, help="On whose clock, like America/Chicago.")
@_whose
def digest(at: datetime, zone: str, district: str | None, partner: str | None) -> None:
    """When the mail of the day comes, to whom there is something to tell."""
    whose = organisation_id(district, partner)
    with _known():
        actions.set_digest_time(organisation_id=whose, at=at.time(), zone=zone, by=me(), now=clock.now())
    click.echo(f"Digests come at {at:%H:%M}, {zone}.")


@command.command("mails")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="The newest so many.")
@_whose
@_JSON
def mails(district: str | None, partner: str | None, limit: int, *, as_json: bool) -> None:
    """Which mails there are, and what became of them."""
    found = queries.letters(organisation_id=organisation_id(district, partner), limit=limit)
    if as_json:
        show.as_json([asdict(each) for each in found])
        return
    rows = [
        (
            f"{m.made_at:%Y-%m-%d %H:%M}",
            m.address,
            " ".join(_short(id_) for id_ in m.notices),
            m.state,
            m.attempts,
            f"{m.next_at:%Y-%m-%d %H:%M}" if m.next_at else "–",
            m.said or "–",
        )
        for m in found
    ]
    show.table(("made (UTC)", "to", "notices", "state", "attempts", "next (UTC)", "why not"), rows)


def _when(mail: LetterFacts) -> str:
    at = mail.ended_at or mail.next_at
    tried = f", tried {mail.attempts} times" if mail.attempts > 1 or (mail.attempts and not mail.ended_at) else ""
    return f", {at:%Y-%m-%d %H:%M} UTC{tried}" + (f" ({mail.said})" if mail.said else "")


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
    except (NoNotice, BadChoice) as unknown:
        raise click.ClickException(str(unknown)) from unknown

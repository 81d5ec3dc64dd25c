"""``schoolpassport webhooks``: addresses of partners that are told when there is something new."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click

from schoolpassport.cli import show
from schoolpassport.cli.asking import district_id, integration_id, me
from schoolpassport.kit import clock
from schoolpassport.webhooks import actions, queries
from schoolpassport.webhooks.records import BadEndpoint

_DISTRICT = click.option("--district", help="Name or id; not needed when there is only one.")
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
_ENDPOINT = click.argument("endpoint")


@click.group()
def command() -> None:
    """Tell applications that their view has a new revision: ids, kinds and counts, signed (Standard Webhooks).

    A worker (`schoolpassport worker`) sends the messages, for three days where a receiver is down. ENDPOINT is an id
    as `list` shows it, or how it begins.
    """


@command.command("add")
@click.argument("application")
@click.argument("url")
@_DISTRICT
def add(application: str, url: str, district: str | None) -> None:
    """Tell URL of each new revision of APPLICATION's view. Shows the signing secret, once."""
    id_, now = district_id(district), clock.now()
    with _told():
        made = actions.add(district_id=id_, integration_id=integration_id(id_, application), url=url, by=me(), now=now)
    _hand_over(made.id, made.secret)


@command.command("rotate")
@_ENDPOINT
@_DISTRICT
def rotate(endpoint: str, district: str | None) -> None:
    """Give ENDPOINT a new secret; for a day both sign."""
    id_ = district_id(district)
    with _told():
        of = queries.endpoint_named(district_id=id_, prefix=endpoint)
        made = actions.rotate(district_id=id_, endpoint_id=of, by=me(), now=clock.now())
    _hand_over(made.id, made.secret)


@command.command("list")
@_DISTRICT
@_JSON
def list_(district: str | None, *, as_json: bool) -> None:
    """Which addresses are told, and how many messages wait or were given up."""
    found = queries.endpoints(district_id=district_id(district))
    if as_json:
        show.as_json([asdict(each) for each in found])
    elif found:
        show.table(
            ("endpoint", "application", "address", "state", "told up to", "waiting", "given up"),
            [(str(e.id), e.application, e.url, e.state, e.told_seq, e.waiting, e.dead) for e in found],
        )
    else:
        click.echo("No address is told. `schoolpassport webhooks add --help` says how to add one.")


@command.command("messages")
@_ENDPOINT
@_DISTRICT
@click.option("--limit", default=50, show_default=True, help="How many at most, the newest first.")
@_JSON
def messages(endpoint: str, district: str | None, limit: int, *, as_json: bool) -> None:
    """What ENDPOINT was told, and what became of it."""
    id_ = district_id(district)
    with _told():
        of = queries.endpoint_named(district_id=id_, prefix=endpoint)
    found = queries.messages(district_id=id_, endpoint_id=of, limit=limit)
    if as_json:
        show.as_json([asdict(each) for each in found])
        return
    show.table(
        ("message", "revision", "lines", "state", "attempts", "next (UTC)", "answer"),
        [
            (
                m.id,
                m.revision,
                f"{m.seq_from + 1}–{m.seq_to}",
                m.state,
                m.attempts,
                f"{m.next_at:%Y-%m-%d %H:%M:%S}" if m.next_at else "–",
                m.said or m.answered or "–",
            )
            for m in found
        ],
    )


@command.command("replay")
@_ENDPOINT
@click.option("--after", required=True, type=click.IntRange(0), help="The last line that the receiver knows; 0: none.")
@_DISTRICT
def replay(endpoint: str, after: int, district: str | None) -> None:
    """Tell ENDPOINT once more what happened after a line of the change log."""
    id_ = district_id(district)
    with _told():
        of = queries.endpoint_named(district_id=id_, prefix=endpoint)
        count = actions.replay(district_id=id_, endpoint_id=of, after=after, by=me(), now=clock.now())
    click.echo(f"Messages on their way: {count}.")


@command.command("pause")
@_ENDPOINT
@_DISTRICT
def pause(endpoint: str, district: str | None) -> None:
    """Send ENDPOINT nothing until `resume`."""
    id_ = district_id(district)
    with _told():
        of = queries.endpoint_named(district_id=id_, prefix=endpoint)
        actions.pause(district_id=id_, endpoint_id=of, by=me(), now=clock.now())
    click.echo("Nothing is sent there until: schoolpassport webhooks resume")


@command.command("resume")
@_ENDPOINT
@_DISTRICT
def resume(endpoint: str, district: str | None) -> None:
    """Send ENDPOINT what it missed, and go on. Also for one that answered 410 and is back."""
    id_ = district_id(district)
    with _told():
        of = queries.endpoint_named(district_id=id_, prefix=endpoint)
        count = actions.resume(district_id=id_, endpoint_id=of, by=me(), now=clock.now())
    click.echo(f"Messages on their way: {count}.")


@command.command("remove")
@_ENDPOINT
@_DISTRICT
def remove(endpoint: str, district: str | None) -> None:
    """Forget ENDPOINT, its secret and its messages."""
    id_ = district_id(district)
    with _told():
        of = queries.endpoint_named(district_id=id_, prefix=endpoint)
        actions.remove(district_id=id_, endpoint_id=of, by=me(), now=clock.now())
    click.echo("Removed.")


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except BadEndpoint as problem:
        raise click.ClickException(str(problem)) from problem


def _hand_over(endpoint_id: object, secret: str) -> None:
    click.echo(f"Endpoint: {endpoint_id}")
    click.echo(f"Secret:   {secret}")
    click.echo("The secret is shown this once. The receiver needs it to know that messages are ours.")

"""``schoolpassport delivery``: which files go to which application, where and when, and what became of them."""

from pathlib import Path
from typing import Any, NoReturn

import click

from schoolpassport.cli import show
from schoolpassport.cli.asking import district_id, integration_id, me, text_of
from schoolpassport.delivery import actions, queries
from schoolpassport.delivery.models import Delivery, Shipment, State
from schoolpassport.delivery.records import BadDelivery, Plan, UnknownDelivery, UnknownFormat
from schoolpassport.delivery.transports import TRANSPORTS
from schoolpassport.kit import clock
from schoolpassport.kit.recovery import NeedsAttention, Retry
from schoolpassport.partners import queries as partners
from schoolpassport.sync import timetable
from schoolpassport.sync.timetable import WEEKDAYS, Every

_DISTRICT = click.option("--district", help="Name or id; not needed when there is only one.")
_SET = click.option("--set", "given", multiple=True, metavar="SETTING=VALUE", help="A setting of the transport.")
_FROM = click.option(
    "--secret", "secrets", multiple=True, metavar="SETTING=FILE", help="A secret, read from a file; repeat it."
)
_WRONG = (BadDelivery, UnknownDelivery, UnknownFormat)
_TIMES = (
    click.option("--every", type=click.Choice([e.value for e in Every]), help="By a timetable."),
    click.option("--at", help="Time of day, like 02:30."),
    click.option("--zone", help="Time zone, like America/Chicago."),
    click.option("--weekday", "weekdays", multiple=True, type=click.Choice(WEEKDAYS), help="For `--every week`."),
    click.option("--day", type=int, help="For `--every month`."),
    click.option("--cron", help="For `--every cron`."),
    click.option("--until", help="The last day, like 2027-06-30."),
)


@click.group()
def command() -> None:
    """Deliveries: files for applications, after each publication or by a timetable. A worker makes and sends them."""


def _timed(function: Any) -> Any:  # noqa: ANN401 (click's decorators)
    for option in reversed(_TIMES):
        function = option(function)
    return function


@command.command("add")
@click.argument("application")
@click.argument("name")
@click.option("--format", "format_name", required=True, help="As `formats list` names it.")
@click.option(
    "--mode", default="full", show_default=True, type=click.Choice(["full", "delta"]), help="All, or changes."
)
@click.option("--transport", required=True, type=click.Choice(sorted(TRANSPORTS)), help="By which way.")
@_SET
@_FROM
@click.option("--always", is_flag=True, help="Also when nothing changed since the last one.")
@_timed
@_DISTRICT
def add(application: str, name: str, given: tuple[str, ...], secrets: tuple[str, ...], **said: Any) -> None:  # noqa: ANN401 (the options, as they came)
    """Deliver to APPLICATION from now on: after each publication, or with --every by a timetable."""
    id_ = district_id(said.pop("district"))
    plan = Plan(
        name=name,
        format=said.pop("format_name"),
        mode=said.pop("mode"),
        transport=said.pop("transport"),
        settings=_pairs(given),
        always=said.pop("always"),
        schedule=_schedule(said),
    )
    try:
        made = actions.add_delivery(
            district_id=id_,
            integration_id=integration_id(id_, application),
            plan=plan,
            secrets=_read(secrets),
            by=me(),
            now=clock.now(),
        )
    except _WRONG as wrong:
        _refuse(wrong)
    click.echo(f"{made.name} is delivered {_when(made)}. Try the destination: `schoolpassport delivery check {name}`.")


@command.command("set")
@click.argument("name")
@_SET
@_FROM
@click.option("--pause/--resume", "paused", default=None, help="Let it rest, or go on.")
@click.option("--after-publications", is_flag=True, help="Without a timetable from now on.")
@_timed
@_DISTRICT
def set_(
    name: str,
    given: tuple[str, ...],
    secrets: tuple[str, ...],
    paused: bool | None,  # noqa: FBT001 (click's own way to hand a flag over)
    district: str | None,
    *,
    after_publications: bool,
    **times: Any,  # noqa: ANN401 (the options, as they came)
) -> None:
    """Change settings, secrets or the timetable of delivery NAME, or let it rest."""
    id_ = district_id(district)
    schedule: dict[str, Any] | None = {} if after_publications else _schedule(times)
    try:
        changed = actions.change_delivery(
            district_id=id_,
            name=name,
            settings=_pairs(given) if given else None,
            secrets=_read(secrets),
            schedule=schedule,
            paused=paused,
            by=me(),
            now=clock.now(),
        )
    except _WRONG as wrong:
        _refuse(wrong)
    click.echo(f"{name} rests." if changed.paused else f"{name} is delivered {_when(changed)}.")


@command.command("check")
@click.argument("name")
@_DISTRICT
def check(name: str, district: str | None) -> None:
    """Try the destination of delivery NAME. The first contact shows the server's key, for a person to compare."""
    try:
        found = actions.check(district_id=district_id(district), name=name)
    except (*_WRONG, NeedsAttention, Retry) as wrong:
        _refuse(wrong)
    click.echo(found.sentence)


@command.command("send")
@click.argument("name")
@click.option("--queue", is_flag=True, help="Leave it to a worker (`schoolpassport worker`).")
@_DISTRICT
@click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
def send(name: str, district: str | None, *, queue: bool, as_json: bool) -> None:
    """Make and send delivery NAME now."""
    id_ = district_id(district)
    try:
        asked = actions.ask(district_id=id_, name=name, by=me(), now=clock.now())
    except _WRONG as wrong:
        _refuse(wrong)
    if queue:
        click.echo(f"Delivery {asked.number} of {name} waits for a worker.")
        return
    done = actions.send(district_id=id_, delivery_id=asked.delivery_id, number=asked.number, now=clock.now()) or asked
    if as_json:
        show.as_json(_told(done))
    else:
        click.echo(f"{done.state}: {done.sentence or _amount(done)}")
        for note in done.notes:
            click.echo(f"  {note}")
    if done.state in {State.FAILED, State.WAITING}:
        raise click.exceptions.Exit(1)


@command.command("list")
@_DISTRICT
@click.option("--json", "as_json", is_flag=True, help="A JSON object per line, for scripts.")
def list_(district: str | None, *, as_json: bool) -> None:
    """The deliveries of a district, and when each goes."""
    id_ = district_id(district)
    names = partners.names_of_integrations(district_id=id_)
    found = queries.deliveries(district_id=id_)
    if as_json:
        for d in found:
            show.as_json(
                {"name": d.name, "application": names[d.integration_id], "format": d.format, "mode": d.mode}
                | {"transport": d.transport, "settings": d.settings, "next_at": d.next_at, "paused": d.paused}
            )
        return
    show.table(
        ("delivery", "application", "format", "mode", "transport", "when", "next (UTC)", "last revision"),
        [
            (d.name, names[d.integration_id], d.format, d.mode, d.transport, _when(d), _next(d), d.revision or None)
            for d in found
        ],
    )


@command.command("history")
@click.argument("name")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000), help="The newest so many.")
@_DISTRICT
@click.option("--json", "as_json", is_flag=True, help="A JSON object per line, for scripts.")
def history(name: str, limit: int, district: str | None, *, as_json: bool) -> None:
    """What became of delivery NAME, the newest first."""
    id_ = district_id(district)
    try:
        delivery = queries.delivery(district_id=id_, name=name)
    except UnknownDelivery as unknown:
        _refuse(unknown)
    found = queries.shipments(district_id=id_, delivery_id=delivery.id, limit=limit)
    if as_json:
        for s in found:
            show.as_json(_told(s))
        return
    show.table(
        ("no.", "asked (UTC)", "by", "state", "revision", "rows", "bytes", "seconds", "tries", "what"),
        [
            (
                *(s.number, f"{s.asked_at:%Y-%m-%d %H:%M}", s.cause, s.state, s.revision or None, s.rows, s.size),
                *(f"{s.seconds:.1f}", s.tries, s.sentence or ", ".join(f["name"] for f in s.files)),
            )
            for s in found
        ],
    )


@command.command("remove")
@click.argument("name")
@_DISTRICT
def remove(name: str, district: str | None) -> None:
    """Deliver NAME no more. Its history and its secrets go."""
    try:
        actions.remove_delivery(district_id=district_id(district), name=name, by=me(), now=clock.now())
    except UnknownDelivery as unknown:
        _refuse(unknown)
    click.echo(f"{name} is not delivered any more.")


def _pairs(given: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for each in given:
        name, sign, value = each.partition("=")
        if not sign:
            raise click.UsageError(f"“{each}” is no SETTING=VALUE.")
        found[name] = value
    return found


def _read(secrets: tuple[str, ...]) -> dict[str, str]:
    return {name: text_of(Path(file)).strip("\n") for name, file in _pairs(secrets).items()}


def _schedule(times: dict[str, Any]) -> dict[str, Any] | None:
    if times.get("every") is None:
        if alone := [name for name, value in times.items() if value]:
            raise click.UsageError(f"--{'weekday' if alone[0] == 'weekdays' else alone[0]} belongs to --every.")
        return None
    times["weekdays"] = list(times["weekdays"])
    return {name: value for name, value in times.items() if value not in (None, [])}


def _when(delivery: Delivery) -> str:
    when = str(timetable.parse(delivery.timetable)) if delivery.timetable else "after each publication"
    return f"rests ({when})" if delivery.paused else when


def _next(delivery: Delivery) -> str | None:
    return f"{delivery.next_at:%Y-%m-%d %H:%M}" if delivery.next_at else None


def _amount(done: Shipment) -> str:
    return f"{len(done.files)} files, {done.rows:,} rows, {done.size:,} bytes, {done.seconds:.1f} s."


def _told(s: Shipment) -> dict[str, Any]:
    names = ("number", "state", "cause", "asked_at", "finished_at", "revision", "since", "files", "rows", "size")
    return {name: getattr(s, name) for name in (*names, "seconds", "tries", "sentence", "notes")}


def _refuse(wrong: Exception) -> NoReturn:
    raise click.ClickException(str(wrong)) from wrong

"""``schoolpassport schedule``: when sources are fetched by themselves."""

from datetime import datetime
from typing import Any

import click

from schoolpassport.cli import show
from schoolpassport.cli.asking import district_id, me
from schoolpassport.kit import clock
from schoolpassport.sources import queries as sources
from schoolpassport.sync import schedules, timetable
from schoolpassport.sync.timetable import WEEKDAYS, BadTimetable, Every
from schoolpassport.tenancy import scope

_DISTRICT = click.option("--district", help="Name or id; not needed when there is only one.")


@click.group()
def command() -> None:
    """Fetch sources by a timetable, on the clock of their own time zone. A worker (`schoolpassport worker`) does it.

    Order them as the data flows: sources that bring rosters first; what hangs on the roster follows each run by itself.
    """


@command.command("set")
@click.argument("source")
@click.option("--every", required=True, type=click.Choice([e.value for e in Every]), help="How often.")
@click.option("--at", help="Time of day, like 02:30.")
@click.option("--zone", required=True, help="Time zone, like America/Chicago.")
@click.option(
    "--weekday", "weekdays", multiple=True, type=click.Choice(WEEKDAYS), help="For `--every week`; repeat it."
)
@click.option("--day", type=int, help="For `--every month`; a shorter month has its run on its last day.")
@click.option("--cron", help="For `--every cron`: minute, hour, day, month, weekday, like '30 2 * * mon-fri'.")
@click.option("--until", help="The last day, like 2027-06-30.")
@_DISTRICT
def set_(source: str, district: str | None, **given: Any) -> None:  # noqa: ANN401 (the options, as they came)
    """Fetch SOURCE by this timetable from now on; says when it runs next, three times."""
    given["weekdays"] = list(given["weekdays"])
    _write(source, district, {name: value for name, value in given.items() if value not in (None, [])})


@command.command("clear")
@click.argument("source")
@_DISTRICT
def clear(source: str, district: str | None) -> None:
    """Do not fetch SOURCE by itself any more."""
    _write(source, district, {})


@command.command("list")
@_DISTRICT
@click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
def list_(district: str | None, *, as_json: bool) -> None:
    """The timetables of a district, and when each source is fetched next."""
    id_ = district_id(district)
    with scope.inside(id_):
        found = schedules.schedules(district_id=id_)
    if as_json:
        show.as_json(found)
    elif found:
        show.table(
            ("source", "timetable", "next runs (UTC)"),
            [(s["source"], s["timetable"], _next(s)) for s in found],
        )
    else:
        click.echo("No source has a timetable. `schoolpassport schedule set --help` says how to give one.")


def _next(told: dict[str, Any]) -> str:
    if told["resting"]:
        return "rests: nothing fetches the source (schoolpassport sources add … --connector …)"
    return _times(told["next_runs"]) or "–"


def _times(instants: list[datetime]) -> str:
    return ", ".join(f"{at:%Y-%m-%d %H:%M}" for at in instants)


def _write(source: str, district: str | None, content: dict[str, Any]) -> None:
    id_, now = district_id(district), clock.now()
    try:
        with scope.inside(id_):
            found = sources.source(district_id=id_, id_or_name=source)
        next_at = schedules.set_schedule(district_id=id_, source_id=found.id, content=content, by=me(), now=now)
    except BadTimetable as problem:
        raise click.UsageError(str(problem)) from problem
    except (schedules.NothingToFetch, sources.UnknownSource) as problem:
        raise click.ClickException(str(problem)) from problem
    if next_at is None:
        click.echo("It is not fetched by itself.")
        return
    set_ = timetable.parse(content)
    coming = timetable.upcoming(set_, now)
    there = _times([at.astimezone(set_.zone) for at in coming])
    click.echo(f"Next runs: {there} {set_.zone.key} ({_times(coming)} UTC).")

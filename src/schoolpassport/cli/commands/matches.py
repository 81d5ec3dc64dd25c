"""``schoolpassport matches``: people who are probably one, and what is decided about them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

import click

from schoolpassport.cli import show
from schoolpassport.cli.asking import AT_MOST, NUMBER, district_id, known_source, me
from schoolpassport.kit import clock
from schoolpassport.matching import actions, queries
from schoolpassport.matching.models import Proposal, State
from schoolpassport.sync import actions as sync
from schoolpassport.sync import strangers
from schoolpassport.sync.people import Busy, NotJoined
from schoolpassport.tenancy import scope

_DISTRICT = click.option("--district", help="Name or id; not needed when there is only one.")
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")


@click.group()
def command() -> None:
    """People who are probably one person, proposed with reasons; nothing is merged before somebody says `same`."""


@command.command("find")
@click.option("--everybody", is_flag=True, help="Compare all with all, not only who is new or changed.")
@_DISTRICT
@_JSON
def find(district: str | None, *, everybody: bool, as_json: bool) -> None:
    """Look for probable duplicates now. After each night of a district with several sources this happens by itself."""
    found = actions.look(district_id=district_id(district), by=me(), now=clock.now(), everybody=everybody)
    if as_json:
        show.as_json({"compared": found.compared, "opened": found.opened, "closed": found.closed})
    else:
        click.echo(f"Compared: {found.compared:,} people. New proposals: {found.opened:,}. Closed: {found.closed:,}.")


@command.command("list")
@click.option("--state", default="open", show_default=True, type=click.Choice([*State.values, "all"]))
@click.option("--at-least", default=0.0, type=click.FloatRange(0, 1), help="Only from this probability on.")
@click.option("--limit", default=100, show_default=True, type=AT_MOST, help="At most so many.")
@_DISTRICT
@_JSON
def list_(state: str, at_least: float, limit: int, district: str | None, *, as_json: bool) -> None:
    """Proposals, the most probable first: both people, one below the other. The JSON names nobody."""
    id_ = district_id(district)
    with scope.inside(id_):
        found = queries.proposals(
            district_id=id_, state="" if state == "all" else state, at_least=at_least, limit=limit
        )
        people = [] if as_json else queries.both(district_id=id_, proposals=found)
    rows = [queries.as_data(p) for p in found]
    if as_json:
        show.as_json(rows)
        return
    show.table(
        ("proposal", "state", "probability", "name", "born", "grade", "school", "source and id", "reasons"),
        [line for row, pair in zip(rows, people, strict=True) for line in _lines(row, pair)],
    )


def _lines(row: dict[str, Any], pair: list[dict[str, Any]]) -> Iterator[tuple[object, ...]]:
    """Two lines of the table, so that what differs stands one above the other."""
    about = (row["proposal"], row["state"], show.chance(row["probability"]))
    reasons = "; ".join(row["reasons"])
    for place, person in enumerate(pair):
        name = " ".join(filter(None, (person["given_name"], person["family_name"])))
        told = _readable(person)
        facts = (name, told["birth_date"], told["grades"], told["schools"], told["sources"])
        yield (*(("", "", "") if place else about), *facts, "" if place else reasons)


def _readable(person: dict[str, Any]) -> dict[str, object]:
    """What is known of somebody, for a terminal: lists in a row, and each source with what it calls them."""
    called = [f"{said['source']}: {said['id']}" for said in person["sources"]]
    told = {**person, "sources": called}
    return {k: show.of_many(v) if isinstance(v, list) else v for k, v in told.items()}


@command.command("show")
@click.argument("number", type=NUMBER)
@_DISTRICT
@_JSON
def show_(number: int, district: str | None, *, as_json: bool) -> None:
    """Proposal NUMBER: both people, and field by field what speaks for one person and what for two."""
    id_ = district_id(district)
    with scope.inside(id_):
        found = queries.proposal(district_id=id_, number=number)
    if found is None:
        raise click.ClickException(f"There is no proposal {number}.")
    if as_json:
        show.as_json(found)
        return
    click.echo(f"Proposal {number}: {found['state']}, {show.chance(found['probability'])} probable.\n")
    left, right = (_readable(person) for person in found["people"])
    show.table(("", "one", "the other"), [(k.replace("_", " "), left[k], right[k]) for k in left])
    click.echo()
    show.table(
        ("field", "what it says", "for one person (+) or two (-)"),
        [(w["field"], w["says"], f"{w['weight']:+.1f}") for w in found["waterfall"]],
    )


@command.command("same")
@click.argument("number", type=NUMBER)
@_DISTRICT
def same(number: int, district: str | None) -> None:
    """They are one person: the records become one, as by `people merge`. Undo: `people undo`."""
    id_ = district_id(district)
    with _told():
        made = actions.same(district_id=id_, number=number, by=me(), now=clock.now())
    click.echo(f"Proposal {number} is {State.SAME}: {made.keep_id} stays, and {made.lose_id} is another name of it.")
    click.echo(f"Undo: schoolpassport people undo {made.number}; the proposal is {State.DIFFERENT} then.")
    try:
        sync.catch_up(district_id=id_)
    except sync.DistrictBusy:
        click.echo("Applications see it when the run that is on its way is done.")


@command.command("different")
@click.argument("number", type=NUMBER)
@_DISTRICT
def different(number: int, district: str | None) -> None:
    """They are two people; do not ask again unless something about them changes."""
    _decided(lambda: actions.different(district_id=district_id(district), number=number, by=me(), now=clock.now()))


@command.command("later")
@click.argument("number", type=NUMBER)
@click.option("--until", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The day from which to ask again.")
@_DISTRICT
def later(number: int, until: datetime, district: str | None) -> None:
    """Leave it for now."""
    id_, day = district_id(district), until.date()
    _decided(lambda: actions.later(district_id=id_, number=number, until=day, by=me(), now=clock.now()))


@command.command("rows")
@click.argument("source")
@_DISTRICT
@_JSON
def rows(source: str, district: str | None, *, as_json: bool) -> None:
    """Whom the rows of SOURCE probably mean that found nobody, by the last package that it sent."""
    try:
        found = strangers.probable(**_of(source, district), today=clock.now().date())
    except strangers.NotRead as problem:
        raise click.ClickException(str(problem)) from problem
    if as_json:
        show.as_json([asdict(p) for p in found])
    else:
        show.table(
            ("row", "line", "probability", "GG4L ID", "reasons"),
            [(p.key, p.line, show.chance(p.probability), p.record_id, "; ".join(p.reasons[:3])) for p in found],
        )


@command.command("link")
@click.argument("source")
@click.argument("key")
@click.argument("record", metavar="GG4L_ID", type=click.UUID)
@_DISTRICT
def link(source: str, key: str, record: UUID, district: str | None) -> None:
    """The row that SOURCE calls KEY means GG4L_ID; it adds to them from its next package on. Undo: `people split`."""
    _said(strangers.link, source, key, record, district)
    click.echo(f"Noted. “{key}” of {source} adds to {record} with the next package.")


@command.command("refuse")
@click.argument("source")
@click.argument("key")
@click.argument("record", metavar="GG4L_ID", type=click.UUID)
@_DISTRICT
def refuse(source: str, key: str, record: UUID, district: str | None) -> None:
    """The row that SOURCE calls KEY does not mean GG4L_ID; it is not proposed again. Undo: `matches undo`."""
    _said(strangers.refuse, source, key, record, district)
    click.echo(f"Noted. “{key}” of {source} is not {record}.")


@command.command("undo")
@click.argument("source")
@click.argument("key")
@click.argument("record", metavar="GG4L_ID", type=click.UUID)
@_DISTRICT
def undo(source: str, key: str, record: UUID, district: str | None) -> None:
    """Take back that the row that SOURCE calls KEY does not mean GG4L_ID; rules may link it with the next package."""
    _said(strangers.undo_refuse, source, key, record, district)
    click.echo(f"Noted. “{key}” of {source} may be {record}.")


@command.command("refused")
@click.argument("source")
@_DISTRICT
@_JSON
def refused(source: str, district: str | None, *, as_json: bool) -> None:
    """What was said that rows of SOURCE do not mean, and was not taken back."""
    found = strangers.refused(**_of(source, district))
    if as_json:
        show.as_json(
            [{"row": r.key, "kind": r.kind, "record": str(r.record_id), "by": r.by, "at": r.at} for r in found]
        )
    else:
        rows = [(r.key, r.kind, r.record_id, r.by, f"{r.at:%Y-%m-%d}") for r in found]
        show.table(("row", "kind", "is not", "by", "on"), rows)


def _said(act: Callable[..., None], source: str, key: str, record: UUID, district: str | None) -> None:
    try:
        act(**_of(source, district), key=key, record_id=record, by=me(), now=clock.now())
    except (NotJoined, Busy) as refusal:
        raise click.ClickException(str(refusal)) from refusal


def _of(source: str, district: str | None) -> dict[str, Any]:
    id_ = district_id(district)
    return {"district_id": id_, "source": str(known_source(id_, source))}


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except actions.NotOpen as refusal:
        raise click.ClickException(str(refusal)) from refusal


def _decided(act: Callable[[], Proposal]) -> None:
    with _told():
        done = act()
    click.echo(f"Proposal {done.number} is {done.state}.")

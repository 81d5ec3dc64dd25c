"""``schoolpassport roster``: the library of record, as it stands or as it stood."""

from datetime import UTC, datetime
from uuid import UUID

import click

from schoolpassport.cli import show
from schoolpassport.cli.asking import AT_MOST, KIND, district_id
from schoolpassport.kit.readable import shown
from schoolpassport.roster import queries
from schoolpassport.roster.kinds import KINDS
from schoolpassport.roster.records import ALTOGETHER
from schoolpassport.tenancy import scope


class Moment(click.ParamType[int | datetime]):
    """A revision's number, a date (its end, in UTC) or an instant."""

    name = "moment"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int | datetime:
        if isinstance(value, (int, datetime)):
            return value
        text = str(value)
        if text.isdecimal():
            return int(text)
        try:
            read = datetime.fromisoformat(text)
        except ValueError:
            self.fail(f"“{text}”: give a revision like 12, or a date like 2026-09-01, or 2026-09-01T06:00.", param, ctx)
        if len(text) == len("2026-09-01"):
            read = read.replace(hour=23, minute=59, second=59, microsecond=999_999)
        return read if read.tzinfo else read.replace(tzinfo=UTC)


_SHOWN = 100  # records of a difference, where nobody asks for more
_KIND = click.argument("kind", type=KIND)
_ID = click.argument("id_", metavar="GG4L_ID", type=click.UUID)
_DISTRICT = click.option("--district", help="Name or id; not needed when there is only one.")
_JSON = click.option("--json", "as_json", is_flag=True, help="JSON, for scripts.")
_AS_OF = click.option("--as-of", type=Moment(), help="A revision's number, a date or an instant; now, when left out.")


@click.group()
def command() -> None:
    """Look into a district's roster, as it stands or as it stood at any revision or date."""


@command.command("show")
@_KIND
@_ID
@_AS_OF
@_DISTRICT
@_JSON
def show_(kind: str, id_: UUID, as_of: int | datetime | None, district: str | None, *, as_json: bool) -> None:
    """One record with all its attributes."""
    district_ = district_id(district)
    with scope.inside(district_):
        _known(district_, as_of)
        found = queries.record(district_id=district_, kind=kind, id=id_, as_of=as_of)
    if found is None:
        raise click.ClickException(f"No {kind} had the id {id_} then. Its history: `roster history {kind} {id_}`.")
    if as_json:
        show.as_json(found)
    else:
        told = [(show.attribute(kind, n), shown(v)) for n, v in found.items() if v is not None]
        show.table(("attribute", "value"), told)


@command.command("list")
@_KIND
@_AS_OF
@click.option("--gone", is_flag=True, help="Also those that had gone by then.")
@_DISTRICT
@_JSON
def list_(kind: str, as_of: int | datetime | None, district: str | None, *, gone: bool, as_json: bool) -> None:
    """Every record of a kind with all its attributes: the roster as it stands, or as it stood. JSON: one to a line."""
    district_ = district_id(district)
    with scope.inside(district_):
        _known(district_, as_of)
        every = queries.records(district_id=district_, kind=kind, as_of=as_of)
    found = [record for record in every if gone or record["status"] == "active"]
    if as_json:
        for record in found:
            show.as_json(record)
        return
    filled = [name for name in (found[0] if found else ()) if any(record[name] not in (None, []) for record in found)]
    show.table([show.attribute(kind, n) for n in filled], [[shown(record[n]) for n in filled] for record in found])


@command.command("history")
@_KIND
@_ID
@_DISTRICT
@_JSON
def history(kind: str, id_: UUID, district: str | None, *, as_json: bool) -> None:
    """Every version of one record: since when it was so, by which run, and what was different."""
    district_ = district_id(district)
    with scope.inside(district_):
        versions = queries.history(district_id=district_, kind=kind, id=id_)
    if not versions:
        raise click.ClickException(f"No {kind} ever had the id {id_}.")
    if as_json:
        show.as_json(versions)
        return
    for v in versions:
        click.secho(f"revision {v['revision']}  {v['at']:%Y-%m-%d %H:%M}  {v['cause']}  {v['status']}", bold=True)
        for name, (before, after) in v["attributes"].items():
            click.echo(f"  {show.change(kind, name, before, after)}")


@command.command("diff")
@_KIND
@click.option("--since", type=Moment(), required=True, help="A revision's number, a date or an instant.")
@click.option("--until", type=Moment(), help="The same; now, when left out.")
@click.option("--limit", type=AT_MOST, help=f"So many records at most; {_SHOWN} without it, in JSON all.")
@_DISTRICT
@_JSON
def diff(
    kind: str,
    since: int | datetime,
    until: int | datetime | None,
    limit: int | None,
    district: str | None,
    *,
    as_json: bool,
) -> None:
    """What is different in a kind between two moments."""
    district_ = district_id(district)
    with scope.inside(district_):
        _known(district_, since, until)
        found = queries.diff(district_id=district_, kind=kind, since=since, until=until)
    if as_json:
        show.as_json(found[:limit])
        return
    some = found[: limit or _SHOWN]
    for d in some:
        click.secho(f"{d['id']}  {d['change']}", bold=True)
        for name, (before, after) in d["attributes"].items():
            click.echo(f"  {show.change(kind, name, before, after)}")
    if more := len(found) - len(some):
        click.echo(f"… and {more:,} more; all of them: --limit {len(found)}")
    click.echo(f"{len(found):,} {KINDS[kind].plural} differ.")


@command.command("count")
@_AS_OF
@_DISTRICT
@_JSON
def count(as_of: int | datetime | None, district: str | None, *, as_json: bool) -> None:
    """How many records stand, or stood, by kind and school."""
    district_ = district_id(district)
    with scope.inside(district_):
        _known(district_, as_of)
        names = queries.school_names(district_id=district_)
        standing = (
            queries.standing(district_id=district_)
            if as_of is None
            else queries.standing_as_of(district_id=district_, as_of=as_of)
        )
    order = list(KINDS)
    rows = [
        {"kind": kind, "school": None if school == ALTOGETHER else names.get(school, str(school)), "standing": number}
        for (kind, school), number in standing.items()
    ]
    rows.sort(key=lambda r: (order.index(str(r["kind"])), str(r["school"] or "")))
    if as_json:
        show.as_json(rows)
    else:
        show.table(("kind", "school", "standing"), [(r["kind"], r["school"] or "", r["standing"]) for r in rows])


def _known(district_id_: UUID, *moments: int | datetime | None) -> None:
    """A number that is no revision's yet would be taken for now."""
    newest = queries.current_revision(district_id=district_id_)
    for moment in moments:
        if isinstance(moment, int) and moment > newest:
            raise click.ClickException(f"There is no revision {moment}; the newest is {newest}.")

"""``schoolpassport sources``: where rosters come from, and how their packages are fetched."""

import json
import shlex
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from uuid import UUID

import click

from schoolpassport.cli import show
from schoolpassport.cli.asking import district_id, me, writing
from schoolpassport.cli.commands.sync import ROLE, source_named, tell
from schoolpassport.kit import clock
from schoolpassport.kit.readable import shown
from schoolpassport.kit.recovery import NeedsAttention, Retry
from schoolpassport.sources import actions, queries
from schoolpassport.sources.connectors import CONNECTORS, Connector
from schoolpassport.sources.connectors.shape import Setting, Type
from schoolpassport.sources.models import Source
from schoolpassport.sync import actions as sync
from schoolpassport.sync import drafting, schedules
from schoolpassport.sync.models import RunState
from schoolpassport.sync.preview import Unread
from schoolpassport.tenancy import scope

_MARKS = {True: "✓", False: "✗", None: "?"}
_DISTRICT = click.option("--district", help="Name or id; not needed when there is only one.")
_SET = click.option("--set", "given", multiple=True, metavar="NAME=VALUE", help="A setting; asked for when missing.")
_FROM = click.option(
    "--secret-file", "files", multiple=True, metavar="NAME=PATH", help="A secret from a file (- is standard input)."
)


@click.group()
def command() -> None:
    """Where rosters come from: connect a source to a server or a folder, test the connection, fetch."""


@command.command("connectors")
def connectors() -> None:
    """The ways to come by a package, with what each must be told."""
    for connector in CONNECTORS.values():
        click.secho(f"{connector.name}: {connector.title}", bold=True)
        click.echo(f"  {connector.about}")
        for setting in connector.settings:
            marks = [m for m, on in (("required", setting.required), ("secret", setting.secret)) if on]
            click.echo(f"  {setting.name}: {setting.help}" + (f" ({', '.join(marks)})" if marks else ""))


@command.command("list")
@_DISTRICT
@click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
def list_(district: str | None, *, as_json: bool) -> None:
    """The sources of a district, and how each is fetched. Secrets are never shown."""
    id_ = district_id(district)
    with scope.inside(id_):
        found = queries.sources(district_id=id_)
    if as_json:
        names = ("name", "schema", "role", "connector", "connection")
        show.as_json([{n: getattr(s, n) for n in names} for s in found])
    else:
        show.table(("source", "schema", "role", "connector"), [(s.name, s.schema, s.role, s.connector) for s in found])


@command.command("add")
@click.argument("name")
@click.option("--connector", required=True, type=click.Choice(sorted(CONNECTORS)), help="How its packages are fetched.")
@click.option("--schema", help="What a new source speaks. Default: what the connector delivers, or oneroster-1.1.")
@ROLE
@_SET
@_FROM
@_DISTRICT
def add(
    name: str,
    connector: str,
    schema: str | None,
    role: str | None,
    given: tuple[str, ...],
    files: tuple[str, ...],
    district: str | None,
) -> None:
    """Connect source NAME, made when it is new. What is not given is asked for; secrets are not shown while typed."""
    id_, found = district_id(district), CONNECTORS[connector]
    values = _asked([s for s in found.settings if not s.secret], _pairs(given))
    secrets = _asked([s for s in found.settings if s.secret], _read(files))
    try:
        with scope.inside(id_):  # a new source that cannot be connected is none
            source_id = source_named(id_, name, schema or _delivered(found, id_, name), role)
            actions.connect_source(
                district_id=id_,
                source_id=source_id,
                connector=connector,
                values=values,
                secrets={n: s for n, s in secrets.items() if s},
                by=me(),
                now=clock.now(),
            )
            rests = schedules.rests(district_id=id_, source_id=source_id)
    except actions.BadConnection as bad:
        raise click.ClickException(str(bad)) from bad
    if not found.fetches:
        click.echo(f"Packages of “{name}” are handed over: schoolpassport sync PACKAGE --source {name!r}")
    else:
        click.echo(f"“{name}” is fetched by {found.title}. Try it: schoolpassport sources check {name!r}")
    if rests:
        click.secho(
            "Its timetable rests from now on, since there is nothing to fetch; it goes on when the source is connected "
            f"again. To take it away: schoolpassport schedule clear {name!r}",
            fg="yellow",
        )


@command.command("check")
@click.argument("name")
@_DISTRICT
@click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
def check(name: str, district: str | None, *, as_json: bool) -> None:
    """Test the connection of source NAME: whether it answers, and what to do if it does not."""
    source = _known(district_id(district), name)
    checked = actions.check_connection(district_id=source.district_id, source_id=source.id, now=clock.now())
    if as_json:
        show.as_json({"ok": checked.ok, "sentence": checked.sentence, "facts": dict(checked.facts)})
    else:
        click.secho(checked.sentence, fg="green" if checked.ok else "red")
        for fact, value in checked.facts.items():
            click.echo(f"  {fact}: {shown(value)}")
    if not checked.ok:
        raise click.exceptions.Exit(1)


@command.command("probe")
@click.argument("name")
@_DISTRICT
@click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
def probe(name: str, district: str | None, *, as_json: bool) -> None:
    """Find out what the API of source NAME can really do, by comparing its answers, and keep that as its card."""
    source = _known(district_id(district), name)
    try:
        actions.probe_source(district_id=source.district_id, source_id=source.id, by=me(), now=clock.now())
    except (actions.BadConnection, Retry, NeedsAttention) as wrong:
        raise click.ClickException(str(wrong)) from wrong
    _show_card(source, as_json=as_json)


@command.command("card")
@click.argument("name")
@_DISTRICT
@click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
def card(name: str, district: str | None, *, as_json: bool) -> None:
    """The dialect card of source NAME: what its API can do, as far as it was seen, and how it is read therefore."""
    _show_card(_known(district_id(district), name), as_json=as_json)


@command.command("secrets")
@click.argument("name")
@_FROM
@_DISTRICT
def secrets(name: str, files: tuple[str, ...], district: str | None) -> None:
    """Give source NAME new secrets in place of the old ones. An empty answer keeps the old one."""
    source = _known(district_id(district), name)
    wanted = [s for s in _connector(source).settings if s.secret]
    if not wanted:
        raise click.ClickException(f"{_connector(source).title} needs no secrets.")
    new = {n: s for n, s in _asked(wanted, _read(files)).items() if s}
    try:
        actions.set_secrets(district_id=source.district_id, source_id=source.id, secrets=new, by=me(), now=clock.now())
    except actions.BadConnection as bad:
        raise click.ClickException(str(bad)) from bad
    click.echo(f"New: {', '.join(sorted(new)) or 'nothing'}.")


@command.command("fetch")
@click.argument("name")
@click.option("--queue", is_flag=True, help="Leave it to a worker (`schoolpassport worker`), which tries again later.")
@_DISTRICT
@click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
def fetch(name: str, district: str | None, *, queue: bool, as_json: bool) -> None:
    """Fetch a package from source NAME and take it into the roster, like `schoolpassport sync`."""
    source = _known(district_id(district), name)
    if source.connector in CONNECTORS and not CONNECTORS[source.connector].fetches:
        raise click.ClickException(
            f"Nothing is fetched of “{source.name}”: its packages are handed over. Hand one over: schoolpassport sync "
            f"PACKAGE --source {shlex.quote(source.name)}. To let it be fetched: schoolpassport sources add, with "
            "another --connector."
        )
    ask = sync.ask_worker if queue else sync.ask
    run = ask(district_id=source.district_id, source_id=source.id, by=me(), now=clock.now())
    if queue:
        click.echo(f"Run {run.number} waits for a worker.")
        return
    try:
        with show.bar() as bar:
            walked = sync.walk(district_id=source.district_id, run_id=run.id, watch=bar)
    except (sync.DistrictBusy, Retry) as later:
        raise click.ClickException(str(later)) from later
    tell(walked, as_json=as_json)
    if walked.state in {RunState.REFUSED, RunState.HELD}:
        raise click.exceptions.Exit(1)


@command.command("propose")
@click.argument("name")
@click.argument("package", type=click.Path(path_type=Path, exists=True))
@click.option("--school", default="", help="The name of the school, where the package is of one and no column says it.")
@click.option("--write", type=click.Path(path_type=Path, dir_okay=False), help="Write the draft here, as JSON.")
@_DISTRICT
@click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
def propose(name: str, package: Path, school: str, write: Path | None, district: str | None, *, as_json: bool) -> None:
    """Propose how the files of PACKAGE (CSV, Excel) could be mapped for source NAME, with reasons. Nothing is set.

    A draft goes through `setting preview` and `setting import`, after a person has looked at it.
    """
    source = _known(district_id(district), name)
    try:
        found = drafting.propose(district_id=source.district_id, source_id=source.id, origin=package, school=school)
    except Unread as unread:
        raise click.ClickException(str(unread)) from unread
    if write is not None:
        text = json.dumps({"tables": found.tables}, indent=2, ensure_ascii=False) + "\n"
        with writing(write):
            write.write_text(text, encoding="utf-8")
    if as_json:
        show.as_json(asdict(found))
        return
    for draft in found.drafts:
        click.secho(f"{draft.label}: {draft.holds} ({draft.rows:,} rows, header in row {draft.header_row})", bold=True)
        columns = [(c.header, c.means or "–", f"{c.sure:.0%}" if c.means else "–", c.reason) for c in draft.columns]
        show.table(("column", "means", "sure", "why"), columns)
        for note in draft.notes:
            click.secho(f"  Look here: {note}.", fg="yellow")
        click.echo()
    for sentence in (*found.problems, *found.missing):
        click.secho(sentence, fg="yellow")
    if write is not None:
        click.echo(
            f"The draft is in {write}. Try it: schoolpassport setting preview {name!r} {write} --package {package}"
        )


def _known(id_: UUID, name: str) -> Source:
    with scope.inside(id_):
        try:
            return queries.source(district_id=id_, id_or_name=name)
        except queries.UnknownSource as unknown:
            raise click.ClickException(str(unknown)) from unknown


def _show_card(source: Source, *, as_json: bool) -> None:
    with scope.inside(source.district_id):
        traits = queries.card(district_id=source.district_id, source_id=source.id)
    if as_json:
        show.as_json([{"name": t.name, "works": t.works, "sentence": t.sentence} for t in traits])
    elif traits:
        show.table(("", "trait", "seen"), [(_MARKS[t.works], t.name, t.sentence) for t in traits])
    else:
        click.echo(f"Nothing was found out yet. Ask: schoolpassport sources probe {source.name!r}")


def _connector(source: Source) -> Connector:
    if source.connector not in CONNECTORS:
        raise click.ClickException(f"There is no connector “{source.connector}”.")
    return CONNECTORS[source.connector]


def _delivered(connector: Connector, id_: UUID, name: str) -> str | None:
    """The schema of a new source, if its connector delivers one only."""
    there = {s.name for s in queries.sources(district_id=id_)}
    return connector.schemas[0] if name not in there and len(connector.schemas) == 1 else None


def _asked(settings: Iterable[Setting], given: dict[str, str]) -> dict[str, str]:
    """What was given, and what a person answers to the rest; a script is asked nothing."""
    interactive = sys.stdin.isatty()
    for setting in settings:
        if setting.name not in given and interactive and setting.type is not Type.LINES:
            choice = click.Choice(setting.choices) if setting.choices else None
            given[setting.name] = click.prompt(
                f"{setting.title} ({setting.help})",
                default=setting.default,
                show_default=bool(setting.default),
                hide_input=setting.secret,
                type=choice,
            )
    return given


def _pairs(given: Iterable[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals:
            raise click.BadParameter(f"{pair!r} must be NAME=VALUE")
        pairs[name] = _text(value[1:]) if value.startswith("@") else value
    return pairs


def _read(files: Iterable[str]) -> dict[str, str]:
    """Secrets come from files or prompts only: what stands on a command line, others on the machine can see."""
    return {name: _text(path) for name, path in _pairs(files).items()}


def _text(path: str) -> str:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{path} cannot be read: {error}.") from error
    return text.strip("\r\n")

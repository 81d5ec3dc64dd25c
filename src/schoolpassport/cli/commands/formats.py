"""``schoolpassport formats``: what files for an application look like."""

from pathlib import Path
from typing import NoReturn
from uuid import UUID

import click

from schoolpassport.cli import show
from schoolpassport.cli.asking import NUMBER, district_id, integration_id, me, writing
from schoolpassport.delivery import actions, custom, examples, queries
from schoolpassport.delivery.formats import Format
from schoolpassport.delivery.records import Tried, UnknownFormat
from schoolpassport.kit import clock
from schoolpassport.sharing.records import NothingShared

_DISTRICT = click.option("--district", help="Name or id; not needed when there is only one.")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_WRONG = (custom.BadFormat, examples.NoSample, UnknownFormat, NothingShared)


@click.group()
def command() -> None:
    """Formats of files for applications: standard ones, and those that a partner writes down in YAML."""


@command.command("list")
@click.argument("application")
@_DISTRICT
@click.option("--json", "as_json", is_flag=True, help="A JSON object per line, for scripts.")
def list_(application: str, district: str | None, *, as_json: bool) -> None:
    """The formats that APPLICATION can be given."""
    id_, app = _asked(district, application)
    found = queries.formats(district_id=id_, integration_id=app, today=clock.now().date())
    if as_json:
        for f in found:
            show.as_json({"name": f.name, "version": f.version, "modes": f.modes, "files": f.files})
        return
    show.table(
        ("format", "version", "modes", "files"),
        [(f.name, f.version or "standard", ", ".join(f.modes), ", ".join(f.files)) for f in found],
    )


@command.command("show")
@click.argument("application")
@click.argument("name")
@click.option("--version", type=NUMBER, help="Another than the one that holds.")
@_DISTRICT
def show_(application: str, name: str, version: int | None, district: str | None) -> None:
    """The document of a format that was saved for APPLICATION, as `formats save` takes it."""
    id_, app = _asked(district, application)
    try:
        found = queries.own_format(district_id=id_, integration_id=app, name=name, version=version)
    except UnknownFormat as unknown:
        _refuse(unknown)
    click.echo(found.content, nl=False)


@command.command("check")
@click.argument("file", type=_FILE)
@click.option("--app", "application", help="Whose view a sample is compared with.")
@click.option("--sample", type=_FILE, help="A file that the format must be able to make, row by row.")
@_DISTRICT
def check(file: Path, application: str | None, sample: Path | None, district: str | None) -> None:
    """Whether FILE (YAML) is a format. With --sample: whether it makes those rows of what APPLICATION sees."""
    try:
        format_ = _read(file)
        click.echo(f"{file.name} is a format: {', '.join(f.name for f in format_.files)}.")
        _hint(format_)
        if sample is not None:
            if application is None:
                raise click.UsageError("Say with --app whose view the sample is compared with.")
            id_, app = _asked(district, application)
            _tell(queries.tried(district_id=id_, integration_id=app, format_=format_, sample=sample))
    except _WRONG as wrong:
        _refuse(wrong)


@command.command("save")
@click.argument("application")
@click.argument("name")
@click.argument("file", type=_FILE)
@click.option("--sample", type=_FILE, help="Save only if the format makes every row of this file.")
@_DISTRICT
def save(application: str, name: str, file: Path, sample: Path | None, district: str | None) -> None:
    """Save FILE (YAML) as the format NAME of APPLICATION; it holds from the next delivery on."""
    id_, app = _asked(district, application)
    try:
        format_ = _read(file)
        if sample is not None:
            _tell(queries.tried(district_id=id_, integration_id=app, format_=format_, sample=sample))
        version = actions.save_format(
            district_id=id_,
            integration_id=app,
            name=name,
            content=file.read_text(encoding="utf-8-sig"),
            by=me(),
            now=clock.now(),
        )
    except _WRONG as wrong:
        _refuse(wrong)
    click.echo(f"Version {version} of {name} holds from the next delivery on.")
    _hint(format_)


def _hint(format_: Format) -> None:
    for hint in format_.hints:
        click.secho(hint, fg="yellow")


@command.command("preview")
@click.argument("application")
@click.argument("name", required=False)
@click.option("--file", type=_FILE, help="A document that is not saved yet.")
@click.option("--rows", default=5, show_default=True, type=click.IntRange(1, 1000), help="Rows of each file.")
@_DISTRICT
@click.option("--json", "as_json", is_flag=True, help="A JSON object per file, for scripts.")
def preview(
    application: str, name: str | None, file: Path | None, rows: int, district: str | None, *, as_json: bool
) -> None:
    """The first rows that a format (by NAME, or --file) makes of what APPLICATION sees now."""
    if (name is None) == (file is None):
        raise click.UsageError("Give the NAME of a format, or a document with --file.")
    id_, app = _asked(district, application)
    try:
        format_ = _read(file) if file else _named(id_, app, str(name))
        found = queries.preview(district_id=id_, integration_id=app, format_=format_, most=rows)
    except _WRONG as wrong:
        _refuse(wrong)
    for each, (header, *data) in found.items():
        if as_json:
            show.as_json({"file": each, "header": header, "rows": data})
        else:
            click.echo(f"{each}:")
            show.table(header, data)
            click.echo()


@command.command("propose")
@click.argument("application")
@click.argument("sample", type=_FILE)
@click.option("--into", type=click.Path(dir_okay=False, path_type=Path), help="Write the document there.")
@_DISTRICT
@click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
def propose(application: str, sample: Path, into: Path | None, district: str | None, *, as_json: bool) -> None:
    """Propose a format that makes files like SAMPLE, from what APPLICATION sees: what each column is, and how sure.

    Correct the document, try it with `formats check --sample`, and save it.
    """
    id_, app = _asked(district, application)
    try:
        found = queries.proposed(district_id=id_, integration_id=app, sample=sample, now=clock.now())
    except _WRONG as wrong:
        _refuse(wrong)
    if into is not None:
        with writing(into):
            into.write_text(found.text, encoding="utf-8")
    if as_json:
        guesses = [
            {"header": g.header, "is": g.words, "certainty": g.certainty, "why": g.reason} for g in found.guesses
        ]
        show.as_json({"rows_are": found.kind, "aligned": found.aligned, "of": found.rows, "columns": guesses})
        return
    click.echo(f"Rows are: {found.kind}. {found.aligned} of {found.rows} rows of the sample were found in the view.")
    show.table(
        ("column", "is", "certainty", "why"),
        [(g.header, g.words, f"{g.certainty:.0%}", g.reason) for g in found.guesses],
    )
    if into is None:
        click.echo()
        click.echo(found.text, nl=False)


def _asked(district: str | None, application: str) -> tuple[UUID, UUID]:
    id_ = district_id(district)
    return id_, integration_id(id_, application)


def _named(id_: UUID, app: UUID, name: str) -> Format:
    return queries.format_(district_id=id_, integration_id=app, name=name, today=clock.now().date())


def _read(file: Path) -> Format:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise custom.BadFormat(f"{file.name} is no text in UTF-8. Save it as such.") from error
    return custom.read(text, name=file.stem, today=clock.now().date())


def _tell(tried: Tried) -> None:
    click.echo(f"{tried.made} of {tried.rows} rows of the sample are made exactly so.")
    for each in tried.other:
        click.echo(f"  {each}")
    if not tried.passed:
        raise click.ClickException("The format does not make every row of the sample. Correct it, or the sample.")


def _refuse(wrong: Exception) -> NoReturn:
    if isinstance(wrong, NothingShared):
        raise click.ClickException("Nothing is shared with this application; agree on a consent first.") from wrong
    raise click.ClickException(str(wrong)) from wrong

"""``schoolpassport setting``: what a district decided about a source, as files that can be read, compared and kept."""

import difflib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from schoolpassport.cli import show
from schoolpassport.cli.asking import NUMBER, district_id, known_source, me
from schoolpassport.kit import clock
from schoolpassport.quality import actions as quality
from schoolpassport.quality.policies import NotUnderstood
from schoolpassport.sources import actions, queries
from schoolpassport.sources.mapping import BadPolicy
from schoolpassport.sources.policies import SUBJECTS
from schoolpassport.sources.records import Saved
from schoolpassport.sync import beforehand, drafting
from schoolpassport.sync import queries as sync
from schoolpassport.sync.preview import Unread
from schoolpassport.tenancy import scope

_DISTRICT = click.option("--district", help="Name or id; not needed when there is only one.")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
Documents = dict[str, Any]


@click.group()
def command() -> None:
    """What holds for a source: how its columns become attributes, and which rows are taken."""


@command.command("show")
@click.argument("source")
@click.argument("subject", required=False)
@_DISTRICT
def show_(source: str, subject: str | None, district: str | None) -> None:
    """All settings of SOURCE as one JSON document, as `setting import` reads it; or that of one SUBJECT alone."""
    id_ = district_id(district)
    held = _held(id_, known_source(id_, source))
    click.echo(_written(held.get(subject, {}) if subject else held), nl=False)


@command.command("history")
@click.argument("source")
@click.argument("subject")
@_DISTRICT
@click.option("--version", type=NUMBER, help="The document of this version, in place of the list.")
def history(source: str, subject: str, district: str | None, version: int | None) -> None:
    """Every version of a SUBJECT's document that ever held for SOURCE, newest first: who wrote it, and when."""
    id_ = district_id(district)
    source_id = known_source(id_, source)
    with scope.inside(id_):
        own = queries.setting_versions(district_id=id_, source_id=source_id, subject=subject)
        every = own or queries.setting_versions(district_id=id_, subject=subject)  # of the district
    if version is None:
        show.table(("version", "at", "by"), [(s.version, f"{s.at:%Y-%m-%d %H:%M:%S}", s.by) for s in every])
        return
    found = next((s for s in every if s.version == version), None)
    if found is None:
        raise click.ClickException(f"{source} has no version {version} of “{subject}”.")
    click.echo(_written(found.content), nl=False)


@command.command("set")
@click.argument("source")
@click.argument("subject", type=click.Choice([*SUBJECTS, "filters"]))
@click.argument("file", type=_FILE)
@_DISTRICT
def set_(source: str, subject: str, file: Path, district: str | None) -> None:
    """Let the document in FILE (JSON) hold for SOURCE from its next package on."""
    id_ = district_id(district)
    _set(id_, known_source(id_, source), subject, _read(file))


@command.command("import")
@click.argument("source")
@click.argument("file", type=_FILE)
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@_DISTRICT
def import_(source: str, file: Path, district: str | None, *, dry_run: bool) -> None:
    """Let every document in FILE hold for SOURCE, after showing what differs. A subject that FILE lacks stays."""
    id_ = district_id(district)
    source_id = known_source(id_, source)
    wanted, held = _documents(file), _held(id_, source_id)
    changed = {subject: content for subject, content in wanted.items() if held.get(subject, {}) != content}
    for line in _difference({s: held.get(s, {}) for s in changed}, changed, file.name):
        click.echo(line)
    if not changed:
        click.echo("Everything in it holds already.")
    if strangers := sorted(set(changed) - {*SUBJECTS, "filters"}):
        raise click.ClickException(f"{strangers[0]} has a command of its own; take it out of {file.name}.")
    if not dry_run:
        with scope.inside(id_):  # all of it, or nothing
            for subject, content in changed.items():
                _set(id_, source_id, subject, content)


@command.command("preview")
@click.argument("source")
@click.argument("file", type=_FILE)
@click.option("--package", type=click.Path(exists=True, path_type=Path), help="Default: that of the last run.")
@click.option("--rows", default=5, show_default=True, type=click.IntRange(min=0, max=1000), help="Examples of each.")
@_DISTRICT
@click.option("--json", "as_json", is_flag=True, help="A JSON object per line, for scripts.")
def preview(source: str, file: Path, package: Path | None, rows: int, district: str | None, *, as_json: bool) -> None:
    """What the documents in FILE (as `setting import` reads it) would make of SOURCE's values; nothing is changed.

    Where FILE holds tables, the first records of each kind as they would become.
    """
    id_ = district_id(district)
    source_id = known_source(id_, source)
    drafts = {s: content for s, content in _documents(file).items() if s in SUBJECTS}
    if "tables" in drafts:
        _preview_records(id_, source_id, package or _last_package(id_, source_id), drafts, rows, as_json=as_json)
        return
    try:
        shifts = beforehand.shaping(
            district_id=id_,
            source_id=source_id,
            origin=package or _last_package(id_, source_id),
            drafts=drafts,
            today=clock.now().date(),
            examples=rows,
        )
    except (BadPolicy, Unread) as problem:
        raise click.ClickException(str(problem)) from problem
    names = ("kind", "attribute", "rows", "changed", "emptied", "filled", "unread")
    if as_json:
        for s in shifts:
            examples = [{"line": r.line, "before": r.before, "after": r.after} for r in s.examples]
            show.as_json({**{n: getattr(s, n) for n in names}, "examples": examples})
        return
    show.table(names, [tuple(getattr(s, n) for n in names) for s in shifts])
    for s in shifts:
        click.secho(f"\n{s.kind} {s.attribute}", bold=True)
        show.table(("line", "before", "after"), [(str(r.line), r.before, r.after) for r in s.examples])


def _preview_records(id_: UUID, source_id: UUID, origin: Path, drafts: Documents, rows: int, *, as_json: bool) -> None:
    """Of another mapping, no value has a before: what is shown are whole records."""
    try:
        samples = drafting.sample(
            district_id=id_, source_id=source_id, origin=origin, drafts=drafts, today=clock.now().date(), records=rows
        )
    except (BadPolicy, Unread) as problem:
        raise click.ClickException(str(problem)) from problem
    for sample in samples:
        if as_json:
            show.as_json({"kind": sample.kind, "rows": sample.rows, "records": sample.records})
            continue
        click.secho(f"{sample.kind}: {sample.rows:,}", bold=True)
        names = list(dict.fromkeys(name for record in sample.records for name in record))
        show.table(names, [[record.get(name) for name in names] for record in sample.records])
        click.echo()


def _set(id_: UUID, source_id: UUID, subject: str, content: object) -> None:
    try:
        saved = _setter(subject)(id_, source_id, content)
    except (BadPolicy, NotUnderstood) as problem:
        raise click.ClickException(str(problem)) from problem
    click.echo(f"Version {saved.version} of {subject} holds from the next package on.")
    for warning in saved.warnings:
        click.secho(warning, fg="yellow")


def _setter(subject: str) -> Callable[[UUID, UUID, object], Saved]:
    """Each setting belongs to a room, and is parsed and saved there."""

    def filters(id_: UUID, source_id: UUID, content: object) -> Saved:
        version = quality.set_filters(district_id=id_, source_id=source_id, content=content, by=me(), now=clock.now())
        return Saved(version=version)

    def shaping(id_: UUID, source_id: UUID, content: object) -> Saved:
        return actions.set_shaping(
            district_id=id_, source_id=source_id, subject=subject, content=content, by=me(), now=clock.now()
        )

    return filters if subject == "filters" else shaping


def _held(id_: UUID, source_id: UUID) -> Documents:
    with scope.inside(id_):
        return dict(sorted(queries.settings(district_id=id_, source_id=source_id).contents.items()))


def _documents(file: Path) -> Documents:
    wanted = _read(file)
    if not isinstance(wanted, dict):
        raise click.ClickException(f"{file.name} must hold an object, subject by subject, as `setting show` writes it.")
    return wanted


def _difference(held: Documents, wanted: Documents, name: str) -> list[str]:
    before, after = _written(held).splitlines(), _written(wanted).splitlines()
    return list(difflib.unified_diff(before, after, "what holds", name, lineterm=""))


def _written(content: object) -> str:
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _read(file: Path) -> Any:  # noqa: ANN401 (JSON; the room that owns the subject parses it)
    try:
        return json.loads(file.read_text(encoding="utf-8-sig"), object_pairs_hook=_once)
    except ValueError as error:
        raise click.ClickException(f"{file.name} is no JSON that can be taken: {error}.") from error


def _once(pairs: list[tuple[str, Any]]) -> Documents:
    """An object; a name that stands in it twice would silently win over itself."""
    names = [name for name, _ in pairs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"“{twice[0]}” stands twice in one object")
    return dict(pairs)


def _last_package(id_: UUID, source_id: UUID) -> Path:
    with scope.inside(id_):
        runs = sync.runs(district_id=id_, limit=1000)
    for run in runs:
        if run.source_id == source_id and run.origin and Path(run.origin).exists():
            return Path(run.origin)
    raise click.ClickException("No package of this source is where it was. Say which: --package PATH.")

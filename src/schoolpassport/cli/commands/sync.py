"""``schoolpassport sync``: take a package, and decide about runs that wait for a person."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from schoolpassport.cli import rehearsing, show
from schoolpassport.cli.asking import AT_MOST, KIND, NUMBER, district_id, me, school_ids, source_id_of, writing
from schoolpassport.kit import clock
from schoolpassport.quality import queries as quality
from schoolpassport.roster.kinds import KINDS
from schoolpassport.roster.records import ALTOGETHER
from schoolpassport.sources import actions as source_actions
from schoolpassport.sources import packages
from schoolpassport.sources import queries as source_queries
from schoolpassport.sources.models import SourceRole
from schoolpassport.sync import actions, migrating, queries, rehearsal, releasing
from schoolpassport.sync.contract import Progress, Which
from schoolpassport.sync.models import AbsenceState, Run, RunState
from schoolpassport.tenancy import actions as tenancy_actions
from schoolpassport.tenancy import queries as tenancy_queries
from schoolpassport.tenancy import scope

_SHOWN = 20
ROLE = click.option(
    "--role",
    type=click.Choice(SourceRole.values),
    help="What a new source does: roster creates people, enrichment adds to those whom others tell of. "
    "Default: roster; of directories, enrichment.",
)


class PackageOrCommand(click.Group):
    """`sync PACKAGE` is short for `sync run PACKAGE`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands:
            args = ["run", *args]
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0].startswith("--") and args[0] != "--help":
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=PackageOrCommand)
def command() -> None:
    """Take a PACKAGE (zip or folder) into a district's roster: `schoolpassport sync PACKAGE.zip`.

    The guard may hold a run that looks too much to be true; then decide with `sync approve` or `sync reject`.
    """


@command.command("run")
@click.argument("package", type=click.Path(path_type=Path, exists=True))
@click.option("--district", help="Name or id. When there is no district yet, one of this name is made.")
@click.option(
    "--source", default="SIS", show_default=True, help="The source it comes from. A district’s first is made."
)
@click.option("--schema", help="What a new source speaks. Default: oneroster-1.1.")
@ROLE
@click.option("--queue", is_flag=True, help="Leave it to a worker (`schoolpassport worker`).")
@click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
def run(
    package: Path,
    district: str | None,
    source: str,
    schema: str | None,
    role: str | None,
    *,
    queue: bool,
    as_json: bool,
) -> None:
    """Take PACKAGE now, in the foreground."""
    id_ = _district(district, package)
    _refuse_second(id_, source)
    source_id = source_named(id_, source, schema, role)
    if queue:
        asked = actions.ask_worker(district_id=id_, source_id=source_id, origin=package, by=me(), now=clock.now())
        click.echo(f"Run {asked.number} waits for a worker.")
        return
    asked = actions.ask(district_id=id_, source_id=source_id, origin=package, by=me(), now=clock.now())
    _walk_and_tell(asked, as_json=as_json)


@command.command("rehearse")
@click.argument("package", required=False, type=click.Path(path_type=Path, exists=True))
@click.option("--run", "number", type=NUMBER, help="The package of this run, in place of one that is named.")
@click.option("--source", default="SIS", show_default=True, help="The data source that the package comes from.")
@click.option(
    "--settings",
    "file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="JSON: settings (subject → document) to try in the place of those that hold.",
)
@click.option("--examples", default=3, show_default=True, type=click.IntRange(min=0, max=1000), help="Of each change.")
@click.option("--district", help="Name or id; not needed when there is only one.")
@click.option("--schools", is_flag=True, help="School by school.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
def rehearse(
    package: Path | None,
    number: int | None,
    source: str,
    file: Path | None,
    examples: int,
    district: str | None,
    *,
    schools: bool,
    as_json: bool,
) -> None:
    """What PACKAGE, or that of a run, would do, to the roster and to each application. Nothing is changed.

    Of a run that would be held, what its approval would do.
    """
    if (package is None) == (number is None):
        raise click.UsageError("Name a PACKAGE, or a run with --run.")
    id_ = district_id(district)
    more: dict[str, Any] = {"documents": _documents(file), "examples": examples, "now": clock.now()}
    try:
        with show.bar() as bar:
            if package is not None:
                with scope.inside(id_):
                    source_id = source_queries.source(district_id=id_, id_or_name=source).id
                found = rehearsal.package(district_id=id_, source_id=source_id, origin=package, watch=bar, **more)
            else:
                found = rehearsal.run(district_id=id_, number=number or 0, watch=bar, **more)
    except (rehearsal.NotThere, rehearsal.BadDraft, rehearsal.DistrictBusy, source_queries.UnknownSource) as problem:
        raise click.ClickException(str(problem)) from problem
    rehearsing.tell(found, schools=schools, as_json=as_json)


def _documents(file: Path | None) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8")) if file else {}
    except ValueError as wrong:
        raise click.ClickException(f"{file} is not JSON: {wrong}.") from wrong
    if not isinstance(found, dict):
        raise click.ClickException(f"{file} is an object: subject → document, as `setting show` prints it.")
    return found


@command.command("migrate")
@click.argument("number", type=NUMBER)
@click.option("--yes", is_flag=True, help="Do it: keep the GG4L IDs of what is sure, or taken, and walk the run.")
@click.option(
    "--export",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write every new id and what it means to this file, CSV or (by its name) JSON. It holds names.",
)
@click.option(
    "--take",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Such a file, edited: `take` what is right, blank what is not.",
)
@click.option("--district", help="Name or id; not needed when there is only one.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
def migrate(
    number: int, export: Path | None, take: Path | None, district: str | None, *, yes: bool, as_json: bool
) -> None:
    """The SIS changed, or its ids: which new ids of held run NUMBER mean which records, and what that would do.

    With --yes the new ids get the GG4L IDs of the records that they mean. What is ambiguous is never taken by itself.
    """
    facts: dict[str, Any] = {"district_id": district_id(district), "number": number, "take": take, "now": clock.now()}
    try:
        with show.bar() as bar:
            walked = migrating.migrate(**facts, by=me(), watch=bar) if yes else None
            found = None if yes else migrating.propose(**facts, export=export, watch=bar)
    except (migrating.NotMigrated, migrating.NotJoined, migrating.Busy, actions.DistrictBusy) as problem:
        raise click.ClickException(str(problem)) from problem
    if walked is not None:
        tell(walked, as_json=as_json)
    if found is not None:
        rehearsing.tell_proposed(found, number=number, as_json=as_json)


@command.command("migrations")
@click.option(
    "--undo", type=NUMBER, help="Undo this one: ids mean again what they meant. Until the next run is applied."
)
@click.option("--district", help="Name or id; not needed when there is only one.")
def migrations(undo: int | None, district: str | None) -> None:
    """Changes of ids that were made, newest first."""
    id_ = district_id(district)
    try:
        if undo is not None:
            migrating.undo(district_id=id_, number=undo, by=me(), now=clock.now())
    except (migrating.NotMigrated, migrating.NotJoined, migrating.Busy, actions.DistrictBusy) as problem:
        raise click.ClickException(str(problem)) from problem
    rows = [
        (m.number, m.revision, _counted(m.counts), m.by, f"undone by {m.undone_by}" if m.undone_by else "")
        for m in migrating.migrations(district_id=id_)
    ]
    show.table(("migration", "revision", "ids", "by", ""), rows)


@command.command("approve")
@click.argument("number", type=NUMBER)
@click.option("--district", help="Name or id; not needed when there is only one.")
def approve(number: int, district: str | None) -> None:
    """Let held run NUMBER pass, and apply it."""
    try:
        held = actions.approve(district_id=district_id(district), number=number, by=me(), now=clock.now())
    except actions.NotHeld as not_held:
        raise click.ClickException(str(not_held)) from not_held
    _walk_and_tell(held, as_json=False)


@command.command("reject")
@click.argument("number", type=NUMBER)
@click.option("--district", help="Name or id; not needed when there is only one.")
def reject(number: int, district: str | None) -> None:
    """Let held run NUMBER go; the last good data stays."""
    try:
        actions.reject(district_id=district_id(district), number=number, by=me(), now=clock.now())
    except actions.NotHeld as not_held:
        raise click.ClickException(str(not_held)) from not_held
    click.echo(f"Run {number} was rejected; nothing was changed.")


@command.command("cancel")
@click.argument("number", type=NUMBER)
@click.option("--district", help="Name or id; not needed when there is only one.")
def cancel(number: int, district: str | None) -> None:
    """Take run NUMBER back, if it has changed nothing yet; one on its way stops at its next step."""
    try:
        taken = actions.cancel(district_id=district_id(district), number=number, by=me(), now=clock.now())
    except actions.NotHeld as over:
        raise click.ClickException(str(over)) from over
    click.echo(f"Run {number} was cancelled." if taken.state == RunState.CANCELLED else f"Run {number} will stop.")


@command.command("retry")
@click.argument("number", type=NUMBER)
@click.option("--district", help="Name or id; not needed when there is only one.")
def retry(number: int, district: str | None) -> None:
    """Try the package of run NUMBER once more, by a worker, as a new run."""
    try:
        again = actions.retry(district_id=district_id(district), number=number, by=me(), now=clock.now())
    except actions.NotHeld as fine:
        raise click.ClickException(str(fine)) from fine
    click.echo(f"Run {again.number} waits for a worker.")


@command.command("list")
@click.option("--source", help="Only runs of this source.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="So many runs at most.")
@click.option("--district", help="Name or id; not needed when there is only one.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
def list_(source: str | None, limit: int, district: str | None, *, as_json: bool) -> None:
    """The newest runs of a district, or of one of its sources."""
    id_ = district_id(district)
    source_id = source_id_of(id_, source)
    with scope.inside(id_):
        runs = queries.runs(district_id=id_, source_id=source_id, limit=limit)
        names = source_queries.names(district_id=id_)
    if as_json:
        said = ("state", "revision", "message")
        show.as_json(
            [{"run": r.number, "source": names[r.source_id], **{n: getattr(r, n) for n in said}} for r in runs]
        )
        return
    show.table(
        ("run", "source", "state", "revision", "asked at", "message"),
        [(r.number, names[r.source_id], r.state, r.revision, f"{r.asked_at:%Y-%m-%d %H:%M}", r.message) for r in runs],
    )


@command.command("show")
@click.argument("number", type=NUMBER)
@click.option("--district", help="Name or id; not needed when there is only one.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
def show_(number: int, district: str | None, *, as_json: bool) -> None:
    """Everything about run NUMBER: steps, statistics, findings, and why it was held."""
    id_ = district_id(district)
    with scope.inside(id_):
        found = queries.run(district_id=id_, number=number)
    if found is None:
        raise click.ClickException(f"There is no run {number}.")
    tell(found, as_json=as_json, schools=True)


@command.command("trend")
@click.argument("kind", type=KIND, default="user")
@click.option("--source", help="Only runs of this source.")
@click.option("--school", type=click.UUID, help="Of this school (GG4L ID); without it, altogether.")
@click.option("--limit", default=30, show_default=True, type=click.IntRange(1, 1000), help="So many runs at most.")
@click.option("--district", help="Name or id; not needed when there is only one.")
@click.option("--json", "as_json", is_flag=True, help="JSON, for scripts.")
def trend(
    kind: str, source: str | None, school: UUID | None, limit: int, district: str | None, *, as_json: bool
) -> None:
    """Show what runs did to a KIND (users, or user) over time, and how many stood after each, newest first."""
    id_ = district_id(district)
    source_id = source_id_of(id_, source)
    with scope.inside(id_):
        rows = queries.over_time(
            district_id=id_, kind=kind, source_id=source_id, school_id=school or ALTOGETHER, most=limit
        )
    if as_json:
        show.as_json(rows)
        return
    names = ("run", "at", "source", "added", "updated", "archived", "restored", "rejected", "standing")
    show.table(names, [tuple(row[name] for name in names) for row in rows])


@command.command("package")
@click.argument("number", type=NUMBER)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--district", help="Name or id; not needed when there is only one.")
def package_(number: int, folder: Path, district: str | None) -> None:
    """Put the kept package of run NUMBER into a new FOLDER, in plain. The ledger says who did.

    `schoolpassport sync FOLDER` takes it once more.
    """
    facts: dict[str, Any] = {"district_id": district_id(district), "number": number, "by": me(), "now": clock.now()}
    try:
        with writing(folder):
            actions.take_package(**facts, into=folder.absolute())
    except packages.NotKept as gone:
        raise click.ClickException(str(gone)) from gone
    click.echo(f"{len(list(folder.iterdir()))} files in {folder}. They hold data of people: delete them when done.")


@command.command("findings")
@click.argument("number", type=NUMBER)
@click.option("--district", help="Name or id; not needed when there is only one.")
@click.option("--limit", default=1000, show_default=True, type=AT_MOST, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object per line, for scripts.")
def findings(number: int, district: str | None, limit: int, *, as_json: bool) -> None:
    """What should be mended at the source, as run NUMBER found it: file, line, column, and what to do."""
    id_ = district_id(district)
    with scope.inside(id_):
        found = queries.run(district_id=id_, number=number)
        rows = quality.findings(district_id=id_, run_id=found.id, limit=limit) if found else []
    if found is None:
        raise click.ClickException(f"There is no run {number}.")
    for f in rows:
        if as_json:
            names = ("severity", "rule", "kind", "file", "line", "column", "key", "value", "sentence")
            show.as_json({name: getattr(f, name) for name in names})
        else:
            click.echo(f"{f.file}:{f.line or '–'} {f.column} {f.severity}: {f.sentence}")


def _which(command_: Callable[..., None]) -> Callable[..., None]:
    """Options that say which of the removals that are held."""
    for option in (
        click.option(
            "--id", "ids", multiple=True, type=click.UUID, help="Only the record of this GG4L ID; repeatable."
        ),
        click.option("--school", "schools", multiple=True, help="Only of this school (name or GG4L ID); repeatable."),
        click.option("--kind", "kinds", multiple=True, type=click.Choice(list(KINDS)), help="Only of this kind."),
        click.option("--run", "number", type=NUMBER, help="Only those that this run held."),
        click.option("--source", help="Only of this source."),
        click.option("--district", help="Name or id; not needed when there is only one."),
    ):
        command_ = option(command_)
    return command_


def _chosen(id_: UUID, options: dict[str, Any]) -> Which:
    return Which(
        source_id=source_id_of(id_, options["source"]),
        run=options["number"],
        kinds=options["kinds"],
        schools=school_ids(id_, options["schools"]),
        ids=options["ids"],
    )


@command.command("held")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(0, 10_000), help="So many records at most.")
@click.option("--district", help="Name or id; not needed when there is only one.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object per line, for scripts.")
def held(limit: int, district: str | None, *, as_json: bool) -> None:
    """Removals that wait, with their reasons: those for you to decide, record by record, and those for another package.

    The JSON counts, and names nobody.
    """
    id_ = district_id(district)
    with scope.inside(id_):
        rows = queries.waiting_counted(district_id=id_)
        records = [] if as_json else queries.removals_named(district_id=id_, limit=limit)
    if as_json:
        for row in rows:
            show.as_json(row)
        return
    if not rows:
        click.echo("No removal waits.")
        return
    names = ("state", "kind", "count", "since_run", "run", "reason")
    show.table(("state", "kind", "removals", "since run", "run", "reason"), [tuple(r[n] for n in names) for r in rows])
    total = {state: sum(row["count"] for row in rows if row["state"] == state) for state in AbsenceState}
    if records:
        click.echo("\nFor you to decide:")
        show.table(
            ("kind", "name", "schools", "source", "id", "GG4L ID"),
            [(r["kind"], r["name"], show.of_many(r["schools"]), r["source"], r["key"], r["id"]) for r in records],
        )
        if (more := total[AbsenceState.HELD] - len(records)) > 0:
            click.echo(f"… and {more:,} more: --limit")
    click.echo(
        f"\n{total[AbsenceState.HELD]:,} for you to decide, {total[AbsenceState.WITNESS]:,} for another package, "
        f"{total[AbsenceState.KEPT]:,} kept."
    )
    if total[AbsenceState.HELD]:
        click.echo("Decide about what is held: schoolpassport sync release   or   schoolpassport sync keep")


@command.command("release")
@_which
@click.option("--rehearse", is_flag=True, help="Only show what it would do, to the roster and to each application.")
def release(district: str | None, *, rehearse: bool, **options: Any) -> None:  # noqa: ANN401 (click's values)
    """Let removals that are held take effect now: all, or those that are named.

    What waits and is bound to one of them (the enrollments of a user) goes with it.
    """
    id_ = district_id(district)
    which = _chosen(id_, options)
    try:
        if rehearse:
            found = releasing.rehearse(district_id=id_, which=which, now=clock.now())
            if not found.counts:
                click.echo("Nothing that you named is held: nothing would be removed.")
                return
            rehearsing.tell(found.rehearsed, schools=True, as_json=False)
            click.echo(f"Altogether it would remove: {_counted(found.counts)}.")
            return
        released = releasing.release(district_id=id_, which=which, by=me(), now=clock.now())
    except actions.DistrictBusy as busy:
        raise click.ClickException(str(busy)) from busy
    revisions = ", ".join(str(r) for r in released.revisions)
    click.echo(f"Removed: {_counted(released.counts)}." + (f" Revision {revisions}." if revisions else ""))


@command.command("keep")
@_which
def keep(district: str | None, **options: Any) -> None:  # noqa: ANN401 (click's values)
    """Let records of which the removal is held stay: they wait, unasked, until their source brings them back."""
    id_ = district_id(district)
    kept = releasing.keep(district_id=id_, which=_chosen(id_, options), by=me(), now=clock.now())
    click.echo(f"Kept: {_counted(kept)}.")


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{n:,} × {kind}" for kind, n in counts.items()) or "nothing"


def _district(name: str | None, package: Path) -> UUID:
    """The district, made when it is the first; a package without one names it."""
    if tenancy_queries.districts():
        return district_id(name)
    made = tenancy_actions.register_district(name=name or package.stem, now=clock.now())
    click.echo(f"First district: “{made.name}”.", err=True)
    return made.id


def _refuse_second(id_: UUID, name: str) -> None:
    """A slip of the keyboard must not become another SIS, which would bring everybody again."""
    with scope.inside(id_):
        if source_queries.sources(district_id=id_):
            try:
                source_queries.source(district_id=id_, id_or_name=name)
            except source_queries.UnknownSource as unknown:
                another = f"To add another: schoolpassport sources add {shlex.quote(name)} --connector upload"
                raise click.ClickException(f"{unknown} {another}") from unknown


def source_named(id_: UUID, name: str, schema: str | None, role: str | None) -> UUID:
    """The source of this name, made when it is new; one that there is keeps what it is."""
    name = name.strip()
    with scope.inside(id_):
        known = next((s for s in source_queries.sources(district_id=id_) if name in {s.name, str(s.id)}), None)
    if known is not None:
        for asked, held in ((schema, known.schema), (role, known.role)):
            if asked not in {None, held}:
                raise click.ClickException(
                    f"The source “{name}” is {held} since it was made, and cannot be {asked}. Name another with "
                    "--source, or leave that option out."
                )
        return known.id
    try:
        return source_actions.register_source(
            district_id=id_,
            name=name,
            schema=schema or "oneroster-1.1",
            role=SourceRole(role) if role else None,
            by=me(),
            now=clock.now(),
        ).id
    except ValueError as unknown:
        raise click.ClickException(str(unknown)) from unknown


def _walk_and_tell(asked: Run, *, as_json: bool) -> None:
    try:
        with show.bar() as bar:
            walked = actions.walk(district_id=asked.district_id, run_id=asked.id, watch=bar)
    except actions.DistrictBusy as busy:
        raise click.ClickException(str(busy)) from busy
    tell(walked, as_json=as_json)
    if walked.state in {RunState.REFUSED, RunState.HELD}:
        raise click.exceptions.Exit(1)


def tell(run: Run, *, as_json: bool, schools: bool = False) -> None:
    """What a run did, for a person or a program."""
    with scope.inside(run.district_id):
        steps = queries.steps(district_id=run.district_id, run_id=run.id)
        statistics = queries.statistics_named(district_id=run.district_id, run_id=run.id)
        counts = quality.finding_counts(district_id=run.district_id, run_id=run.id)
        findings = quality.findings(district_id=run.district_id, run_id=run.id, limit=_SHOWN)
        source = source_queries.names(district_id=run.district_id)[run.source_id]
        unfinished = queries.unfinished(run)
    if as_json:
        show.as_json(
            {
                "run": run.number,
                "source": source,
                "state": run.state,
                "revision": run.revision,
                "message": run.message,
                "progress": run.progress,
                "unfinished": unfinished,
                "hold": run.hold,
                "quarantine": run.quarantine,
                "steps": [{"step": s.name, "seconds": round(s.seconds, 3), "rows": s.rows} for s in steps],
                "statistics": statistics,
                "findings": [{"file": c.file, "rule": c.rule, "column": c.column, "count": c.count} for c in counts],
            }
        )
        return
    _tell_state(run, source=source if schools else "", unfinished=unfinished)
    _tell_statistics(statistics, schools=schools)
    if run.hold and run.state == RunState.HELD:
        _tell_hold(run.hold, run.number)
        rehearsing.tell_reach(run.hold.get("reach"), schools=schools, of="Approved, applications would see:")
    elif run.approved_by:
        click.echo(f"The guard held it; {run.approved_by} approved it.")
    if run.quarantine and run.quarantine.get("reach"):
        rehearsing.tell_reach(run.quarantine["reach"], schools=schools, of="If what it held is released:")
    if findings:
        total = sum(c.count for c in counts)
        click.echo(
            f"\n{total:,} finding{'s' if total > 1 else ''}" + (f", the first {_SHOWN}:" if total > _SHOWN else ":")
        )
        for f in findings:
            click.echo(f"  {f.file}:{f.line or '–'} {f.severity}: {f.sentence}")
    if steps:
        parts = (f"{s.name} {s.seconds:.2f} s ({s.rows / max(s.seconds, 1e-3):,.0f} rows/s)" for s in steps)
        click.echo("\n" + " · ".join(parts))


def _tell_state(run: Run, *, source: str, unfinished: str) -> None:
    colour = {"done": "green", "unchanged": "green", "held": "yellow"}.get(run.state, "red")
    revision = f" as revision {run.revision}" if run.revision else ""
    state = click.style(run.state, fg=colour, bold=True)
    click.echo(f"Run {run.number}: {state}{revision}. {run.message}")
    if source:
        click.echo(f"  Source: {source}")
    if unfinished:
        click.echo(f"  {unfinished}")
    elif run.state == RunState.RUNNING and run.progress:
        far = {name: value for name, value in run.progress.items() if name != "seconds"}
        click.echo(f"  {show.how_far(Progress(**far))}, {run.progress['seconds']:.0f} s so far")


_NUMBERS = ("added", "updated", "archived", "restored", "rejected", "standing")


def _tell_statistics(statistics: list[dict[str, Any]], *, schools: bool) -> None:
    rows = [s for s in statistics if schools or s["school"] is None]
    if rows:
        click.echo()
        names = ("kind", "school") if schools else ("kind",)
        show.table(
            (*names, *_NUMBERS),
            [tuple(r[n] or "" if n == "school" else r[n] for n in (*names, *_NUMBERS)) for r in rows],
        )


def _tell_hold(hold: dict[str, Any], number: int) -> None:
    click.secho("\nHeld before anything was applied:", bold=True)
    for reason in hold["reasons"]:
        click.echo(f"  · {reason['sentence']}")
    click.echo(f"  Likely cause: {hold['likely_cause']}")
    for school in hold["schools"][:10]:
        click.echo(f"  {school['name']}: {school['removed']:,} × {school['kind']}")
    if hold.get("migration"):
        click.echo(f"  Did the SIS change, or its ids? schoolpassport sync migrate {number} keeps the GG4L IDs.")
    click.echo(f"  Decide: schoolpassport sync approve {number}   or   schoolpassport sync reject {number}")

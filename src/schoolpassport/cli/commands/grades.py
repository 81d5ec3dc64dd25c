"""``schoolpassport grades``: what applications write into the district's gradebooks."""

import csv
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TextIO

import click

from schoolpassport.cli import show
from schoolpassport.cli.asking import district_id, integration_id, me, writing
from schoolpassport.gradebook import actions as gradebook
from schoolpassport.gradebook import queries
from schoolpassport.gradebook.contract import GRADES
from schoolpassport.kit import clock, formulas
from schoolpassport.kit.instants import iso
from schoolpassport.roster.kinds import KINDS
from schoolpassport.sharing import actions

_DISTRICT = click.option("--district", help="Name or id; not needed when there is only one.")
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")


@click.group()
def command() -> None:
    """Who writes categories, line items and results, and who sees what others wrote.

    Closed by default: an application writes what its consent shares of these kinds, once it is allowed to, and sees
    what another one wrote once it is shown that. What was written belongs to the district, which can export it.
    """


@command.command("allow")
@click.argument("application")
@_DISTRICT
def allow(application: str, district: str | None) -> None:
    """Let APPLICATION write, as far as its consent goes."""
    id_ = district_id(district)
    integration = integration_id(id_, application)
    gradebook.allow(district_id=id_, integration_id=integration, by=me(), now=clock.now())
    click.echo(f"“{application}” may write categories, line items and results, as far as its consent shares them.")


@command.command("forbid")
@click.argument("application")
@_DISTRICT
def forbid(application: str, district: str | None) -> None:
    """Let APPLICATION write no more. What it wrote stays."""
    id_ = district_id(district)
    integration = integration_id(id_, application)
    gradebook.forbid(district_id=id_, integration_id=integration, by=me(), now=clock.now())
    click.echo(f"“{application}” writes nothing any more. What it wrote stays.")


@command.command("show")
@click.argument("writer")
@click.argument("reader")
@_DISTRICT
def show_(writer: str, reader: str, district: str | None) -> None:
    """Show what WRITER wrote to READER, as far as READER's consent goes."""
    id_ = district_id(district)
    pair = {"writer_id": integration_id(id_, writer), "reader_id": integration_id(id_, reader)}
    with _told():
        actions.show_grades(district_id=id_, **pair, by=me(), now=clock.now())
    click.echo(f"“{reader}” sees what “{writer}” writes, as far as its consent goes.")


@command.command("hide")
@click.argument("writer")
@click.argument("reader")
@_DISTRICT
def hide(writer: str, reader: str, district: str | None) -> None:
    """Show it no more; READER is told that it was deleted."""
    id_ = district_id(district)
    pair = {"writer_id": integration_id(id_, writer), "reader_id": integration_id(id_, reader)}
    actions.hide_grades(district_id=id_, **pair, by=me(), now=clock.now())
    click.echo(f"“{reader}” sees nothing of what “{writer}” writes.")


@command.command("list")
@_DISTRICT
@_JSON
def list_(district: str | None, *, as_json: bool) -> None:
    """Which applications write, how much of theirs there is, and who is shown it."""
    found = queries.writers(district_id=district_id(district))
    if as_json:
        show.as_json(
            [
                {
                    "application": each.application,
                    "mayWrite": each.may_write,
                    "shownTo": list(each.readers),
                    **{KINDS[kind].plural: each.counts.get(kind, 0) for kind in GRADES},
                }
                for each in found
            ]
        )
    elif found:
        show.table(
            ("application", "may write", *(KINDS[kind].plural for kind in GRADES), "shown to"),
            [
                (
                    each.application,
                    "yes" if each.may_write else "no",
                    *(each.counts.get(kind, 0) for kind in GRADES),
                    ", ".join(each.readers) or "–",
                )
                for each in found
            ],
        )
    else:
        click.echo("No application may write. `schoolpassport grades allow --help` says how one may.")


@command.command("export")
@click.argument("kind", type=click.Choice([KINDS[kind].plural for kind in GRADES]))
@_DISTRICT
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file; else it is printed.")
def export(kind: str, district: str | None, out: Path | None) -> None:
    """All that applications wrote of KIND as CSV, deleted records included, whatever became of their consents."""
    name = next(name for name in GRADES if KINDS[name].plural == kind)
    id_ = district_id(district)
    with _into(out) as file:
        lines = csv.writer(file)
        lines.writerow(queries.export_columns(name))
        count = 0
        for row in queries.export(district_id=id_, kind=name):
            lines.writerow(_plain(value) for value in row)
            count += 1
    if out is not None:
        click.echo(f"{kind} written to {out}: {count}.")


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return formulas.safe(value) if isinstance(value, str) else value


@contextmanager
def _into(out: Path | None) -> Iterator[TextIO]:
    if out is None:
        yield sys.stdout
        return
    with writing(out), out.open("x", encoding="utf-8", newline="") as file:
        yield file


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except ValueError as problem:
        raise click.ClickException(str(problem)) from problem

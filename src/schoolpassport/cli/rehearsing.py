"""How a rehearsal looks in a terminal."""

from dataclasses import asdict
from typing import Any

import click

from schoolpassport.cli import show
from schoolpassport.sync import told
from schoolpassport.sync.migrating import Proposed
from schoolpassport.sync.rehearsal import Rehearsed

_CHANGES = ("added", "updated", "removed", "restored", "rejected", "waiting")
_TURNS = ("lost", "gained", "changed", "remapped")
_ATTRIBUTES = 4  # of an example


def tell(found: Rehearsed, *, schools: bool, as_json: bool) -> None:
    """What would be, for a person or a program."""
    if as_json:
        show.as_json(told.rehearsal(found))
        return
    click.echo(f"It would end as {click.style(found.verdict, bold=True)}. {found.message}".rstrip())
    if found.hold:
        click.echo(f"  Likely cause: {found.hold['likely_cause']}")
        click.echo("  What follows is what an approval would do.")
    _tell_effects(told.effects(found), schools=schools)
    if found.differences:
        click.echo("\nSome of it:")
        for d in found.differences:
            pairs = [show.change(d.kind, name, *turn) for name, turn in list(d.attributes.items())[:_ATTRIBUTES]]
            click.echo(f"  {d.change} {d.kind} {d.id}  {'; '.join(pairs) if d.change == 'updated' else ''}".rstrip())
    tell_reach(told.reach(found), schools=schools, of="Applications would see:")
    for f in found.findings:
        click.echo(f"  {f.severity}: {f.count:,} × {f.rule} in {f.file} {f.column}".rstrip())
    click.echo("\nNothing was changed.")


def tell_proposed(found: Proposed, *, number: int, as_json: bool) -> None:
    """Which new ids mean which records, and what would follow."""
    if as_json:
        rehearsed = told.rehearsal(found.rehearsed) if found.rehearsed else None
        show.as_json({"ids": {kind: asdict(c) for kind, c in found.counts.items()}, "rehearsal": rehearsed})
        return
    click.secho("New ids, and what they mean:", bold=True)
    names = ("sure", "same", "unsure", "new", "left")
    show.table(("kind", *names), [(k, *(getattr(c, n) for n in names)) for k, c in found.counts.items()])
    click.echo("sure: a record under a new id · same: as before · unsure: for you to say · left: records without an id")
    if found.unsure:
        click.echo(f"Decide what is unsure: schoolpassport sync migrate {number} --export FILE, edit, --take FILE")
    if found.rehearsed:
        click.echo("\nThen the run would be walked.")
        tell(found.rehearsed, schools=False, as_json=False)
    click.echo(f"Do it: schoolpassport sync migrate {number} --yes")


def tell_reach(reach: list[dict[str, Any]] | None, *, schools: bool, of: str) -> None:
    rows = [r for r in reach or () if schools or r["school"] is None]
    if not rows:
        return
    click.echo(f"\n{of}")
    names = ("application", "kind", *(("school",) if schools else ()), *_TURNS)
    show.table(names, [tuple(r[n] or "" if n == "school" else r[n] for n in names) for r in rows])
    for r in (r for r in rows if r["lost"] and r["examples"].get("lost")):
        some = ", ".join(r["examples"]["lost"][:3])
        click.echo(f"  {r['application']} would lose {r['lost']:,} × {r['kind']}, like {some}")


def _tell_effects(effects: list[dict[str, Any]], *, schools: bool) -> None:
    rows = [e for e in effects if schools or e["school"] is None]
    if rows:
        click.echo()
        names = ("kind", *(("school",) if schools else ()), *_CHANGES)
        show.table(names, [tuple(e[n] or "" if n == "school" else e[n] for n in names) for e in rows])

"""``schoolpassport ledger``: who did what, when, to which thing."""

import json

import click

from schoolpassport.audit import queries
from schoolpassport.cli import show
from schoolpassport.cli.asking import district_id
from schoolpassport.tenancy import scope


@click.command()
@click.option("--act", help="Only acts that begin so, like sync:run or sources:setting.")
@click.option("--by", help="Only of this person, as the ledger calls them.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 100_000), help="The newest so many.")
@click.option("--district", help="Name or id; not needed when there is only one.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object per line, for scripts.")
def command(act: str | None, by: str | None, limit: int, district: str | None, *, as_json: bool) -> None:
    """Every act of a district, the newest first: who, when, what, to which thing, and what was before and after.

    Documents of settings are named by their versions; `schoolpassport setting history` shows what each said.
    """
    id_ = district_id(district)
    with scope.inside(id_):
        found = queries.events(district_id=id_, limit=limit, act=act or "", by=by or "")
    names = ("at", "by", "act", "about", "facts")
    if as_json:
        for event in found:
            show.as_json({name: getattr(event, name) for name in names})
        return
    show.table(
        names,
        [
            (f"{e.at:%Y-%m-%d %H:%M:%S}", e.by, e.act, e.about, json.dumps(e.facts, ensure_ascii=False, default=str))
            for e in found
        ],
    )

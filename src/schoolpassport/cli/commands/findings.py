"""``schoolpassport findings``: what is wrong with the roster now, how good it is, and how that went."""

from collections.abc import Sequence
from pathlib import Path

import click

from schoolpassport.cli import show
from schoolpassport.cli.asking import AT_MOST, district_id, json_of, me, school_ids, source_id_of, writing
from schoolpassport.kit import clock
from schoolpassport.quality import actions, policies, queries
from schoolpassport.quality.records import Severity, Told
from schoolpassport.roster.kinds import KINDS
from schoolpassport.roster.records import ALTOGETHER
from schoolpassport.sources import queries as sources
from schoolpassport.sync import queries as sync
from schoolpassport.tenancy import scope

_DISTRICT = click.option("--district", help="Name or id; not needed when there is only one.")
_JSON = click.option("--json", "as_json", is_flag=True, help="A JSON object per line, for scripts.")


@click.group()
def command() -> None:
    """Findings: list them, count them, take them along as CSV; the quality score; the rules behind them."""


@command.command("list")
@click.option("--rule", default="", help="Of this rule.")
@click.option("--kind", default="", type=click.Choice(["", *KINDS]), help="Of records of this kind.")
@click.option("--severity", default="", type=click.Choice(["", *(s.value for s in Severity)]), help="Graded so.")
@click.option("--school", default="", help="In the school of this name or GG4L ID.")
@click.option("--source", default="", help="Of records that come from this source.")
@click.option("--limit", default=1000, show_default=True, type=AT_MOST, help="At most so many.")
@click.option("--csv", "into", type=click.Path(dir_okay=False, path_type=Path), help="Write them to this CSV file.")
@_DISTRICT
@_JSON
def list_(  # noqa: PLR0913 (one per option)
    rule: str,
    kind: str,
    severity: str,
    school: str,
    source: str,
    limit: int,
    into: Path | None,
    district: str | None,
    *,
    as_json: bool,
) -> None:
    """What should be mended at the source: findings that stand, and rows that were left out last."""
    id_ = district_id(district)
    with scope.inside(id_):
        found = queries.told(
            district_id=id_,
            rule=rule,
            kind=kind,
            severity=severity,
            school_id=school_ids(id_, (school,))[0] if school else None,
            source_id=source_id_of(id_, source or None),
            runs=sync.last_taken(district_id=id_),
            limit=limit if into is None else queries.MOST,
        )
    if into is not None:
        with writing(into), into.open("w", encoding="utf-8", newline="") as file:
            file.writelines(queries.as_csv(found))
        click.echo(f"{len(found):,} findings in {into}.")
    elif as_json:
        for each in found:
            show.as_json({name: getattr(each, name) for name in Told.COLUMNS})
    else:
        for each in found:
            place = f"{each.file}:{each.line or '–'}" if each.file else each.kind
            click.echo(f"{place} {each.key} {each.severity}: {each.sentence} {each.fix}".rstrip())


@command.command("counts")
@_DISTRICT
@_JSON
def counts(district: str | None, *, as_json: bool) -> None:
    """How many findings stand, by rule, kind and school."""
    id_ = district_id(district)
    with scope.inside(id_):
        names = sync.school_names(district_id=id_)
        rows = [
            (c.severity, c.rule, c.kind, names.get(c.school_id, ""), c.count) for c in queries.counts(district_id=id_)
        ]
    _tell(("severity", "rule", "kind", "school", "count"), rows, as_json=as_json)


@command.command("score")
@click.option("--source", default="", help="Of the records of this source; of all if not given.")
@_DISTRICT
@_JSON
def score(source: str, district: str | None, *, as_json: bool) -> None:
    """The quality score, 0 to 100: altogether and by school, as of the last run."""
    id_ = district_id(district)
    with scope.inside(id_):
        names = sync.school_names(district_id=id_)
        found = queries.scores(district_id=id_, source_id=source_id_of(id_, source or None) or ALTOGETHER)
        rows = [(names.get(s.school_id, ""), round(s.score, 1), s.records, round(s.faults, 2)) for s in found]
    _tell(("school", "score", "records", "weighted faults"), rows, as_json=as_json)


@command.command("trend")
@click.option("--rule", default="", help="Counts of this rule, instead of the score.")
@click.option("--school", default="", help="In the school of this name or GG4L ID; altogether if not given.")
@_DISTRICT
@_JSON
def trend(rule: str, school: str, district: str | None, *, as_json: bool) -> None:
    """How the score, or the count of one rule, went from run to run."""
    id_ = district_id(district)
    with scope.inside(id_):
        school_id = school_ids(id_, (school,))[0] if school else ALTOGETHER
        rows = (
            [(t.at, t.count) for t in queries.trend(district_id=id_, rule=rule, school_id=school_id)]
            if rule
            else [(s.at, round(s.score, 1)) for s in queries.scores_over_time(district_id=id_, school_id=school_id)]
        )
    _tell(("at", "count" if rule else "score"), [(f"{at:%Y-%m-%d %H:%M}", n) for at, n in rows], as_json=as_json)


@command.command("rules")
@_DISTRICT
@_JSON
def rules(district: str | None, *, as_json: bool) -> None:
    """The rules that are in force, and how they are graded."""
    id_ = district_id(district)
    with scope.inside(id_):
        held = policies.rules(sources.settings(district_id=id_).get("rules"))
    rows = [(r.rule.name, r.rule.kind, str(r.severity), "own" if r.rule.own else "", r.rule.fix) for r in held.rulings]
    _tell(("rule", "kind", "severity", "", "what to do"), rows, as_json=as_json)


@command.command("set-rules")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_DISTRICT
def set_rules(file: Path, district: str | None) -> None:
    """Let the rules in FILE (JSON) hold, and look at the roster by them at once."""
    id_ = district_id(district)
    try:
        version = actions.set_rules(district_id=id_, content=json_of(file), by=me(), now=clock.now())
    except policies.NotUnderstood as problem:
        raise click.ClickException(str(problem)) from problem
    with scope.inside(id_):
        standing = sum(c.count for c in queries.counts(district_id=id_) if c.school_id == ALTOGETHER)
    click.echo(f"Version {version} of the rules holds; {standing:,} findings stand.")


def _tell(headers: tuple[str, ...], rows: Sequence[tuple[object, ...]], *, as_json: bool) -> None:
    if not as_json:
        show.table(headers, rows)
        return
    for row in rows:
        show.as_json(dict(zip(headers, row, strict=True)))

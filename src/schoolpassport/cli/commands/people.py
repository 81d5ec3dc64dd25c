"""``schoolpassport people``: who is who, where sources or ids leave it open."""

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from schoolpassport.cli import rehearsing, show
from schoolpassport.cli.asking import KIND, NUMBER, district_id, json_of, me, writing
from schoolpassport.kit import clock
from schoolpassport.matching import decisions
from schoolpassport.matching.policies import Unfit
from schoolpassport.sources import queries as sources
from schoolpassport.sources.queries import UnknownSource
from schoolpassport.sync import people, rehearsal, schooling
from schoolpassport.sync.actions import DistrictBusy
from schoolpassport.sync.preview import Unread
from schoolpassport.tenancy import scope

_DISTRICT = click.option("--district", help="Name or id; not needed when there is only one.")
_KIND = click.option("--kind", type=KIND, default="user", show_default=True, help="Another kind of record.")
_REHEARSE = click.option(
    "--rehearse", is_flag=True, help="Only show what it would do, to the roster and to each application."
)
_PACKAGE = click.argument("package", type=click.Path(path_type=Path, exists=True))
_FILE = click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))


@click.group()
def command() -> None:
    """Merge, split and undo; say whom an id means; set how sources are matched and merged."""


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (people.NotJoined, people.Busy, DistrictBusy, UnknownSource, Unfit, schooling.NotProposed) as sentence:
        raise click.ClickException(str(sentence)) from sentence


def _decided(district: str | None, **about: object) -> dict[str, Any]:
    """What is decided, where, by whom and when; the same whether it happens or is rehearsed."""
    return {"district_id": district_id(district), **about, "by": me(), "now": clock.now()}


@command.command("merge")
@click.argument("keep", type=click.UUID)
@click.argument("lose", type=click.UUID)
@_KIND
@_REHEARSE
@_DISTRICT
def merge(keep: UUID, lose: UUID, kind: str, district: str | None, *, rehearse: bool) -> None:
    """Make one record of two: the GG4L ID KEEP stays, LOSE becomes an alias that still resolves."""
    facts = _decided(district, kind=kind, keep=keep, lose=lose)
    with _told():
        if rehearse:
            rehearsing.tell(people.rehearse_merge(**facts), schools=True, as_json=False)
            return
        made = people.merge(**facts)
    click.echo(f"Merge {made.number}: {lose} is {keep} now. Undo: schoolpassport people undo {made.number}")


@command.command("undo")
@click.argument("number", type=NUMBER)
@_DISTRICT
def undo(number: int, district: str | None) -> None:
    """Undo merge NUMBER: both ids, links and values as they were."""
    with _told():
        merge_ = people.undo(district_id=district_id(district), number=number, by=me(), now=clock.now())
    click.echo(f"{merge_.lose_id} stands for itself again.")
    if (proposal := merge_.evidence.get("proposal")) is not None:
        click.echo(f"Proposal {proposal} is different now: it is made again only if other fields speak for it.")


@command.command("split")
@click.argument("source")
@click.argument("key")
@_KIND
@_REHEARSE
@_DISTRICT
def split(source: str, key: str, kind: str, district: str | None, *, rehearse: bool) -> None:
    """Part what SOURCE calls KEY from the record it was matched with; they are not matched again."""
    facts = _decided(district, kind=kind, source=source, key=key)
    with _told():
        if rehearse:
            rehearsing.tell(people.rehearse_split(**facts), schools=True, as_json=False)
            return
        new = people.split(**facts)
    click.echo(f"“{key}” is {new} now." if new else f"“{key}” means nobody now; {source} only adds to others.")
    click.echo(f"Undo: schoolpassport people undo-split {shlex.join((source, key))}")


@command.command("undo-split")
@click.argument("source")
@click.argument("key")
@_KIND
@_REHEARSE
@_DISTRICT
def undo_split(source: str, key: str, kind: str, district: str | None, *, rehearse: bool) -> None:
    """Undo the split of KEY of SOURCE: it means again whom it meant; the GG4L ID that it got is an alias."""
    facts = _decided(district, kind=kind, source=source, key=key)
    with _told():
        if rehearse:
            rehearsing.tell(people.rehearse_undo_split(**facts), schools=True, as_json=False)
            return
        done = people.undo_split(**facts)
    click.echo(f"“{key}” is {done.record_id} again.")
    if done.merge is not None:
        click.echo(f"So is {done.made_id}: merge {done.merge}. Undo: schoolpassport people undo {done.merge}")
    elif done.made_id is not None:
        click.echo(f"{done.made_id} stays, for others mean it.")
    else:
        click.echo(f"What {source} says of them is taken with its next package.")


@command.command("questions")
@_DISTRICT
def questions(district: str | None) -> None:
    """Ids that seem to have passed to somebody else: who had them, and whom the rows name that wait."""
    found = people.questions(district_id=district_id(district))
    if not found:
        click.echo("Nothing is asked.")
        return
    rows = [
        (d.source, d.question.key, d.stood, d.says, d.question.record_id, f"{d.question.asked_at:%Y-%m-%d}")
        for d in found
    ]
    show.table(("source", "id", "stands for", "the row says", "GG4L ID", "asked"), rows)
    id_of = f"{shlex.quote(found[0].source)} {shlex.quote(found[0].question.key)}"
    click.echo(f"The same person, by another name: schoolpassport people same {id_of}")
    click.echo(f"Somebody else: schoolpassport people other {id_of}   (who had the id goes at once)")


@command.command("same")
@click.argument("source")
@click.argument("key")
@_KIND
@_DISTRICT
def same(source: str, key: str, kind: str, district: str | None) -> None:
    """SOURCE means by KEY whom it always meant; the row is taken with the next package."""
    _answer(source, key, kind, district, "same")


@command.command("other")
@click.argument("source")
@click.argument("key")
@_KIND
@_DISTRICT
def other(source: str, key: str, kind: str, district: str | None) -> None:
    """SOURCE gave KEY to somebody else, who gets a GG4L ID of their own with the next package.

    Who had it is archived at once, unless another source that creates people tells of them.
    """
    _answer(source, key, kind, district, "other")


def _answer(source: str, key: str, kind: str, district: str | None, means: str) -> None:
    with _told():
        done = people.answer(
            district_id=district_id(district), kind=kind, source=source, key=key, means=means, by=me(), now=clock.now()
        )
    if means == "same":
        click.echo(f"“{key}” of {source} means {done.name} ({done.record_id}) as ever.")
        click.echo("What its row says is taken with the next package, the same one included.")
        return
    went = "was archived now" if done.archived else "stays, for another source tells of them"
    click.echo(f"“{key}” of {source} is not {done.name} any more: {done.record_id} {went}.")
    click.echo("Who has it now gets a GG4L ID with the next package, the same one included.")


@command.command("merges")
@_DISTRICT
def merges(district: str | None) -> None:
    """What was merged, newest first."""
    rows = [
        (m.number, m.kind, m.keep_id, m.lose_id, m.by, f"undone by {m.undone_by}" if m.undone_by else "")
        for m in people.merges(district_id=district_id(district))
    ]
    show.table(("merge", "kind", "kept", "alias", "by", ""), rows)


@command.command("domains")
@_FILE
@_DISTRICT
def domains(file: Path, district: str | None) -> None:
    """Set by which attributes rows mean the same person; FILE holds JSON like {"user": [["identifier", "email"]]}."""
    with _told():
        version = decisions.set_domains(
            district_id=district_id(district), content=json_of(file), by=me(), now=clock.now()
        )
    click.echo(f"Domains of uniqueness, version {version}, hold from the next package on.")


@command.command("masters")
@_FILE
@_DISTRICT
def masters(file: Path, district: str | None) -> None:
    """Set whose values stand; FILE holds JSON: {"user": [{"attribute": …, "source": …, "rule": "master"}]}."""
    with _told():
        version = decisions.set_masters(
            district_id=district_id(district), content=json_of(file), by=me(), now=clock.now()
        )
    click.echo(f"Master fields, version {version}, hold now.")


@command.command("schools")
@click.argument("source")
@_FILE
@_DISTRICT
def schools(source: str, file: Path, district: str | None) -> None:
    """Map the schools of SOURCE; FILE holds JSON: {"4711": "no", "4712": GG4L ID of a school that stands}.

    {"4712": {"becomes": GG4L ID, "attributes": "once"}} copies its attributes once; "*" says so of all others.
    """
    id_ = district_id(district)
    with _told():
        version = people.set_schools(district_id=id_, source=source, content=json_of(file), by=me(), now=clock.now())
    click.echo(f"Schools of {source}, version {version}, hold from the next package on.")


@command.command("propose-schools")
@click.argument("source")
@_PACKAGE
@click.option("--write", type=click.Path(path_type=Path, dir_okay=False), help="Write it for `people schools`.")
@_DISTRICT
def propose_schools(source: str, package: Path, write: Path | None, district: str | None) -> None:
    """Say which schools in PACKAGE of SOURCE are probably schools that stand, by number and name. Sets nothing."""
    id_ = district_id(district)
    found = _proposals(id_, _source_id(id_, source), package)
    rows = [(p.key, p.name, p.school or p.becomes or "?", "certain" if p.certain else "", p.reason) for p in found]
    show.table(("id", "name", "becomes", "", "because"), rows)
    if write is not None:
        said = {p.key: p.becomes for p in found if p.becomes and p.open}
        with writing(write):
            write.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
        click.echo(f"Look it over, then: schoolpassport people schools {source} {write}")


@command.command("accept-schools")
@click.argument("source")
@_PACKAGE
@click.argument("take", nargs=-1)
@click.option("--certain", is_flag=True, help="Take whatever number and name agree about.")
@click.option("--decline", multiple=True, metavar="ID", help="It is none of the schools that stand: a new one.")
@click.option("--leave-out", multiple=True, metavar="ID", help="It is not taken, nor what belongs only there.")
@click.option("--once", is_flag=True, help="Copy attributes of these schools once; later changes are not taken.")
@click.option("--rehearse", is_flag=True, help="Only show what the package would do then.")
@_DISTRICT
def accept_schools(source: str, package: Path, take: tuple[str, ...], district: str | None, **said: Any) -> None:  # noqa: ANN401 (click's options, by name)
    """Let schools in PACKAGE of SOURCE become what `propose-schools` says: those named (TAKE), or all certain ones.

    Schools that are not named stay open: they are new if the package comes before somebody decides.
    """
    id_ = district_id(district)
    source_id = _source_id(id_, source)
    found = _proposals(id_, source_id, package)
    decline, leave_out = said["decline"], said["leave_out"]
    if said["certain"]:
        sure = (p.key for p in found if p.certain and p.key not in {*decline, *leave_out})
        take = tuple(dict.fromkeys((*take, *sure)))
    if not (take or decline or leave_out):
        raise click.UsageError("Name schools, or say --certain.")
    with scope.inside(id_):
        held = sources.settings(district_id=id_, source_id=source_id).get("schools")
    with _told():
        content = schooling.accepted(
            held=held, found=found, take=take, decline=decline, leave_out=leave_out, once=said["once"]
        )
        if said["rehearse"]:
            drafts = {"schools": content}
            told = rehearsal.package(
                district_id=id_, source_id=source_id, origin=package, documents=drafts, now=clock.now()
            )
            rehearsing.tell(told, schools=True, as_json=False)
            return
        version = people.set_schools(district_id=id_, source=source, content=content, by=me(), now=clock.now())
    count = len({*take, *decline, *leave_out})
    click.echo(f"{count} decided. Schools of {source}, version {version}, hold from the next package on.")


def _source_id(id_: UUID, name: str) -> UUID:
    with _told(), scope.inside(id_):
        return sources.source(district_id=id_, id_or_name=name).id


def _proposals(id_: UUID, source_id: UUID, package: Path) -> list[schooling.Proposed]:
    try:
        return schooling.propose(district_id=id_, source_id=source_id, origin=package, today=clock.now().date())
    except Unread as unread:
        raise click.ClickException(str(unread)) from unread


@command.command("roles")
@click.argument("number", type=click.Choice(["one", "several"]))
@_DISTRICT
def roles(number: str, district: str | None) -> None:
    """Say whether one person may hold several roles, like a pupil who teaches."""
    content = {"several_roles": number == "several"}
    decisions.set_identity(district_id=district_id(district), content=content, by=me(), now=clock.now())
    click.echo(f"A person holds {number} from the next package on.")

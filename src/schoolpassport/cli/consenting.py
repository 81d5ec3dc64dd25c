"""The long way to a consent, one side after the other: commands of ``schoolpassport consent``."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import click

from schoolpassport.cli import rehearsing, show
from schoolpassport.cli.asking import district_id, json_of, me, writing
from schoolpassport.cli.contents import Asked, contents_of, nothing_else, options, tell_what_breaks
from schoolpassport.kit import clock
from schoolpassport.partners import actions as partners
from schoolpassport.partners import queries
from schoolpassport.sharing import actions, agreements, asking, contents
from schoolpassport.sharing.lifecycle import SIDES, Act, NotAllowed, Side
from schoolpassport.sharing.records import Contents, Proposal
from schoolpassport.sharing.requirements import Requirements
from schoolpassport.sync import told

_DISTRICT = click.option("--district", help="Name or id; not needed when there is only one.")
_AS = click.option(
    "--as", "side", required=True, type=click.Choice([s.value for s in SIDES]), help="Which side is speaking."
)
_TIME = click.DateTime(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"])
_WRONG = (ValueError, LookupError, OSError)


@dataclass(frozen=True)
class _Place:
    district_id: UUID
    integration_id: UUID
    needs: Requirements  # of the application


def _place(application: str, district: str | None) -> _Place:
    id_ = district_id(district)
    app = queries.application(name=application)
    made = partners.integrate(district_id=id_, application_id=app.id, by=me(), now=clock.now())
    return _Place(id_, made.id, asking.of_application(application_id=app.id))


def _meant(place: _Place, act: Act, side: str) -> UUID:
    return agreements.chosen(
        district_id=place.district_id, integration_id=place.integration_id, act=act, side=Side(side)
    )


def _offer(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say what is to be shared, and on which terms."""
    for option in reversed(
        (
            click.option(
                "--contents",
                type=click.Path(exists=True, dir_okay=False, path_type=Path),
                help="All of that as JSON, as `consent show --json` tells it.",
            ),
            click.option("--from", "starts", type=_TIME, help="When it begins; at once when not given."),
            click.option("--until", "expires", type=_TIME, help="When it expires."),
            click.option(
                "--hold",
                multiple=True,
                metavar="TURN=PERCENT",
                help="remove=10: hold a night that would remove more than 10 % of a kind. Also change, add.",
            ),
        )
    ):
        command = option(command)
    return options(command)


def _proposal(place: _Place, given: dict[str, Any]) -> Proposal:
    return Proposal(
        contents=_contents(place, given),
        starts_at=_utc(given["starts"]),
        expires_at=_utc(given["expires"]),
        hold=dict(_limit(each) for each in given["hold"]),
    )


def _contents(place: _Place, given: dict[str, Any]) -> Contents:
    asked = cast("Asked", {name: given[name] for name in Asked.__annotations__})
    if given["contents"] is not None:
        nothing_else("--contents", asked)
        return contents.read(_one(place.district_id, given["contents"]))
    return contents_of(place.district_id, asked, takes=place.needs.takes_masked)


def _one(district_id: UUID, file: Path) -> dict[str, Any]:
    """Of the consents that `consent show --json` lists one, as contents are written."""
    content = json_of(file)
    if not isinstance(content, dict):
        raise NotAllowed(f"{file.name} is no object: write one of those that `consent show --json` lists.")
    own = {name: value for name, value in content.items() if name not in agreements.BESIDE_CONTENTS}
    if isinstance(own.get("schools"), list):
        named = agreements.schools_named(district_id=district_id, names=map(str, own["schools"]))
        own["schools"] = [str(id_) for id_ in named]
    return own


def _limit(text: str) -> tuple[str, int]:
    turn, _, percent = text.partition("=")
    if not percent.isdigit():
        raise NotAllowed(f"“{text}” is no limit; write something like remove=10.")
    return turn, int(percent)


def _utc(at: datetime | None) -> datetime | None:
    return at if at is None or at.tzinfo is not None else at.replace(tzinfo=clock.now().tzinfo)


@click.command("draft")
@click.argument("application")
@_AS
@_DISTRICT
@_offer
def draft(application: str, side: str, district: str | None, **given: Any) -> None:  # noqa: ANN401 (click's options)
    """Draft what could be agreed with APPLICATION; the other side sees it when it is sent."""
    try:
        place = _place(application, district)
        made = actions.draft(
            district_id=place.district_id,
            integration_id=place.integration_id,
            proposal=_proposal(place, given),
            side=Side(side),
            by=me(),
            now=clock.now(),
        )
    except _WRONG as wrong:
        raise click.ClickException(f"{wrong}") from wrong
    click.echo(f"Drafted {made.id}. Send it: schoolpassport consent send “{application}” --as {side}")
    tell_what_breaks(place.needs, made.contents)


@click.command("edit")
@click.argument("application")
@_AS
@_DISTRICT
@_offer
def edit(application: str, side: str, district: str | None, **given: Any) -> None:  # noqa: ANN401 (click's options)
    """Say anew what your draft with APPLICATION would share."""
    try:
        place = _place(application, district)
        id_ = _meant(place, Act.EDIT, side)
        made = actions.edit(
            district_id=place.district_id,
            consent_id=id_,
            proposal=_proposal(place, given),
            side=Side(side),
            by=me(),
            now=clock.now(),
        )
    except _WRONG as wrong:
        raise click.ClickException(f"{wrong}") from wrong
    click.echo(f"{id_} says something else now.")
    tell_what_breaks(place.needs, made.contents)


def _act(name: str, act: Act, says: str, help_: str) -> click.Command:
    """A command that takes one step."""

    @click.command(name, help=help_)
    @click.argument("application")
    @_AS
    @_DISTRICT
    @click.option("--message", default="", help="To the other side.")
    @click.option(
        "--accept",
        multiple=True,
        metavar="SHA256",
        help="Accept the attached terms that have this hash (history shows it).",
    )
    def command(application: str, side: str, district: str | None, message: str, accept: tuple[str, ...]) -> None:
        try:
            place = _place(application, district)
            consent = actions.take(
                district_id=place.district_id,
                consent_id=_meant(place, act, side),
                act=act,
                side=Side(side),
                by=me(),
                now=clock.now(),
                message=message,
                accepting=accept,
            )
        except _WRONG as wrong:
            raise click.ClickException(f"{wrong}") from wrong
        click.echo(says.format(application=application, state=consent.state.replace("_", " ")))
        if act in {Act.SEND, Act.APPROVE}:
            tell_what_breaks(place.needs, consent.contents)

    return command


@click.command("attach")
@click.argument("application")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--terms", is_flag=True, help="Terms that whoever sends or approves must accept.")
@_AS
@_DISTRICT
def attach(application: str, file: Path, side: str, district: str | None, *, terms: bool) -> None:
    """Put FILE to your draft with APPLICATION. It is stored sealed."""
    try:
        place = _place(application, district)
        document = actions.attach(
            district_id=place.district_id,
            consent_id=_meant(place, Act.EDIT, side),
            name=file.name,
            content=file.read_bytes(),
            is_terms=terms,
            side=Side(side),
            by=me(),
            now=clock.now(),
        )
    except _WRONG as wrong:
        raise click.ClickException(f"{wrong}") from wrong
    click.echo(f"{document.name}: {document.size:,} bytes, SHA-256 {document.sha256}")


@click.command("document")
@click.argument("consent", type=click.UUID)
@click.argument("name")
@click.option("--into", required=True, type=click.Path(exists=False, path_type=Path), help="Where to put it.")
@_DISTRICT
def document(consent: UUID, name: str, into: Path, district: str | None) -> None:
    """Take the document NAME out of a consent."""
    try:
        content = agreements.document(district_id=district_id(district), consent_id=consent, name=name)
        with writing(into), into.open("xb") as file:
            file.write(content)
    except _WRONG as wrong:
        raise click.ClickException(f"{wrong}") from wrong
    click.echo(f"{into}: {len(content):,} bytes")


@click.command("history")
@click.argument("consent", type=click.UUID)
@_DISTRICT
@click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
def history(consent: UUID, district: str | None, *, as_json: bool) -> None:
    """Every step of a consent: who did what, when, and what was said."""
    try:
        found = agreements.history(district_id=district_id(district), consent_id=consent)
    except LookupError as unknown:
        raise click.ClickException(str(unknown)) from unknown
    names = ("number", "act", "side", "became", "at", "by", "message")
    rows = [{name: getattr(step, name) for name in names} for step in found.steps]
    documents = [{"name": d.name, "sha256": d.sha256, "size": d.size, "terms": d.is_terms} for d in found.documents]
    if as_json:
        show.as_json({"state": found.consent.state, "steps": rows, "documents": documents, "receipts": found.receipts})
        return
    show.table(names, [tuple(row.values()) for row in rows])
    for each in documents:
        click.echo(f"{'terms' if each['terms'] else 'attached'}: {each['name']}, SHA-256 {each['sha256']}")


@click.command("preview")
@click.argument("application")
@click.option("--consent", type=click.UUID, help="A consent that was drafted or sent. None: what the options say.")
@click.option("--nothing", is_flag=True, help="If nothing were shared any more.")
@click.option("--by-school", "schools_too", is_flag=True, help="By school, too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
@_DISTRICT
@_offer
def preview(
    application: str,
    consent: UUID | None,
    district: str | None,
    *,
    nothing: bool,
    schools_too: bool,
    as_json: bool,
    **given: Any,  # noqa: ANN401 (click's options)
) -> None:
    """What APPLICATION would lose, gain and see changed; nothing is agreed."""
    try:
        place = _place(application, district)
        would = _imagined(place, given, consent=consent, nothing=nothing)
        found = actions.preview(
            district_id=place.district_id, integration_id=place.integration_id, contents=would, now=clock.now()
        )
        rows = told.reached(found, names=agreements.school_names(district_id=place.district_id))
    except _WRONG as wrong:
        raise click.ClickException(f"{wrong}") from wrong
    if as_json:
        show.as_json(rows)
        return
    if not rows:
        click.echo(f"Nothing would be different for {application}.")
    rehearsing.tell_reach(rows, schools=schools_too, of=f"What {application} would see:")
    click.echo("\nNothing was changed.")


def _imagined(place: _Place, given: dict[str, Any], *, consent: UUID | None, nothing: bool) -> Contents | None:
    if nothing:
        nothing_else("--nothing", {**given, "consent": consent})
        return None
    if consent is None:
        return _contents(place, given)
    nothing_else("--consent", given)
    return agreements.contents_of(
        district_id=place.district_id, integration_id=place.integration_id, consent_id=consent
    )


@click.command("release")
@click.argument("application")
@_DISTRICT
def release(application: str, district: str | None) -> None:
    """Let a publication to APPLICATION go that was held, because it exceeds the limits of its consent."""
    try:
        place = _place(application, district)
        changes = actions.release(
            district_id=place.district_id, integration_id=place.integration_id, by=me(), now=clock.now()
        )
    except _WRONG as wrong:
        raise click.ClickException(f"{wrong}") from wrong
    click.echo(f"{application} sees {changes:,} changes now.")


@click.command("unused")
@_DISTRICT
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 3650), help="How long to look back.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line, for scripts.")
def unused(district: str | None, days: int, *, as_json: bool) -> None:
    """What is shared, and was not read for so many days: a hint where to share less."""
    found = agreements.unused(district_id=district_id(district), days=days, now=clock.now())
    if as_json:
        show.as_json(
            [
                {
                    "application": u.application,
                    "consent": u.consent_id,
                    "watched_days": u.watched.days,
                    "kinds": u.kinds,
                    "attributes": u.attributes,
                    "schools": {str(id_): name for id_, name in u.schools.items()},
                }
                for u in found
            ]
        )
        return
    for each in found:
        click.secho(f"{each.application}, watched for {each.watched.days} days", bold=True)
        if each.is_nothing:
            click.echo("  reads all that it is shared.")
        for kind in each.kinds:
            click.echo(f"  never read: {kind}")
        for kind, names in each.attributes.items():
            click.echo(f"  never asked for: {', '.join(f'{kind}.{name}' for name in names)}")
        if each.schools:
            click.echo(f"  no record of: {', '.join(each.schools.values())}")


ACTS = (
    _act("send", Act.SEND, "Sent to the other side.", "Let the other side see your draft with APPLICATION."),
    _act("withdraw", Act.WITHDRAW, "Withdrawn.", "Take back what you drafted for APPLICATION, or sent."),
    _act("approve", Act.APPROVE, "Approved; it is {state}.", "Agree to what the other side sent for APPLICATION."),
    _act("reject", Act.REJECT, "Rejected.", "Say no to what the other side sent for APPLICATION."),
    _act(
        "ask", Act.REQUEST_CHANGES, "Asked for changes.", "Ask the other side to change what it sent for APPLICATION."
    ),
    _act("suspend", Act.SUSPEND, "{application} is served nothing for now.", "Stop serving APPLICATION for a while."),
    _act("resume", Act.RESUME, "The consent is {state}.", "Go on serving APPLICATION: whatever it missed comes now."),
    _act(
        "end", Act.REVOKE, "{application} sees nothing of the district any more.", "End the consent, for either side."
    ),
)
COMMANDS = (draft, edit, *ACTS, attach, document, history, preview, release, unused)

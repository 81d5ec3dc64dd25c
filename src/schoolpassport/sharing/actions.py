"""Consents, and the views that follow them."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import OperationalError, transaction
from psycopg.errors import LockNotAvailable

from schoolpassport.audit import actions as audit
from schoolpassport.gradebook import actions as gradebook
from schoolpassport.gradebook.records import Said
from schoolpassport.kit import news
from schoolpassport.kit.resealing import Resealed
from schoolpassport.partners import queries as partners_queries
from schoolpassport.roster import queries as roster
from schoolpassport.sharing import (
    abreast,
    asking,
    effects,
    manifests,
    publishing,
    reaching,
    readings,
    receipts,
    revealing,
    steps,
    writing,
)
from schoolpassport.sharing import contents as judging
from schoolpassport.sharing import requirements as demands
from schoolpassport.sharing.contract import ConsentAgreed, ConsentEnds, ConsentMoved, ViewHeld
from schoolpassport.sharing.lifecycle import IN_FORCE, PENDING, Act, ConsentState, NotAllowed, Side
from schoolpassport.sharing.models import Consent, DataRequirements, Document, View
from schoolpassport.sharing.records import Busy, Contents, Handed, Proposal
from schoolpassport.sharing.requirements import Requirements
from schoolpassport.sharing.revealing import Meant
from schoolpassport.sync.contract import Followed, Reach
from schoolpassport.tenancy import actions as tenancy
from schoolpassport.tenancy import queries as districts
from schoolpassport.tenancy import scope

FORETOLD: Final = timedelta(days=30)
"""For so long before its end a consent is told to end."""

_BY_ITSELF = "sharing"
_HUNDRED = 100
_ABREAST = 8  # views at most; each holds hundreds of locks, and PostgreSQL has a table of 6,400 for everybody


log = logging.getLogger(__name__)


class NotASchool(ValueError):
    """A consent names something that is no org of the district."""


class UnknownConsent(LookupError):
    """The district has no such consent."""


class AddedUpLater(Exception):
    """What a view adds up to is being worked out by a worker; ask again."""


class NotHeld(LookupError):
    """There is nothing to release."""


def agree(
    *,
    district_id: UUID,
    integration_id: UUID,
    contents: Contents,
    expires_at: datetime | None = None,
    by: str,
    now: datetime,
) -> Consent:
    """The short way, for whoever may speak for both sides: drafted, sent, approved and begun in one transaction.

    Another consent of the integration in force is replaced. What the application may no longer see becomes
    ``tobedeleted`` at once, and pages pinned to older revisions are not served any more. Raises
    ``contents.NotShareable``, ``NotASchool``, ``NotAllowed`` (also where the application does not work so), and
    ``ValueError`` for unknown attributes.
    """
    proposal = _judged(Proposal(contents=contents, expires_at=expires_at), now=now)
    with scope.inside(district_id):
        _know_schools(district_id, proposal.contents.schools)
        _can_work(district_id, integration_id, proposal.contents)
        _nothing_pending(steps.locked(district_id=district_id, integration_id=integration_id), Side.DISTRICT)
        consent = steps.draft(
            district_id=district_id,
            integration_id=integration_id,
            proposal=proposal,
            side=Side.DISTRICT,
            by=by,
            now=now,
        )
        steps.take(consent, Act.SEND, side=Side.DISTRICT, by=by, now=now)
        steps.take(consent, Act.APPROVE, side=Side.PARTNER, by=by, now=now)
        moved = effects.follow(consent, Act.APPROVE, by=by, now=now)
        told = ConsentAgreed(district_id=district_id, integration_id=integration_id, consent_id=consent.id, now=now)
        news.announce(told)
    _refresh(moved)
    return consent


def revoke(*, district_id: UUID, integration_id: UUID, by: str, now: datetime) -> None:
    """End the consent in force, for the district. Everything in its view becomes ``tobedeleted`` in one transaction."""
    with scope.inside(district_id):
        mine = steps.locked(district_id=district_id, integration_id=integration_id)
        consent = next((c for c in mine if c.state in IN_FORCE), None)
        if consent is None:
            return
        was = consent.state
        steps.take(consent, Act.REVOKE, side=Side.DISTRICT, by=by, now=now)
        moved = effects.follow(consent, Act.REVOKE, by=by, now=now)
        _announce(consent, was, Act.REVOKE, Side.DISTRICT, now)
    _refresh(moved)


def draft(
    *, district_id: UUID, integration_id: UUID, proposal: Proposal, side: Side, by: str, now: datetime
) -> Consent:
    """What one side would like to agree; nobody else sees it, and nothing comes of it, until it is sent.

    One that takes the place of a consent in force is drafted the same way: until both sides agree to it and its day
    has come, the old one holds. Raises the same as ``agree``.
    """
    judged = _judged(proposal, now=now)
    with scope.inside(district_id):
        _know_schools(district_id, judged.contents.schools)
        _nothing_pending(steps.locked(district_id=district_id, integration_id=integration_id), side)
        return steps.draft(
            district_id=district_id, integration_id=integration_id, proposal=judged, side=side, by=by, now=now
        )


def edit(*, district_id: UUID, consent_id: UUID, proposal: Proposal, side: Side, by: str, now: datetime) -> Consent:
    """Other contents in a draft, or in one of which the other side wants changes. Raises the same as ``agree``."""
    judged = _judged(proposal, now=now)
    with scope.inside(district_id):
        _know_schools(district_id, judged.contents.schools)
        consent = _locked(district_id, consent_id)
        steps.edit(consent, proposal=judged, side=side, by=by, now=now)
    return consent


def take(
    *,
    district_id: UUID,
    consent_id: UUID,
    act: Act,
    side: Side,
    by: str,
    now: datetime,
    message: str = "",
    accepting: Sequence[str] = (),
) -> Consent:
    """One step in a consent's life, and what it does to the view, in one transaction. Raises ``NotAllowed``.

    What the application requires cannot be withheld: a consent that does so is neither sent nor approved.
    ``message`` is for the other side. ``accepting``: the SHA-256 of the attached terms, which sending and approving
    accept. Approved, a consent begins at once if its first day has come; else when it does.
    """
    with scope.inside(district_id):
        consent = _locked(district_id, consent_id)
        if act in {Act.SEND, Act.APPROVE}:
            _can_work(district_id, consent.integration_id, consent.contents)
        was = consent.state
        steps.take(consent, act, side=side, by=by, now=now, message=message, accepting=accepting)
        moved = effects.follow(consent, act, by=by, now=now)
        _announce(consent, was, act, side, now)
    _refresh(moved)
    return consent


def attend(*, now: datetime) -> int:
    """Begin and end what is due, in every district, each in its own transaction. Returns how many.

    Where it cannot be done in one district, it is tried again with the next call, and the others go on.
    """
    done = 0
    for district in districts.districts():
        try:
            done += _attend(district_id=district.id, now=now)
        except Exception:
            log.exception("consents of district %s that are due could not be attended to", district.id)
    return done


def write(*, district_id: UUID, integration_id: UUID, said: Sequence[Said], by: str, now: datetime) -> frozenset[UUID]:
    """Keep records of one kind that an application wrote, and show them, in one transaction; all or none.

    Returns which of them are new. Raises ``gradebook.records.Unwritable``, ``NothingShared`` for whoever may not
    write, and ``Busy``.
    """
    with _patience(), scope.inside(district_id):
        hand = writing.hand_of(district_id=district_id, integration_id=integration_id, kind=said[0].kind, now=now)
        return writing.put(hand, said, by=by, now=now)


def erase(*, district_id: UUID, integration_id: UUID, kind: str, record_id: UUID, by: str, now: datetime) -> None:
    """Mark a record that the application wrote as deleted. Raises ``NotYours``, ``Unknown``, and as ``write`` does."""
    with _patience(), scope.inside(district_id):
        hand = writing.hand_of(district_id=district_id, integration_id=integration_id, kind=kind, now=now)
        writing.delete(hand, kind, record_id, by=by, now=now)


@contextmanager
def _patience() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            raise Busy("The view is being published; send it again.") from error
        raise


def show_grades(*, district_id: UUID, writer_id: UUID, reader_id: UUID, by: str, now: datetime) -> None:
    """Let one application see what another one writes, as far as its own consent goes. Raises ``ValueError``."""
    if writer_id == reader_id:
        raise ValueError("An application sees what it wrote itself in any case.")
    _decide_audience(gradebook.show, district_id, writer_id, reader_id, by, now)


def hide_grades(*, district_id: UUID, writer_id: UUID, reader_id: UUID, by: str, now: datetime) -> None:
    """No more of it; what the other one was shown becomes ``tobedeleted`` at once."""
    _decide_audience(gradebook.hide, district_id, writer_id, reader_id, by, now)


def _decide_audience(
    decide: Callable[..., None], district_id: UUID, writer_id: UUID, reader_id: UUID, by: str, now: datetime
) -> None:
    """The reader's view is made anew under what holds now, as when a consent changes."""
    moved = None
    with scope.inside(district_id):
        # Whoever writes holds its own view.
        views = View.objects.select_for_update().filter(
            district_id=district_id, integration_id__in=(writer_id, reader_id)
        )
        reader = {view.integration_id: view for view in views.order_by("number")}.get(reader_id)
        decide(district_id=district_id, writer_id=writer_id, reader_id=reader_id, by=by, now=now)
        if reader is not None:
            reader.projected_consent_id = None
            reader.save(update_fields=["projected_consent_id"])
            consent = effects.governing(reader)
            if consent.state == ConsentState.ACTIVE:
                moved = effects.publish(reader, consent, now)
    _refresh(moved)


def preview(
    *, district_id: UUID, integration_id: UUID, contents: Contents | None, now: datetime, examples: int = 5
) -> list[Reach]:
    """What the application would lose, gain and see changed if this were in force instead; nothing is agreed.

    ``contents`` None: if nothing were shared any more. What the roster has changed meanwhile is not counted. Raises the
    same as ``agree``.
    """
    would = None if contents is None else judging.checked(contents)
    found: list[Reach] = []
    with scope.undone(district_id):
        _know_schools(district_id, None if would is None else would.schools)
        names = partners_queries.names_of_integrations(district_id=district_id)
        candidate = steps.imagined(district_id=district_id, integration_id=integration_id, contents=would)
        view = effects.view_of(candidate)
        if view.revision and effects.lags(view):
            publishing.move(view=view, consent=effects.governing(view), now=now)
        view.consent_id, seen = candidate.id, view.roster_revision
        if publishing.move(view=view, consent=candidate, now=now).changes:
            name = names[integration_id]
            found = reaching.of_last_revision(view, seen=seen, application=name, examples=examples)
    return found


def attach(
    *,
    district_id: UUID,
    consent_id: UUID,
    name: str,
    content: bytes,
    is_terms: bool,
    side: Side,
    by: str,
    now: datetime,
) -> Document:
    """Put a file to a consent while its author may edit it; what is stored of it is sealed. Raises ``NotAllowed``."""
    with scope.inside(district_id):
        consent = _locked(district_id, consent_id)
        return steps.attach(consent, name=name, content=content, is_terms=is_terms, side=side, by=by, now=now)


def note_delivery(
    *,
    district_id: UUID,
    integration_id: UUID,
    revision: int,
    handed: Iterable[Handed],
    outlet: str,
    caller: bytes = b"",
    now: datetime,
) -> None:
    """Write down what of its view, as of a revision, an application was handed.

    In the scope and transaction of whoever hands it over; readers note what they answer by themselves.
    """
    with scope.inside(district_id):
        for each in handed:
            line = readings.Line(
                district=district_id,
                integration=integration_id,
                kind=each.kind,
                hour=readings.hour(now),
                revision=revision,
                caller=caller,
                outlet=outlet,
                subset="",
                school=readings.WHOLE,
                part=each.is_part,
            )
            added = readings.Added(now, now, 1, each.records, each.records, set(each.attributes))
            readings.write(line, added)


def rotate_signing_key(*, by: str, now: datetime) -> str:
    """From now on another key signs receipts; the old one stays published. Returns the new one's name."""
    with transaction.atomic():
        old = receipts.current_key(now=now)
        old.retired_at = now
        old.save(update_fields=["retired_at"])
        new = receipts.make_key(now=now)
        for district in districts.districts():
            with scope.inside(district.id):
                audit.note(district_id=district.id, act="sharing:signing_key:rotate", about=new.kid, by=by, now=now)
    return new.kid


def reseal_documents(*, district_id: UUID) -> Resealed:
    """Seal a district's documents with the newest master key (``partners.contract.DistrictKeeper``)."""
    return steps.reseal_documents(district_id=district_id)


def reseal_signing_keys() -> Resealed:
    """The same for the installation's own keys (``partners.contract.keepers``)."""
    return receipts.reseal_keys()


def publish(*, district_id: UUID, view_number: int, now: datetime) -> int:
    """Move one view to the roster's current revision, and to what its application requires now.

    Nothing to do when it is there. Returns the changes. A suspended view stays where it is. One that would change by
    more than its consent allows is held for a person.
    """
    with scope.inside(district_id):
        view = View.objects.select_for_update().get(district_id=district_id, number=view_number)
        consent = effects.governing(view)
        if not effects.lags(view) or consent.state == ConsentState.SUSPENDED:
            return 0
        moved = _carefully(view, consent, now)
    _refresh(moved)
    return moved.changes if moved else 0


def release(*, district_id: UUID, integration_id: UUID, by: str, now: datetime) -> int:
    """Let a view that is held change after all. Returns the changes; raises ``NotHeld``."""
    with scope.inside(district_id):
        view = effects.of_integration(district_id=district_id, integration_id=integration_id)
        consent = effects.governing(view) if view else None
        if view is None or consent is None or view.held is None or consent.state != ConsentState.ACTIVE:
            raise NotHeld("No publication to this application is held.")
        facts = {"integration": str(integration_id), "held": view.held}
        audit.note(
            district_id=district_id, act="sharing:view:release", about=str(view.number), by=by, now=now, facts=facts
        )
        moved = effects.publish(view, consent, now)
    _refresh(moved)
    return moved.changes


def follow(*, district_id: UUID, now: datetime) -> list[Followed]:
    """Every view that lags behind the roster, each in its own transaction (``sync.contract.Follower``).

    Several at once. One that cannot be published keeps no other from it; then its error is raised.
    """
    _attend(district_id=district_id, now=now)
    with scope.inside(district_id):
        lagging = [v for v in View.objects.filter(district_id=district_id).order_by("number") if effects.lags(v)]
    numbers = {f"view {view.number}": view.number for view in lagging}

    def follow_one(name: str) -> Followed:
        return Followed(name=name, changes=publish(district_id=district_id, view_number=numbers[name], now=now))

    return abreast.each(follow_one, list(numbers), threads=min(settings.ENVIRONMENT.sync_threads, _ABREAST))


def foretell(*, district_id: UUID, now: datetime, examples: int) -> list[Reach]:
    """What each application would lose, gain and see changed by what lies before it (``sync.contract.Previewer``)."""
    found: list[Reach] = []
    with scope.inside(district_id):
        current = roster.current_revision(district_id=district_id)
        names = partners_queries.names_of_integrations(district_id=district_id)
        for view in View.objects.select_for_update().filter(district_id=district_id).order_by("number"):
            seen, consent = view.roster_revision, effects.governing(view)
            if seen == current or consent.state == ConsentState.SUSPENDED:
                continue
            if publishing.move(view=view, consent=consent, now=now).changes:
                name = names.get(view.integration_id, str(view.integration_id))
                found += reaching.of_last_revision(view, seen=seen, application=name, examples=examples)
    return found


def _know_schools(district_id: UUID, schools: Sequence[UUID] | None) -> None:
    known = roster.known_ids(district_id=district_id, kind="org", ids=schools or ())
    if missing := [str(s) for s in schools or () if s not in known]:
        raise NotASchool(f"No org of this district: {', '.join(missing)}.")


def require(*, application_id: UUID, content: object, by: str, now: datetime) -> Requirements:
    """Say what an application needs of the data, in place of what it said before.

    Takes effect in each district with its next publication. Raises ``requirements.NotRequirable`` and, for an unknown
    application, ``LookupError``.
    """
    application = next((a for a in partners_queries.applications() if a.id == application_id), None)
    if application is None:
        raise LookupError(f"There is no application {application_id}.")
    judged = demands.read(content)
    with scope.as_partner(application.partner_id), scope.inside(application.partner_id):
        said = DataRequirements.objects.select_for_update().filter(application_id=application_id)
        newest = said.order_by("-number").first()
        number = (newest.number if newest else 0) + 1
        DataRequirements.objects.create(
            application_id=application_id, number=number, content=demands.written(judged), set_at=now
        )
        audit.note(
            district_id=application.partner_id,
            act="sharing:requirements:set",
            about=f"application:{application_id}",
            by=by,
            now=now,
            facts={"number": number, **demands.written(judged)},
        )
    return replace(judged, number=number)


def reveal(*, district_id: UUID, integration_id: UUID, pseudonym: str, by: str, now: datetime) -> list[Meant]:
    """Whose a pseudonym is that the application was shown, now or ever; each look has its line in the ledger."""
    with scope.inside(district_id):
        found = revealing.whose(district_id=district_id, integration_id=integration_id, pseudonym=pseudonym, now=now)
        audit.note(
            district_id=district_id,
            act="sharing:pseudonym:reveal",
            about=f"integration:{integration_id}",
            by=by,
            now=now,
            facts={"found": [f"{m.attribute} {m.id}" for m in found]},
        )
    return found


def _judged(proposal: Proposal, *, now: datetime) -> Proposal:
    starts, expires = proposal.starts_at, proposal.expires_at
    if expires is not None and expires <= max(now, starts or now):
        raise NotAllowed(f"It would expire on {expires:%Y-%m-%d %H:%M}, before it could begin; choose a later day.")
    for turn, limit in proposal.hold.items():
        if turn not in {"remove", "change", "add"} or not 0 <= limit <= _HUNDRED:
            raise NotAllowed(f"“{turn}: {limit}” is no limit; write remove, change or add, and 0 to 100 per cent.")
    return replace(proposal, contents=judging.checked(proposal.contents))


def _can_work(district_id: UUID, integration_id: UUID, contents: Contents) -> None:
    needs = asking.of_integration(district_id=district_id, integration_id=integration_id)
    if stops := [each.sentence for each in demands.broken(needs, contents) if each.stops]:
        raise NotAllowed(
            f"The application does not work so. {' '.join(stops)} Share it as it is needed, or let the application "
            "require less."
        )


def _nothing_pending(consents: list[Consent], side: Side) -> None:
    for each in consents:
        if each.state in PENDING and each.author == side:
            raise NotAllowed(
                f"There is a consent of the {side} already that is {each.state.replace('_', ' ')} ({each.id}); "
                "edit that one, or withdraw it first."
            )


def _locked(district_id: UUID, consent_id: UUID) -> Consent:
    """The consent, and with it all others of its integration, until the transaction ends."""
    found = Consent.objects.filter(district_id=district_id, id=consent_id).first()
    if found is None:
        raise UnknownConsent(f"The district has no consent {consent_id}.")
    mine = steps.locked(district_id=district_id, integration_id=found.integration_id)
    return next(c for c in mine if c.id == consent_id)


def _attend(*, district_id: UUID, now: datetime) -> int:
    with scope.inside(district_id):
        due = [c.id for c in steps.due(district_id=district_id, now=now)]
    for consent_id in due:
        with scope.inside(district_id):
            consent = _locked(district_id, consent_id)
            act = steps.due_act(consent, now=now)
            moved = None
            if act is Act.BEGIN:
                moved = effects.begin(consent, by=_BY_ITSELF, now=now)
            elif act is Act.EXPIRE:
                was = consent.state
                steps.take(consent, act, side=Side.HOUSE, by=_BY_ITSELF, now=now)
                moved = effects.follow(consent, act, by=_BY_ITSELF, now=now)
                _announce(consent, was, act, Side.HOUSE, now)
        _refresh(moved)
    return len(due)


def foretell_ends(*, now: datetime) -> None:
    """Which consents end within a month, of all districts; may be called any number of times."""
    for district in districts.districts():
        with scope.inside(district.id):
            ending = Consent.objects.filter(
                district_id=district.id, state__in=IN_FORCE, expires_at__gt=now, expires_at__lte=now + FORETOLD
            )
            found = ending.order_by("id").values_list("id", "integration_id", "expires_at")
            for consent_id, integration_id, at in found:
                told = ConsentEnds(
                    district_id=district.id, integration_id=integration_id, consent_id=consent_id, at=at or now, now=now
                )
                news.announce(told)


def _announce(consent: Consent, was: str, act: Act, side: Side, now: datetime) -> None:
    told = ConsentMoved(
        district_id=consent.district_id,
        integration_id=consent.integration_id,
        consent_id=consent.id,
        was=was,
        act=act,
        side=side,
        became=consent.state,
        now=now,
    )
    news.announce(told)


class _TooMuch(Exception):
    """A publication exceeds the limits of its consent: it must not have happened."""

    def __init__(self, shares: dict[str, dict[str, int]]) -> None:
        super().__init__()
        self.shares = shares


def _carefully(view: View, consent: Consent, now: datetime) -> publishing.Moved | None:
    """Publish, unless that would change more than the consent lets happen by itself: then it is as if it never ran."""
    if not consent.hold or view.revision == 0 or consent.state != ConsentState.ACTIVE:
        return effects.publish(view, consent, now)
    was = view.held
    try:
        with transaction.atomic():
            moved = effects.publish(view, consent, now)
            if moved.changes:
                _not_too_much(view, consent)
    except _TooMuch as too_much:
        view.refresh_from_db()
        view.held, view.held_at = too_much.shares, view.held_at or now
        view.save(update_fields=["held", "held_at"])
        if was != too_much.shares:
            facts = {"integration": str(view.integration_id), "held": too_much.shares}
            audit.note(
                district_id=view.district_id,
                act="sharing:view:hold",
                about=str(view.number),
                by=_BY_ITSELF,
                now=now,
                facts=facts,
            )
            held = ViewHeld(
                district_id=view.district_id, integration_id=view.integration_id, since=view.held_at, now=now
            )
            news.announce(held)
        return None
    return moved


def _not_too_much(view: View, consent: Consent) -> None:
    if shares := effects.too_much(view, consent):
        raise _TooMuch(shares)


def _refresh(moved: publishing.Moved | None) -> None:
    """After the transaction: the planner learns what the tables look like now."""
    if moved is not None and moved.reshaped and moved.changes:
        tenancy.refresh_statistics(moved.reshaped)


def check_added_up(*, district_id: UUID, place: manifests.Place, kinds: Iterable[str]) -> None:
    """Raises ``AddedUpLater``, and has a worker do it, where the sums of a place are too much to wait for."""
    from schoolpassport.sharing import tasks  # noqa: PLC0415 (tasks call actions)

    wanted = tuple(kinds)
    with scope.inside(district_id):
        owed = manifests.owed(district_id=district_id, place=place, kinds=wanted)
    if owed > manifests.AT_ONCE:
        tasks.defer_add_up(district_id=district_id, view=place.view, kinds=wanted)
        raise AddedUpLater


def add_up(*, district_id: UUID, view: int, kinds: Iterable[str]) -> None:
    with scope.inside(district_id):
        manifests.add_up(district_id=district_id, view=view, kinds=kinds)

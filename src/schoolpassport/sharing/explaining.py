"""Why an application can or cannot see a person: the whole way from the source's row to the last reading, in order.

The first place on the way that stops is the reason. No values of the person are told, only ids, places and rules.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from schoolpassport.kit import conditions
from schoolpassport.kit.conditions import POSTGRESQL, Tree
from schoolpassport.partners import queries as partners
from schoolpassport.quality import queries as quality
from schoolpassport.quality.assessment import column_of
from schoolpassport.roster import queries as roster
from schoolpassport.roster.kinds import KINDS
from schoolpassport.roster.models import OPEN
from schoolpassport.sharing.asking import of_integration as requirements_of
from schoolpassport.sharing.lifecycle import PENDING, ConsentState, is_past
from schoolpassport.sharing.models import Consent, View, ViewRevision
from schoolpassport.sharing.projection import Terms, blank
from schoolpassport.sharing.publishing import terms_of
from schoolpassport.sync import people

_KIND = "user"
_ALWAYS = "role"  # an attribute that every person has: where it comes from is where the person comes from


@dataclass(frozen=True)
class Place:
    """One place on the way. ``passed`` None: it only tells; False: what comes from above stops here."""

    name: str
    sentence: str
    passed: bool | None = None


@dataclass(frozen=True)
class Explained:
    """``sees`` and the sentence are the verdict; ``way`` is how it comes about, from the source to the reader."""

    sees: bool
    sentence: str
    way: tuple[Place, ...]


@dataclass(frozen=True)
class _Asked:
    district_id: UUID
    integration_id: UUID
    id: UUID
    now: datetime

    @property
    def place(self) -> dict[str, UUID]:
        return {"district_id": self.district_id, "integration_id": self.integration_id}


def explain(*, district_id: UUID, integration_id: UUID, id: UUID, now: datetime) -> Explained:  # noqa: A002 (the column's name)
    """In the caller's scope. ``id``: a GG4L ID, also one that was merged into another."""
    name = partners.names_of_integrations(district_id=district_id)[integration_id]
    meant = roster.resolve(district_id=district_id, kind=_KIND, id=id)
    asked = _Asked(district_id, integration_id, meant, now)
    way = list(_before_the_roster(asked, was=id))
    record = roster.record(district_id=district_id, kind=_KIND, id=meant)
    if record is not None:
        way += [*_in_the_roster(record), *_by_the_consent(asked, record), *_in_the_view(asked), *_read(asked)]
    stopped = next((place for place in way if place.passed is False), None)
    if stopped is None:
        return Explained(sees=True, sentence=f"{name} can see this person.", way=tuple(way))
    reason = stopped.sentence[0].lower() + stopped.sentence[1:]
    return Explained(sees=False, sentence=f"{name} cannot see this person: {reason}", way=tuple(way))


def _before_the_roster(asked: _Asked, *, was: UUID) -> Iterator[Place]:
    if was != asked.id:
        yield Place("link", f"{was} was merged into {asked.id}, which stands for it now.")
    why = people.why(district_id=asked.district_id, kind=_KIND, id=asked.id, attribute=_ALWAYS)
    if why is None:
        yield Place("source", "No source has ever told of a person with this id.", passed=False)
        return
    line = f" line {why.lineage.line}" if why.lineage.line else ""
    came = f"{why.source}, {why.file}{line}, run {why.run}" if why.run is not None else why.lineage.cause
    yield Place("source", f"Last told by {came}, in revision {why.lineage.revision} ({why.lineage.at:%Y-%m-%d %H:%M}).")
    settings = ", ".join(f"{subject} version {n}" for subject, n in sorted((why.settings or {}).items()))
    yield Place("transforms", f"Read by the settings {settings}." if settings else "Read as it came, without settings.")
    for found in quality.standing(district_id=asked.district_id, record_id=asked.id):
        yield Place("rules", f"{found.severity}: {found.rule} ({found.kind}).")
    for claim in why.lineage.claims:
        source = why.names.get(claim.source_id, str(claim.source_id))
        yield Place("link", f"{source} calls this person “{claim.key}” ({claim.rule}).")


def _in_the_roster(record: dict[str, Any]) -> Iterator[Place]:
    stands = record["status"] == "active"
    sentence = "Stands in the roster." if stands else "The person is not in the roster any more; no source has them."
    yield Place("roster", sentence, passed=stands)


def _by_the_consent(asked: _Asked, record: dict[str, Any]) -> Iterator[Place]:
    mine = Consent.objects.filter(district_id=asked.district_id, integration_id=asked.integration_id)
    view = View.objects.filter(district_id=asked.district_id, integration_id=asked.integration_id).first()
    if view is None:
        pending = next((c for c in mine if c.state in PENDING), None)
        also = f"; one is {pending.state.replace('_', ' ')}" if pending else ""
        yield Place("consent", f"There is no consent that has begun{also}.", passed=False)
        return
    consent = mine.get(id=view.consent_id)
    yield _in_force(consent, asked.now)
    shared = consent.contents
    yield _kinds(_KIND in shared.attributes)
    yield _schools(asked, consent, record)
    where = shared.filters.get(_KIND)
    if where is not None:
        yield _filter(asked, where)
    if _KIND in shared.attributes:
        yield from _needs(asked, terms_of(view, consent.served, requirements_of(**asked.place)))
    masks = ", ".join(f"{key} by {mask}" for key, mask in shared.masks.items() if key.startswith(f"{_KIND}."))
    yield Place("mask", f"Masked: {masks}." if masks else "Nothing of people is masked.")


def _in_force(consent: Consent, now: datetime) -> Place:
    if consent.state == ConsentState.SUSPENDED:
        who = " and the ".join(consent.suspended_by)
        return Place("consent", f"The consent is suspended by the {who}.", passed=False)
    if is_past(expires=consent.expires_at, now=now):
        return Place("consent", f"The consent expired on {consent.expires_at:%Y-%m-%d %H:%M}.", passed=False)
    if consent.state != ConsentState.ACTIVE:
        return Place("consent", f"The consent was {consent.state} on {consent.ended_at:%Y-%m-%d %H:%M}.", passed=False)
    return Place("consent", f"In force since {consent.begun_at:%Y-%m-%d %H:%M} ({consent.id}).", passed=True)


def _kinds(shared: bool) -> Place:  # noqa: FBT001 (what is asked is a yes or no)
    sentence = "The consent shares people." if shared else "The consent shares no people (the kind user)."
    return Place("kinds", sentence, passed=shared)


def _schools(asked: _Asked, consent: Consent, record: dict[str, Any]) -> Place:
    """Any school of a consent brings what stands above it."""
    if consent.schools is None:
        return Place("schools", "The whole district is shared.", passed=True)
    orgs = {o["id"]: o for o in roster.records(district_id=asked.district_id, kind="org")}
    shown: set[UUID] = set()
    for school in consent.schools:
        here: UUID | None = school
        while here is not None and here not in shown:
            shown.add(here)
            here = orgs[here]["parent_id"] if here in orgs else None
    mine = [o for o in record["orgs"] or () if o in shown]
    if not mine:
        return Place("schools", "The person belongs to none of the schools that are shared.", passed=False)
    names = ", ".join(sorted(orgs[o]["name"] for o in mine if o in orgs))
    return Place("schools", f"Belongs to what is shared: {names}.", passed=True)


def _filter(asked: _Asked, where: Tree) -> Place:
    condition = conditions.sql(where, column=column_of(KINDS[_KIND]), dialect=POSTGRESQL).replace("%", "%%")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT EXISTS (SELECT FROM roster_user r WHERE r.district_id = %(d)s AND r.id = %(id)s "
            f"AND r.rev_to = {OPEN} AND {condition})",
            {"d": asked.district_id, "id": asked.id},
        )
        passed = bool(cursor.fetchone()[0])
    words = "lets the person through" if passed else "does not let the person through"
    return Place("filter", f"The consent's filter of people {words}.", passed=passed)


def _needs(asked: _Asked, terms: Terms) -> Iterator[Place]:
    """What the application wants nobody without, as far as the consent shows it."""
    kind = KINDS[_KIND]
    needed = [name for name in terms.skips[_KIND] if terms.shows(kind, name)]
    if not needed:
        return
    lacks = ", ".join(blank(kind[name]) for name in needed)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {lacks} FROM roster_user r WHERE r.district_id = %s AND r.id = %s AND r.rev_to = {OPEN}",
            [asked.district_id, asked.id],
        )
        row = cursor.fetchone() or ()
    lacking = [f"{_KIND}.{name}" for name, lacks_it in zip(needed, row, strict=False) if lacks_it]
    if lacking:
        yield Place("needs", f"The person lacks what the application wants nobody without: {lacking[0]}.", passed=False)
    else:
        yield Place("needs", "The person has all that the application wants nobody without.", passed=True)


def _in_the_view(asked: _Asked) -> Iterator[Place]:
    view = View.objects.filter(district_id=asked.district_id, integration_id=asked.integration_id).first()
    if view is None:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT status, rev_from, change FROM sharing_user WHERE district_id = %s AND view = %s "
            f"AND id = %s AND rev_to = {OPEN}",
            [asked.district_id, view.number, asked.id],
        )
        row = cursor.fetchone()
    if row is not None and row[0] == "active":
        at = _at(view, row[1])
        yield Place("view", f"Stands in the view as it is since revision {row[1]} ({at:%Y-%m-%d %H:%M}).", passed=True)
        return
    gone = (
        f"Left the view with revision {row[1]} ({_at(view, row[1]):%Y-%m-%d %H:%M})." if row else "Is not in the view."
    )
    lag = ""
    if view.held is not None:
        lag = " The view is held: a publication exceeds the limits of the consent."
    elif view.roster_revision != roster.current_revision(district_id=asked.district_id):
        lag = " The view has not followed the roster yet."
    yield Place("view", gone + lag, passed=False)


def _at(view: View, revision: int) -> datetime:
    return ViewRevision.objects.get(district_id=view.district_id, view=view.number, number=revision).at


def _read(asked: _Asked) -> Iterator[Place]:
    """What was last read of people at all, by each outlet; whether it was this one, `disclosures` says."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT outlet, max(last_at) FROM sharing_reading WHERE district_id = %s AND integration_id = %s "
            "AND kind = %s GROUP BY outlet ORDER BY outlet",
            [asked.district_id, asked.integration_id, _KIND],
        )
        rows = cursor.fetchall()
    if not rows:
        yield Place("last read", "No people were ever read.")
    for outlet, last in rows:
        yield Place(
            "last read", f"People were last read by {outlet or 'an outlet without a name'} on {last:%Y-%m-%d %H:%M}."
        )

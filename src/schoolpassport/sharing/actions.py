"""Consents, and the views that follow them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from schoolpassport.audit import actions as audit
from schoolpassport.kit.ids import new_id
from schoolpassport.partners import actions as partners
from schoolpassport.partners import queries as partners_queries
from schoolpassport.roster import queries as roster
from schoolpassport.sharing import contents as judging
from schoolpassport.sharing import publishing, reaching
from schoolpassport.sharing.contract import ViewMoved, listeners
from schoolpassport.sharing.models import Consent, ConsentState, View
from schoolpassport.sharing.records import Contents
from schoolpassport.sync.contract import Followed, Reach
from schoolpassport.tenancy import actions as tenancy
from schoolpassport.tenancy import scope


class NotASchool(ValueError):
    """A consent names something that is no org of the district."""


def agree(*, district_id: UUID, integration_id: UUID, contents: Contents, by: str, now: datetime) -> Consent:
    """Put a consent in force and publish its view, in one transaction; an older consent of the integration ends.

    What the application may no longer see becomes ``tobedeleted`` at once, and pages pinned to older revisions are not
    served any more. Raises ``contents.NotShareable``, ``NotASchool``, and ``ValueError`` for unknown attributes.
    """
    agreed = judging.checked(contents)
    said = judging.written(agreed)
    with scope.inside(district_id):
        _know_schools(district_id, agreed.schools)
        _end_active(district_id=district_id, integration_id=integration_id, now=now)
        consent = Consent.objects.create(
            district_id=district_id,
            id=new_id(),
            integration_id=integration_id,
            state=ConsentState.ACTIVE,
            schools=agreed.schools,
            attributes=said["attributes"],
            masks=said["masks"],
            filters=said["filters"],
            shield=agreed.shield,
            purpose=agreed.purpose,
            agreed_at=now,
        )
        audit.note(
            district_id=district_id,
            act="sharing:consent:agree",
            about=str(consent.id),
            by=by,
            now=now,
            facts={"integration": str(integration_id), **said},
        )
        view = _view(district_id=district_id, integration_id=integration_id, consent=consent)
        moved = _publish(view, consent, now)
    _refresh(moved)
    return consent


def revoke(*, district_id: UUID, integration_id: UUID, by: str, now: datetime) -> None:
    """End the consent. Everything in its view becomes ``tobedeleted``, in the same transaction."""
    with scope.inside(district_id):
        consent = _end_active(district_id=district_id, integration_id=integration_id, now=now)
        if consent is None:
            return
        audit.note(district_id=district_id, act="sharing:consent:revoke", about=str(consent.id), by=by, now=now)
        view = View.objects.select_for_update().get(district_id=district_id, integration_id=integration_id)
        view.projected_consent_id = None  # the same consent means something else now: look at everything
        moved = _publish(view, consent, now)
    _refresh(moved)


def publish(*, district_id: UUID, view_number: int, now: datetime) -> int:
    """Move one view to the roster's current revision; nothing to do when it is there. Returns the changes."""
    with scope.inside(district_id):
        view = View.objects.select_for_update().get(district_id=district_id, number=view_number)
        if view.roster_revision == roster.current_revision(district_id=district_id):
            return 0
        consent = Consent.objects.get(district_id=district_id, id=view.consent_id)
        moved = _publish(view, consent, now)
    _refresh(moved)
    return moved.changes


def follow(*, district_id: UUID, now: datetime) -> list[Followed]:
    """Every view that lags behind the roster, each in its own transaction (``sync.contract.Follower``)."""
    with scope.inside(district_id):
        views = list(View.objects.filter(district_id=district_id).order_by("number"))
    return [
        Followed(
            name=f"view {view.number}",
            changes=publish(district_id=district_id, view_number=view.number, now=now),
        )
        for view in views
    ]


def foretell(*, district_id: UUID, now: datetime, examples: int) -> list[Reach]:
    """What each application would lose, gain and see changed by what lies before it (``sync.contract.Previewer``)."""
    found: list[Reach] = []
    with scope.inside(district_id):
        current = roster.current_revision(district_id=district_id)
        names = partners_queries.names_of_integrations(district_id=district_id)
        for view in View.objects.select_for_update().filter(district_id=district_id).order_by("number"):
            seen = view.roster_revision
            if seen == current:
                continue
            consent = Consent.objects.get(district_id=district_id, id=view.consent_id)
            if publishing.move(view=view, consent=consent, now=now).changes:
                name = names.get(view.integration_id, str(view.integration_id))
                found += reaching.of_last_revision(view, seen=seen, application=name, examples=examples)
    return found


def _know_schools(district_id: UUID, schools: Sequence[UUID] | None) -> None:
    known = roster.known_ids(district_id=district_id, kind="org", ids=schools or ())
    if missing := [str(s) for s in schools or () if s not in known]:
        raise NotASchool(f"No org of this district: {', '.join(missing)}.")


def _publish(view: View, consent: Consent, now: datetime) -> publishing.Moved:
    before = view.last_seq
    moved = publishing.move(view=view, consent=consent, now=now)
    if moved.changes:
        news = ViewMoved(
            district_id=view.district_id,
            integration_id=view.integration_id,
            view=view.number,
            revision=view.revision,
            seq_from=before,
            seq_to=view.last_seq,
        )
        for listener in listeners:
            listener(news, now=now)
    partners.note_data_completed(
        district_id=view.district_id, integration_id=view.integration_id, by="publication", now=now
    )
    return moved


def _refresh(moved: publishing.Moved) -> None:
    """After the transaction: the planner learns what the tables look like now."""
    if moved.reshaped and moved.changes:
        tenancy.refresh_statistics(moved.reshaped)


def _view(*, district_id: UUID, integration_id: UUID, consent: Consent) -> View:
    """The integration's view, locked; made when there is none."""
    found = View.objects.select_for_update().filter(district_id=district_id, integration_id=integration_id).first()
    if found is not None:
        found.consent_id = consent.id
        return found
    newest = View.objects.select_for_update().filter(district_id=district_id).order_by("-number").first()
    return View.objects.create(
        district_id=district_id,
        number=(newest.number if newest else 0) + 1,
        integration_id=integration_id,
        consent_id=consent.id,
    )


def _end_active(*, district_id: UUID, integration_id: UUID, now: datetime) -> Consent | None:
    active = (
        Consent.objects.select_for_update()
        .filter(district_id=district_id, integration_id=integration_id, state=ConsentState.ACTIVE)
        .first()
    )
    if active is not None:
        active.state, active.ended_at = ConsentState.REVOKED, now
        active.save(update_fields=["state", "ended_at"])
    return active

"""What a step of a consent does to the view that it governs, in the caller's scope and transaction."""

from datetime import datetime
from uuid import UUID

from django.db import connection

from schoolpassport.kit.columns import literal
from schoolpassport.partners import actions as partners
from schoolpassport.roster import queries as roster
from schoolpassport.roster.kinds import KINDS, Kind
from schoolpassport.roster.models import OPEN
from schoolpassport.sharing import asking, publishing, steps
from schoolpassport.sharing.contract import ViewMoved, listeners
from schoolpassport.sharing.lifecycle import IN_FORCE, Act, ConsentState, Side, is_due
from schoolpassport.sharing.models import Consent, View

_TURNS = {"remove": "d", "change": "um", "add": "cr"}


def follow(consent: Consent, act: Act, *, by: str, now: datetime) -> publishing.Moved | None:
    """What comes of an act that has just been taken. None: the view stays where it is."""
    match act:
        case Act.APPROVE if is_due(begins=consent.starts_at, now=now):
            return begin(consent, by=by, now=now)
        case Act.RESUME if consent.state == ConsentState.ACTIVE:
            return publish(view_of(consent), consent, now)  # whatever it missed
        case Act.REVOKE | Act.EXPIRE if consent.begun_at is not None:
            view = view_of(consent)
            view.projected_consent_id = None  # the same consent means something else now: look at everything
            return publish(view, consent, now)
        case _:
            return None


def begin(consent: Consent, *, by: str, now: datetime) -> publishing.Moved | None:
    """Both sides agreed and the day has come: the consent takes the place of the one in force.

    Whoever holds that one suspended goes on holding: a new agreement does not let go of a brake.
    """
    before = next((c for c in _of_integration(consent) if c.state in IN_FORCE), None)
    brakes = [] if before is None else before.suspended_by
    if before is not None:
        steps.take(before, Act.REPLACE, side=Side.HOUSE, by=by, now=now)
    steps.take(consent, Act.BEGIN, side=Side.HOUSE, by=by, now=now)
    for side in brakes:
        steps.take(consent, Act.SUSPEND, side=Side(side), by=by, now=now)
    view = view_of(consent)
    view.consent_id = consent.id
    if brakes:
        view.save(update_fields=["consent_id"])
        return None
    return publish(view, consent, now)


def announce(view: View, *, since: int, now: datetime) -> None:
    """Tell whoever follows views, in the transaction that moved it. ``since``: the last line that it had before."""
    news = ViewMoved(
        district_id=view.district_id,
        integration_id=view.integration_id,
        view=view.number,
        revision=view.revision,
        seq_from=since,
        seq_to=view.last_seq,
    )
    for listener in listeners:
        listener(news, now=now)


def publish(view: View, consent: Consent, now: datetime) -> publishing.Moved:
    before = view.last_seq
    view.held, view.held_at = None, None  # written with the rest of where the view stands
    moved = publishing.move(view=view, consent=consent, now=now)
    if moved.changes:
        announce(view, since=before, now=now)
    partners.note_data_completed(
        district_id=view.district_id, integration_id=view.integration_id, by="publication", now=now
    )
    return moved


def too_much(view: View, consent: Consent) -> dict[str, dict[str, int]]:
    """Which limits of the consent the last revision of its view exceeds: kind → turn → per cent, as they are."""
    counted = [_counted(kind) for kind in KINDS.values() if kind.name in consent.attributes]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(counted), {"d": view.district_id, "v": view.number, "n": view.revision})
        rows = cursor.fetchall()
    found: dict[str, dict[str, int]] = {}
    for kind, stood, *turned in rows:
        shares = {turn: 100 * n // max(stood, 1) for turn, n in zip(_TURNS, turned, strict=True)}
        over = {turn: shares[turn] for turn, limit in consent.hold.items() if stood and shares[turn] > limit}
        if over:
            found[kind] = over
    return found


def _counted(kind: Kind) -> str:
    """SQL: how many stood in the view before its last revision, and how many of these were turned how."""
    turned = ", ".join(
        f"count(*) FILTER (WHERE rev_from = %(n)s AND change IN ({', '.join(literal(c) for c in letters)}))"
        for letters in _TURNS.values()
    )
    stood = "count(*) FILTER (WHERE rev_from < %(n)s AND status = 'active')"
    return (
        f"SELECT '{kind.name}', {stood}, {turned} FROM sharing_{kind.table} WHERE district_id = %(d)s AND view = %(v)s "
        f"AND rev_from <= %(n)s AND rev_to >= %(n)s AND (rev_to > %(n)s OR rev_from < %(n)s) AND rev_to <= {OPEN}"
    )


def view_of(consent: Consent) -> View:
    """The integration's view, locked; made when there is none."""
    mine = {"district_id": consent.district_id, "integration_id": consent.integration_id}
    found = View.objects.select_for_update().filter(**mine).first()
    if found is not None:
        return found
    newest = View.objects.select_for_update().filter(district_id=consent.district_id).order_by("-number").first()
    return View.objects.create(**mine, number=(newest.number if newest else 0) + 1, consent_id=consent.id)


def _of_integration(consent: Consent) -> list[Consent]:
    """The others, which the caller has locked, too."""
    mine = Consent.objects.filter(district_id=consent.district_id, integration_id=consent.integration_id)
    return list(mine.exclude(id=consent.id))


def lags(view: View) -> bool:
    """Behind the roster, or behind what its application requires."""
    asked = asking.of_integration(district_id=view.district_id, integration_id=view.integration_id).number
    current = roster.current_revision(district_id=view.district_id)
    return (view.roster_revision, view.projected_requirements) != (current, asked)


def governing(view: View) -> Consent:
    return Consent.objects.get(district_id=view.district_id, id=view.consent_id)


def of_integration(*, district_id: UUID, integration_id: UUID) -> View | None:
    return View.objects.select_for_update().filter(district_id=district_id, integration_id=integration_id).first()

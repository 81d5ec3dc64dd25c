"""What an application writes into its gradebook: judged by its own view, kept, and shown in every view it concerns.

In the caller's scope and transaction. What the view lacks is unknown, whether anybody else has it or not.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from schoolpassport.gradebook import actions as gradebook
from schoolpassport.gradebook import queries as written
from schoolpassport.gradebook.records import Said, Unwritable
from schoolpassport.kit.columns import literal
from schoolpassport.roster.kinds import KINDS, Field, Kind
from schoolpassport.roster.models import OPEN
from schoolpassport.sharing import effects, publishing
from schoolpassport.sharing.lifecycle import IN_FORCE, ConsentState
from schoolpassport.sharing.models import Consent, View
from schoolpassport.sharing.records import Busy, Lapsed, NothingShared, NotYours, Suspended, Unknown

_PATIENCE = "5s"  # for a view that a publication holds
_SCORES_OF = {"result": "lineItem", "assessmentResult": "assessmentLineItem"}
_CALLED = {
    "user": "student",
    "academicSession": "grading period",
    "lineItem": "line item",
    "scoreScale": "score scale",
    "assessmentLineItem": "assessment line item",
}


class Hand(NamedTuple):
    """Who writes: what it sees, locked, by which consent, and the views of those who are shown what it writes."""

    view: View
    consent: Consent
    others: list[View]


def hand_of(*, district_id: UUID, integration_id: UUID, kind: str, now: datetime) -> Hand:
    """Raises ``NothingShared`` without a consent in force, a permission, and the kind in the consent; and ``Busy``."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = {literal(_PATIENCE)}")
    audience = written.readers(district_id=district_id, writer_id=integration_id)
    views = View.objects.select_for_update().filter(
        district_id=district_id, integration_id__in=[integration_id, *audience]
    )
    by_integration = {view.integration_id: view for view in views.order_by("number")}
    if written.readers(district_id=district_id, writer_id=integration_id) != audience:
        raise Busy("It has just been decided anew who sees what you write; send it again.")
    view = by_integration.pop(integration_id, None)
    if view is None:
        raise NothingShared
    consent = effects.governing(view)
    _check_force(consent, now)
    if not written.may_write(district_id=district_id, integration_id=integration_id):
        raise NothingShared("The district has not allowed this application to write into gradebooks.")
    if kind not in consent.served.attributes:
        raise NothingShared(f"The district shares no {KINDS[kind].plural} with this application, so it writes none.")
    return Hand(view, consent, list(by_integration.values()))


def _check_force(consent: Consent, now: datetime) -> None:
    if consent.state == ConsentState.SUSPENDED:
        raise Suspended
    if consent.expires_at is not None and consent.expires_at <= now:
        raise Lapsed
    if consent.state != ConsentState.ACTIVE:
        raise NothingShared("The consent has ended: nothing is shared with this application, and it writes nothing.")


def put(hand: Hand, said: Sequence[Said], *, by: str, now: datetime) -> frozenset[UUID]:
    """Keep records of one kind, all or none. Returns which of them are new, or back.

    Raises ``Unwritable`` for what the consent does not share, for what is unknown in the view, and for what the terms
    of the consent would not show.
    """
    kind, ids = KINDS[said[0].kind], [each.id for each in said]
    _check_shared(kind, said, hand.consent)
    _check_references(kind, said, hand.view)
    if kind.name in _SCORES_OF:
        _check_scores(kind, said, hand.view)
    mine = {"district_id": hand.view.district_id, "integration_id": hand.view.integration_id}
    before = written.written_by(**mine, kind=kind.name, ids=ids)
    gradebook.put(**mine, said=said, by=by, now=now)
    _show(hand, kind.name, ids, now)
    if hidden := set(ids) - _standing(kind, ids, hand.view):
        names = ", ".join(sorted(each.name for each in said if each.id in hidden))
        raise Unwritable(f"{kind.name} {names} would not be shown to you: the consent leaves such records out.")
    return frozenset(id_ for id_ in ids if before.get(id_) != "active")


def delete(hand: Hand, kind: str, record_id: UUID, *, by: str, now: datetime) -> None:
    """Mark a record as deleted; once more does nothing. Raises ``NotYours`` for one that only is seen, ``Unknown``."""
    mine = {"district_id": hand.view.district_id, "integration_id": hand.view.integration_id}
    status = written.written_by(**mine, kind=kind, ids=[record_id]).get(record_id)
    if status is None:
        raise NotYours if _held(KINDS[kind], [record_id], hand.view) else Unknown
    if status == "active":
        gradebook.delete(**mine, kind=kind, record_id=record_id, by=by, now=now)
        _show(hand, kind, [record_id], now)


# -------------------------------------------------------------------------------------------------------- what is known


def _check_shared(kind: Kind, said: Iterable[Said], consent: Consent) -> None:
    shared = set(consent.served.attributes[kind.name])
    for each in said:
        if more := sorted(set(each.fields) - shared):
            raise Unwritable(f"{kind.name}.{more[0]} is not among what the district shares with this application.")


def _check_references(kind: Kind, said: Sequence[Said], view: View) -> None:
    for field in kind.references:
        named = {each.values[field.column]: each for each in said if field.column in each.values}
        known = _standing(KINDS[field.target], list(named), view) if named else frozenset()
        if field.name == "student":
            known = _students(known, view)
        for id_, each in named.items():
            if id_ not in known:
                raise Unwritable(
                    f"{kind.name}.{field.name} of {each.name} is unknown: there is no such {_called(field)}."
                )


def _students(users: frozenset[UUID], view: View) -> frozenset[UUID]:
    """Who of them is a student, as far as the application is told what people are."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM sharing_user WHERE district_id = %s AND view = %s AND rev_to = {OPEN} AND id = ANY(%s) "
            "AND coalesce(role, 'student') = 'student'",
            [view.district_id, view.number, list(users)],
        )
        return frozenset(id_ for (id_,) in cursor.fetchall())


def _called(field: Field) -> str:
    return _CALLED.get(field.target, field.target)


def _check_scores(kind: Kind, said: Iterable[Said], view: View) -> None:
    """A score below the least of its line item is an error; one above the greatest is extra credit."""
    item = kind[_SCORES_OF[kind.name]]
    scored = [each for each in said if "score" in each.values]
    least = _least_scores(KINDS[item.target], {each.values[item.column] for each in scored}, view)
    for each in scored:
        low, score = least.get(each.values[item.column]), each.values["score"]
        if low is not None and score < low:
            raise Unwritable(
                f"{kind.name}.score {score:g} of {each.name} is less than the line item's resultValueMin {low:g}."
            )


def _least_scores(kind: Kind, items: Iterable[object], view: View) -> Mapping[UUID, float | None]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, (replace(doc, chr(1), '')::jsonb ->> 'resultValueMin')::double precision "
            f"FROM sharing_{kind.table} WHERE district_id = %s AND view = %s AND rev_to = {OPEN} AND id = ANY(%s)",
            [view.district_id, view.number, list(items)],
        )
        return dict(cursor.fetchall())


def _standing(kind: Kind, ids: Sequence[Any], view: View) -> frozenset[UUID]:
    """Which of the ids are active in the view."""
    return _held(kind, ids, view, statuses=("active",))


def _held(
    kind: Kind, ids: Sequence[Any], view: View, *, statuses: Sequence[str] = ("active", "tobedeleted")
) -> frozenset[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM sharing_{kind.table} WHERE district_id = %s AND view = %s AND rev_to = {OPEN} "
            "AND id = ANY(%s) AND status = ANY(%s)",
            [view.district_id, view.number, list(ids), list(statuses)],
        )
        return frozenset(id_ for (id_,) in cursor.fetchall())


# ------------------------------------------------------------------------------------------------------ who is shown it


def _show(hand: Hand, kind: str, ids: Sequence[UUID], now: datetime) -> None:
    for view in sorted([hand.view, *hand.others], key=lambda each: each.number):
        consent = hand.consent if view is hand.view else effects.governing(view)
        if consent.state == ConsentState.ACTIVE and (view.revision or view is hand.view):
            _move(view, consent, {kind: ids}, now)
        elif consent.state in IN_FORCE:
            view.projected_consent_id = None  # when it goes on, it looks at everything
            view.save(update_fields=["projected_consent_id"])


def _move(view: View, consent: Consent, ids: Mapping[str, Sequence[UUID]], now: datetime) -> None:
    before = view.last_seq
    if publishing.take_in(view=view, consent=consent, written=ids, now=now).changes:
        effects.announce(view, since=before, now=now)

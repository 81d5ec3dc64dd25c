"""Reading consents: what was agreed with whom, and what its view holds."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from schoolpassport.partners import queries as partners
from schoolpassport.roster import queries as roster
from schoolpassport.sharing.models import Consent, View
from schoolpassport.tenancy import scope


def consents(*, district_id: UUID) -> list[dict[str, Any]]:
    """Every consent of a district, newest first, with the state of its application's view."""
    apps = {a.id: a.name for a in partners.applications()}
    with scope.inside(district_id):
        integrations = {i.id: apps[i.application_id] for i in partners.integrations(district_id=district_id)}
        views = {v.integration_id: v for v in View.objects.filter(district_id=district_id)}
        names = roster.school_names(district_id=district_id)
        return [
            {
                "application": integrations[c.integration_id],
                "state": c.state,
                "schools": None if c.schools is None else [names.get(s, str(s)) for s in c.schools],
                "attributes": c.attributes,
                "agreed_at": c.agreed_at,
                "revision": views[c.integration_id].revision,
                "last_seq": views[c.integration_id].last_seq,
            }
            for c in Consent.objects.filter(district_id=district_id).order_by("-agreed_at")
        ]


def schools_named(*, district_id: UUID, names: Iterable[str]) -> list[UUID]:
    """GG4L IDs of orgs, by name or id; raises ``LookupError`` naming what is not there."""
    with scope.inside(district_id):
        known = roster.school_names(district_id=district_id)
    by_name = {name: id_ for id_, name in known.items()} | {str(id_): id_ for id_ in known}
    missing = [n for n in names if n not in by_name]
    if missing:
        raise LookupError(f"No school “{missing[0]}”. There are: {', '.join(sorted(known.values()))}.")
    return [by_name[n] for n in names]

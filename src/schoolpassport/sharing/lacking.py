"""What an application's view lacks of what the application needs: errors, skipped records, and what looks wrong."""

from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from django.db import connection

from schoolpassport.roster.kinds import SHARED, Kind
from schoolpassport.roster.models import OPEN
from schoolpassport.sharing import asking, catalogue
from schoolpassport.sharing.lifecycle import ConsentState
from schoolpassport.sharing.models import Consent, View
from schoolpassport.sharing.projection import blank, membership
from schoolpassport.sharing.publishing import UPWARDS, terms_of
from schoolpassport.sharing.requirements import Requirements
from schoolpassport.sharing.sanity import CHECKS


class Result(StrEnum):
    ERROR = "Error"  # the record is shown, and lacks the attribute
    SKIPPED = "Skipped"  # the record is withheld for it
    SUSPICIOUS = "Suspicious"  # a sanity check


@dataclass(frozen=True, kw_only=True)
class Lack:
    """``about``: “kind.attribute”, or the name of a check. ``examples``: GG4L IDs, lowest first."""

    about: str
    label: str
    result: Result
    count: int
    examples: tuple[UUID, ...]


_MINE = f"r.district_id = %(d)s AND r.rev_to = {OPEN}"


def of_integration(*, district_id: UUID, integration_id: UUID, examples: int) -> list[Lack]:
    """In the caller's scope. Nothing, where there is no consent in force."""
    requirements = asking.of_integration(district_id=district_id, integration_id=integration_id)
    view = View.objects.filter(district_id=district_id, integration_id=integration_id).first()
    if view is None:
        return []
    consent = Consent.objects.get(district_id=district_id, id=view.consent_id)
    if consent.state != ConsentState.ACTIVE:
        return []
    return _Looking(view, consent, requirements, examples).found()


class _Looking:
    def __init__(self, view: View, consent: Consent, requirements: Requirements, examples: int) -> None:
        self._requirements = requirements
        self._view = view
        self._terms = replace(terms_of(view, consent.served, requirements), skips={}, masks={})
        self._facts: dict[str, UUID | int | list[UUID]] = {
            "d": view.district_id,
            "v": view.number,
            "schools": list(consent.schools or ()),
            "at": view.roster_revision,
            "some": examples,
        }

    def found(self) -> list[Lack]:
        lacks: list[Lack] = []
        for kind in (k for k in SHARED.values() if self._terms.shares(k.name)):
            for name in self._requirements.skipping(kind.name):
                lacks += self._lacking(kind, name, Result.SKIPPED, self._withheld(kind))
            for name in self._requirements.reporting(kind.name):
                lacks += self._lacking(kind, name, Result.ERROR, self._shown(kind))
        return lacks + [lack for name in self._requirements.checks for lack in self._checked(name)]

    def _withheld(self, kind: Kind) -> str:
        """SQL: the records that would be in the view, had they what the application skips them for."""
        return f"roster_{kind.table} r WHERE {_MINE} AND {membership(kind, self._terms)}"

    def _shown(self, kind: Kind) -> str:
        return (
            f"roster_{kind.table} r JOIN sharing_{kind.table} v ON v.id = r.id AND v.district_id = %(d)s "
            f"AND v.view = %(v)s AND v.rev_to = {OPEN} AND v.status = 'active' WHERE {_MINE}"
        )

    def _lacking(self, kind: Kind, name: str, result: Result, rows: str) -> list[Lack]:
        if not self._terms.shows(kind, name):
            return []
        attribute = catalogue.attribute(f"{kind.name}.{name}")
        return self._counted(attribute.key, attribute.label, result, f"{rows} AND {blank(kind[name])}")

    def _checked(self, name: str) -> list[Lack]:
        check = CHECKS[name]
        if not all(map(self._terms.shares, check.needs)):
            return []
        rows = (
            f"sharing_{SHARED[check.kind].table} r WHERE r.district_id = %(d)s AND r.view = %(v)s "
            f"AND r.rev_to = {OPEN} AND r.status = 'active' AND {check.wrong}"
        )
        return self._counted(name, check.title, Result.SUSPICIOUS, rows)

    def _counted(self, about: str, label: str, result: Result, rows: str) -> list[Lack]:
        with connection.cursor() as cursor:
            cursor.execute(
                f"WITH scope_org AS ({UPWARDS}) SELECT count(*), "
                f"(array_agg(r.id ORDER BY r.id))[:%(some)s] FROM {rows}",
                self._facts,
            )
            count, some = cursor.fetchone()
        return [Lack(about=about, label=label, result=result, count=count, examples=tuple(some))] if count else []

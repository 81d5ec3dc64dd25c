"""Reading a view. ``view_for`` gives the only object that can."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import IO, Final
from uuid import UUID

from schoolpassport.sharing import lacking, manifests, reconciling
from schoolpassport.sharing.changelog import Line, Lines, Log
from schoolpassport.sharing.companions import Member, PeopleOf, PupilsOf
from schoolpassport.sharing.cursors import Part, PartOf, Picked, Primary, Role, Stretch, These
from schoolpassport.sharing.lacking import Lack, Result
from schoolpassport.sharing.lifecycle import ConsentState, is_past
from schoolpassport.sharing.lines import LinesOf, Text
from schoolpassport.sharing.manifests import Place, PlaceOf, Total
from schoolpassport.sharing.models import Consent, View, ViewRevision
from schoolpassport.sharing.reader import Reader
from schoolpassport.sharing.reconciling import Difference, Twice, ids
from schoolpassport.sharing.records import Door
from schoolpassport.sharing.shortids import meant_by, short_of
from schoolpassport.tenancy import scope

__all__ = [
    "Difference",
    "Lack",
    "Line",
    "Lines",
    "LinesOf",
    "Log",
    "Member",
    "Part",
    "PartOf",
    "PeopleOf",
    "Picked",
    "Place",
    "PlaceOf",
    "Primary",
    "PupilsOf",
    "Reader",
    "Result",
    "Role",
    "Stretch",
    "Text",
    "These",
    "Total",
    "Twice",
    "difference",
    "handed_over_since",
    "ids",
    "lacks",
    "meant_by",
    "short_of",
    "signed_manifest",
    "total",
    "view_for",
]


_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


def view_for(
    *,
    district_id: UUID,
    integration_id: UUID,
    base: str,
    now: datetime,
    door: Door | None = None,
    caller: bytes = b"",
    outlet: str = "",
) -> Reader:
    """What the district shares with the application. Asks nothing yet.

    ``base`` is the address that all hrefs begin with. ``door`` is asked in the transaction of every answer and may
    keep it back: a token is proved in the trip of the page it opens. ``caller`` (up to 32 bytes) and ``outlet`` say in
    the ledger of what was read by whom, and in which dialect.
    """
    return Reader(
        district_id=district_id,
        integration_id=integration_id,
        base=base,
        door=door,
        now=now,
        caller=caller,
        outlet=outlet,
    )


def total(*, district_id: UUID, place: Place, kinds: Iterable[str]) -> Total:
    """What kinds of a view add up to. Costs what changed since this was last asked, the first time everything.

    No record is told of, so no reading is noted. Whoever tells somebody proves before and after that they may know.
    """
    with scope.inside(district_id):
        return manifests.total(district_id=district_id, place=place, kinds=kinds)


def signed_manifest(found: Total, *, district_id: UUID, integration_id: UUID, now: datetime) -> str:
    """The same, signed with the installation's key like a receipt: a compact JWS."""
    with scope.inside(district_id):
        return manifests.signed(found, district_id=district_id, integration_id=integration_id, now=now)


def difference(
    *, district_id: UUID, place: Place, kind: str, held: IO[bytes], buckets: Collection[str] | None
) -> Difference:
    """Where what an application holds of a kind differs from its view; see ``reconciling``. Raises ``Twice``."""
    with scope.inside(district_id):
        return reconciling.difference(district_id=district_id, place=place, kind=kind, held=held, buckets=buckets)


def handed_over_since(*, district_id: UUID, integration_id: UUID, now: datetime) -> datetime | None:
    """Files made before this instant must not be fetched (any more); None: none at all. In the caller's scope.

    While a consent is suspended there is none; once it has ended, those made since are left: they take things back.
    Likewise once its terms are others: an older revision may show what is not shared any more.
    """
    view = View.objects.filter(district_id=district_id, integration_id=integration_id).first()
    if view is None:
        return _EVER  # nothing was ever shared, so nothing was ever made
    consent = Consent.objects.get(district_id=district_id, id=view.consent_id)
    if consent.ended_at is not None:
        return consent.ended_at
    if is_past(expires=consent.expires_at, now=now):
        return consent.expires_at
    if consent.state == ConsentState.SUSPENDED:
        return None
    first = ViewRevision.objects.filter(district_id=district_id, view=view.number, number=view.oldest_readable).first()
    return first.at if first is not None else _EVER


def lacks(*, district_id: UUID, integration_id: UUID, examples: int = 5) -> list[Lack]:
    """What an application lacks of what it needs: errors, skipped records, suspicions. Nothing without a consent."""
    with scope.inside(district_id):
        return lacking.of_integration(district_id=district_id, integration_id=integration_id, examples=examples)

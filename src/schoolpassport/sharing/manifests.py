"""What a view adds up to at a revision: how many records of each kind, and a hash of them that knows no order.

The hash of a collection is the exclusive or of the hashes of its records (``canonical``), bucket by bucket. So a
revision is worked out from another one: what changed between is taken away as it was and put in as it is, and nothing
else is looked at. This finds copies that have drifted; it is no proof against somebody who makes records up until they
cancel out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection

from schoolpassport.kit.instants import iso
from schoolpassport.partners import queries as partners
from schoolpassport.roster.kinds import KINDS, Kind
from schoolpassport.sharing import canonical, documents, receipts, signatures
from schoolpassport.sharing.conditions import Condition
from schoolpassport.sharing.cursors import readable
from schoolpassport.sharing.inquiries import Told
from schoolpassport.sharing.models import Manifest, ViewRevision
from schoolpassport.sharing.records import Shared
from schoolpassport.sharing.roundtrip import Question
from schoolpassport.sharing.standing import Standing, with_standing
from schoolpassport.tenancy import queries as tenancy

AT_ONCE = 50_000  # lines of a change log that are added up while somebody waits: one or two seconds
BUCKETS: Final = 4096
"""A record lies in the bucket that the last three digits of its id name; the first ones are its time."""

_WIDTH: Final = 32  # bytes of a hash
_LENGTH: Final = BUCKETS * _WIDTH


@dataclass(frozen=True, kw_only=True)
class Place:
    """A revision of a view. ``at``: its instant, None before the first; ``seq``: where its change log ends."""

    view: int
    revision: int
    at: datetime | None
    seq: int


@dataclass(frozen=True)
class PlaceOf:
    """The inquiry for a place: of this revision, where it can be read, else (and without one) of the newest."""

    revision: int | None = None

    def question(self, standing: Standing, shared: Shared) -> Question:  # noqa: ARG002 (nothing of the view is read)
        return Question(_PLACE, {"revision": readable(self.revision, standing)}, keyed=True)

    def answer(self, rest: tuple[Any, ...], standing: Standing) -> Place:
        at, seq = rest
        return Place(view=standing.view, revision=readable(self.revision, standing), at=at, seq=seq)

    def told(self, rest: tuple[Any, ...], standing: Standing) -> Iterable[Told]:  # noqa: ARG002 (no record is told of)
        return ()


_PLACE = with_standing(
    Condition(
        "SELECT max(s.at) AS at, coalesce(max(s.seq_to), 0) AS seq FROM sharing_viewrevision s "
        "WHERE s.district_id = %(district)s AND s.view = %(view)s AND s.number = %(revision)s"
    )
)


@dataclass(frozen=True)
class Sum:
    """Of one kind. ``buckets``: as ``Manifest`` has them."""

    records: int
    buckets: bytes

    @property
    def digest(self) -> str:
        """64 hexadecimal digits."""
        folded, bits = int.from_bytes(self.buckets), _LENGTH * 8
        while bits > _WIDTH * 8:
            bits //= 2
            folded = (folded >> bits) ^ (folded & ((1 << bits) - 1))
        return f"{folded:064x}"

    def by_bucket(self) -> dict[str, str]:
        """The hash of each bucket that has any record, by its three digits."""
        hashes = (self.buckets[at : at + _WIDTH] for at in range(0, len(self.buckets), _WIDTH))
        return {f"{number:03x}": each.hex() for number, each in enumerate(hashes) if any(each)}


_NOTHING: Final = Sum(0, b"")


@dataclass(frozen=True)
class Total:
    """What a view adds up to at a place, by kind."""

    place: Place
    sums: Mapping[str, Sum]

    def said(self) -> dict[str, Any]:
        """In the words of what is sent: ``after`` is where the feed of changes goes on from this revision."""
        return {
            "revision": self.place.revision,
            "at": _instant(self.place.at),
            "after": self.place.seq,
            "collections": {
                KINDS[kind].plural: {"records": each.records, "digest": each.digest} for kind, each in self.sums.items()
            },
        }

    def by_bucket(self) -> dict[str, dict[str, str]]:
        return {KINDS[kind].plural: each.by_bucket() for kind, each in self.sums.items()}


def total(*, district_id: UUID, place: Place, kinds: Iterable[str]) -> Total:
    """In the caller's scope. Costs what changed since this was last asked, the first time everything."""
    return Total(place, {kind: _sum(district_id, place, KINDS[kind]) for kind in kinds})


def owed(*, district_id: UUID, place: Place, kinds: Iterable[str]) -> int:
    """How many lines of the change log lie between what is kept and a place beyond: what its sums cost to make."""
    mine = {"district_id": district_id, "view": place.view}
    kept = dict(Manifest.objects.filter(**mine).values_list("kind", "revision"))
    known = min((kept.get(kind, 0) for kind in kinds), default=0)
    if known >= place.revision:
        return 0
    reached = ViewRevision.objects.filter(**mine, number=known).values_list("seq_to", flat=True).first()
    return place.seq - (reached or 0)


def add_up(*, district_id: UUID, view: int, kinds: Iterable[str]) -> None:
    """Have the sums of the newest revision kept. In the caller's scope."""
    newest = ViewRevision.objects.filter(district_id=district_id, view=view).order_by("-number").first()
    if newest is not None:
        place = Place(view=view, revision=newest.number, at=newest.at, seq=newest.seq_to)
        total(district_id=district_id, place=place, kinds=kinds)


def _sum(district_id: UUID, place: Place, kind: Kind) -> Sum:
    mine: dict[str, Any] = {"district_id": district_id, "view": place.view}
    kept = Manifest.objects.filter(**mine, kind=kind.name).first()
    known, revision = (Sum(kept.records, bytes(kept.buckets)), kept.revision) if kept else (_NOTHING, 0)
    if revision == place.revision:
        return known
    ends = dict(
        ViewRevision.objects.filter(**mine, number__in=(revision, place.revision)).values_list("number", "seq_to")
    )
    was, seq = ends.get(revision, 0), ends.get(place.revision, 0)
    facts = {
        "district": district_id,
        "view": place.view,
        "known": revision,
        "wanted": place.revision,
        "revision": max(revision, place.revision),  # of all that are looked at, the newest
        "after": min(was, seq),
        "to": max(was, seq),
    }
    found = _together(known, _asked(_difference(kind) if revision else hashes(kind, "%(wanted)s"), facts))
    if place.revision > revision:
        _keep(mine, kind, place.revision, found)
    return found


def _together(known: Sum, rows: Iterable[tuple[str, int, str]]) -> Sum:
    """What is known, and of each bucket that differs: by how many records, and the exclusive or of both sides' bits."""
    records, changed = known.records, bytearray(_LENGTH)
    for bucket, more, bits in rows:
        at = int(bucket, 16) * _WIDTH
        changed[at : at + _WIDTH] = int(bits, 2).to_bytes(_WIDTH)
        records += more
    both = int.from_bytes(known.buckets) ^ int.from_bytes(changed)
    return Sum(records, both.to_bytes(_LENGTH) if records else b"")


def _keep(mine: Mapping[str, Any], kind: Kind, revision: int, found: Sum) -> None:
    """Whoever worked out a later one meanwhile keeps it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO sharing_manifest AS m (district_id, view, kind, revision, records, buckets) "
            "VALUES (%(district_id)s, %(view)s, %(kind)s, %(revision)s, %(records)s, %(buckets)s) "
            "ON CONFLICT (district_id, view, kind) DO UPDATE SET revision = excluded.revision, "
            "records = excluded.records, buckets = excluded.buckets WHERE m.revision < excluded.revision",
            {**mine, "kind": kind.name, "revision": revision, "records": found.records, "buckets": found.buckets},
        )


# ----------------------------------------------------------------------------------------------------------------- SQL


def _asked(rows: str, facts: Mapping[str, Any]) -> list[tuple[str, int, str]]:
    """Of each bucket among these rows how many records, and their hashes put together as text of 256 bits."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT h.bucket, sum(h.counts)::int, bit_xor(('x' || encode(h.hash, 'hex'))::bit(256))::text "
            f"FROM ({rows}) h GROUP BY h.bucket",
            facts,
        )
        return list(cursor.fetchall())


def hashes(kind: Kind, revision: str) -> str:
    """SQL: ``record``, ``bucket`` and ``hash`` of what stands at a revision; asks for what ``at`` asks for."""
    return _hashes(kind, _standing(kind, "1", revision))


def _difference(kind: Kind) -> str:
    """SQL: the records that changed between two revisions, as they were in the one and as they are in the other."""
    changed = (
        f"AND r.id IN (SELECT c.id FROM sharing_{kind.table} c WHERE c.district_id = %(district)s "
        "AND c.view = %(view)s AND c.seq > %(after)s AND c.seq <= %(to)s)"
    )
    was, now = _standing(kind, "-1", "%(known)s"), _standing(kind, "1", "%(wanted)s")
    return _hashes(kind, f"{was} {changed} UNION ALL {now} {changed}")


def _hashes(kind: Kind, rows: str) -> str:
    told = f"right(d.record::text, 3) AS bucket, {canonical.hashed(kind)} AS hash"
    return f"SELECT d.record, d.counts, {told} FROM ({rows}) d"


def _standing(kind: Kind, counts: str, revision: str) -> str:
    return (
        f"SELECT {counts} AS counts, r.id AS record, {documents.columns(kind)} FROM sharing_{kind.table} r "
        f"WHERE r.district_id = %(district)s AND r.view = %(view)s AND r.status = 'active' "
        f"AND r.rev_from <= {revision} AND r.rev_to > {revision}"
    )


# ------------------------------------------------------------------------------------------------------------- signing


def signed(found: Total, *, district_id: UUID, integration_id: UUID, now: datetime) -> str:
    """Signed with the installation's key like a receipt: a compact JWS. In the caller's scope."""
    application = partners.integrated_application(district_id=district_id, integration_id=integration_id)
    claims = {
        "iss": receipts.issuer(),
        "iat": int(now.timestamp()),
        "sub": str(integration_id),
        "manifest": {
            "district": {"id": str(district_id), "name": tenancy.district(district_id).name},
            "application": {"id": str(application.id), "name": application.name},
            **found.said(),
        },
    }
    return receipts.sign(claims, signatures.MANIFEST, now=now)


def _instant(at: datetime | None) -> str | None:
    """As ``dateLastModified`` has it."""
    return None if at is None else iso(at)

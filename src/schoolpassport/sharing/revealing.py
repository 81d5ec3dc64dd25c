"""Whose a pseudonym is: the district's records are masked again, and compared."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from schoolpassport.kit.columns import quoted
from schoolpassport.partners import actions as partners
from schoolpassport.roster.kinds import KINDS
from schoolpassport.sharing import masking
from schoolpassport.sharing.catalogue import SIS, SIS_ID
from schoolpassport.sharing.masks import MASKS, Mask
from schoolpassport.sharing.models import Consent


@dataclass(frozen=True, kw_only=True)
class Meant:
    """A record, by its GG4L ID, and the attribute in whose place the pseudonym stood."""

    kind: str
    attribute: str
    id: UUID


def whose(*, district_id: UUID, integration_id: UUID, pseudonym: str, now: datetime) -> list[Meant]:
    """In the caller's scope. Every consent of the integration counts, also one that ended."""
    masks = set(_traceable(district_id, integration_id))
    if not masks:
        return []
    secret = partners.mask_secret(district_id=district_id, integration_id=integration_id, now=now)
    with connection.cursor() as cursor:
        cursor.execute(masking.MAKE_KEYS)
        cursor.execute(masking.FILL_KEYS, masking.keys(secret))
        found = []
        for kind, name, mask in sorted(masks):
            cursor.execute(_masked_again(kind, name, MASKS[mask]), {"d": district_id, "shown": pseudonym})
            found += [Meant(kind=kind, attribute=name, id=id_) for (id_,) in cursor.fetchall()]
        cursor.execute(masking.DROP_KEYS)
    return found


def _traceable(district_id: UUID, integration_id: UUID) -> Iterator[tuple[str, str, str]]:
    for consent in Consent.objects.filter(district_id=district_id, integration_id=integration_id):
        for key, mask in consent.masks.items():
            if MASKS[mask].traceable:
                kind, _, name = key.partition(".")
                yield kind, name, mask


def _masked_again(kind_name: str, name: str, mask: Mask) -> str:
    kind = KINDS[kind_name]
    if name == SIS_ID:
        field, rows = SIS, f"SELECT record_id AS id, key AS value FROM roster_link WHERE kind = '{kind.name}' AND"
    else:
        field = kind[name]
        rows = f"SELECT id, {quoted(field.column)} AS value FROM roster_{kind.table} WHERE"
    return (
        f"SELECT DISTINCT r.id FROM ({rows} district_id = %(d)s) r "
        f"WHERE {masking.sql(mask, kind, field, 'r.value')} = %(shown)s ORDER BY r.id"
    )

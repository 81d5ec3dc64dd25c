"""Sealing anew, with the newest master key, what a column of a table keeps sealed under an older one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from schoolpassport.kit.secrets import SealBroken, Vault

if TYPE_CHECKING:
    from django.db.models import QuerySet


@dataclass(frozen=True)
class Resealed:
    """How many secrets were sealed anew, and how many no master key opens any more: those must be given anew."""

    done: int = 0
    lost: int = 0

    def __add__(self, other: Self) -> Self:
        return type(self)(self.done + other.done, self.lost + other.lost)


def reseal(
    rows: "QuerySet[Any]", *, keys: Vault, field: str, tenant: UUID, column: str, row_of: Callable[[Any], UUID]
) -> Resealed:
    """Go through ``rows``, whose ``field`` holds seals for ``tenant``, ``column`` and ``row_of`` each row.

    In the caller's scope and transaction.
    """
    done = lost = 0
    for row in rows.select_for_update():
        sealed, place = bytes(getattr(row, field)), row_of(row)
        if keys.is_current(sealed):
            continue
        try:
            secret = keys.open(sealed, tenant=tenant, column=column, row=place)
        except SealBroken:
            lost += 1
            continue
        setattr(row, field, keys.seal(secret, tenant=tenant, column=column, row=place))
        row.save(update_fields=[field])
        done += 1
    return Resealed(done, lost)

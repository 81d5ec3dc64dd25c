"""Packages that were taken, kept for a while: sealed files beside the database, their keys sealed in it.

Without its row nobody can open a file, so what is past its time is gone with the row, from copies of the disk, too.
How long that is, the setting `retention` says: `{"days": 30}`. All of it in the caller's scope; a
door of the room, because the walk decides when a package may go.
"""

import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction

from schoolpassport.kit import sealedfolder
from schoolpassport.kit.readable import written
from schoolpassport.kit.resealing import Resealed
from schoolpassport.kit.resealing import reseal as reseal_rows
from schoolpassport.kit.secrets import SealBroken
from schoolpassport.sources._vault import vault
from schoolpassport.sources.mapping import BadPolicy
from schoolpassport.sources.models import Package

RETENTION: Final = "retention"
_DAYS, _MOST_DAYS = 30, 400
_COLUMN: Final = "sources_package.key"


class NotKept(Exception):
    """The package is not there any more, or cannot be opened; the message says which."""


def retention(content: object) -> timedelta:
    """How long packages are kept after their runs. Raises ``BadPolicy``."""
    if content is None:
        return timedelta(days=_DAYS)
    days = content.get("days") if isinstance(content, Mapping) and set(content) == {"days"} else None
    if isinstance(days, bool) or not isinstance(days, int) or not 0 <= days <= _MOST_DAYS:
        raise BadPolicy(
            f'Packages are kept for 0 to {_MOST_DAYS} days, written {{"days": 30}}; not {written(content)}.'
        )
    return timedelta(days=days)


def keep(folder: Path, *, district_id: UUID, source_id: UUID, run_id: UUID, digest: str, now: datetime) -> None:
    """Seal the files of a run's package. It is kept until ``let_go`` says until when."""
    place = _file(district_id, run_id)
    for each in (place.parent.parent, place.parent):
        each.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = os.urandom(sealedfolder.KEY_BYTES)
    size = sealedfolder.seal(folder, place, key)
    sealed = vault().seal(key, tenant=district_id, column=_COLUMN, row=run_id)
    facts = {"source_id": source_id, "input_digest": digest, "size": size, "key": sealed, "taken_at": now}
    Package.objects.update_or_create(district_id=district_id, id=run_id, defaults=facts)


def let_go(*, district_id: UUID, run_id: UUID, until: datetime) -> None:
    """The run is over: its package is kept until then, if it is kept."""
    Package.objects.filter(district_id=district_id, id=run_id).update(kept_until=until)


def bring_back(into: Path, *, district_id: UUID, run_id: UUID) -> None:
    """The files of a kept package in a new folder. Raises ``NotKept``."""
    package = Package.objects.filter(district_id=district_id, id=run_id).first()
    if package is None:
        raise NotKept("The package of this run is not kept any more.")
    into.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        key = vault().open(bytes(package.key), tenant=district_id, column=_COLUMN, row=run_id)
        sealedfolder.open_(_file(district_id, run_id), into, key)
    except (SealBroken, sealedfolder.Unopened) as broken:
        raise NotKept(f"The package of this run cannot be opened. {broken}") from broken
    except FileNotFoundError as gone:
        raise NotKept("The sealed package of this run is not on this machine's disk.") from gone


def forget(*, district_id: UUID, now: datetime) -> int:
    """Packages whose time is over. Returns how many there were."""
    over = Package.objects.filter(district_id=district_id, kept_until__lte=now)
    ids = list(over.values_list("id", flat=True))
    Package.objects.filter(district_id=district_id, id__in=ids).delete()
    for id_ in ids:  # a row without its file would only be a puzzle; a file without its row is swept
        transaction.on_commit(partial(_file(district_id, id_).unlink, missing_ok=True))
    return len(ids)


def sweep(*, district_id: UUID) -> None:
    """Files without a row, of processes that were killed between the two. The caller holds the district's lock."""
    folder = _file(district_id, district_id).parent
    there = list(folder.iterdir()) if folder.is_dir() else []
    known = {str(id_) for id_ in Package.objects.filter(district_id=district_id).values_list("id", flat=True)}
    for left in (path for path in there if path.name.removesuffix(".sealed") not in known):
        left.unlink(missing_ok=True)


def reseal(*, district_id: UUID) -> Resealed:
    """Seal the keys with the newest master key."""
    return reseal_rows(
        Package.objects.filter(district_id=district_id),
        keys=vault(),
        field="key",
        tenant=district_id,
        column=_COLUMN,
        row_of=lambda package: package.id,
    )


def _file(district_id: UUID, run_id: UUID) -> Path:
    return Path(settings.ENVIRONMENT.data_dir) / "retained" / str(district_id) / f"{run_id}.sealed"

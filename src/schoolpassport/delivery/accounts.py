"""Accounts of the managed SFTP service: who may put or fetch what, and what proves that it is they.

A login names its district (``sis.<22 characters>``), so it is looked up inside that district's scope, and whoever
forges the district finds nothing there.
"""

import os
from functools import lru_cache
from pathlib import Path
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from django.conf import settings

from schoolpassport.delivery.models import Account
from schoolpassport.kit.egress import Networks
from schoolpassport.kit.ids import from_short, short
from schoolpassport.kit.sftpservice import Entry

QUOTA: Final = 5_000_000_000  # bytes, where nobody says otherwise


def login(name: str, district_id: UUID) -> str:
    return f"{name}.{short(district_id)}"


def district_of(login_: str) -> UUID | None:
    """Asks nobody."""
    try:
        return from_short(login_.rpartition(".")[2])
    except ValueError:
        return None


def landing(account: Account) -> Path:
    """Where the files of a district's own system arrive; a source of the connector *landing* reads there."""
    folders: tuple[Path, ...] = settings.ENVIRONMENT.folders
    return folders[0] / str(account.district_id) / account.login.rpartition(".")[0]


def entry(account: Account) -> Entry:
    uploads = account.integration_id is None
    folder = (
        landing(account)
        if account.integration_id is None
        else outbox(district_id=account.district_id, integration_id=account.integration_id)
    )
    return Entry(
        folder=folder,
        aside=folder.parent / f".aside-{account.id}",
        uploads=uploads,
        quota=account.quota,
        keys=tuple(account.keys),
        networks=Networks.parse(" ".join(account.networks)) if account.networks else None,
        mark=account.proof,
        opens=lambda typed: is_proved(typed, account.proof),
    )


def nobody() -> Entry:
    """What an unknown name gets: as much work, and no way in."""
    nowhere = settings.ENVIRONMENT.data_dir / "outbox" / "nobody"
    return Entry(
        folder=nowhere, aside=nowhere, uploads=False, quota=0, opens=lambda typed: is_proved(typed, _decoy()) and False
    )


def outbox(*, district_id: UUID, integration_id: UUID) -> Path:
    """Where files for an application's accounts lie ready."""
    data_dir: Path = settings.ENVIRONMENT.data_dir
    return data_dir / "outbox" / str(district_id) / str(integration_id)


def proof(secret: str) -> str:
    """Argon2id, as a line that says its own parameters (OWASP: 19 MiB, two passes)."""
    return _derived(os.urandom(16)).derive_phc_encoded(secret.encode())


def is_proved(secret: str, kept: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(secret.encode(), kept or _decoy())
    except InvalidKey:
        return False
    return bool(kept)


def _derived(salt: bytes) -> Argon2id:
    return Argon2id(salt=salt, length=32, iterations=2, lanes=1, memory_cost=19 * 1024)


@lru_cache(maxsize=1)
def _decoy() -> str:
    return proof(os.urandom(16).hex())

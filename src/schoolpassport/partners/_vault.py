"""Client secrets at rest: sealed for one tenant, column and row."""

from functools import lru_cache
from typing import Final
from uuid import UUID

from django.conf import settings

from schoolpassport.kit.secrets import SealBroken, Vault, new_secret

CREDENTIAL: Final = "partners_credential.sealed_secret"
MASK_SECRET: Final = "partners_masksecret.sealed_secret"  # noqa: S105 (the name of a column)
PARTNER_CREDENTIAL: Final = "partners_partnercredential.sealed_secret"
_NOBODY: Final = UUID(int=0)


@lru_cache(maxsize=1)
def vault() -> Vault:
    return Vault.from_file(settings.ENVIRONMENT.key_file)


def read_again() -> None:
    """Learn what is in the key file now; what was sealed for this process alone is sealed anew, too."""
    vault.cache_clear()
    _decoy.cache_clear()


def add_key() -> None:
    """Put a fresh master key before the others: from now on it seals, and all of them open."""
    Vault.rotate(settings.ENVIRONMENT.key_file)
    read_again()


def forget_older_keys() -> int:
    """Returns how many there were. Nothing may be sealed with them any more."""
    return vault().forget_older(settings.ENVIRONMENT.key_file)


def is_current(sealed: bytes) -> bool:
    return vault().is_current(sealed)


def seal(secret: str, *, tenant: UUID, column: str, row: UUID) -> bytes:
    return vault().seal(secret.encode(), tenant=tenant, column=column, row=row)


def unseal(sealed: bytes, *, tenant: UUID, column: str, row: UUID) -> str:
    """Give the secret back, or raise `SealBroken`. The key file is read again before that.

    Another process may have put a newer master key into it since this one began.
    """
    try:
        return vault().open(sealed, tenant=tenant, column=column, row=row).decode()
    except SealBroken:
        read_again()
        return vault().open(sealed, tenant=tenant, column=column, row=row).decode()


def unseal_decoy() -> str:
    """Do the work of `unseal` for a client that does not exist, so that it takes as long to refuse."""
    return unseal(_decoy(), tenant=_NOBODY, column=CREDENTIAL, row=_NOBODY)


@lru_cache(maxsize=1)
def _decoy() -> bytes:
    return seal(new_secret("sps_"), tenant=_NOBODY, column=CREDENTIAL, row=_NOBODY)

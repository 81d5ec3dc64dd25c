"""Secrets at rest and in hand: sealing what must be read back, drawing what must be unguessable.

A seal is `version (1 byte) | key id (4) | nonce (12) | AES-256-GCM ciphertext and tag`. Its key is derived from a
master key for one tenant and one column, and it is bound to the row: moved to another place it does not open.
The master keys live in a file outside the database, so a stolen dump is of no use.
"""

import base64
import binascii
import contextlib
import fcntl
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Self, final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

VERSION: Final = b"\x01"
KEY_BYTES: Final = 32
_ID, _NONCE, _TAG = 4, 12, 16
_PREFIX = len(VERSION) + _ID
_BODY = _PREFIX + _NONCE
_FEWEST_DISTINCT_BYTES = 16
"""32 random bytes have fewer once in 10^11 draws; a password, a pattern or zeroes have fewer as a rule."""

_PREAMBLE = (
    "# School Passport's master keys, one per line, newest first. The newest seals; all of them open.\n"
    "# Keep a copy apart from the database's backups: without this file the sealed secrets cannot be read again.\n"
)


class SealBroken(Exception):
    """A sealed secret does not open here: changed, moved from its place, or sealed with a key that is not at hand."""


class KeyFileRefused(Exception):
    """The file of master keys cannot be trusted or read. The message says what to do."""


@final
class Vault:
    """Seals and opens with one or more master keys, the newest first. Never shows them."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        for key in keys:
            if len(key) != KEY_BYTES or len(set(key)) < _FEWEST_DISTINCT_BYTES:
                raise ValueError(f"a master key is {KEY_BYTES} random bytes")
        self._keys = {_key_id(key): key for key in keys}
        if not keys or len(self._keys) != len(keys):
            raise ValueError("a vault needs at least one master key, and each only once")
        self._newest = _key_id(keys[0])

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read the master keys; if there is no file, make one with a fresh key. Raises `KeyFileRefused`."""
        with _held(path):
            if not os.path.lexists(path):
                _write(path, [secrets.token_bytes(KEY_BYTES)])
            return cls(_read(path))

    @classmethod
    def rotate(cls, path: Path) -> Self:
        """Put a fresh key before the others. Running processes still open everything old, and learn it by a restart."""
        with _held(path):
            _write(path, [secrets.token_bytes(KEY_BYTES), *_read(path)])
            return cls(_read(path))

    def forget_older(self, path: Path) -> int:
        """Take the keys that are older than this vault's newest out of the file; returns how many those were.

        Whatever they sealed cannot be opened any more. A key that somebody put before ours meanwhile stays.
        """
        with _held(path):
            keys = _read(path)
            kept = [_key_id(key) for key in keys].index(self._newest) + 1
            if kept < len(keys):
                _write(path, keys[:kept])
            return len(keys) - kept

    def seal(self, plaintext: bytes, *, tenant: UUID, column: str, row: UUID) -> bytes:
        nonce = os.urandom(_NONCE)
        header = VERSION + self._newest
        cipher = _cipher(self._keys[self._newest], tenant=tenant, column=column)
        bound_to = _bound_to(header, tenant=tenant, column=column, row=row)
        return header + nonce + cipher.encrypt(nonce, plaintext, bound_to)

    def open(self, sealed: bytes, *, tenant: UUID, column: str, row: UUID) -> bytes:
        """Give back the plaintext, or raise `SealBroken`, which holds nothing of it."""
        header, nonce, ciphertext = sealed[:_PREFIX], sealed[_PREFIX:_BODY], sealed[_BODY:]
        if len(ciphertext) < _TAG or header[:1] != VERSION:
            raise SealBroken("This is not a sealed secret of a version that this program knows.")
        key = self._keys.get(header[1:])
        if key is None:
            raise SealBroken(f"It was sealed with master key {header[1:].hex()}, which this key file does not hold.")
        cipher = _cipher(key, tenant=tenant, column=column)
        try:
            return cipher.decrypt(nonce, ciphertext, _bound_to(header, tenant=tenant, column=column, row=row))
        except InvalidTag:
            raise SealBroken("The sealed secret was changed, or belongs to another tenant, column or row.") from None

    def is_current(self, sealed: bytes) -> bool:
        """Whether the newest key sealed it. When that is so for all, the older keys may leave the file."""
        return sealed.startswith(VERSION + self._newest)


def new_secret(prefix: str, nbytes: int = 32) -> str:
    """Draw an unguessable secret; the prefix tells people, and secret scanners, what they found."""
    return prefix + secrets.token_urlsafe(nbytes)


def token_digest(token: str) -> bytes:
    """What is stored of a token. A plain hash is enough: 256 random bits cannot be guessed from it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"schoolpassport vault key id\0" + key).digest()[:_ID]


def _cipher(key: bytes, *, tenant: UUID, column: str) -> AESGCM:
    place = b"schoolpassport vault 1\0" + tenant.bytes + column.encode()
    return AESGCM(HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=place).derive(key))


def _bound_to(header: bytes, *, tenant: UUID, column: str, row: UUID) -> bytes:
    """All parts but the last have a fixed length, so no two places have the same bytes."""
    return header + tenant.bytes + row.bytes + column.encode()


@contextlib.contextmanager
def _held(path: Path) -> Iterator[None]:
    """Hold the directory, so that two processes that begin together agree on one key."""
    try:
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(directory, fcntl.LOCK_EX)
            yield
        finally:
            os.close(directory)
    except OSError as error:
        raise KeyFileRefused(
            f"The file of master keys {path} cannot be used: {error.strerror}. "
            "Let this account read it and write its directory, or name another file."
        ) from error


def _read(path: Path) -> list[bytes]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, encoding="ascii", errors="replace") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid not in {os.geteuid(), 0}:
            raise KeyFileRefused(
                f"{path}, for the master keys, is not a file of this account's. Look who put it there."
            )
        if stat.S_IMODE(found.st_mode) & 0o077:
            raise KeyFileRefused(f"Others may read the master keys in {path}. Close the file: chmod 600 {path}")
        lines = [line.strip() for line in file.read(65536).splitlines() if line.strip() and not line.startswith("#")]
    try:
        keys = [base64.b64decode(line, validate=True) for line in lines]
        Vault(keys)
    except (binascii.Error, ValueError) as error:
        raise KeyFileRefused(
            f"The file of master keys {path} is damaged or holds a weak key: each line must be {KEY_BYTES} random "
            "bytes in base64. Restore it from its copy; delete it only if nothing was ever sealed with it."
        ) from error
    return keys


def _write(path: Path, keys: Sequence[bytes]) -> None:
    """Whole or not at all: written next door, on the disk, then renamed."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(_PREAMBLE + "".join(base64.b64encode(key).decode() + "\n" for key in keys))
            file.flush()
            os.fsync(file.fileno())
        new.rename(path)
    finally:
        new.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)

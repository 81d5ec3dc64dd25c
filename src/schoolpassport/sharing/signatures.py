"""Receipts as signed texts (JWS, RFC 7515): made with a key, and checked with the published ones. Needs no database.

One algorithm is signed with and accepted, ES256; what a text says about itself (``alg``, ``typ``, ``jwk``) chooses
nothing. A key is named by its thumbprint (RFC 7638), so no other key can go by its name.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

ALGORITHM: Final = "ES256"
TYPE: Final = "consent-receipt+jwt"
_CURVE: Final = "P-256"
_LONGEST: Final = 1 << 20


class NotGenuine(ValueError):
    """The receipt is not what it says it is, or cannot be checked with these keys. The message says which."""


@dataclass(frozen=True)
class Genuine:
    """A receipt that one of the keys signed. It says what held at ``iat``, not what has become of it since."""

    claims: Mapping[str, Any]
    kid: str


def new_key() -> tuple[str, bytes, dict[str, Any]]:
    """A key's name, its private part (PEM, to be sealed), and what is published of it."""
    key = ECKey.generate_key(_CURVE)
    kid = key.thumbprint()
    public = {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": ALGORITHM}
    return kid, key.as_pem(private=True), public


def signed(claims: Mapping[str, Any], *, kid: str, private: bytes) -> str:
    """The compact serialization: three parts in base64url, with dots between."""
    header = {"alg": ALGORITHM, "typ": TYPE, "kid": kid}
    payload = json.dumps(claims, ensure_ascii=False, separators=(",", ":")).encode()
    return jws.serialize_compact(header, payload, ECKey.import_key(private), algorithms=[ALGORITHM])


def verified(text: str, keys: Mapping[str, Any]) -> Genuine:
    """``keys``: a JSON Web Key Set as it is published. Raises ``NotGenuine``."""
    text = text.strip()
    if len(text) > _LONGEST:
        raise NotGenuine("This is too long for a receipt.")
    header = _header(text)
    if header.get("typ") != TYPE or header.get("alg") != ALGORITHM:
        raise NotGenuine(f"This is no receipt: it is not marked as {TYPE}, signed by {ALGORITHM}.")
    kid = header.get("kid")
    named = [k for k in _keys(keys) if k.get("kid") == kid]
    if not named:
        raise NotGenuine(f"None of the keys is called “{kid}”. Fetch the issuer's keys anew; old ones stay published.")
    try:
        key = ECKey.import_key(dict(named[0]))
        found = jws.deserialize_compact(text, key, algorithms=[ALGORITHM])
        claims = json.loads(found.payload)
    except (JoseError, ValueError, TypeError, KeyError) as wrong:
        raise NotGenuine("The signature does not fit: the receipt was changed, or another key signed it.") from wrong
    if key.thumbprint() != kid or key.curve_name != _CURVE:
        raise NotGenuine("The key does not go by its own name; these keys were tampered with.")
    if not isinstance(claims, dict) or not isinstance(claims.get("consent"), dict):
        raise NotGenuine("It is signed, but it is no receipt of a consent.")
    return Genuine(claims, kid)


def _header(text: str) -> Mapping[str, Any]:
    try:
        return jws.extract_compact(text.encode("ascii")).headers()
    except (JoseError, ValueError, TypeError, AttributeError) as wrong:
        raise NotGenuine("This is no signed receipt: three parts in base64url with dots between.") from wrong


def _keys(keys: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = keys.get("keys")
    if not isinstance(found, list):
        raise NotGenuine("This is no key set: an object with a list “keys”.")
    return [k for k in found if isinstance(k, dict) and k.get("kty") == "EC"]

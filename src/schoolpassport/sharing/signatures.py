"""Receipts and manifests as signed texts (JWS, RFC 7515): made with a key, checked with the published ones.

Needs no database.

One algorithm is signed with and accepted, ES256; what a text says about itself (``alg``, ``typ``, ``jwk``) chooses
nothing. A key is named by its thumbprint (RFC 7638), so no other key can go by its name.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

ALGORITHM: Final = "ES256"
_CURVE: Final = "P-256"
_LONGEST: Final = 1 << 20


class Sort(NamedTuple):
    """What is signed. ``claim``: the member of the claims that says it; ``type``: how the text is marked."""

    name: str
    claim: str
    type: str
    about: str


RECEIPT: Final = Sort("receipt", "consent", "consent-receipt+jwt", "a consent")
MANIFEST: Final = Sort("manifest", "manifest", "view-manifest+jwt", "a view")


class NotGenuine(ValueError):
    """The text is not what it says it is, or cannot be checked with these keys. The message says which."""


@dataclass(frozen=True)
class Genuine:
    """What one of the keys signed. It says what held at ``iat``, not what has become of it since."""

    claims: Mapping[str, Any]
    kid: str


def new_key() -> tuple[str, bytes, dict[str, Any]]:
    """A key's name, its private part (PEM, to be sealed), and what is published of it."""
    key = ECKey.generate_key(_CURVE)
    kid = key.thumbprint()
    public = {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": ALGORITHM}
    return kid, key.as_pem(private=True), public


def signed(claims: Mapping[str, Any], *, kid: str, private: bytes, sort: Sort = RECEIPT) -> str:
    """The compact serialization: three parts in base64url, with dots between."""
    header = {"alg": ALGORITHM, "typ": sort.type, "kid": kid}
    payload = json.dumps(claims, ensure_ascii=False, separators=(",", ":")).encode()
    return jws.serialize_compact(header, payload, ECKey.import_key(private), algorithms=[ALGORITHM])


def verified(text: str, keys: Mapping[str, Any], *, sort: Sort = RECEIPT) -> Genuine:
    """``keys``: a JSON Web Key Set as it is published. Raises ``NotGenuine``."""
    text = text.strip()
    if len(text) > _LONGEST:
        raise NotGenuine(f"This is too long for a {sort.name}.")
    header = _header(text, sort)
    if header.get("typ") != sort.type or header.get("alg") != ALGORITHM:
        raise NotGenuine(f"This is no {sort.name}: it is not marked as {sort.type}, signed by {ALGORITHM}.")
    kid = header.get("kid")
    named = [k for k in _keys(keys) if k.get("kid") == kid]
    if not named:
        raise NotGenuine(f"None of the keys is called “{kid}”. Fetch the issuer's keys anew; old ones stay published.")
    try:
        key = ECKey.import_key(dict(named[0]))
        found = jws.deserialize_compact(text, key, algorithms=[ALGORITHM])
        claims = json.loads(found.payload)
    except (JoseError, ValueError, TypeError, KeyError) as wrong:
        said = f"The signature does not fit: the {sort.name} was changed, or another key signed it."
        raise NotGenuine(said) from wrong
    if key.thumbprint() != kid or key.curve_name != _CURVE:
        raise NotGenuine("The key does not go by its own name; these keys were tampered with.")
    if not isinstance(claims, dict) or not isinstance(claims.get(sort.claim), dict):
        raise NotGenuine(f"It is signed, but it is no {sort.name} of {sort.about}.")
    return Genuine(claims, kid)


def _header(text: str, sort: Sort) -> Mapping[str, Any]:
    try:
        return jws.extract_compact(text.encode("ascii")).headers()
    except (JoseError, ValueError, TypeError, AttributeError) as wrong:
        raise NotGenuine(f"This is no signed {sort.name}: three parts in base64url with dots between.") from wrong


def _keys(keys: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = keys.get("keys")
    if not isinstance(found, list):
        raise NotGenuine("This is no key set: an object with a list “keys”.")
    return [k for k in found if isinstance(k, dict) and k.get("kty") == "EC"]

"""Receipts are checked by a second implementation, which knows nothing of ours, and forged in every way we could think of."""

import base64
import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from schoolpassport.sharing.signatures import MANIFEST, Genuine, NotGenuine, new_key, signed, verified

CLAIMS = {"iss": "https://passport.example", "consent": {"state": "active", "purpose": "Lesen üben"}}
KID, PRIVATE, PUBLIC = new_key()
TEXT = signed(CLAIMS, kid=KID, private=PRIVATE)
KEYS = {"keys": [PUBLIC]}


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def by_hand(text: str, key: dict[str, str]) -> dict[str, object]:
    """RFC 7515, appendix A.3, with nothing but an elliptic curve."""
    head, payload, signature = text.split(".")
    assert json.loads(decoded(head)) == {"alg": "ES256", "typ": "consent-receipt+jwt", "kid": key["kid"]}
    x, y = (int.from_bytes(decoded(key[name])) for name in ("x", "y"))
    raw = decoded(signature)
    pair = utils.encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key().verify(
        pair, f"{head}.{payload}".encode(), ec.ECDSA(SHA256())
    )
    return json.loads(decoded(payload))


def test_a_receipt_is_checked_by_an_implementation_of_somebody_elses():
    assert by_hand(TEXT, PUBLIC) == CLAIMS
    with pytest.raises(InvalidSignature):
        by_hand(TEXT, {**new_key()[2], "kid": KID})


def test_a_receipt_that_somebody_else_signed_by_hand_is_checked_by_us():
    head = encoded(json.dumps({"kid": KID, "typ": "consent-receipt+jwt", "alg": "ES256"}).encode())
    body = f"{head}.{encoded(json.dumps(CLAIMS).encode())}"
    r, s = utils.decode_dss_signature(load_pem_private_key(PRIVATE, None).sign(body.encode(), ec.ECDSA(SHA256())))
    assert verified(f"{body}.{encoded(r.to_bytes(32) + s.to_bytes(32))}\n", KEYS) == Genuine(CLAIMS, KID)


def test_old_keys_verify_beside_new_ones():
    assert verified(TEXT, {"keys": [new_key()[2], PUBLIC, {"kty": "oct", "k": "eA", "kid": KID}]}).kid == KID


def with_header(**header: object) -> str:
    return ".".join((encoded(json.dumps(header).encode()), *TEXT.split(".")[1:]))


def with_payload(content: object) -> str:
    head, _, signature = TEXT.split(".")
    return f"{head}.{encoded(json.dumps(content).encode())}.{signature}"


TYPE = "consent-receipt+jwt"
FORGED = {
    "nothing": ("", "no signed receipt"),
    "two parts": ("a.b", "no signed receipt"),
    "no JSON": ("YQ.YQ.YQ", "no signed receipt"),
    "not ASCII": ("é.é.é", "no signed receipt"),
    "other words": (with_payload({**CLAIMS, "iss": "https://other.example"}), "signature does not fit"),
    "no algorithm": (with_header(alg="none", typ=TYPE, kid=KID), "not marked"),
    "a shared secret": (with_header(alg="HS256", typ=TYPE, kid=KID), "not marked"),
    "another type": (with_header(alg="ES256", typ="JWT", kid=KID), "not marked"),
    "another key's name": (with_header(alg="ES256", typ=TYPE, kid="other"), "None of the keys is called “other”"),
    "a key of its own": (
        with_header(alg="ES256", typ=TYPE, kid=KID, jwk=new_key()[2]),
        "signature does not fit",
    ),
    "something critical": (with_header(alg="ES256", typ=TYPE, kid=KID, crit=["b64"], b64=False), "receipt"),
    "a cut signature": (TEXT[:-8], "signature does not fit"),
    "too long": ("a" * (2 << 20), "too long"),
}


@pytest.mark.parametrize("how", FORGED)
def test_what_was_changed_is_refused(how):
    text, why = FORGED[how]
    with pytest.raises(NotGenuine, match=why):
        verified(text, KEYS)


def test_a_key_that_goes_by_anothers_name_is_refused():
    _, private, public = new_key()
    with pytest.raises(NotGenuine, match="does not go by its own name"):
        verified(signed(CLAIMS, kid=KID, private=private), {"keys": [{**public, "kid": KID}]})


def test_what_is_signed_and_no_receipt_is_refused():
    with pytest.raises(NotGenuine, match="no receipt of a consent"):
        verified(signed({"iss": "x"}, kid=KID, private=PRIVATE), KEYS)


def test_what_is_signed_as_one_sort_is_none_of_another():
    claims = {**CLAIMS, "manifest": {"revision": 7}}
    text = signed(claims, kid=KID, private=PRIVATE, sort=MANIFEST)
    assert verified(text, KEYS, sort=MANIFEST) == Genuine(claims, KID)
    with pytest.raises(NotGenuine, match="This is no receipt: it is not marked as consent-receipt"):
        verified(text, KEYS)
    with pytest.raises(NotGenuine, match="This is no manifest: it is not marked as view-manifest"):
        verified(TEXT, KEYS, sort=MANIFEST)
    with pytest.raises(NotGenuine, match="no manifest of a view"):
        verified(signed(CLAIMS, kid=KID, private=PRIVATE, sort=MANIFEST), KEYS, sort=MANIFEST)


def test_what_is_no_key_set_is_refused():
    for strange in ({}, {"keys": PUBLIC}):
        with pytest.raises(NotGenuine, match="no key set"):
            verified(TEXT, strange)

"""OAuth 1.0a, two-legged (RFC 5849): reading and checking a signed request. Pure: no database, no clock.

The base string is made by oauthlib. Its parser and its verifier are not used: the parser refuses headers and queries
that clients really send (blanks around `=`, an unencoded `>` in a filter), the verifier logs what was signed.
"""

import base64
import hmac
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, unquote, unquote_plus

from oauthlib.oauth1.rfc5849 import signature as rfc5849
from oauthlib.oauth1.rfc5849.utils import escape

from schoolpassport.partners.records import Reason, Refused, SignedRequest

METHODS: Final = {"HMAC-SHA1": "sha1", "HMAC-SHA256": "sha256"}

_PAIR = re.compile(r'([\w%.~-]+)\s*=\s*(?:"([^"]*)"|([^\s,"]*))', re.ASCII)
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_NONCE_LENGTH: Final = 255
_NEEDED: Final = ("oauth_consumer_key", "oauth_signature_method", "oauth_timestamp", "oauth_nonce", "oauth_signature")


@dataclass(frozen=True)
class Claim:
    """What a signed request says of itself; nothing of it is proved yet."""

    client_id: str
    algorithm: str
    stamp: int
    nonce: str
    signature: str
    url: str  # as it stands in the base string: default ports dropped, host in lower case
    parameters: tuple[tuple[str, str], ...]  # all that is signed: those of the header and of the query


def read(request: SignedRequest) -> Claim | Refused:
    header = _header(request.authorization)
    given = dict(header)
    wrong = "a parameter is there twice" if len(given) != len(header) else _wrong(given)
    if wrong:
        return Refused(Reason.MALFORMED, f"In the signed request, {wrong}.")
    try:
        url = rfc5849.base_string_uri(request.url)
    except ValueError:
        return Refused(Reason.MALFORMED, "The address of the request is none that can be signed.")
    signed = [pair for pair in header if pair[0] not in {"realm", "oauth_signature"}]
    return Claim(
        client_id=given["oauth_consumer_key"],
        algorithm=METHODS[given["oauth_signature_method"]],
        stamp=int(given["oauth_timestamp"]),
        nonce=given["oauth_nonce"],
        signature=given["oauth_signature"],
        url=url,
        parameters=(*signed, *parse_qsl(request.query, keep_blank_values=True)),
    )


def is_signed_with(secret: str, *, claim: Claim, method: str) -> bool:
    """Whether the holder of the secret signed this request. A HEAD may be signed as the GET that it stands for."""
    made = (_signature(secret, claim=claim, method=each) for each in dict.fromkeys((method, _stands_for(method))))
    return any(hmac.compare_digest(each.encode(), claim.signature.encode()) for each in made)


def _stands_for(method: str) -> str:
    return "GET" if method == "HEAD" else method


def _signature(secret: str, *, claim: Claim, method: str) -> str:
    parameters = rfc5849.normalize_parameters(claim.parameters)
    base = rfc5849.signature_base_string(method, claim.url, parameters)
    key = f"{escape(secret)}&"  # two legs: there is no token secret behind the ampersand
    return base64.b64encode(hmac.digest(key.encode(), base.encode(), claim.algorithm)).decode()


def _wrong(given: dict[str, str]) -> str:
    if missing := [name for name in _NEEDED if not given.get(name)]:
        return f"{missing[0]} is missing"
    if given.get("oauth_version", "1.0") != "1.0":
        return "oauth_version is not 1.0"
    if given["oauth_signature_method"] not in METHODS:
        return f"oauth_signature_method is none of {', '.join(METHODS)}"
    if not _TIMESTAMP.fullmatch(given["oauth_timestamp"]):
        return "oauth_timestamp is not a number of seconds since 1970"
    if len(given["oauth_nonce"]) > _NONCE_LENGTH or not given["oauth_nonce"].isprintable():
        return f"oauth_nonce is not of at most {_NONCE_LENGTH} printable characters"
    return ""


def _header(authorization: str) -> list[tuple[str, str]]:
    """The parameters in any order and spacing, quoted or not, percent-encoded with `%20` or `+` for a blank."""
    _, _, rest = authorization.strip().partition(" ")
    return [(unquote(name), _value(unquote(name), quoted or bare)) for name, quoted, bare in _PAIR.findall(rest)]


def _value(name: str, encoded: str) -> str:
    # Base64 has `+` and no blank: a plus sign in a signature was left as it is by a client that encodes nothing.
    return unquote(encoded) if name == "oauth_signature" else unquote_plus(encoded)

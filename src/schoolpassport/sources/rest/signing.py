"""OAuth 1.0a, two-legged (RFC 5849): signing a request. The base string is made by oauthlib."""

import base64
import hmac
from secrets import token_urlsafe
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from oauthlib.oauth1.rfc5849 import signature as rfc5849
from oauthlib.oauth1.rfc5849.utils import escape

METHODS: Final = {"oauth1-sha256": ("HMAC-SHA256", "sha256"), "oauth1-sha1": ("HMAC-SHA1", "sha1")}


def authorization(url: str, *, way: str, key: str, secret: str, stamp: int) -> str:
    """The header for a GET of ``url``, its query already encoded. ``stamp``: seconds since 1970."""
    name, algorithm = METHODS[way]
    said = {
        "oauth_consumer_key": key,
        "oauth_nonce": token_urlsafe(16),
        "oauth_signature_method": name,
        "oauth_timestamp": str(stamp),
        "oauth_version": "1.0",
    }
    query = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    parameters = rfc5849.normalize_parameters([*said.items(), *query])
    base = rfc5849.signature_base_string("GET", rfc5849.base_string_uri(url), parameters)
    made = hmac.digest(f"{escape(secret)}&".encode(), base.encode(), algorithm)
    said["oauth_signature"] = base64.b64encode(made).decode()
    return "OAuth " + ", ".join(f'{name}="{escape(value)}"' for name, value in sorted(said.items()))

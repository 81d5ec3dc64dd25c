"""Asking the API as an application does it: a token for its credentials, then JSON."""

import json
import urllib.parse
import urllib.request
from typing import Any

from schoolpassport.partners.records import NewCredential


def token_of(base: str, credential: NewCredential) -> str:
    form = urllib.parse.urlencode(
        {
            "grant_type": "client_credentials",
            "client_id": credential.client_id,
            "client_secret": credential.client_secret,
        }
    )
    return str(ask(f"{base}/oauth/token", data=form.encode())["access_token"])


def ask(url: str, *, data: bytes | None = None, token: str = "") -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(url, data=data, headers=headers)  # noqa: S310 (our own address)
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 (our own address)
        made: dict[str, Any] = json.load(answer)
    return made

"""What an application wrote has names of its own: put into documents in place of the ids that views know.

Only where an id stands as one, as a ``sourcedId``, at the end of the address before it, and among the extensions of
1.1 that name a record; never inside of a text.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote
from uuid import UUID

from schoolpassport.roster.kinds import SHARED

_ID: Final = rb"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}"  # gradebook.contract.id_of
_EXTENSIONS: Final = b"".join(
    rb'|(?<="' + re.escape(name).encode() + rb'": ")'
    for name in sorted({f.extension for kind in SHARED.values() for f in kind.references if f.extension})
)
_NAMED: Final = re.compile(
    rb'(?:(?<="sourcedId":")' + _EXTENSIONS + rb"|(?P<address>(?<=/)))(?P<id>" + _ID + rb')(?=")'
)


def written(documents: bytes) -> frozenset[UUID]:
    """The ids in it of whatever any application wrote."""
    return frozenset(UUID(found["id"].decode()) for found in _NAMED.finditer(documents))


def named(documents: bytes, names: Mapping[str, str]) -> bytes:
    """``names``: by id; what has none keeps its id. They hold nothing that JSON would escape."""

    def name(found: re.Match[bytes]) -> bytes:
        own = names.get(found["id"].decode())
        if own is None:
            return found["id"]
        return (quote(own, safe="") if found["address"] is not None else own).encode()

    return _NAMED.sub(name, documents)

"""Client ids and tokens name whom they belong to: `spc_<district>.<random>`, so they are looked up inside its scope.

Whoever forges the district finds nothing there: row-level security shows that district's rows and no others.
"""

import re
from enum import StrEnum
from uuid import UUID

from schoolpassport.kit.ids import from_short, new_id, short
from schoolpassport.kit.secrets import new_secret


class Prefix(StrEnum):
    CLIENT = "spc_"
    PARTNER_CLIENT = "spp_"
    SECRET = "sps_"  # noqa: S105 (a prefix, no secret)
    TOKEN = "spt_"  # noqa: S105 (a prefix, no secret)
    PARTNER_TOKEN = "spq_"  # noqa: S105 (a prefix, no secret)


_SHAPE = re.compile(r"(?P<prefix>sp[cptq]_)(?P<owner>[\w-]{22})\.(?:[\w-]{22}|[\w-]{43})", re.ASCII)


def client_id(prefix: Prefix, owner: UUID) -> str:
    return f"{prefix}{short(owner)}.{short(new_id())}"


def client_secret() -> str:
    return new_secret(Prefix.SECRET)


def token(prefix: Prefix, owner: UUID) -> str:
    return new_secret(f"{prefix}{short(owner)}.")


def owner(text: str, prefix: Prefix) -> UUID | None:
    """Whom the text names, or None when it is no name of this kind. Asks nobody."""
    found = _SHAPE.fullmatch(text)
    if found is None or found["prefix"] != prefix:
        return None
    try:
        return from_short(found["owner"])
    except ValueError:
        return None

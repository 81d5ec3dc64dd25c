"""Which kinds can be written, and how an application's own word for a record becomes its id."""

import hashlib
import re
from typing import Final
from uuid import UUID

GRADES: Final = ("category", "scoreScale", "lineItem", "result", "assessmentLineItem", "assessmentResult")
"""In the order in which they refer to one another."""

_OURS: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[78][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII)
_NAME: Final = re.compile(r"[0-9A-Za-z._@:~+=|$-]{1,255}", re.ASCII)
_VERSION, _VARIANT = 12, 16  # places of these digits in the hexadecimal text of a UUID


def id_of(*, integration_id: UUID, kind: str, name: str) -> UUID:
    """The id of what an application calls by a name of its own: always the same one, and nobody else's.

    It is a UUID of version 8, so it is no GG4L ID, which are of version 7.
    """
    digits = hashlib.sha256(f"{integration_id}/{kind}/{name}".encode()).hexdigest()[:32]
    return UUID(f"{digits[:_VERSION]}8{digits[_VERSION + 1 : _VARIANT]}8{digits[_VARIANT + 1 :]}")


def id_sql(*, integration: str, kind: str, name: str) -> str:
    """SQL: the same, of expressions for the integration (a uuid), the kind and the name."""
    text = f"({integration})::text || '/' || {kind} || '/' || ({name})"
    digits = f"left(encode(sha256(convert_to({text}, 'UTF8')), 'hex'), 32)"
    version, variant = f"placing '8' from {_VERSION + 1}", f"placing '8' from {_VARIANT + 1}"
    return f"overlay(overlay({digits} {version}) {variant})::uuid"


def is_ours(name: str) -> bool:
    """Whether the name has the form of an id that School Passport gives. Those mean themselves."""
    return bool(_OURS.fullmatch(name))


def is_name(name: str) -> bool:
    """Whether an application may call a record of its own so."""
    return bool(_NAME.fullmatch(name)) and not is_ours(name)

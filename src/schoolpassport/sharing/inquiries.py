"""What an inquiry is: a question about a view that is not one of the reader's own, asked under the reader's guard.

Outlets that page otherwise than by offset, or want to know who belongs together, bring theirs; the reader adds the
standing, proves it, and asks again when the view moved.
"""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol, TypeVar
from uuid import UUID

from schoolpassport.sharing.models import HREF
from schoolpassport.sharing.records import Shared
from schoolpassport.sharing.roundtrip import Question
from schoolpassport.sharing.standing import Standing

Result_co = TypeVar("Result_co", covariant=True)

_HREF = HREF.encode()


class Told(NamedTuple):
    """What an answer tells, for the ledger of readings. ``part``: not, or not surely, all that the collection has."""

    kind: str
    revision: int
    records: int
    subset: str = ""
    school: UUID | None = None
    part: bool = True
    total: int = 0
    ends: bool = False


class Inquiry(Protocol[Result_co]):
    def question(self, standing: Standing, shared: Shared) -> Question:
        """A statement made by ``standing.with_standing``; the district, the integration and the view are filled in."""

    def answer(self, rest: tuple[Any, ...], standing: Standing) -> Result_co:
        """What the columns of the question say. They were read under this standing."""

    def told(self, rest: tuple[Any, ...], standing: Standing) -> Iterable[Told]:
        """What that tells of whom: nothing leaves that is not written down."""


def listed(documents: bytes | None, base: str = "") -> bytes:
    """A JSON list of documents whose hrefs begin with ``base``: nothing, for dialects that have other addresses."""
    return b"[" + based(documents, base) + b"]"


def based(text: bytes | None, base: str) -> bytes:
    """The same text, its hrefs beginning with ``base``."""
    return (text or b"").replace(_HREF, json.dumps(base)[1:-1].encode())

"""What an inquiry is: a question about a view that is not one of the reader's own, asked under the reader's guard.

Outlets that page otherwise than by offset, or want to know who belongs together, bring theirs; the reader adds the
standing, proves it, and asks again when the view moved.
"""

import json
from typing import Any, Protocol, TypeVar

from schoolpassport.sharing.models import HREF
from schoolpassport.sharing.records import Shared
from schoolpassport.sharing.roundtrip import Question
from schoolpassport.sharing.standing import Standing

Result_co = TypeVar("Result_co", covariant=True)

_HREF = HREF.encode()


class Inquiry(Protocol[Result_co]):
    def question(self, standing: Standing, shared: Shared) -> Question:
        """A statement made by ``standing.with_standing``; the district, the integration and the view are filled in."""

    def answer(self, rest: tuple[Any, ...], standing: Standing) -> Result_co:
        """What the columns of the question say. They were read under this standing."""


def listed(documents: bytes | None, base: str = "") -> bytes:
    """A JSON list of documents whose hrefs begin with ``base``: nothing, for dialects that have other addresses."""
    return b"[" + (documents or b"").replace(_HREF, json.dumps(base)[1:-1].encode()) + b"]"

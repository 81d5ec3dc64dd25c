"""What a message says: that a view has a new revision, and which records it is about. Ids, kinds, counts; no values."""

import json
from datetime import datetime
from typing import Any, Final, TypedDict
from uuid import UUID

from schoolpassport.sharing import changes
from schoolpassport.webhooks.models import Message

MOST_LINES: Final = 500
"""More lines than that are counted, not listed: whoever is told reads them from the log."""

TYPE: Final = "view.revised"
TRIAL: Final = "webhook.tried"


class _Piece(TypedDict):
    district_id: UUID
    integration_id: UUID
    seq_from: int
    seq_to: int


def trial(*, district_id: UUID, at: datetime) -> bytes:
    """A message about nothing, to see whether it arrives."""
    told = {"type": TRIAL, "timestamp": _instant(at), "data": {"district": str(district_id)}}
    return json.dumps(told, separators=(",", ":")).encode()


def body(message: Message, *, integration_id: UUID) -> bytes:
    """The same bytes for each attempt: the log does not change. In the caller's scope."""
    piece = _Piece(
        district_id=message.district_id,
        integration_id=integration_id,
        seq_from=message.seq_from,
        seq_to=message.seq_to,
    )
    data: dict[str, Any] = {
        "district": str(message.district_id),
        "revision": message.revision,
        "after": message.seq_from,
        "last": message.seq_to,
        "counts": changes.counts(**piece),
        "changes": None,
    }
    if message.seq_to - message.seq_from <= MOST_LINES:
        data["changes"] = [
            {"seq": line.seq, "kind": line.kind, "id": str(line.id), "change": line.change}
            for line in changes.lines(**piece)
        ]
    told = {"type": TYPE, "timestamp": _instant(message.made_at), "data": data}
    return json.dumps(told, separators=(",", ":")).encode()


def _instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")

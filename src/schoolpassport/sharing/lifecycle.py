"""The life of a consent: every state, everything that can be done, and by whom, in one table.

The database holds the same table (``sharing_consentstep``): a step that stands in no line of it cannot be written, and
a consent is in no state that its last step did not lead to.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ConsentState(StrEnum):
    DRAFT = "draft"
    SENT = "sent"
    CHANGES_REQUESTED = "changes_requested"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    APPROVED = "approved"  # both sides agreed, and its first day has not come
    ACTIVE = "active"
    SUSPENDED = "suspended"
    REPLACED = "replaced"  # by another that both sides agreed to
    EXPIRED = "expired"
    REVOKED = "revoked"


PENDING = (ConsentState.DRAFT, ConsentState.SENT, ConsentState.CHANGES_REQUESTED, ConsentState.APPROVED)
IN_FORCE = (ConsentState.ACTIVE, ConsentState.SUSPENDED)
OVER = (
    ConsentState.REJECTED,
    ConsentState.WITHDRAWN,
    ConsentState.REPLACED,
    ConsentState.EXPIRED,
    ConsentState.REVOKED,
)


class Side(StrEnum):
    """Who acts. The house itself acts when a day comes, and never else."""

    DISTRICT = "district"
    PARTNER = "partner"
    HOUSE = "house"


SIDES = (Side.DISTRICT, Side.PARTNER)


def other(side: Side) -> Side:
    return Side.PARTNER if side is Side.DISTRICT else Side.DISTRICT


class Act(StrEnum):
    DRAFT = "draft"
    EDIT = "edit"
    SEND = "send"
    REQUEST_CHANGES = "request_changes"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    APPROVE = "approve"
    BEGIN = "begin"
    SUSPEND = "suspend"
    RESUME = "resume"
    REPLACE = "replace"
    EXPIRE = "expire"
    REVOKE = "revoke"


class Whose(StrEnum):
    """Which side may act."""

    AUTHOR = "the side that drafted it"
    OTHER = "the other side"
    EITHER = "either side"
    HOUSE = "the house, when the day comes"


@dataclass(frozen=True)
class Transition:
    was: str  # a state, or "" for what is not there yet
    act: Act
    whose: Whose
    became: ConsentState


_S, _A, _W = ConsentState, Act, Whose

TRANSITIONS: tuple[Transition, ...] = (
    Transition("", _A.DRAFT, _W.EITHER, _S.DRAFT),
    Transition(_S.DRAFT, _A.EDIT, _W.AUTHOR, _S.DRAFT),
    Transition(_S.DRAFT, _A.SEND, _W.AUTHOR, _S.SENT),
    Transition(_S.DRAFT, _A.WITHDRAW, _W.AUTHOR, _S.WITHDRAWN),
    Transition(_S.SENT, _A.APPROVE, _W.OTHER, _S.APPROVED),
    Transition(_S.SENT, _A.REJECT, _W.OTHER, _S.REJECTED),
    Transition(_S.SENT, _A.REQUEST_CHANGES, _W.OTHER, _S.CHANGES_REQUESTED),
    Transition(_S.SENT, _A.WITHDRAW, _W.AUTHOR, _S.WITHDRAWN),
    Transition(_S.CHANGES_REQUESTED, _A.EDIT, _W.AUTHOR, _S.CHANGES_REQUESTED),
    Transition(_S.CHANGES_REQUESTED, _A.SEND, _W.AUTHOR, _S.SENT),
    Transition(_S.CHANGES_REQUESTED, _A.WITHDRAW, _W.AUTHOR, _S.WITHDRAWN),
    Transition(_S.APPROVED, _A.BEGIN, _W.HOUSE, _S.ACTIVE),
    Transition(_S.APPROVED, _A.REVOKE, _W.EITHER, _S.REVOKED),
    Transition(_S.ACTIVE, _A.SUSPEND, _W.EITHER, _S.SUSPENDED),
    Transition(_S.ACTIVE, _A.REPLACE, _W.HOUSE, _S.REPLACED),
    Transition(_S.ACTIVE, _A.REVOKE, _W.EITHER, _S.REVOKED),
    # Each side holds its own brake: the second one to pull it leaves the state as it is, and so does whoever lets go
    # of one of two.
    Transition(_S.SUSPENDED, _A.SUSPEND, _W.EITHER, _S.SUSPENDED),
    Transition(_S.SUSPENDED, _A.RESUME, _W.EITHER, _S.SUSPENDED),
    Transition(_S.SUSPENDED, _A.RESUME, _W.EITHER, _S.ACTIVE),
    Transition(_S.SUSPENDED, _A.REPLACE, _W.HOUSE, _S.REPLACED),
    Transition(_S.SUSPENDED, _A.REVOKE, _W.EITHER, _S.REVOKED),
    *(Transition(state, _A.EXPIRE, _W.HOUSE, _S.EXPIRED) for state in (*PENDING, *IN_FORCE)),
)


@dataclass(frozen=True)
class Held:
    """What must be known of a consent to say what can be done with it."""

    state: str
    author: Side
    suspended_by: frozenset[Side] = frozenset()


class NotAllowed(ValueError):
    """What somebody wanted to do cannot be done. The message says why, and what can be done."""


def judged(held: Held, act: Act, side: Side) -> ConsentState:
    """The state that an act leads to. Raises ``NotAllowed``."""
    ways = [t for t in TRANSITIONS if (t.was, t.act) == (held.state, act)]
    if not ways:
        can = sorted({t.act.replace("_", " ") for t in TRANSITIONS if t.was == held.state and t.whose is not _W.HOUSE})
        then = f"what can be done is: {', '.join(can)}" if can else "nothing can be done with it any more"
        word = held.state.replace("_", " ")
        raise NotAllowed(f"The consent is {word}: it cannot be “{act.replace('_', ' ')}”; {then}.")
    if side not in _may(ways[0].whose, held.author):
        raise NotAllowed(f"“{act.replace('_', ' ')}” is for {ways[0].whose}, and that is not the {side}.")
    if act is Act.SUSPEND and side in held.suspended_by:
        raise NotAllowed(f"The {side} has suspended it already.")
    if act is Act.RESUME and side not in held.suspended_by:
        holder = ", ".join(sorted(held.suspended_by))
        raise NotAllowed(f"It was suspended by the {holder}, who alone can resume it.")
    still = brakes(held, act, side)
    return ways[0].became if len(ways) == 1 else (_S.SUSPENDED if still else _S.ACTIVE)


def brakes(held: Held, act: Act, side: Side) -> frozenset[Side]:
    """Who holds it suspended after an act."""
    match act:
        case Act.SUSPEND:
            return held.suspended_by | {side}
        case Act.RESUME:
            return held.suspended_by - {side}
        case _:
            return frozenset()


def _may(whose: Whose, author: Side) -> Collection[Side]:
    match whose:
        case Whose.AUTHOR:
            return (author,)
        case Whose.OTHER:
            return (other(author),)
        case Whose.EITHER:
            return SIDES
        case Whose.HOUSE:
            return (Side.HOUSE,)


def is_due(*, begins: datetime | None, now: datetime) -> bool:
    return begins is None or begins <= now


def is_past(*, expires: datetime | None, now: datetime) -> bool:
    """From its very instant on."""
    return expires is not None and expires <= now

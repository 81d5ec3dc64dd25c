"""Writing into gradebooks, for either version of OneRoster: one record by PUT, or one less by DELETE."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Final
from uuid import UUID

from schoolpassport.gradebook.contract import is_ours
from schoolpassport.gradebook.records import Said, Unwritable
from schoolpassport.gradebook.saying import check_name, read
from schoolpassport.partners.records import Bearer
from schoolpassport.roster.kinds import Version
from schoolpassport.rosterapi.errors import Failure, Minor
from schoolpassport.sharing import actions
from schoolpassport.sharing.records import Busy, NothingShared, NotYours, Unknown

METHODS: Final = frozenset({"PUT", "DELETE"})
_SECONDS: Final = "5"


def put(bearer: Bearer, kind: str, name: str, sent: object, *, version: Version, now: datetime) -> bool:
    """Keep one record. Returns whether it is new. Raises ``Failure``."""
    with refusals():
        said = read(kind_name=kind, name=name, sent=sent, integration_id=bearer.integration_id, version=version)
    return bool(keep(bearer, [said], now=now))


def keep(bearer: Bearer, said: Sequence[Said], *, now: datetime) -> frozenset[UUID]:
    """Keep records of one kind, all or none. Returns which are new. Raises ``Failure``."""
    with refusals():
        return actions.write(
            district_id=bearer.district_id, integration_id=bearer.integration_id, said=said, by=_by(bearer), now=now
        )


def delete(bearer: Bearer, kind: str, record_id: UUID, *, now: datetime) -> None:
    """Raises ``Failure``."""
    with refusals():
        actions.erase(
            district_id=bearer.district_id,
            integration_id=bearer.integration_id,
            kind=kind,
            record_id=record_id,
            by=_by(bearer),
            now=now,
        )


@contextmanager
def refusals() -> Iterator[None]:
    try:
        yield
    except Unwritable as wrong:
        raise Failure(Minor.UNPROCESSABLE, str(wrong)) from None
    except NotYours:
        sentence = "It is not this application that wrote this: it can neither be changed nor deleted here."
        raise Failure(Minor.FORBIDDEN, sentence) from None
    except Unknown:
        raise Failure(Minor.UNKNOWN_OBJECT, "There is no such object here.") from None
    except NothingShared as nothing:
        raise Failure(Minor.FORBIDDEN, str(nothing)) from None
    except Busy as busy:
        raise Failure(Minor.TOO_MANY, str(busy), {"Retry-After": _SECONDS}) from None


def check_own_name(kind: str, name: str) -> None:
    """Raises ``Failure``: 409 for an id that School Passport gives, whether anybody has it or not."""
    if is_ours(name):
        raise Failure(
            Minor.CONFLICT,
            f"{kind}.sourcedId {name} has the form of ids that School Passport gives; use one of your own.",
        )
    with refusals():
        check_name(kind, name)


def _by(bearer: Bearer) -> str:
    return f"credential:{bearer.credential_id}"

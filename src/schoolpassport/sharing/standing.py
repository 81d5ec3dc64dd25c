"""How an application stands in a district at this moment: which view it reads, how far that has come, what is shared.

Every question of a reader carries the standing in the same statement, and so in the same snapshot. A reader begins
with the standing it saw last, and asks again only when the answer shows that it has changed.
"""

from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, NamedTuple
from uuid import UUID

from schoolpassport.sharing.conditions import Condition
from schoolpassport.sharing.records import Lapsed, Suspended

COLUMNS: Final = 7
"""How many columns say it, before those of the question."""


class Force(StrEnum):
    """What a consent is worth at the moment of an answer."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    LAPSED = "lapsed"  # its last instant has passed, and its view has not been emptied yet
    OVER = "over"  # its view holds tombstones


class Standing(NamedTuple):
    view: int
    revision: int
    oldest_readable: int
    consent_id: UUID
    force: Force

    @property
    def in_force(self) -> bool:
        return self.force is Force.ACTIVE


class Pull(NamedTuple):
    """The revision that somebody's walk through one collection began on."""

    revision: int
    begun_at: datetime


class Answer(NamedTuple):
    standing: Standing
    pull: Pull | None
    rest: tuple[Any, ...]


def with_standing(question: Condition | None) -> str:
    """SQL: the standing, and the columns of the question. No row: there never was a consent.

    Parameters besides the question's: %(district)s, %(integration)s, %(now)s (NULL: the database's own clock). That a
    consent has expired is seen here, whether anybody has noticed or not.
    """
    return _standing("NULL::int, NULL::timestamptz", "", question)


def with_pull(question: Condition | None) -> str:
    """The same with the pull under way, which two more parameters name: %(puller)s, %(collection)s."""
    pull = """LEFT JOIN sharing_pull p ON p.district_id = v.district_id AND p.token = %(puller)s::bytea
            AND p.collection = %(collection)s::bytea"""
    return _standing("p.revision, p.begun_at", pull, question)


def _standing(columns: str, pull: str, question: Condition | None) -> str:
    # Files are made for minutes: an instant that was handed in would be old at their last look.
    # Behind OFFSET 0 a consent is sought by its id, and not among all that the district ever gave.
    now = "coalesce(%(now)s::timestamptz, statement_timestamp())"  # house: clock-at-the-edge (see above)
    more, join = (", q.*", f"CROSS JOIN ({question.sql}) q") if question else ("", "")
    return f"""SELECT v.number, v.revision, v.oldest_readable, v.consent_id,
        CASE WHEN c.ended_at IS NOT NULL THEN 'over'
            WHEN c.expires_at <= {now} THEN 'lapsed'
            ELSE c.state END,
        {columns}{more}
        FROM sharing_view v
        JOIN LATERAL (SELECT ended_at, expires_at, state FROM sharing_consent
            WHERE district_id = v.district_id AND id = v.consent_id OFFSET 0) c ON true
        {pull}
        {join}
        WHERE v.district_id = %(district)s AND v.integration_id = %(integration)s"""


def read(head: tuple[Any, ...], rest: tuple[Any, ...]) -> Answer:
    """``head``: the first ``COLUMNS`` columns. Raises ``NothingShared`` of whichever kind keeps the answer back."""
    standing, pull = _told(*head)
    if standing.force is Force.SUSPENDED:
        raise Suspended
    if standing.force is Force.LAPSED:
        raise Lapsed
    return Answer(standing, pull, rest)


@lru_cache(maxsize=10_000)
def _told(
    view: int, revision: int, oldest: int, consent: UUID, force: str, pulled: int | None, begun_at: datetime | None
) -> tuple[Standing, Pull | None]:
    pull = None if pulled is None or begun_at is None else Pull(pulled, begun_at)
    return Standing(view, revision, oldest, consent, Force(force)), pull

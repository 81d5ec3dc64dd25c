"""How an application stands in a district at this moment: which view it reads, how far that has come, what is shared.

Every question of a reader carries the standing in the same statement, and so in the same snapshot. A reader begins
with the standing it saw last, and asks again only when the answer shows that it has changed.
"""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from schoolpassport.sharing.conditions import Condition


class Standing(NamedTuple):
    view: int
    revision: int
    oldest_readable: int
    consent_id: UUID
    in_force: bool


class Pull(NamedTuple):
    """The revision that somebody's walk through one collection began on."""

    revision: int
    begun_at: datetime


class Answer(NamedTuple):
    standing: Standing
    pull: Pull | None
    rest: tuple[Any, ...]


def with_standing(question: Condition | None) -> str:
    """SQL: the standing, the pull under way, and the columns of the question. No row: there never was a consent.

    Parameters besides the question's: %(district)s, %(integration)s, %(puller)s, %(collection)s.
    """
    more, join = (", q.*", f"CROSS JOIN ({question.sql}) q") if question else ("", "")
    return f"""SELECT v.number, v.revision, v.oldest_readable, v.consent_id, c.ended_at IS NULL,
        p.revision, p.begun_at{more}
        FROM sharing_view v
        JOIN sharing_consent c ON c.district_id = v.district_id AND c.id = v.consent_id
        LEFT JOIN sharing_pull p ON p.district_id = v.district_id AND p.token = %(puller)s::bytea
            AND p.collection = %(collection)s::bytea
        {join}
        WHERE v.district_id = %(district)s AND v.integration_id = %(integration)s"""


def read(row: tuple[Any, ...]) -> Answer:
    pull = None if row[5] is None else Pull(row[5], row[6])
    return Answer(Standing(*row[:5]), pull, row[7:])

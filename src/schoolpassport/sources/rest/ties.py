"""Which resources classes, courses and users use, where they do not show it: asked for one by one.

The standard knows two ways: a list in the class, and ``/classes/{id}/resources``; of users, since 1.2. Providers have
the one, the other, or neither. The second costs a request or two for each class, so nobody is asked in this way who was
not allowed to be.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path
from typing import Final

from schoolpassport.kit.columns import Columns
from schoolpassport.kit.egress import Deadline
from schoolpassport.kit.http import Unexpected
from schoolpassport.kit.recovery import Retry
from schoolpassport.sources.rest import paging
from schoolpassport.sources.rest.paging import Plan
from schoolpassport.sources.rest.session import Session

_NEVER: Final = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_IMPLEMENTED, HTTPStatus.METHOD_NOT_ALLOWED})
_NOBODY: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE, HTTPStatus.BAD_REQUEST})
_TRIED: Final = 20  # that are not found, before the provider is taken for one that offers none of it
_GONE: Final = "lower(coalesce(json_extract_string(json, '$.status'), '')) = 'tobedeleted'"


class Way(StrEnum):
    """How it is known which resources the records of a collection use."""

    SHOWN = "shown"  # each shows its own
    ASKED = "asked"  # one by one
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Found:
    """``sentence``: for the dialect card. Where they were asked for, the table ``tie`` (owner, resource) holds them."""

    way: Way
    sentence: str


def find(
    session: Session,
    db: Columns,
    collection: str,
    plan: Plan,
    *,
    most: int,
    scratch: Path,
    watch: Callable[[str], None],
) -> Found:
    """What is known of the records in ``got``. ``most``: of how many at most it is asked; else of none.

    Raises ``NeedsAttention`` and ``Retry``: all is known afterwards, or nothing.
    """
    [(shown,)] = db.execute("SELECT coalesce(bool_or(json_type(v.resources) <> 'NULL'), false) FROM got").fetchall()
    if shown:
        return Found(way=Way.SHOWN, sentence=f"The {collection} show which resources they use.")
    ids = [
        id_
        for (id_,) in db.execute(
            'SELECT "sourcedId" FROM got WHERE NOT gone AND "sourcedId" IS NOT NULL ORDER BY 1'
        ).fetchall()
    ]
    if not ids or len(ids) > most:
        sentence = (
            f"No resource is shown in the {collection}, and of {len(ids):,} it may be asked one by one up to {most:,}."
        )
        return Found(way=Way.UNKNOWN, sentence=sentence)
    return _asked(_Asking(session=session, db=db, plan=plan, scratch=scratch, watch=watch), collection, ids)


@dataclass(frozen=True, kw_only=True)
class _Asking:
    session: Session
    db: Columns
    plan: Plan
    scratch: Path
    watch: Callable[[str], None]

    def of(self, collection: str, id_: str) -> list[str]:
        """The resources of one record. Raises ``Unexpected``."""
        with self.session.below(collection, id_):
            pulled = paging.pull(self.session, self.db, "resources", self.plan, self.scratch, lambda _: None)
        try:
            if not pulled.path.stat().st_size:
                return []
            rows = self.db.execute(
                "SELECT DISTINCT trim(json_extract_string(json, '$.sourcedId')) AS id "
                f"FROM {paging.lines_of(pulled.path)} WHERE NOT {_GONE} AND id <> ''"
            ).fetchall()
            return [resource for (resource,) in rows]
        finally:
            for path in self.scratch.glob("*.ndjson"):
                path.unlink()


def _asked(asking: _Asking, collection: str, ids: list[str]) -> Found:
    """A record that is not found has none: some providers say so of whoever uses nothing."""
    asking.db.execute("CREATE OR REPLACE TABLE tie (owner VARCHAR, resource VARCHAR)")
    deadline, answered = Deadline(asking.session.limits.seconds), 0
    refused = Found(way=Way.UNKNOWN, sentence=f"The provider does not tell the resources of single {collection}.")
    for number, id_ in enumerate(ids, 1):
        _check_time(asking.session, deadline, collection)
        asking.watch(f"resources of {collection}: {number:,} of {len(ids):,}")
        try:
            found = asking.of(collection, id_)
        except Unexpected as no:
            if no.status in _NEVER or (no.status in _NOBODY and not answered and number >= min(_TRIED, len(ids))):
                return refused
            if no.status not in _NOBODY:
                raise
            continue
        answered += 1
        if found:
            asking.db.executemany("INSERT INTO tie VALUES (?, ?)", [(id_, resource) for resource in found])
    return Found(way=Way.ASKED, sentence=f"They were asked for one by one, of {len(ids):,} {collection}.")


def _check_time(session: Session, deadline: Deadline, collection: str) -> None:
    try:
        deadline.left()
    except TimeoutError:
        raise Retry(
            3600, f"{session.host} was too slow: the resources of its {collection} were not read whole in time."
        ) from None

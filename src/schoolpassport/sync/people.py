"""What people decide about identity, from the asking to the views; and why a record says what it says."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from schoolpassport.matching import actions as matching
from schoolpassport.matching import decisions
from schoolpassport.roster import actions as roster
from schoolpassport.roster import queries
from schoolpassport.roster.models import SPLIT, Merge, Question
from schoolpassport.roster.records import Authority, Lineage, Rejoined
from schoolpassport.sources import queries as sources
from schoolpassport.sources.schemas import SCHEMAS
from schoolpassport.sync import actions, rehearsal
from schoolpassport.sync.models import Run
from schoolpassport.tenancy import scope

Result = TypeVar("Result")
NotJoined, Busy = roster.NotJoined, roster.Busy
_RUN = re.compile("run ([0-9]+)")


def merge(*, district_id: UUID, kind: str, keep: UUID, lose: UUID, by: str, now: datetime) -> Merge:
    """Make one record of two, and let the views follow. Raises ``NotJoined`` and ``Busy``."""
    return _decide(
        district_id,
        lambda authority: roster.merge(
            district_id=district_id, kind=kind, keep=keep, lose=lose, by=by, now=now, authority=authority
        ),
    )


def rehearse_merge(
    *, district_id: UUID, kind: str, keep: UUID, lose: UUID, by: str, now: datetime, examples: int = 5
) -> rehearsal.Rehearsed:
    """What a merge would change, and what each application would see of it; nothing is merged.

    Raises ``NotJoined`` and ``DistrictBusy``.
    """
    return _rehearsed(
        district_id,
        lambda authority: roster.merge(
            district_id=district_id, kind=kind, keep=keep, lose=lose, by=by, now=now, authority=authority
        ),
        now,
        examples,
    )


def undo(*, district_id: UUID, number: int, by: str, now: datetime) -> Merge:
    """Make two records of one again, and let the views follow. Raises ``NotJoined`` and ``Busy``."""

    def undone(authority: Authority) -> Merge:
        merge_ = roster.undo_merge(district_id=district_id, number=number, by=by, now=now, authority=authority)
        if (proposal := merge_.evidence.get("proposal")) is not None:
            matching.parted(district_id=district_id, number=proposal, by=by, now=now)
        return merge_

    return _decide(district_id, undone)


def split(*, district_id: UUID, kind: str, source: str, key: str, by: str, now: datetime) -> UUID | None:
    """Give a key a record of its own, and let the views follow. Raises ``NotJoined`` and ``Busy``."""
    return _decide(district_id, _splitting(district_id, kind, source, key, by, now))


def rehearse_split(
    *, district_id: UUID, kind: str, source: str, key: str, by: str, now: datetime, examples: int = 5
) -> rehearsal.Rehearsed:
    """What a split would change, and what each application would see of it; nothing is split.

    Raises ``NotJoined`` and ``DistrictBusy``.
    """
    return _rehearsed(district_id, _splitting(district_id, kind, source, key, by, now), now, examples)


def undo_split(*, district_id: UUID, kind: str, source: str, key: str, by: str, now: datetime) -> Rejoined:
    """Let a key mean again the record from which it was split, and let the views follow.

    A proposal that took the split for a person's word is open again if both records stand. Raises ``NotJoined`` and
    ``Busy``.
    """
    return _decide(district_id, _rejoining(district_id, kind, source, key, by, now))


def rehearse_undo_split(
    *, district_id: UUID, kind: str, source: str, key: str, by: str, now: datetime, examples: int = 5
) -> rehearsal.Rehearsed:
    """What undoing a split would change, and what each application would see of it; nothing is undone.

    Raises ``NotJoined`` and ``DistrictBusy``.
    """
    return _rehearsed(district_id, _rejoining(district_id, kind, source, key, by, now), now, examples)


def _splitting(
    district_id: UUID, kind: str, source: str, key: str, by: str, now: datetime
) -> Callable[[Authority], UUID | None]:
    source_id = _source(district_id, source)
    return lambda authority: roster.split(
        district_id=district_id, kind=kind, source_id=source_id, key=key, by=by, now=now, authority=authority
    )


def _rejoining(
    district_id: UUID, kind: str, source: str, key: str, by: str, now: datetime
) -> Callable[[Authority], Rejoined]:
    source_id = _source(district_id, source)

    def undone(authority: Authority) -> Rejoined:
        done = roster.undo_split(
            district_id=district_id, kind=kind, source_id=source_id, key=key, by=by, now=now, authority=authority
        )
        if done.made_id is not None and done.merge is None:
            matching.reopened(
                district_id=district_id,
                pair=(done.record_id, done.made_id),
                decided_by=SPLIT,
                decided_at=queries.instant(district_id=district_id, revision=done.split_revision),
                by=by,
                now=now,
            )
        return done

    return undone


def answer(*, district_id: UUID, kind: str, source: str, key: str, means: str, by: str, now: datetime) -> None:
    """Say whom a key means, and let the views follow. Raises ``NotJoined`` and ``Busy``."""
    source_id = _source(district_id, source)
    _decide(
        district_id,
        lambda authority: roster.answer(
            district_id=district_id,
            kind=kind,
            source_id=source_id,
            key=key,
            means=means,
            by=by,
            now=now,
            authority=authority,
        ),
    )


def set_schools(*, district_id: UUID, source: str, content: object, by: str, now: datetime) -> int:
    """What becomes of the schools of a source. Raises ``Unfit`` and ``UnknownSource``."""
    source_id = _source(district_id, source)
    return decisions.set_schools(district_id=district_id, source_id=source_id, content=content, by=by, now=now)


def questions(*, district_id: UUID) -> list[tuple[str, Question]]:
    """The keys of which somebody must say whom they mean, with the names of their sources."""
    with scope.inside(district_id):  # house: scope-at-the-door (a query in all but the file's name)
        names = {s.id: s.name for s in sources.sources(district_id=district_id)}
        return [(names[q.source_id], q) for q in queries.questions(district_id=district_id)]


def merges(*, district_id: UUID) -> list[Merge]:
    with scope.inside(district_id):  # house: scope-at-the-door (a query in all but the file's name)
        return queries.merges(district_id=district_id)


@dataclass(frozen=True, kw_only=True)
class Why:
    """Where a value comes from. ``run``, ``digest``, ``file``, ``settings``: empty where no package brought it.

    ``shaped``: which column it was read from, and by which transforms it went, where settings say so.
    """

    lineage: Lineage
    names: dict[UUID, str]  # of the sources
    run: int | None = None
    source: str = ""
    digest: str = ""
    file: str = ""
    settings: dict[str, int] | None = None
    shaped: tuple[str, ...] = ()


def why(*, district_id: UUID, kind: str, id: UUID, attribute: str) -> Why | None:  # noqa: A002 (the column's name)
    """Why does this record say this, and since when? None when there is no such record."""
    with scope.inside(district_id):  # house: scope-at-the-door (a query in all but the file's name)
        found = queries.lineage(
            district_id=district_id,
            kind=kind,
            id=queries.resolve(district_id=district_id, kind=kind, id=id),
            attribute=attribute,
            authority=decisions.authority(district_id=district_id),
        )
        if found is None:
            return None
        known = {s.id: s for s in sources.sources(district_id=district_id)}
        names = {id_: s.name for id_, s in known.items()}
        told = _RUN.fullmatch(found.cause)
        run = Run.objects.filter(district_id=district_id, number=int(told[1])).first() if told else None
        if run is None:
            return Why(lineage=found, names=names)
        source = known[run.source_id]
        usual = next((f.file_name for f in SCHEMAS[source.schema].files if f.kind.name == kind), "")
        return Why(
            lineage=found,
            names=names,
            run=run.number,
            source=source.name,
            digest=run.input_digest,
            file=found.origin or usual,
            settings=run.settings,
            shaped=sources.shaped_by(
                district_id=district_id, source_id=source.id, versions=run.settings, kind=kind, attribute=attribute
            ),
        )


def _source(district_id: UUID, name: str) -> UUID:
    with scope.inside(district_id):  # house: scope-at-the-door (a query in all but the file's name)
        return sources.source(district_id=district_id, id_or_name=name).id


def _rehearsed(
    district_id: UUID, decision: Callable[[Authority], object], now: datetime, examples: int
) -> rehearsal.Rehearsed:
    with scope.inside(district_id):  # house: scope-at-the-door (a query in all but the file's name)
        authority = decisions.authority(district_id=district_id)
    return rehearsal.decision(district_id=district_id, act=lambda: decision(authority), now=now, examples=examples)


def _decide(district_id: UUID, decision: Callable[[Authority], Result]) -> Result:
    with scope.inside(district_id):  # house: scope-at-the-door (an action in all but the file's name)
        result = decision(decisions.authority(district_id=district_id))
    actions.catch_up(district_id=district_id)
    return result

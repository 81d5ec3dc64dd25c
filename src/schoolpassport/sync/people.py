"""What people decide about identity, from the asking to the views; and why a record says what it says."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from schoolpassport.kit import news
from schoolpassport.matching import actions as matching
from schoolpassport.matching import decisions
from schoolpassport.quality import queries as quality
from schoolpassport.roster import actions as roster
from schoolpassport.roster import queries
from schoolpassport.roster.models import SPLIT, Merge, Question
from schoolpassport.roster.records import Authority, Lineage, Rejoined
from schoolpassport.sources import queries as sources
from schoolpassport.sources.schemas import SCHEMAS
from schoolpassport.sync import actions, rehearsal
from schoolpassport.sync.contract import IdsAsked
from schoolpassport.sync.identifying import ID_OF_ANOTHER
from schoolpassport.sync.models import Run
from schoolpassport.tenancy import scope

Result = TypeVar("Result")
NotJoined, Busy = roster.NotJoined, roster.Busy
_RUNS = 100  # the newest, of which findings are looked through
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


@dataclass(frozen=True, kw_only=True)
class Answered:
    """Whom the key meant, by name, and whether they went with it."""

    record_id: UUID
    name: str
    archived: bool


def answer(*, district_id: UUID, kind: str, source: str, key: str, means: str, by: str, now: datetime) -> Answered:
    """Say whom a key means, and let the views follow. Raises ``NotJoined`` and ``Busy``."""
    source_id = _source(district_id, source)

    def answered(authority: Authority) -> Answered:
        question = roster.answer(
            district_id=district_id,
            kind=kind,
            source_id=source_id,
            key=key,
            means=means,
            by=by,
            now=now,
            authority=authority,
        )
        open_ = sum(q.source_id == source_id for q in queries.questions(district_id=district_id))
        news.announce(IdsAsked(district_id=district_id, source_id=source_id, open=open_, new=0, run=None, now=now))
        record = queries.record(district_id=district_id, kind=kind, id=question.record_id) or {}
        return Answered(
            record_id=question.record_id, name=queries.called(record), archived=record.get("status") == "tobedeleted"
        )

    return _decide(district_id, answered)


def set_schools(*, district_id: UUID, source: str, content: object, by: str, now: datetime) -> int:
    """What becomes of the schools of a source. Raises ``Unfit`` and ``UnknownSource``."""
    source_id = _source(district_id, source)
    return decisions.set_schools(district_id=district_id, source_id=source_id, content=content, by=by, now=now)


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """A key of which somebody must say whom it means. ``stood``: whom it meant, ``says``: whom its row names now.

    ``says`` is empty where no finding of it is kept.
    """

    question: Question
    source: str
    stood: str
    says: str


def questions(*, district_id: UUID) -> list[Doubt]:
    """The keys of which somebody must say whom they mean, with the names of both; in as many queries as for one."""
    with scope.inside(district_id):  # house: scope-at-the-door (a query in all but the file's name)
        names = sources.names(district_id=district_id)
        found = queries.questions(district_id=district_id)
        people = queries.records_of(district_id=district_id, kind="user", ids={q.record_id for q in found})
        said = _said_last(district_id, {q.source_id for q in found})
        return [
            Doubt(
                question=q,
                source=names[q.source_id],
                stood=queries.called(people.get(q.record_id, {})),
                says=said.get((q.source_id, q.key), ""),
            )
            for q in found
        ]


def _said_last(district_id: UUID, source_ids: set[UUID]) -> dict[tuple[UUID, str], str]:
    """Source and key → the names in the row that was found to be another's, of the newest run that found it."""
    runs = Run.objects.filter(district_id=district_id, source_id__in=source_ids, revision__isnull=False)
    of = {run.id: run for run in runs.order_by("-number")[:_RUNS]}
    values = quality.values_said(district_id=district_id, rule=ID_OF_ANOTHER, run_ids=of)
    told = sorted(values.items(), key=lambda item: of[item[0][0]].number)
    return {(of[run_id].source_id, key): value for (run_id, key), value in told}


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
        return Why(
            lineage=found,
            names=names,
            run=run.number,
            source=source.name,
            digest=run.input_digest,
            file=found.origin or SCHEMAS[source.schema].usual_file(kind),
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

"""Writing revisions. The only door by which the roster changes."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from schoolpassport.audit import actions as audit
from schoolpassport.kit.killpoint import reach
from schoolpassport.roster import queries
from schoolpassport.roster.joining import UNSEEN, Joining, NotJoined
from schoolpassport.roster.kinds import KINDS, WRITTEN
from schoolpassport.roster.models import Merge, Migration, Question, Refusal
from schoolpassport.roster.records import Applied, Asked, Asking, Authority, Batch, Rejoined, Remapped
from schoolpassport.roster.remapping import Remapping
from schoolpassport.roster.writing import NOBODY, Writer
from schoolpassport.tenancy import scope

__all__ = [
    "Busy",
    "NotJoined",
    "answer",
    "apply",
    "ask",
    "link",
    "merge",
    "merge_anew",
    "refuse",
    "remap",
    "split",
    "undo_merge",
    "undo_refuse",
    "undo_remap",
    "undo_split",
]


class Busy(Exception):
    """A run of the district is on its way; what a person decides waits until it is done."""


def apply(
    *,
    district_id: UUID,
    source_id: UUID,
    batches: Iterable[Batch],
    cause: str,
    now: datetime,
    authority: Authority | None = None,
) -> Applied:
    """Write one revision out of everything a source changes, in the caller's scope and transaction.

    In order: the district is locked; each kind's rows are staged; where other keys speak of the same record, claims
    are kept and merged; what equals what stands is dropped; links are written; the versions that end are closed and
    the new ones written; what is missing is archived under its last content, unless another roster source still has
    it; tallies and the revision itself. No difference, no revision.
    """
    with scope.inside(district_id), connection.cursor() as wrapped:
        cursor = wrapped.cursor  # psycopg's own: COPY and set work need nothing of the ORM
        writer = Writer(cursor=cursor, district_id=district_id, source_id=source_id, authority=authority or Authority())
        writer.lock()
        told = {batch.kind: batch for batch in batches}
        for kind in WRITTEN:
            writer.write(kind, told.get(kind.name))
            if kind.name in told:
                reach(f"apply.{kind.name}")
        return writer.finish(cause=cause, now=now)


def ask(*, district_id: UUID, source_id: UUID, questions: Iterable[Asked], now: datetime) -> Asking:
    """Keep the questions of a run, in the caller's transaction; one that does not arise any more is dropped."""
    asked = list(questions)
    with scope.inside(district_id):
        mine = Question.objects.filter(district_id=district_id, source_id=source_id)
        open_ = {(q.kind, q.key): q for q in mine.filter(answer="")}
        ended, _ = mine.filter(answer="").exclude(key__in=[a.key for a in asked]).delete()
        for a in asked:
            if (known := open_.get((a.kind, a.key))) is not None and known.row_hash == a.row_hash:
                continue
            facts = {
                "record_id": a.record_id,
                "row_hash": a.row_hash,
                "asked_at": now,
                "answer": "",
                "by": "",
                "at": None,
            }
            Question.objects.update_or_create(
                district_id=district_id, source_id=source_id, kind=a.kind, key=a.key, defaults=facts
            )
        new = sum((a.kind, a.key) not in open_ for a in asked)
        return Asking(open=len(asked), new=new, ended=bool(ended))


def merge(
    *,
    district_id: UUID,
    kind: str,
    keep: UUID,
    lose: UUID,
    by: str,
    now: datetime,
    authority: Authority,
    evidence: dict[str, object] | None = None,
) -> Merge:
    """Make one record of two. What meant ``lose`` means ``keep``; ``lose`` stays an alias that resolves.

    In order: links move (what they meant is remembered), references of other records follow, the kept record is merged
    from all claims, the lost one is archived; one revision. Raises ``NotJoined`` and ``Busy``.
    """
    with _joining(district_id, authority, by=by, now=now) as joining:
        made, _ = joining.merge(KINDS[kind], keep=keep, lose=lose, evidence=evidence or {})
        facts = {"kind": kind, "keep": str(keep), "lose": str(lose), "revision": made.revision}
        _note(joining, "merge", str(made.number), facts)
        return made


def undo_merge(*, district_id: UUID, number: int, by: str, now: datetime, authority: Authority) -> Merge:
    """Make two records of what merge ``number`` made one: both ids, links, values and references as they were.

    What was said since about either is looked at again with the next package. Raises ``NotJoined`` and ``Busy``.
    """
    with _joining(district_id, authority, by=by, now=now) as joining:
        merge_, _ = joining.undo(number)
        facts = {"kind": merge_.kind, "keep": str(merge_.keep_id), "lose": str(merge_.lose_id)}
        _note(joining, "undo", str(number), {**facts, "revision": merge_.undone_revision})
        return merge_


def split(
    *,
    district_id: UUID,
    kind: str,
    source_id: UUID,
    key: str,
    by: str,
    now: datetime,
    authority: Authority,
) -> UUID | None:
    """Part one key from the record it shares with others; it gets a record and a GG4L ID of its own.

    The pair is not matched again. The row of a source that only adds means nobody afterwards: None. Raises
    ``NotJoined`` and ``Busy``.
    """
    with _joining(district_id, authority, by=by, now=now) as joining:
        new, _ = joining.split(KINDS[kind], source_id=source_id, key=key)
        _note(joining, "split", str(source_id), {"kind": kind, "new": str(new)})
        return new


def undo_split(
    *,
    district_id: UUID,
    kind: str,
    source_id: UUID,
    key: str,
    by: str,
    now: datetime,
    authority: Authority,
) -> Rejoined:
    """Let a key mean again the record from which it was split; rules may match the two again.

    In order: the key's links move back, by the rules by which they were; the record that the split made is merged into
    that record, its id an alias that resolves (``undo_merge`` parts them again), unless another key of a roster source
    means it, which keeps it; references follow; one revision. What a source that only adds says comes with its next
    package. Raises ``NotJoined`` and ``Busy``.
    """
    with _joining(district_id, authority, by=by, now=now) as joining:
        done = joining.rejoin(KINDS[kind], source_id=source_id, key=key)
        before = str(done.made_id) if done.made_id else None
        facts = {"kind": kind, "before": before, "after": str(done.record_id)}
        _note(joining, "rejoin", str(source_id), {**facts, "merge": done.merge, "revision": done.revision})
        return done


def answer(
    *,
    district_id: UUID,
    source_id: UUID,
    kind: str,
    key: str,
    means: str,
    by: str,
    now: datetime,
    authority: Authority,
) -> Question:
    """Say whom a key means of which it was asked: ``same`` as ever, or an ``other`` person.

    Either way the row is taken with the next package; as another's, under a new id, and the record that had the key
    goes unless another roster source has it. Raises ``NotJoined`` and ``Busy``.
    """
    with _joining(district_id, authority, by=by, now=now) as joining:
        question = Question.objects.filter(
            district_id=district_id, source_id=source_id, kind=kind, key=key, answer=""
        ).first()
        if question is None:
            raise NotJoined(f"Nothing is asked about “{key}”. What is: schoolpassport people questions.")
        if means == "other":
            joining.cut(KINDS[kind], source_id=source_id, key=key)
        question.answer, question.by, question.at = means, by, now
        question.save(update_fields=["answer", "by", "at"])
        _note(joining, means, str(question.record_id), {"kind": kind, "source": str(source_id)})
        return question


def link(
    *,
    district_id: UUID,
    kind: str,
    source_id: UUID,
    key: str,
    record_id: UUID,
    by: str,
    now: datetime,
    authority: Authority,
) -> None:
    """Say whom a key means that meant nobody; what its row says is taken with the next package.

    Raises ``NotJoined`` and ``Busy``.
    """
    with _joining(district_id, authority, by=by, now=now) as joining:
        joining.link(KINDS[kind], source_id=source_id, key=key, to=record_id)
        facts = {"record_id": record_id, "row_hash": UNSEEN, "asked_at": now, "answer": "same", "by": by, "at": now}
        Question.objects.update_or_create(
            district_id=district_id, source_id=source_id, kind=kind, key=key, defaults=facts
        )
        _note(joining, "link", str(record_id), {"kind": kind, "source": str(source_id)})


def refuse(
    *,
    district_id: UUID,
    kind: str,
    source_id: UUID,
    key: str,
    record_id: UUID,
    by: str,
    now: datetime,
    authority: Authority,
) -> None:
    """Say that a key does not mean a record: no rule links them any more. Raises ``NotJoined`` and ``Busy``."""
    with _joining(district_id, authority, by=by, now=now) as joining:
        joining.refuse(KINDS[kind], source_id=source_id, key=key, to=record_id)
        _note(joining, "refuse", str(record_id), {"kind": kind, "source": str(source_id)})


def undo_refuse(
    *,
    district_id: UUID,
    kind: str,
    source_id: UUID,
    key: str,
    record_id: UUID,
    by: str,
    now: datetime,
    authority: Authority,
) -> Refusal:
    """Take back that a key does not mean a record. Rules may link them with the next package, the same one included.

    Raises ``NotJoined`` and ``Busy``.
    """
    with _joining(district_id, authority, by=by, now=now) as joining:
        refusal = joining.take_back(KINDS[kind], source_id=source_id, key=key, to=record_id)
        _note(joining, "allow", str(record_id), {"kind": kind, "source": str(source_id)})
        return refusal


def merge_anew(*, district_id: UUID, cause: str, by: str, now: datetime, authority: Authority) -> Applied:
    """Merge every record that has claims by the rules that hold now. Raises ``Busy``."""
    with _joining(district_id, authority, by=by, now=now) as joining:
        return joining.merge_anew(cause)


def remap(
    *, district_id: UUID, source_id: UUID, files: Remapped, by: str, now: datetime, authority: Authority
) -> Migration:
    """Let the keys of a source mean other records, all at once; one revision, though no record is another.

    What each key meant is remembered (``queries.remaps``); no id is lost and none is given twice. Raises ``NotJoined``
    and ``Busy``.
    """
    with _deciding(district_id, authority) as (writer, cursor):
        remapping = Remapping(
            writer=writer, cursor=cursor, district_id=district_id, source_id=source_id, by=by, now=now
        )
        made = remapping.remap(files)
        facts = {"migration": made.number, "counts": made.counts, "revision": made.revision}
        audit.note(
            district_id=district_id, act="roster:source:remap", about=str(source_id), by=by, now=now, facts=facts
        )
        return made


def undo_remap(*, district_id: UUID, number: int, by: str, now: datetime, authority: Authority) -> Migration:
    """Let the keys mean what they meant before migration ``number``. Raises ``NotJoined`` and ``Busy``.

    The caller sees to it that nothing of the source was applied since.
    """
    with _deciding(district_id, authority) as (writer, cursor):
        source_id = queries.source_of_migration(district_id=district_id, number=number)
        remapping = Remapping(
            writer=writer, cursor=cursor, district_id=district_id, source_id=source_id, by=by, now=now
        )
        undone = remapping.undo(number)
        facts = {"migration": number, "revision": undone.undone_revision}
        audit.note(district_id=district_id, act="roster:source:undo", about=str(source_id), by=by, now=now, facts=facts)
        return undone


@contextmanager
def _joining(district_id: UUID, authority: Authority, *, by: str, now: datetime) -> Iterator[Joining]:
    with _deciding(district_id, authority) as (writer, _):
        yield Joining(writer=writer, district_id=district_id, authority=authority, by=by, now=now)


@contextmanager
def _deciding(district_id: UUID, authority: Authority) -> Iterator[tuple[Writer, Any]]:
    """A decision, while no run of the district is on its way: a run holds ids that it was given before."""
    with scope.inside(district_id), connection.cursor() as wrapped:
        cursor = wrapped.cursor
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s::text, 3))", [district_id])
        if not (cursor.fetchone() or (False,))[0]:
            raise Busy("A run of this district is on its way; try again when it is done.")
        writer = Writer(cursor=cursor, district_id=district_id, source_id=NOBODY, authority=authority)
        writer.lock()
        yield writer, cursor


def _note(joining: Joining, verb: str, about: str, facts: dict[str, object]) -> None:
    audit.note(
        district_id=joining.district_id,
        act=f"roster:record:{verb}",
        about=about,
        by=joining.by,
        now=joining.now,
        facts=facts,
    )

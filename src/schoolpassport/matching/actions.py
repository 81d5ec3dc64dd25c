"""Looking for probable duplicates, and deciding about them."""

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from tempfile import mkdtemp
from uuid import UUID

from django.conf import settings
from django.db import connection

from schoolpassport.audit import actions as audit
from schoolpassport.kit.columns import COPY_TEXT, columns, copy_text, literal
from schoolpassport.matching import decisions, model, people, policies, queries, scoring
from schoolpassport.matching.models import TRANSITIONS, Looked, Proposal, State
from schoolpassport.roster import actions as merging
from schoolpassport.roster import queries as roster
from schoolpassport.roster.models import Merge
from schoolpassport.sources import queries as sources
from schoolpassport.tenancy import scope

_BYTES = 1 << 20
_COMPARED = ("user", "demographics")  # of these kinds is what is compared


class NotOpen(Exception):
    """The proposal cannot be decided that way; the message says why, or what state it is in."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What one look came to."""

    compared: int = 0  # people who were new or changed
    opened: int = 0
    closed: int = 0


def look(*, district_id: UUID, by: str, now: datetime, everybody: bool = False) -> Found:
    """Compare whoever is new or changed since the last look with everybody, and write proposals down.

    In order: proposals whose day has come are open again; those whose records went are closed; the people are
    compared, outside any transaction; pairs that are new, closed before, or decided as different on other evidence are
    opened; open ones that are alike no more are closed. ``everybody`` compares all with all. May be called at any time.
    """
    with scope.inside(district_id):
        _wake(district_id, now.date())
        several_roles = _several_roles(district_id)
        fingerprint = _fingerprint(several_roles=several_roles)
        last = Looked.objects.filter(district_id=district_id).first()
        since = last.revision if last and last.model == fingerprint and not everybody else 0
        revision = roster.current_revision(district_id=district_id)
        if since == revision:
            return Found()
        if since and not roster.changed_since(district_id=district_id, revision=since, kinds=_COMPARED):
            Looked.objects.filter(district_id=district_id).update(revision=revision)
            return Found()
    folder = Path(mkdtemp(prefix="matching-", dir=_work()))
    try:
        with scope.inside(district_id):
            naming = sources.naming_by_id(district_id=district_id)
            roster.export_people(district_id=district_id, since=since, naming=naming, into=folder / "people.csv")
        compared = _score(folder, district_id=district_id, several_roles=several_roles)
        with scope.inside(district_id):
            found = _keep(district_id, folder, revision=revision, compared=compared)
            Looked.objects.update_or_create(
                district_id=district_id, defaults={"revision": revision, "model": fingerprint}
            )
            facts = {"compared": found.compared, "opened": found.opened, "closed": found.closed, "revision": revision}
            audit.note(
                district_id=district_id, act="matching:people:look", about=str(district_id), by=by, now=now, facts=facts
            )
        return found
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def look_nightly(*, district_id: UUID, now: datetime) -> int:
    """After the runs of a night, where several sources speak of the same people. Returns how many were opened."""
    with scope.inside(district_id):
        several = len(sources.sources(district_id=district_id)) > 1
    return look(district_id=district_id, by="nightly", now=now).opened if several else 0


def same(*, district_id: UUID, number: int, by: str, now: datetime) -> Merge:
    """One person: the newer record goes into the older, whose GG4L ID stays; the other one is its alias.

    Returns the merge, by whose number it can be undone. Raises ``NotOpen``, also while a run of the district is on its
    way; then nothing was decided.
    """
    with scope.inside(district_id):
        found = _decide(district_id, number, State.SAME, by=by, now=now)
        try:
            return merging.merge(
                district_id=district_id,
                kind=found.kind,
                keep=found.left_id,  # ids rise with time
                lose=found.right_id,
                by=by,
                now=now,
                authority=decisions.authority(district_id=district_id),
                evidence={"proposal": number, "probability": round(found.probability, 4)},
            )
        except (merging.NotJoined, merging.Busy) as refusal:
            raise NotOpen(str(refusal)) from refusal


def different(*, district_id: UUID, number: int, by: str, now: datetime) -> Proposal:
    """Two people. The pair is not proposed again unless other fields speak for it."""
    return _decide(district_id, number, State.DIFFERENT, by=by, now=now)


def parted(*, district_id: UUID, number: int, by: str, now: datetime) -> None:
    """The merge that made one person of a proposal's two was undone: they are two, in the caller's transaction."""
    found = Proposal.objects.filter(district_id=district_id, number=number, state=State.SAME)
    if found.update(state=State.DIFFERENT, decided_by=by, decided_at=now):
        audit.note(
            district_id=district_id,
            act=f"matching:proposal:{State.DIFFERENT}",
            about=str(number),
            by=by,
            now=now,
            facts={"before": State.SAME, "after": State.DIFFERENT},
        )


def reopened(
    *, district_id: UUID, pair: tuple[UUID, UUID], decided_by: str, decided_at: datetime, by: str, now: datetime
) -> None:
    """What a person had said of a key, and a proposal took for their word, was taken back: it is open again.

    In the caller's transaction. A proposal that was decided by itself stays as it was decided.
    """
    left, right = sorted(pair)
    found = Proposal.objects.filter(
        district_id=district_id,
        left_id=left,
        right_id=right,
        state=State.DIFFERENT,
        decided_by=decided_by,
        decided_at=decided_at,
    ).first()
    if found is None:
        return
    found.state, found.decided_by, found.decided_at = State.OPEN, "", None
    found.save(update_fields=["state", "decided_by", "decided_at"])
    audit.note(
        district_id=district_id,
        act=f"matching:proposal:{State.OPEN}",
        about=str(found.number),
        by=by,
        now=now,
        facts={"before": State.DIFFERENT, "after": State.OPEN},
    )


def later(*, district_id: UUID, number: int, until: date, by: str, now: datetime) -> Proposal:
    """Undecided; the pair is open again from that day on. Raises ``NotOpen``, also for a day that has come."""
    if until <= now.date():
        raise NotOpen(f"{until} is no day to come: give one after {now.date()}, from which to ask again.")
    return _decide(district_id, number, State.LATER, by=by, now=now, until=until)


# ------------------------------------------------------------------------------------------------------------- looking


def _several_roles(district_id: UUID) -> bool:
    return policies.several_roles(sources.settings(district_id=district_id).get("identity"))


def _fingerprint(*, several_roles: bool) -> str:
    """Of everything that decides what is alike: after a change all are compared with all, once."""
    compared = [asdict(comparison) for comparison in model.COMPARISONS]
    said = json.dumps([compared, model.BLOCKS, model.weights(), scoring.NEVER, scoring.LINE, several_roles])
    return hashlib.sha256(said.encode()).hexdigest()


def _work() -> Path:
    folder = Path(settings.ENVIRONMENT.data_dir) / "work"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _score(folder: Path, *, district_id: UUID, several_roles: bool) -> int:
    """Write ``pairs.tsv`` and ``fresh.tsv``. Returns how many people were fresh."""
    env = settings.ENVIRONMENT
    with columns(folder=folder, memory_mb=env.sync_memory_mb, threads=env.sync_threads) as db:
        people.take(db, folder / "people.csv")
        db.execute(f"COPY (SELECT id FROM people WHERE fresh) TO {literal(str(folder / 'fresh.tsv'))} ({COPY_TEXT})")
        [(compared,)] = db.execute("SELECT count(*) FROM people WHERE fresh").fetchall()
        if compared:
            scoring.score(
                db,
                several_roles=several_roles,
                tell=lambda: queries.tell_sources(db, district_id=district_id, folder=folder),
            )
        else:
            db.execute("CREATE TABLE pair (left_id UUID, right_id UUID, probability DOUBLE, evidence VARCHAR)")
        db.execute(
            f"COPY (SELECT left_id, right_id, probability, {copy_text('evidence')} FROM pair "
            f"ORDER BY probability DESC, left_id, right_id) TO {literal(str(folder / 'pairs.tsv'))} ({COPY_TEXT})"
        )
    return int(compared)


def _wake(district_id: UUID, today: date) -> None:
    Proposal.objects.filter(district_id=district_id, state=State.LATER, ask_again_on__lte=today).update(
        state=State.OPEN, ask_again_on=None
    )


# What a pair says apart from how much it weighs; weights move with every name that comes or goes.
_LEVELS = "(SELECT jsonb_object_agg(e ->> 'field', e ->> 'level') FROM jsonb_array_elements({}) e)"


def _keep(district_id: UUID, folder: Path, *, revision: int, compared: int) -> Found:
    facts = {"d": district_id, "r": revision}
    with connection.cursor() as wrapped:
        cursor = wrapped.cursor
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%(d)s::text, 4))", facts)
        cursor.execute("CREATE TEMP TABLE fresh (id uuid) ON COMMIT DROP")
        cursor.execute(
            "CREATE TEMP TABLE alike (left_id uuid, right_id uuid, probability float8, evidence jsonb) ON COMMIT DROP"
        )
        for table, path in (("fresh", folder / "fresh.tsv"), ("alike", folder / "pairs.tsv")):
            with path.open("rb") as file, cursor.copy(f"COPY {table} FROM STDIN") as copy:
                while block := file.read(_BYTES):
                    copy.write(block)
            cursor.execute(f"ANALYZE {table}")
        cursor.execute("CREATE TEMP TABLE apart (left_id uuid, right_id uuid, by text, at timestamptz) ON COMMIT DROP")
        apart = roster.apart(district_id=district_id, kind="user")
        cursor.executemany("INSERT INTO apart VALUES (%s, %s, %s, %s)", apart)
        same_pair = "p.district_id = %(d)s AND p.kind = 'user' AND p.left_id = a.left_id AND p.right_id = a.right_id"
        cursor.execute(
            "UPDATE matching_proposal p SET probability = a.probability, evidence = a.evidence, revision = %(r)s "
            f"FROM alike a WHERE {same_pair} AND p.state IN ('open', 'later')",
            facts,
        )
        cursor.execute(
            "UPDATE matching_proposal p SET probability = a.probability, evidence = a.evidence, revision = %(r)s, "
            f"state = 'open' FROM alike a WHERE {same_pair} AND (p.state = 'closed' OR (p.state = 'different' "
            f"AND {_LEVELS.format('p.evidence')} IS DISTINCT FROM {_LEVELS.format('a.evidence')}))",
            facts,
        )
        opened = cursor.rowcount
        cursor.execute(
            "INSERT INTO matching_proposal (district_id, number, kind, left_id, right_id, probability, evidence, "
            "state, revision, decided_by, decided_at) SELECT %(d)s, (SELECT coalesce(max(number), 0) "
            "FROM matching_proposal WHERE district_id = %(d)s) + row_number() OVER (ORDER BY probability DESC, "
            "left_id, right_id), 'user', left_id, right_id, probability, evidence, CASE WHEN t.by IS NULL THEN 'open' "
            "ELSE 'different' END, %(r)s, coalesce(t.by, ''), t.at FROM alike a LEFT JOIN apart t "
            f"USING (left_id, right_id) WHERE NOT EXISTS (SELECT FROM matching_proposal p WHERE {same_pair}) "
            "RETURNING state",
            facts,
        )
        opened += sum(state == State.OPEN for (state,) in cursor.fetchall())
        cursor.execute(
            "UPDATE matching_proposal p SET state = 'closed', ask_again_on = NULL WHERE p.district_id = %(d)s "
            "AND p.state IN ('open', 'later') AND (p.left_id IN (SELECT id FROM fresh) "
            "OR p.right_id IN (SELECT id FROM fresh)) AND NOT EXISTS (SELECT FROM alike a WHERE "
            "a.left_id = p.left_id AND a.right_id = p.right_id)",
            facts,
        )
        closed = cursor.rowcount
        for table in ("fresh", "alike", "apart"):
            cursor.execute(f"DROP TABLE {table}")
    closed += _close_what_went(district_id)
    return Found(compared=compared, opened=opened, closed=closed)


def _close_what_went(district_id: UUID) -> int:
    waiting = Proposal.objects.filter(district_id=district_id, state__in=(State.OPEN, State.LATER))
    pairs = {p.number: {p.left_id, p.right_id} for p in waiting.only("number", "left_id", "right_id")}
    asked = set().union(*pairs.values()) if pairs else set()
    there = roster.standing_ids(district_id=district_id, kind="user", ids=asked)
    gone = [number for number, pair in pairs.items() if not pair <= there]
    return int(waiting.filter(number__in=gone).update(state=State.CLOSED, ask_again_on=None))


# ------------------------------------------------------------------------------------------------------------ deciding


def _decide(
    district_id: UUID, number: int, state: State, *, by: str, now: datetime, until: date | None = None
) -> Proposal:
    with scope.inside(district_id):
        found = Proposal.objects.select_for_update().filter(district_id=district_id, number=number).first()
        if found is None:
            raise NotOpen(f"There is no proposal {number}.")
        before = State(found.state)
        if state not in TRANSITIONS[before] and before is not state:
            raise NotOpen(f"Proposal {number} is {before}; only open ones are decided.")
        found.state, found.decided_by, found.decided_at, found.ask_again_on = state, by, now, until
        found.save(update_fields=["state", "decided_by", "decided_at", "ask_again_on"])
        audit.note(
            district_id=district_id,
            act=f"matching:proposal:{state}",
            about=str(number),
            by=by,
            now=now,
            facts={"left": str(found.left_id), "right": str(found.right_id), "before": before, "after": state},
        )
        return found

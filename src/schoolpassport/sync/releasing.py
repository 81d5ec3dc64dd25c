"""Removals that wait: a person lets them take effect, or lets them stay."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings

from schoolpassport.audit import actions as audit
from schoolpassport.kit import clock, news
from schoolpassport.roster import actions as roster
from schoolpassport.roster.kinds import KINDS
from schoolpassport.sources import actions as sources
from schoolpassport.sources import queries as source_queries
from schoolpassport.sync import absences, rehearsal, turns
from schoolpassport.sync import walk as walks
from schoolpassport.sync.contract import RemovalsDecided, Which, followers
from schoolpassport.sync.resting import rest
from schoolpassport.sync.workbench import desk
from schoolpassport.tenancy import scope


@dataclass(frozen=True, kw_only=True)
class Released:
    """How many removals of each kind took effect, and the revisions they made (one per source)."""

    counts: dict[str, int]
    revisions: tuple[int, ...]


def release(*, district_id: UUID, which: Which, by: str, now: datetime) -> Released:
    """Let removals that are held take effect, all or some, at once: a revision of their own, and the views follow.

    What waits and is bound to one of them goes with it. What still refers to them is looked at with the next package.
    Raises ``DistrictBusy`` while a run is on its way.
    """
    with turns.take(district_id), desk(data_dir=settings.ENVIRONMENT.data_dir, district_id=district_id) as work:
        with scope.inside(district_id):
            released = take_effect(district_id=district_id, which=which, work=work, now=now)
            if released.counts:
                facts = {"counts": released.counts, "revisions": list(released.revisions)}
                audit.note(
                    district_id=district_id,
                    act="sync:absence:release",
                    about=str(district_id),
                    by=by,
                    now=now,
                    facts=facts,
                )
                news.announce(RemovalsDecided(district_id=district_id, now=now))
        for follower in followers:
            follower(district_id=district_id, now=clock.now())
        rest(district_id=district_id, now=clock.now())
    return released


def take_effect(*, district_id: UUID, which: Which, work: Path, now: datetime) -> Released:
    """The removals chosen, applied for each source whose word they are, in the caller's scope and transaction."""
    with absences.chosen(district_id=district_id, which=which, work=work):
        absences.choose_bound(district_id=district_id, work=work)
        counts, revisions = absences.chosen_counts(), []
        for source_id in absences.chosen_sources():
            applied = roster.apply(
                district_id=district_id,
                source_id=source_id,
                batches=absences.batches(source_id=source_id, work=work),
                cause="release of held removals",
                now=now,
                authority=walks.authority(district_id, source_queries.settings(district_id=district_id)),
            )
            gone = absences.chosen_counts(source_id).keys()
            unseen = [k.name for k in KINDS.values() if gone & {r.target for r in k.references}]
            sources.note_removed(district_id=district_id, source_id=source_id, unseen=unseen)
            revisions += [applied.number] if applied.number else []
        absences.forget_chosen(district_id=district_id)
    return Released(counts=counts, revisions=tuple(revisions))


@dataclass(frozen=True, kw_only=True)
class Foretold:
    """How many removals of each kind would take effect, and what that would do."""

    counts: dict[str, int]
    rehearsed: rehearsal.Rehearsed


def rehearse(*, district_id: UUID, which: Which, now: datetime, examples: int = 5) -> Foretold:
    """What a release would do, for whom; nothing is released. Raises ``DistrictBusy``."""
    counts: dict[str, int] = {}

    def act() -> None:
        counts.update(take_effect(district_id=district_id, which=which, work=work, now=now).counts)

    with desk(data_dir=settings.ENVIRONMENT.data_dir, district_id=district_id) as work:
        found = rehearsal.decision(district_id=district_id, act=act, now=now, examples=examples)
    return Foretold(counts=counts, rehearsed=found)


def keep(*, district_id: UUID, which: Which, by: str, now: datetime) -> dict[str, int]:
    """The other answer: they stay, and nobody is asked about them again; the source alone can bring them back to life.

    Returns how many of each kind.
    """
    with (
        desk(data_dir=settings.ENVIRONMENT.data_dir, district_id=district_id) as work,
        scope.inside(district_id),
        absences.chosen(district_id=district_id, which=which, work=work),
    ):
        counts = absences.chosen_counts()
        absences.keep_chosen(district_id=district_id, reason=f"Kept by {by}.")
        if counts:
            facts = {"counts": counts}
            audit.note(
                district_id=district_id, act="sync:absence:keep", about=str(district_id), by=by, now=now, facts=facts
            )
            news.announce(RemovalsDecided(district_id=district_id, now=now))
        return counts

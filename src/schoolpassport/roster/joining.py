"""Two records become one, one becomes two, a key comes to mean somebody else: what people decide about identity.

Every one of these is one revision, and remembers what it moved. A GG4L ID that went stays an alias of the one that was
kept, and is never given to anybody else.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from schoolpassport.kit.ids import new_id
from schoolpassport.roster.kinds import KINDS, WRITTEN, Kind
from schoolpassport.roster.models import (
    MATCHED,
    MERGED,
    OPEN,
    SPLIT,
    Alias,
    Claim,
    Link,
    Merge,
    Migration,
    Refusal,
    Relink,
    Revision,
)
from schoolpassport.roster.records import Applied, Authority, Rejoined
from schoolpassport.roster.references import Renaming, fields_to, kinds_to, names
from schoolpassport.roster.writing import Writer

UNSEEN = UUID(int=0)  # the hash of a row that is to be looked at again


class NotJoined(Exception):
    """It cannot be done; the message says why, and what can."""


@dataclass(frozen=True, kw_only=True)
class Joining:
    """One decision on its way into the roster, in the caller's scope and transaction. ``writer`` holds the lock."""

    writer: Writer
    district_id: UUID
    authority: Authority
    by: str
    now: datetime

    # -------------------------------------------------------------------------------------------------------- merging

    def merge(self, kind: Kind, *, keep: UUID, lose: UUID, evidence: dict[str, object]) -> tuple[Merge, Applied]:
        self._check_pair(kind, keep, lose)
        return self._unite(kind, keep=keep, lose=lose, evidence=evidence)

    def _unite(
        self, kind: Kind, *, keep: UUID, lose: UUID, evidence: dict[str, object], cause: str = ""
    ) -> tuple[Merge, Applied]:
        last = Merge.objects.filter(district_id=self.district_id).order_by("-number").first()
        number = last.number + 1 if last else 1
        for each in _same_id(kind):
            self._claim_all(each, [keep, lose])
            self._move(each, Link.objects.filter(record_id=lose), to=keep, rule=MERGED, merge=number)
        self._rename_claims(Renaming(target=kind.name, old=lose, new=keep))
        self._rework(kind, [keep, lose], Renaming(target=kind.name, old=lose, new=keep))
        applied = self.writer.finish(cause=cause or f"merge {number}", now=self.now, always=True)
        Alias.objects.create(district_id=self.district_id, kind=kind.name, alias_id=lose, record_id=keep, merge=number)
        made = Merge.objects.create(
            district_id=self.district_id,
            number=number,
            kind=kind.name,
            keep_id=keep,
            lose_id=lose,
            evidence=evidence,
            by=self.by,
            at=self.now,
            revision=self.writer.revision,
        )
        return made, applied

    def _check_pair(self, kind: Kind, keep: UUID, lose: UUID) -> None:
        if kind.same_id_as:
            raise NotJoined(f"{kind.plural} go with their {kind.same_id_as}: merge those.")
        if keep == lose:
            raise NotJoined("That is one record already: give two ids.")
        for id_ in (keep, lose):
            if alias := Alias.objects.filter(district_id=self.district_id, kind=kind.name, alias_id=id_).first():
                raise NotJoined(f"{id_} was merged into {alias.record_id} (merge {alias.merge}): use that one.")
            if not self.writer.any(
                f"SELECT FROM roster_{kind.table} WHERE district_id = %(d)s AND id = %(id)s AND rev_to = {OPEN}", id=id_
            ):
                raise NotJoined(f"There is no {kind.name} {id_} in this district.")

    def undo(self, number: int) -> tuple[Merge, Applied]:
        merge = Merge.objects.filter(district_id=self.district_id, number=number).first()
        if merge is None:
            raise NotJoined(f"There is no merge {number}.")
        if merge.undone_revision is not None:
            raise NotJoined(f"Merge {number} was undone already, by {merge.undone_by}.")
        later = Alias.objects.filter(district_id=self.district_id, kind=merge.kind, alias_id=merge.keep_id).first()
        if later is not None:
            raise NotJoined(f"{merge.keep_id} was merged into {later.record_id} since. Undo merge {later.merge} first.")
        kind = KINDS[merge.kind]
        sources = self._move_back(kind, merge)
        Alias.objects.filter(district_id=self.district_id, kind=kind.name, alias_id=merge.lose_id).delete()
        self._look_again(kind, merge.keep_id, sources)
        back = Renaming(target=kind.name, old=merge.keep_id, new=merge.lose_id, undone=merge.revision)
        only_there = self._sources_that_left(kind, merge.keep_id, sources)
        self._rename_claims(back, sources=only_there)
        self._rework(kind, [merge.keep_id, merge.lose_id], back)
        applied = self.writer.finish(cause=f"merge {number} undone", now=self.now)
        merge.undone_by, merge.undone_revision = self.by, self.writer.revision
        merge.save(update_fields=["undone_by", "undone_revision"])
        return merge, applied

    def _move_back(self, kind: Kind, merge: Merge) -> list[UUID]:
        """The links that the merge moved, as they were, unless they were moved on since. Whose they are.

        If the merge took a split back, that key is split from the kept record again.
        """
        sources = set()
        for each in _same_id(kind):
            moved = Relink.objects.filter(
                district_id=self.district_id, kind=each.name, merge=merge.number, revision=merge.revision
            )
            for was in moved:
                mine = {"district_id": self.district_id, "source_id": was.source_id, "kind": each.name, "key": was.key}
                link = Link.objects.filter(**mine, record_id=merge.keep_id).first()
                if link is None:
                    continue
                Link.objects.filter(**mine).update(record_id=was.was_id, rule=was.rule, evidence=was.evidence)
                Claim.objects.filter(**mine).update(record_id=was.was_id)
                Relink.objects.create(
                    **mine,
                    revision=self.writer.revision,
                    was_id=merge.keep_id,
                    rule=link.rule,
                    evidence=link.evidence,
                    merge=None if "split" in merge.evidence and was.rule == SPLIT else merge.number,
                )
                sources.add(was.source_id)
        return sorted(sources)

    def _sources_that_left(self, kind: Kind, keep: UUID, sources: list[UUID]) -> list[UUID]:
        """Those of the sources that do not speak of the kept record any more: they never meant it."""
        still = Link.objects.filter(district_id=self.district_id, kind=kind.name, record_id=keep, source_id__in=sources)
        return sorted(set(sources) - set(still.values_list("source_id", flat=True)))

    def merge_anew(self, cause: str) -> Applied:
        """By other rules than before, of all records that have claims."""
        for kind in WRITTEN:
            claimed = Claim.objects.filter(district_id=self.district_id, kind=kind.name)
            if ids := list(claimed.values_list("record_id", flat=True).distinct()):
                self.writer.rework(kind, anew=ids)
        return self.writer.finish(cause=cause, now=self.now)

    # ------------------------------------------------------------------------------------------------------ splitting

    def split(self, kind: Kind, *, source_id: UUID, key: str) -> tuple[UUID | None, Applied]:
        """The new id; None where the source only adds, so that its row means nobody now."""
        link = self._link(kind, source_id, key)
        was, new = link.record_id, new_id()
        others = Link.objects.filter(district_id=self.district_id, kind=kind.name, record_id=was, gone=False)
        if link.gone or others.count() == 1:
            raise NotJoined(f"“{key}” is not one of several keys of its {kind.name}: there is nothing to split.")
        if merged := _merge_of(link):
            raise NotJoined(f"“{key}” came by merge {merged}. Undo that: schoolpassport people undo {merged}.")
        self._look_again(kind, was, [source_id])
        adds = source_id in self.authority.enrichment
        for each in _same_id(kind):
            self._claim_all(each, [was])
            mine = Link.objects.filter(source_id=source_id, key=key)
            self._move(each, mine, to=None if adds else new, rule=SPLIT)
        self._rework(kind, [was] if adds else [was, new])
        cause = f"split of {kind.name} {key}"[:200]
        return None if adds else new, self.writer.finish(cause=cause, now=self.now, always=True)

    def rejoin(self, kind: Kind, *, source_id: UUID, key: str) -> Rejoined:
        """Take the split of a key back. The record that it made goes, and is an alias, unless other keys mean it."""
        split, link = self._split_that_holds(kind, source_id, key)
        made, keep = link.record_id if link else None, split.was_id
        cause = f"split of {kind.name} {key} undone"[:200]
        merge = None
        if link is None:
            self._mean_again(kind, split)
        elif self._meant_by_others(kind, link):
            self._move_one_back(kind, link, to=keep, cause=cause)
        else:
            merge, _ = self._unite(
                kind, keep=keep, lose=link.record_id, evidence={"split": split.revision}, cause=cause
            )
        self._take_split_back(kind, split)
        if link is None:
            self.writer.finish(cause=cause, now=self.now, always=True)
        return Rejoined(
            record_id=keep,
            made_id=made,
            merge=merge.number if merge else None,
            revision=self.writer.revision,
            split_revision=split.revision,
        )

    def _split_that_holds(self, kind: Kind, source_id: UUID, key: str) -> tuple[Relink, Link | None]:
        """The last split of a key that was not taken back, and whom the key means; no link: nobody."""
        mine = {"district_id": self.district_id, "source_id": source_id, "kind": kind.name, "key": key}
        others = Revision.objects.filter(district_id=self.district_id, cause=_is_another(kind, key))
        splits = Relink.objects.filter(**mine, merge=None, migration=None).exclude(revision__in=others.values("number"))
        last = splits.order_by("-revision").first()
        if last is None:
            raise NotJoined(f"“{key}” was not split from any {kind.name}: there is nothing to undo.")
        link = Link.objects.filter(**mine).first()
        holds = splits.filter(undone_by="").order_by("-revision").first()
        if holds is None or (last.undone_by and (link is None or link.rule != SPLIT)):
            raise NotJoined(f"The split of “{key}” was undone already, by {last.undone_by}.")
        self._check_not_moved_on(kind, holds, link)
        return holds, link

    def _check_not_moved_on(self, kind: Kind, split: Relink, link: Link | None) -> None:
        moved = Relink.objects.filter(
            district_id=self.district_id,
            source_id=split.source_id,
            kind=kind.name,
            key=split.key,
            revision__gt=split.revision,
            migration__in=Migration.objects.filter(district_id=self.district_id, undone_revision=None).values("number"),
        ).first()
        if moved is not None:
            raise NotJoined(f"“{split.key}” is “{moved.became}” since migration {moved.migration}, after the split.")
        if link is not None and (merged := _merge_of(link)):
            raise NotJoined(
                f"“{split.key}” means {link.record_id} since merge {merged}, after the split. "
                f"Undo that first: schoolpassport people undo {merged}."
            )
        if link is not None and link.rule != SPLIT:
            raise NotJoined(f"“{split.key}” means {link.record_id} ({link.rule}) since then: the split does not hold.")
        if link is None and split.source_id not in self.authority.enrichment:
            raise NotJoined(f"“{split.key}” was given to somebody else since then: the split does not hold.")
        if alias := Alias.objects.filter(district_id=self.district_id, kind=kind.name, alias_id=split.was_id).first():
            raise NotJoined(
                f"{split.was_id} was merged into {alias.record_id} since the split. "
                f"Undo that first: schoolpassport people undo {alias.merge}."
            )

    def _meant_by_others(self, kind: Kind, link: Link) -> bool:
        """Whether another key of a roster source means the record, or meant it before it went."""
        there = Link.objects.filter(district_id=self.district_id, kind=kind.name, record_id=link.record_id)
        speak = there.exclude(source_id__in=self.authority.enrichment)
        return speak.exclude(source_id=link.source_id, key=link.key).exists()

    def _mean_again(self, kind: Kind, split: Relink) -> None:
        """Links that went with the split come back; what their rows say is taken with the next package."""
        for was in self._parts(kind, split, split.revision):
            self._claim_all(KINDS[was.kind], [was.was_id])
            Link.objects.create(
                district_id=self.district_id,
                source_id=was.source_id,
                kind=was.kind,
                key=was.key,
                record_id=was.was_id,
                row_hash=UNSEEN,
                revision=self.writer.revision,
            )

    def _move_one_back(self, kind: Kind, link: Link, *, to: UUID, cause: str) -> None:
        self._look_again(kind, link.record_id, [link.source_id])
        for each in _same_id(kind):
            self._claim_all(each, [to, link.record_id])
            self._move(each, Link.objects.filter(source_id=link.source_id, key=link.key), to=to, rule=SPLIT)
        self._parts(kind, link, self.writer.revision).update(undone_by=self.by, undone_revision=self.writer.revision)
        self._rework(kind, [to, link.record_id])
        self.writer.finish(cause=cause, now=self.now, always=True)

    def _take_split_back(self, kind: Kind, split: Relink) -> None:
        """The links are by the rules by which they were, and the split binds nobody any more."""
        parts = self._parts(kind, split, split.revision)
        for was in parts:
            Link.objects.filter(
                district_id=self.district_id, source_id=was.source_id, kind=was.kind, key=was.key
            ).update(rule=was.rule, evidence=was.evidence)
        parts.update(undone_by=self.by, undone_revision=self.writer.revision)

    def _parts(self, kind: Kind, key: Link | Relink, revision: int) -> "QuerySet[Relink]":
        """What the key meant before that revision, in all kinds that carry the id."""
        return Relink.objects.filter(
            district_id=self.district_id,
            source_id=key.source_id,
            kind__in=[each.name for each in _same_id(kind)],
            key=key.key,
            revision=revision,
        )

    def cut(self, kind: Kind, *, source_id: UUID, key: str) -> Applied:
        """The key means somebody else from now on: the next package makes a record of it, under a new id."""
        was = self._link(kind, source_id, key).record_id
        self._look_again(kind, was, [source_id])
        for each in _same_id(kind):
            self._claim_all(each, [was])
            self._move(each, Link.objects.filter(source_id=source_id, key=key), to=None, rule=SPLIT)
        self._rework(kind, [was])
        return self.writer.finish(cause=_is_another(kind, key), now=self.now, always=True)

    # ------------------------------------------------------------------------------------------------ keys of nobody

    def link(self, kind: Kind, *, source_id: UUID, key: str, to: UUID) -> None:
        """The key means that record; its row is looked at again with the next package."""
        self._check_nobodys(kind, source_id, key, to)
        for each in _same_id(kind):
            self._claim_all(each, [to])
        Link.objects.create(
            district_id=self.district_id,
            source_id=source_id,
            kind=kind.name,
            key=key,
            record_id=to,
            row_hash=UNSEEN,
            rule=MATCHED,
            evidence={"by": ["person"]},
            revision=self.writer.revision,
        )

    def refuse(self, kind: Kind, *, source_id: UUID, key: str, to: UUID) -> None:
        """The key does not mean that record."""
        self._check_nobodys(kind, source_id, key, to)
        Refusal.objects.update_or_create(
            district_id=self.district_id,
            source_id=source_id,
            kind=kind.name,
            key=key,
            record_id=to,
            defaults={"migration": 0, "by": self.by, "at": self.now, "undone_by": "", "undone_at": None},
        )

    def take_back(self, kind: Kind, *, source_id: UUID, key: str, to: UUID) -> Refusal:
        """The key may mean that record again."""
        refusal = Refusal.objects.filter(
            district_id=self.district_id, source_id=source_id, kind=kind.name, key=key, record_id=to
        ).first()
        if refusal is None:
            raise NotJoined(f"Nobody said that “{key}” is not {to}. What was said: schoolpassport matches refused.")
        if refusal.undone_by:
            raise NotJoined(f"That “{key}” is not {to} was taken back already, by {refusal.undone_by}.")
        refusal.undone_by, refusal.undone_at = self.by, self.now
        refusal.save(update_fields=["undone_by", "undone_at"])
        return refusal

    def _check_nobodys(self, kind: Kind, source_id: UUID, key: str, to: UUID) -> None:
        if Link.objects.filter(district_id=self.district_id, source_id=source_id, kind=kind.name, key=key).exists():
            raise NotJoined(f"“{key}” means somebody already. Part them first: schoolpassport people split.")
        if not self.writer.any(
            f"SELECT FROM roster_{kind.table} WHERE district_id = %(d)s AND id = %(id)s AND rev_to = {OPEN} "
            "AND status = 'active'",
            id=to,
        ):
            raise NotJoined(f"There is no {kind.name} {to} in this district.")

    # ---------------------------------------------------------------------------------------------------------- tools

    def _link(self, kind: Kind, source_id: UUID, key: str) -> Link:
        link = Link.objects.filter(district_id=self.district_id, source_id=source_id, kind=kind.name, key=key).first()
        if link is None:
            raise NotJoined(f"The source calls no {kind.name} “{key}”.")
        return link

    def _claim_all(self, kind: Kind, ids: list[UUID]) -> None:
        """Whoever stands without claims gets them: from now on it is merged from what is left of them."""
        self.writer.run("CREATE TEMP TABLE shared ON COMMIT DROP AS SELECT unnest(%(ids)s::uuid[]) AS id", ids=ids)
        self.writer.claims.claim_what_stands(kind)
        self.writer.run("DROP TABLE shared")

    def _move(
        self, kind: Kind, links: "QuerySet[Link]", *, to: UUID | None, rule: str, merge: int | None = None
    ) -> None:
        for link in links.filter(district_id=self.district_id, kind=kind.name):
            mine = {"district_id": self.district_id, "source_id": link.source_id, "kind": kind.name, "key": link.key}
            Relink.objects.create(
                **mine,
                revision=self.writer.revision,
                was_id=link.record_id,
                rule=link.rule,
                evidence=link.evidence,
                merge=merge,
            )
            if to is None:
                Link.objects.filter(**mine).delete()
                Claim.objects.filter(**mine).delete()
                continue
            evidence = {"merge": merge} if merge else None
            Link.objects.filter(**mine).update(record_id=to, rule=rule, evidence=evidence)
            Claim.objects.filter(**mine).update(record_id=to)

    def _rework(self, target: Kind, anew: list[UUID], renaming: Renaming | None = None) -> None:
        touched = {k.name for k in _same_id(target)}
        referring = {k.name for k in kinds_to(target.name)} if renaming else set()
        for kind in WRITTEN:
            if kind.name in touched | referring:
                self.writer.rework(
                    kind,
                    anew=anew if kind.name in touched else (),
                    renaming=renaming if kind.name in referring else None,
                )

    def _rename_claims(self, renaming: Renaming, *, sources: list[UUID] | None = None) -> None:
        for kind in kinds_to(renaming.target):
            for field in fields_to(kind, renaming.target):
                said, there = renaming.claimed(field)
                self.writer.run(
                    f"UPDATE roster_claim c SET said = {said} WHERE c.district_id = %(d)s AND c.kind = %(k)s "
                    f"AND {there}" + ("" if sources is None else " AND c.source_id = ANY(%(sources)s::uuid[])"),
                    kind,
                    sources=sources,
                    **renaming.parameters,
                )

    def _look_again(self, target: Kind, id_: UUID, sources: list[UUID]) -> None:
        """Rows of these sources that refer to the record are read again next time: they may mean another."""
        for kind in kinds_to(target.name):
            named = " OR ".join(names(f, "r", "%(id)s") for f in fields_to(kind, target.name))
            self.writer.run(
                f"UPDATE roster_link l SET row_hash = %(unseen)s FROM roster_{kind.table} r "
                "WHERE l.district_id = %(d)s AND l.kind = %(k)s AND l.source_id = ANY(%(sources)s::uuid[]) "
                "AND r.district_id = %(d)s "
                f"AND r.id = l.record_id AND r.rev_to = {OPEN} AND ({named})",
                kind,
                id=id_,
                sources=sources,
                unseen=UNSEEN,
            )


def _same_id(kind: Kind) -> tuple[Kind, ...]:
    """The kind, and those that carry its ids."""
    return (kind, *(k for k in KINDS.values() if k.same_id_as == kind.name))


def _is_another(kind: Kind, key: str) -> str:
    return f"{kind.name} {key} is another"[:200]


def _merge_of(link: Link) -> int | None:
    return (link.evidence or {}).get("merge") if link.rule == MERGED else None

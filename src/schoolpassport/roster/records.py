"""What passes through the doors of this room. Frozen; everyone may use them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from uuid import UUID

ALTOGETHER = UUID(int=0)  # the "school" under which a kind is counted as a whole


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What one source changes about one kind, as files that PostgreSQL's COPY reads (text format, in this order).

    ``settled``: id, key, op, hash, line, origin, evidence, one column per field of the kind. ``missing``: id, key.
    ``uneasy``: id, key. ``op``: a added, u updated, r restored, l a new key of a record that is known; ``evidence``
    (JSON) says why it is that record. ``copied``: keys of updated rows of which only the references count; of what
    else they say, the first word stands.
    """

    kind: str
    settled: Path
    missing: Path
    uneasy: Path
    copied: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not any(path.stat().st_size for path in (self.settled, self.missing, self.uneasy))


@dataclass(frozen=True, kw_only=True)
class Saying:
    """Records that may say one of some values in one of some attributes, whatever the case and the spaces around.

    ``values``: a file as PostgreSQL's COPY reads it (text format), one per line, in small letters; few enough to be
    held in memory.
    """

    attributes: tuple[str, ...]
    values: Path


@dataclass(frozen=True, kw_only=True)
class Remapped:
    """Keys of one source that mean other records from now on, as files that PostgreSQL's COPY reads (text format).

    ``moves``: kind, new key, old key, id, evidence (JSON). ``freed``: kind and key of what is new under a key that
    meant somebody else. ``parted``: kind, new key and id of what a person said is not the same, so that no rule says
    it either. In ``moves`` no key and no id of a kind stands twice.
    """

    moves: Path
    freed: Path
    parted: Path


@dataclass(frozen=True, kw_only=True)
class Remap:
    """A record that a source calls by another key since a revision."""

    kind: str
    id: UUID
    source_id: UUID
    was: str
    key: str
    revision: int
    migration: int


@dataclass(frozen=True, kw_only=True)
class Rejoined:
    """A key that means again the record from which it was split.

    ``made_id``: the record that it meant meanwhile, None where it meant nobody; ``merge``: by which that one became an
    alias, None where other keys mean it. ``split_revision``: that of the split.
    """

    record_id: UUID
    made_id: UUID | None
    merge: int | None
    revision: int
    split_revision: int


class Rule(StrEnum):
    """What a source's value of an attribute counts, where several sources speak of a record."""

    MASTER = "master"  # stands whenever there is one
    FILL = "fill"  # stands while no master has one
    KEEP = "keep"  # taken when nothing stands, and never put in the place of what stands


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """The sources of an attribute: those whose values go first, in this order, and those that are only kept."""

    first: tuple[UUID, ...]
    kept: tuple[UUID, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Authority:
    """Whose word counts in a district.

    ``sources``: all of them, in the order of their registration; ``rules``: (kind, column) → what was set for single
    sources. Where no master is set, the first roster source is master; whoever is not named fills in.
    """

    sources: tuple[UUID, ...] = ()
    enrichment: frozenset[UUID] = frozenset()
    rules: Mapping[tuple[str, str], tuple[tuple[UUID, Rule], ...]] = field(default_factory=dict)

    def ranked(self, kind: str, column: str) -> Ranked:
        named = dict(self.rules.get((kind, column), ()))
        masters = [s for s, rule in named.items() if rule is Rule.MASTER]
        if not masters:
            masters = [s for s in self.sources if s not in self.enrichment and s not in named][:1]
        fills = [s for s, rule in named.items() if rule is Rule.FILL]
        fills += [s for s in self.sources if s not in named and s not in masters]
        kept = tuple(s for s, rule in named.items() if rule is Rule.KEEP)
        return Ranked(first=(*masters, *fills), kept=kept)

    def rule(self, kind: str, column: str, source_id: UUID) -> str:
        """By which rule a source's value counts."""
        named = dict(self.rules.get((kind, column), ()))
        ranked = self.ranked(kind, column)
        default = Rule.MASTER if Rule.MASTER not in named.values() and source_id in ranked.first[:1] else Rule.FILL
        return named.get(source_id, default)

    def keeps(self, kind: str) -> bool:
        """Whether any source of any attribute of the kind is only kept."""
        return any(k == kind and rule is Rule.KEEP for (k, _), named in self.rules.items() for _, rule in named)


@dataclass(frozen=True, kw_only=True)
class Asking:
    """What became of the questions of a source: how many are open, how many of these are new, and whether any ended."""

    open: int
    new: int
    ended: bool


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A key whose row seems to mean somebody else than it did: a question to a person."""

    kind: str
    key: str
    record_id: UUID
    row_hash: UUID


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """What one key says about an attribute now. ``rule`` is that of its link: how it came to mean the record."""

    source_id: UUID
    key: str
    value: object
    rule: str
    line: int | None
    since: int  # the revision


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """Where a record's value comes from: since which revision it stands, and what every source says.

    ``line`` and ``origin`` are where the row stood that brought it; ``chosen`` is the claim whose value it is, by the
    rule ``by``, if any says so now.
    """

    value: object
    status: str
    revision: int
    at: datetime
    cause: str
    line: int | None
    origin: str
    claims: tuple[Claimed, ...]
    chosen: Claimed | None
    by: str


@dataclass(kw_only=True)
class Tallied:
    """What a revision did to one kind in one school."""

    added: int = 0
    updated: int = 0
    archived: int = 0
    restored: int = 0
    unchanged: int = 0


@dataclass(frozen=True, kw_only=True)
class Applied:
    """A new revision, or none (``number`` is None) when nothing differed from what stood."""

    number: int | None
    at: datetime | None
    tallies: dict[tuple[str, UUID], Tallied] = field(default_factory=dict)
    reshaped: frozenset[str] = frozenset()  # tables of which a large share is new

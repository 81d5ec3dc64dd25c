"""A package from a provider: all that it holds, or what changed where the dialect card says that this can be known."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from schoolpassport.kit.columns import Columns, columns
from schoolpassport.kit.http import Unexpected
from schoolpassport.kit.recovery import NeedsAttention
from schoolpassport.sources.rest import card as cards
from schoolpassport.sources.rest import cells, evidence, paging, probing, ties, writing
from schoolpassport.sources.rest.card import Card
from schoolpassport.sources.rest.paging import Plan
from schoolpassport.sources.rest.session import Session
from schoolpassport.sources.schemas import Schema

_MEMORY_MB, _THREADS = 512, 2
TRIED: Final = "users"  # by which a provider is judged: the largest that everybody has, but for enrollments
_NOT_OFFERED = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_IMPLEMENTED, HTTPStatus.GONE})
_NEVER_EMPTY = frozenset({"orgs", "users"})
_EARLY: Final = timedelta(hours=6)  # a run that comes a little earlier than a week ago still counts as a week later
_DAY: Final = timedelta(days=1)
FULL_AT, MARKS, FULL_MARKS, SAMPLES, DELTA, AGAIN = "full at", "marks", "full marks", "samples", "delta", "again"
Marks = dict[str, str | None]  # collection → the newest date that was seen; None when it is not offered


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is to be read. ``collections``: in the order of reading. ``days``: after which everything is read anew.

    ``one_by_one``: of how many classes, or courses, or users, resources may be asked for one by one.
    """

    schema: Schema
    collections: tuple[str, ...]
    size: int
    days: int
    overlap: timedelta
    one_by_one: int = 0
    memory: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class Done:
    memory: dict[str, Any]
    facts: dict[str, Any]


class _Distrusted(Exception):
    """An answer about what changed is none."""


def pull(session: Session, wish: Wish, into: Path, watch: Callable[[str], None]) -> Done:
    """Write a package into the folder. What is there after ``NeedsAttention`` or ``Retry`` is none."""
    with _bench(into) as bench:
        if _may_be_delta(session, wish):
            try:
                return _Delta(session, wish, bench, watch).pull(into)
            except _Distrusted:
                for path in into.glob("*.csv"):
                    path.unlink()
        return _Full(session, wish, bench, watch).pull(into)


def probe(session: Session, size: int) -> Card:
    """The dialect card of a provider, as asking makes it."""
    try:
        return probing.probe(session, TRIED, size=size)
    except Unexpected as no:
        lacking(session, TRIED, no)
        raise


def lacking(session: Session, name: str, no: Unexpected) -> str:
    """The name of a collection that can be done without; raises for any other, with a sentence that names it."""
    if no.status not in _NOT_OFFERED:
        raise no
    if name in cells.OPTIONAL:
        return name
    if no.status == HTTPStatus.FORBIDDEN:
        do = "Let these credentials read them, or check the scopes."
    else:
        do = "Correct the address: it ends like /ims/oneroster/v1p1, before the names of collections."
    raise NeedsAttention(f"{session.host} shows no {name} at this address ({no.status}). {do}")


def _may_be_delta(session: Session, wish: Wish) -> bool:
    memory = wish.memory
    if not wish.days or not cards.trusted(memory) or set(wish.collections) - set(memory.get(MARKS, {})):
        return False
    if memory.get(AGAIN):
        return False
    return session.now - datetime.fromisoformat(memory[FULL_AT]) < timedelta(days=wish.days) - _EARLY


@dataclass(frozen=True, kw_only=True)
class _Bench:
    db: Columns
    scratch: Path


@contextmanager
def _bench(into: Path) -> Iterator[_Bench]:
    """A place for what is being read, beside the files, gone when they are there."""
    with tempfile.TemporaryDirectory(dir=into, prefix=".") as name:
        scratch = Path(name)
        with columns(folder=scratch, memory_mb=_MEMORY_MB, threads=_THREADS) as db:
            yield _Bench(db=db, scratch=scratch)


class _Work:
    """What both ways of reading have in common."""

    def __init__(self, session: Session, wish: Wish, bench: _Bench, watch: Callable[[str], None]) -> None:
        self._session, self._wish, self._bench, self._watch = session, wish, bench, watch
        self._without = {name for name in cells.OPTIONAL if name not in wish.collections}
        self._files = cells.files(wish.schema, without=self._without)
        self._modes: dict[str, str] = {}
        self._marks: Marks = {}
        self._facts: dict[str, Any] = {"not offered": [], "empty": []}
        self._lies = bool(wish.memory.get(cards.TOTAL_LIES))
        self._ties: dict[str, list[str]] = {}

    def _load(self, name: str, plan: Plan, filter_: str = "") -> writing.Table | None:
        """Read a collection into ``got``; None when it is not offered and can be done without."""
        bench, session = self._bench, self._session
        plan = replace(plan, trust_total=plan.trust_total and not self._lies)
        try:
            pulled = paging.pull(session, bench.db, name, plan, bench.scratch, self._watch, filter_)
        except Unexpected as no:
            self._facts["not offered"].append(lacking(session, name, no))
            return None
        if not filter_ and plan.trust_total:
            self._lies |= pulled.total not in {None, pulled.count}
        self._watch(f"writing {name}")
        clock = max(session.date, session.now)
        table = writing.load(bench.db, pulled.path, self._files[name], clock=clock)
        for path in bench.scratch.glob("*.ndjson"):
            path.unlink()
        return table

    def _do_without(self, name: str) -> None:
        """Of what is not offered, nothing is said either by those who refer to it."""
        self._marks[name] = None
        self._without.add(name)
        self._files = cells.files(self._wish.schema, without=self._without)

    def _tied(self, name: str, plan: Plan) -> tuple[cells.File, ...]:
        """The files of a collection, its resources as they are known."""
        if not any(f.ties for f in self._files[name]):
            return self._files[name]
        found = ties.find(
            self._session,
            self._bench.db,
            name,
            plan,
            most=self._wish.one_by_one,
            scratch=self._bench.scratch,
            watch=self._watch,
        )
        self._ties[name] = [found.way, found.sentence]
        asked = found.way is ties.Way.ASKED
        return tuple(replace(f, tied=asked) if f.ties else f for f in self._files[name])

    def _mark(self, name: str, newest: datetime | None, before: datetime | None) -> None:
        dates = [d for d in (newest, before) if d is not None]
        self._marks[name] = max(dates).isoformat() if dates else self._session.date.isoformat()

    def _finished(self, into: Path, how: str, **memory: Any) -> Done:  # noqa: ANN401 (JSON to be remembered)
        writing.write_manifest(self._wish.schema, self._modes, into)
        facts = {"read": how, "files": sorted(self._modes), **{n: v for n, v in self._facts.items() if v}}
        kept = {**self._wish.memory, MARKS: self._marks, cards.TOTAL_LIES: self._lies, **memory}
        return Done(memory=kept, facts=facts)


class _Full(_Work):
    """Everything; and whoever was read before is compared, which is how the card learns about dates and deletions."""

    def pull(self, into: Path) -> Done:
        self._watch("asking what the provider can do")
        found = probe(self._session, self._wish.size)
        began = self._session.now.isoformat()
        samples: dict[str, evidence.Sample] = {}
        nights: list[evidence.Evidence] = []
        for name in self._wish.collections:
            table = self._load(name, found.plan)
            if table is None:
                self._do_without(name)
                continue
            self._mark(name, table.newest, None)
            seen = self._sampled(name, table)
            samples[name] = evidence.remembered(seen)
            nights += self._compared(name, seen)
            files = self._tied(name, found.plan)
            written = writing.write_bulk(self._bench.db, table, files, into, self._bench.scratch)
            if name not in written:
                self._empty(name)
            self._modes |= dict.fromkeys(written, "bulk")
        memory = {
            cards.CARD: found.stored(),
            FULL_AT: began,
            FULL_MARKS: self._marks,
            SAMPLES: samples,
            cards.TIES: self._ties,
            cards.EVIDENCE: self._evidence(nights),
            DELTA: False,
            # Removals that deltas did not tell need a second witness, which shall not be a week away.
            AGAIN: bool(self._wish.memory.get(DELTA)),
        }
        return self._finished(into, "everything", **memory)

    def _sampled(self, name: str, table: writing.Table) -> list[evidence.Seen]:
        mark = self._wish.memory.get(FULL_MARKS, {}).get(name)
        asked_from = datetime.fromisoformat(mark) - self._wish.overlap if mark else None
        return evidence.sample(self._bench.db, table, self._files[name], asked_from)

    def _compared(self, name: str, seen: list[evidence.Seen]) -> Iterable[evidence.Evidence]:
        before = self._wish.memory.get(SAMPLES, {}).get(name)
        return [evidence.compare(before, seen)] if before else []

    def _evidence(self, nights: list[evidence.Evidence]) -> list[dict[str, int]]:
        """The last comparisons that showed something."""
        tonight = evidence.summed(nights)
        known = evidence.read(self._wish.memory.get(cards.EVIDENCE, []))
        shown = [*known, tonight] if tonight != evidence.Evidence() else known
        return [vars(night) for night in shown[-evidence.NIGHTS :]]

    def _empty(self, name: str) -> None:
        if name in _NEVER_EMPTY:
            raise NeedsAttention(
                f"{self._session.host} shows no {name} at all. Check what these credentials may read there."
            )
        self._facts["empty"].append(name)


class _Delta(_Work):
    """What changed since the newest date that was seen, and a while before it."""

    def pull(self, into: Path) -> Done:
        known = Card.load(self._wish.memory[cards.CARD])
        marks: Marks = self._wish.memory[MARKS]
        for name in self._wish.collections:
            mark = marks[name]
            if mark is None:  # was not offered; the next full reading asks again
                self._do_without(name)
                continue
            if self._has_ties(name):
                self._whole(name, known.plan, mark, into)
                continue
            since = datetime.fromisoformat(mark) - self._wish.overlap
            table = self._changed(name, known, since)
            self._mark(name, table.newest, datetime.fromisoformat(mark))
            written = writing.write_delta(self._bench.db, table, self._files[name], into, self._bench.scratch)
            self._modes |= dict.fromkeys(written, "delta")
        how = f"what changed, since the full reading of {self._wish.memory[FULL_AT][:10]}"
        return self._finished(into, how, **{DELTA: True})

    def _has_ties(self, name: str) -> bool:
        way, *_ = self._wish.memory.get(cards.TIES, {}).get(name, [ties.Way.UNKNOWN])
        return way != ties.Way.UNKNOWN and any(f.ties for f in self._files[name])

    def _whole(self, name: str, plan: Plan, mark: str, into: Path) -> None:
        """A class that lost a resource is not told by what changed: its list is read anew, and so are all of them."""
        table = self._load(name, plan)
        if table is None:
            raise _Distrusted
        self._mark(name, table.newest, datetime.fromisoformat(mark))
        files = self._tied(name, plan)
        own, lists = (tuple(f for f in files if f.ties is each) for each in (False, True))
        written = writing.write_delta(self._bench.db, table, own, into, self._bench.scratch)
        self._modes |= dict.fromkeys(written, "delta")
        if self._ties[name][0] != ties.Way.UNKNOWN:
            listed = writing.write_lists(self._bench.db, lists, into, self._bench.scratch)
            self._modes |= dict.fromkeys(listed, "bulk")

    def _changed(self, name: str, known: Card, since: datetime) -> writing.Table:
        since -= _DAY if "%H" not in known.stamp else timedelta()  # whether the day itself counts, nobody says
        filter_ = f"dateLastModified>'{since.astimezone(UTC).strftime(known.stamp)}'"
        try:
            table = self._load(name, known.plan, filter_)
        except Unexpected as no:
            if no.status != HTTPStatus.BAD_REQUEST:
                raise
            raise _Distrusted from None
        if table is None or writing.older(self._bench.db, since - _DAY):
            raise _Distrusted
        return table

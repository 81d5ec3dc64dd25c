"""The place where one run works: its folder, its columns, and the state it compares with.

The state (what this source's links say: key, id, hash, gone) is kept as Parquet files per kind, numbered like the
links (``Source.settled``), with two quick hashes of the row as it was last taken without a finding (cells, line; see
``skimming``). It is a cache: the database is the truth, and the files are written anew from it, without those two,
when the number differs or a file is missing. A small state is one file and held in memory; a large one is a base, and
what turned since it was written.
"""

import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from uuid import UUID

import duckdb
from django.conf import settings as django

from schoolpassport.kit.columns import COPY_MANY, COPY_STATE, COPY_TEXT, Columns, columns, copy_text, literal, quoted
from schoolpassport.kit.ids import new_id
from schoolpassport.roster import queries as roster
from schoolpassport.roster.kinds import KINDS, Kind
from schoolpassport.roster.records import Batch
from schoolpassport.sources import cleaning
from schoolpassport.sync.settling import NO_HASH
from schoolpassport.tenancy import scope

# Part of the folder's name: after a change of the format or of cleaning or of DuckDB's hashes, no old file is found.
_STATE_FORMAT = f"4-{duckdb.__version__}-{cleaning.digest()}"


_SMALL = 1 << 20  # bytes of a kind's state
_SHARED = 8 << 20  # bytes of package and state; of less, a second thread would get nothing to do, and cost all the same
_TURNED = "turned"  # the part of a state that stands above its base
_MOST_TURNED = 0.1  # share of a state; beyond it, a new base is written
_TURNS = ("settled", "missing", "uneasy")
_STATE = "key VARCHAR, id UUID, hash UUID, gone BOOLEAN, cells UBIGINT, line UBIGINT"
_NO_HASH = f"{literal(NO_HASH)}::UUID"


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where the files of a source and of one run lie."""

    data_dir: Path
    district_id: UUID
    source_id: UUID
    run_id: UUID
    decided: int = 0  # how often people moved links of the source: what was known before is outdated

    @property
    def package(self) -> Path:
        """The immutable copy of what was said; kept while a run waits for a person."""
        return self.data_dir / "packages" / str(self.district_id) / str(self.run_id)

    @property
    def work(self) -> Path:
        return self.data_dir / "work" / str(self.district_id) / str(self.run_id)

    def state(self, settled: int) -> Path:
        return self._states / f"{settled}{f'.{self.decided}' if self.decided else ''}-v{_STATE_FORMAT}"

    @property
    def _states(self) -> Path:
        return self.data_dir / "state" / str(self.district_id) / str(self.source_id)

    def forget_package(self) -> None:
        shutil.rmtree(self.package, ignore_errors=True)

    def forget_states_but(self, settled: int) -> None:
        if self._states.is_dir():
            for old in self._states.iterdir():
                if old != self.state(settled):
                    shutil.rmtree(old, ignore_errors=True)


class Bench:
    """The columns of one run. DuckDB reads below the work folder only, so package and state are linked into it.

    ``columns_``: what opens them; they are opened when they are first needed, which the very package of last night
    never does.
    """

    def __init__(self, columns_: Callable[[], Columns], places: Places, settled: int, *, blank: bool = False) -> None:
        self._columns = columns_
        self.places = places
        self.settled = settled
        self.blank = blank  # as if the source had never said anything
        self.forgot: set[str] = set()  # kinds of which hashes of lines and cells are not known any more
        self.judged: set[str] = set()  # kinds of which the people behind known ids were looked at again
        self.traced: set[str] = set()  # kinds of which the places in the package as sent are known
        self._states: dict[str, dict[str, Path]] = {}  # the files of each table's state, by their parts
        self._turns: dict[str, dict[str, int]] = {}

    @cached_property
    def db(self) -> Columns:
        return self._columns()

    def any(self, table: str) -> bool:
        return self.count(f"(FROM {table} LIMIT 1)") > 0

    def has(self, table: str) -> bool:
        try:
            self.db.execute(f"FROM {table} LIMIT 0")
        except duckdb.CatalogException:
            return False
        return True

    def count(self, table: str) -> int:
        (rows,) = self.db.execute(f"SELECT count(*) FROM {table}").fetchone() or (0,)
        return int(rows)

    def load_states(self, concerned: Collection[str] = KINDS) -> None:
        """``state_<kind>`` for every kind that is concerned; of others, the files are at hand for the state to come."""
        source = self.places.state(self.settled)
        for kind in KINDS.values():
            if self.blank:
                self.db.execute(f"CREATE TABLE state_{kind.table} ({_STATE})")
                continue
            files = {part: _link(f, self._state_file(kind.table, part)) for part, f in _found(source, kind.table)}
            if kind.name not in concerned:
                self._states[kind.table] = files
                continue
            try:
                self._open_state(kind.table, files)
            except duckdb.Error:  # none, or it is cut
                for file in files.values():
                    file.unlink()
                self.forgot.add(kind.name)
                self._rebuild(kind.name, self._state_file(kind.table, "kept"))
                self._open_state(kind.table, {"kept": self._state_file(kind.table, "kept")})

    def _open_state(self, table: str, files: dict[str, Path]) -> None:
        """Fails where a file is missing or no Parquet."""
        small = _is_small(files)
        base = f"read_parquet([{', '.join(literal(str(f)) for part, f in files.items() if part != _TURNED)}])"
        if not small:
            self.db.execute(f"SELECT count(*) FROM {base}")  # looks at the end of every file
        state = f"FROM {base}"
        if _TURNED in files:
            turned = literal(str(files[_TURNED]))
            self.db.execute(f"CREATE TABLE turned_{table} AS FROM read_parquet({turned})")
            state += f" ANTI JOIN turned_{table} t USING (key) UNION ALL FROM turned_{table}"
        # To open a file for each question costs more than a small one holds.
        self.db.execute(f"CREATE {'TABLE' if small else 'VIEW'} state_{table} AS {state}")
        self._states[table] = files

    def _state_file(self, table: str, part: str) -> Path:
        return self.places.work / f"state_{table}.{part}.parquet"

    def load_edges(self, kind: str) -> None:
        """``edges_<kind>``: who stands under whom in the roster now."""
        file = self.places.work / f"edges_{KINDS[kind].table}.csv"
        if self.blank:
            self.db.execute(f"CREATE TABLE edges_{KINDS[kind].table} (key VARCHAR, parent VARCHAR)")
            return
        with scope.inside(self.places.district_id):
            roster.export_edges(
                district_id=self.places.district_id, source_id=self.places.source_id, kind=kind, into=file
            )
        self.db.execute(
            f"CREATE TABLE edges_{KINDS[kind].table} AS FROM read_csv({literal(str(file))}, header = false, "
            "auto_detect = false, delim = ',', quote = '\"', escape = '\"', "
            "columns = {'key': 'VARCHAR', 'parent': 'VARCHAR'})"
        )

    def turns(self, kind: str) -> dict[str, int]:
        """How many rows of a settled kind there are: ``settled``, ``missing``, ``uneasy``."""
        if kind not in self._turns:
            counts = ", ".join(f"(SELECT count(*) FROM {name}_{KINDS[kind].table})" for name in _TURNS)
            found = self.db.execute(f"SELECT {counts}").fetchone() or ()
            self._turns[kind] = dict(zip(_TURNS, found, strict=True))
        return self._turns[kind]

    def empty_batch(self, kind: str) -> Batch:
        """Of a kind of which nothing new is said."""
        nothing = self._nothing()
        return Batch(kind=kind, settled=nothing, missing=nothing, uneasy=nothing)

    def _nothing(self) -> Path:
        file = self.places.work / "nothing.tsv"
        file.touch()
        return file

    def write_batch(self, kind: str) -> Batch:
        """The kind's changes as files that COPY reads, with the places where they stand in the package as sent."""
        table, nothing = KINDS[kind].table, self._nothing()
        columns_ = ", ".join(quoted(c) for c in KINDS[kind].columns)
        key = copy_text("key")
        place, sent = "s.line, s.origin", ""
        if kind in self.traced:
            place, sent = (
                f"o.sent, {copy_text('o.file')}",
                f"LEFT JOIN origins_{table} o ON s.line = o.line ORDER BY s.id",
            )
        queries = {
            "settled": f"SELECT id, {key}, op, hash, {place}, evidence, {columns_} FROM settled_{table} s {sent}",
            "missing": f"SELECT id, {key} FROM missing_{table}",
            "uneasy": f"SELECT id, {key} FROM uneasy_{table}",
        }
        paths = dict.fromkeys(queries, nothing)
        for name, query in ((n, q) for n, q in queries.items() if self.turns(kind)[n]):
            paths[name] = self.places.work / f"{name}_{table}.tsv"
            self.db.execute(f"COPY ({query}) TO {literal(str(paths[name]))} ({COPY_MANY})")
        return Batch(kind=kind, settled=paths["settled"], missing=paths["missing"], uneasy=paths["uneasy"])

    def removals_file(self, which: str, kind: str) -> Path:
        """Id and key of removals, ``missing`` or ``waiting``, as a file that COPY reads."""
        path = self.places.work / f"removals_{KINDS[kind].table}.tsv"
        self.db.execute(
            f"COPY (SELECT id, {copy_text('key')} FROM {which}_{KINDS[kind].table}) "
            f"TO {literal(str(path))} ({COPY_TEXT})"
        )
        return path

    def ids_file(self, table: str) -> Path:
        """The ids in a table of ours, as a file that COPY reads."""
        path = self.places.work / f"ids_{table}.tsv"
        self.db.execute(f"COPY (SELECT id FROM {table}) TO {literal(str(path))} ({COPY_TEXT})")
        return path

    def save_states(self, *, settled: int, changed: set[str]) -> None:
        """The state after this run, beside the one before; a reader finds all of its files or none."""
        target = self.places.state(settled)
        making = target.with_name(f"{target.name}.making")
        shutil.rmtree(making, ignore_errors=True)
        private(making)
        for kind in KINDS.values():
            files = self._next_state(kind) if kind.name in changed else self._states[kind.table]
            for part, here in files.items():
                _link(here, making / f"{kind.table}.{part}.{len(files)}.parquet")
        shutil.rmtree(target, ignore_errors=True)
        making.rename(target)
        self.places.forget_states_but(settled)

    def _next_state(self, kind: Kind) -> dict[str, Path]:
        """What stands, with what was learned of it; what was settled; what went, or must be looked at again.

        A statement for each, so that none holds more than one of the large tables in memory; one for a small state. Of
        a large state of which little changed since it was written, only that is written.
        """
        table, before = kind.table, self._states[kind.table]
        turned = not _is_small(before) and self._is_little(kind)
        touched = " UNION ALL ".join(f"SELECT key FROM {name}_{table}" for name in ("settled", "missing", "uneasy"))
        learned = f"SELECT key, cells, n.line FROM learned_{table} LEFT JOIN lines_{table} n USING (place)"
        parts = {
            "kept": f"SELECT s.key, s.id, s.hash, s.gone, coalesce(l.cells, s.cells) AS cells, "
            f"coalesce(l.line, s.line) AS line FROM state_{table} s ANTI JOIN ({touched}) t ON s.key = t.key "
            f"{self._turning(table) if turned else ''} LEFT JOIN ({learned}) l "
            f"ON s.key = l.key AND s.hash <> {_NO_HASH}",
            "settled": "SELECT s.key, s.id, s.hash, false AS gone, s.cells, CASE WHEN s.cells IS NOT NULL "
            f"THEN n.line END AS line FROM settled_{table} s LEFT JOIN lines_{table} n ON s.line = n.place + 2",
            "gone": f"SELECT key, id, {_NO_HASH} AS hash, true AS gone, NULL::UBIGINT AS cells, NULL::UBIGINT AS line "
            f"FROM missing_{table} UNION ALL SELECT u.key, u.id, {_NO_HASH}, s.gone, NULL, NULL FROM uneasy_{table} u "
            f"JOIN state_{table} s ON u.key = s.key",
        }
        if turned or _is_small(before):
            parts = {_TURNED if turned else "kept": " UNION ALL ".join(parts.values())}
        paths = {part: file for part, file in before.items() if turned}
        for name, query in parts.items():
            paths[name] = self.places.work / f"next_{table}.{name}.parquet"
            self.db.execute(f"COPY ({query}) TO {literal(str(paths[name]))} ({COPY_STATE})")
        return paths

    def _turning(self, table: str) -> str:
        """SQL: only rows of ``s`` that turned before, or of which something was learned tonight."""
        before = f"UNION ALL SELECT key FROM turned_{table}" if _TURNED in self._states[table] else ""
        return f"SEMI JOIN (SELECT key FROM learned_{table} {before}) near ON s.key = near.key"

    def _is_little(self, kind: Kind) -> bool:
        """Whether hardly any of a state turned since its base was written, tonight included."""
        turned = self.count(f"turned_{kind.table}") if _TURNED in self._states[kind.table] else 0
        turned += sum(self.turns(kind.name).values()) + self.count(f"learned_{kind.table}")
        return turned <= _MOST_TURNED * self.count(f"state_{kind.table}")

    def _rebuild(self, kind: str, here: Path) -> None:
        text = self.places.work / f"links_{KINDS[kind].table}.csv"
        with scope.inside(self.places.district_id):
            roster.export_links(
                district_id=self.places.district_id, source_id=self.places.source_id, kind=kind, into=text
            )
        self.db.execute(
            f"COPY (SELECT key, id, hash, gone = 't' AS gone, NULL::UBIGINT AS cells, NULL::UBIGINT AS line "
            f"FROM read_csv({literal(str(text))}, header = false, auto_detect = false, delim = ',', quote = '\"', "
            "escape = '\"', columns = {'key': 'VARCHAR', 'id': 'UUID', 'hash': 'UUID', 'gone': 'VARCHAR'})) "
            f"TO {literal(str(here))} ({COPY_STATE})"
        )
        text.unlink()


@contextmanager
def bench(places: Places, *, settled: int, memory_mb: int, threads: int, blank: bool = False) -> Iterator[Bench]:
    """An empty work folder with columns in it; gone afterwards, whatever happened.

    ``blank``: nothing of what the source said before is known.
    """
    shutil.rmtree(places.work, ignore_errors=True)
    private(places.work)
    with scope.inside(places.district_id):
        decided = roster.decided(district_id=places.district_id, source_id=places.source_id)
    places = replace(places, decided=decided)
    try:
        with ExitStack() as opened:

            def open_() -> Columns:
                hands = threads if _bytes(places.package, places.state(settled)) >= _SHARED else 1
                return opened.enter_context(columns(folder=places.work, memory_mb=memory_mb, threads=hands))

            yield Bench(open_, places, settled, blank=blank)
    finally:
        shutil.rmtree(places.work, ignore_errors=True)


@contextmanager
def glance(*, district_id: UUID, source_id: UUID, settled: int) -> Iterator[Bench]:
    """A bench on which a package is looked at that nobody takes; nothing of it is left afterwards."""
    env = django.ENVIRONMENT
    places = Places(data_dir=env.data_dir, district_id=district_id, source_id=source_id, run_id=new_id())
    try:
        with bench(places, settled=settled, memory_mb=env.sync_memory_mb, threads=env.sync_threads) as made:
            yield made
    finally:
        places.forget_package()


@contextmanager
def desk(*, data_dir: Path, district_id: UUID) -> Iterator[Path]:
    """A folder to work in; gone afterwards."""
    work = data_dir / "work" / str(district_id) / str(new_id())
    private(work)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def sweep(*, data_dir: Path, district_id: UUID, kept: set[str]) -> None:
    """Remove what killed runs left behind: every work folder, and the packages of runs that wait for nobody.

    The caller holds the district's lock, so no other run is at work here.
    """
    for kind, spared in (("work", set[str]()), ("packages", kept)):
        folder = data_dir / kind / str(district_id)
        for left in folder.iterdir() if folder.is_dir() else ():
            if left.name not in spared:
                shutil.rmtree(left, ignore_errors=True)


def private(folder: Path) -> None:
    """Make a folder, and those of ours above it, for this account only: rosters pass through them."""
    for each in (folder.parent.parent.parent, folder.parent.parent, folder.parent, folder):
        each.mkdir(parents=True, exist_ok=True, mode=0o700)


def _found(folder: Path, table: str) -> list[tuple[str, Path]]:
    """The files of a kind's state by their parts; none if one of them is missing: each says how many there are."""
    found = [(f.name.split("."), f) for f in sorted(folder.glob(f"{table}.*.*.parquet"))]
    whole = all(int(number) == len(found) for (_, _, number, _), _ in found)
    return [(part, file) for (_, part, _, _), file in found] if whole else []


def _bytes(*folders: Path) -> int:
    return sum(file.stat().st_size for folder in folders if folder.is_dir() for file in folder.iterdir())


def _is_small(files: dict[str, Path]) -> bool:
    return sum(f.stat().st_size for f in files.values()) < _SMALL


def _link(there: Path, here: Path) -> Path:
    """A hard link where the file system has them, a copy where not."""
    try:
        here.hardlink_to(there)
    except OSError:
        shutil.copyfile(there, here)
    return here

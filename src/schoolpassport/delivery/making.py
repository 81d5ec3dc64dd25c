"""Files out of an exported view: set work in DuckDB with bounded memory, and bytes that are the same each time.

What a standard wants filled and the consent does not show is told, not invented: the record's id stands in for a text,
anything else stays blank, and a note says which column and how many rows.
"""

import codecs
import hashlib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from isal import isal_zlib

from schoolpassport.delivery import differences, relations
from schoolpassport.delivery.formats import File, Format, Mode, Style
from schoolpassport.delivery.formats.shape import under
from schoolpassport.kit.columns import Columns, columns, literal, quoted
from schoolpassport.kit.wholefile import whole_file
from schoolpassport.roster.kinds import KINDS
from schoolpassport.sharing.exports import FINISHED, Exported, path
from schoolpassport.sharing.records import Finished

_BLOCK = 1 << 20
_FIRST_DAY = datetime(1980, 1, 1, tzinfo=UTC)  # a zip file knows none before
_EFFORT = 1  # of deflate: ids cannot be made much smaller, and the next step takes a tenth longer for 2 %
MANIFEST = "manifest.csv"
_KEYS = "array_agg(DISTINCT json_keys(r.metadata)) FILTER (WHERE r.metadata IS NOT NULL)"
_AS_DECLARED: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Written:
    """One finished file: its rows (of data), its bytes, its time in nanoseconds."""

    path: Path
    rows: int
    size: int
    made: int


@dataclass(frozen=True, kw_only=True)
class Made:
    """``rows``: of each file of the format, also where they lie in one zip. ``notes``: what could not be told.

    ``digest``: of what is in the files, whatever they are called.
    """

    files: tuple[Written, ...]
    rows: dict[str, int]
    notes: tuple[str, ...]
    digest: str


@dataclass(frozen=True, kw_only=True)
class Room:
    """Where and with how much memory and how many threads columns are worked on. ``rows``: the exported view."""

    folder: Path
    memory_mb: int
    threads: int

    @property
    def rows(self) -> Path:
        return self.folder / "rows"

    @property
    def made(self) -> Path:
        return self.folder / "made"

    def prepare(self) -> None:
        for each in (self.rows, self.made):
            each.mkdir(mode=0o700, parents=True)


def make(
    format_: Format,
    exported: Exported,
    *,
    room: Room,
    names: Mapping[str, str] = _AS_DECLARED,
    mode: Mode = Mode.FULL,
    older: Format | None = None,
) -> Made:
    """Write the format's files. ``room.rows`` holds the view as ``sharing.exports`` wrote it.

    ``names``: what files are called in this delivery, where that is not as the format says. ``mode``: that of the
    delivery; the first delta is in full, and its rows must be such that later ones can be told apart. ``older``: the
    format on the day of the last delivery, because conditions may ask the clock. Raises ``AmbiguousRows``.
    """
    with columns(folder=room.folder, memory_mb=room.memory_mb, threads=room.threads) as db:
        maker = _Maker(db, format_, exported, room, names)
        compared = mode is Mode.DELTA and format_.compared
        if compared and exported.since:
            relations.load_older(db, room.rows, format_=format_, exported=exported)
            differences.keep(db, differences.OLDER, older or format_)
        relations.load(db, room.rows, format_=format_, exported=exported, passing=format_.read_once)
        if compared:
            differences.keep(db, differences.NEWER, format_)
        return maker.made()


def sample(format_: Format, exported: Exported, *, room: Room, most: int) -> dict[str, list[tuple[str, ...]]]:
    """The first rows of every file as they would be written, header first."""
    with columns(folder=room.folder, memory_mb=room.memory_mb, threads=room.threads) as db:
        relations.load(db, room.rows, format_=format_, exported=exported)
        maker = _Maker(db, format_, exported, room, _AS_DECLARED)
        found = {}
        for file in format_.files:
            query = maker.query(file)
            told = db.execute(f"{query} LIMIT {int(most)}")
            header = tuple(c[0] for c in told.description or ())
            found[file.name] = [header, *([t or "" for t in row] for row in told.fetchall())]
        return {name: [tuple(row) for row in rows_] for name, rows_ in found.items()}


def query(format_: Format, file: File, db: Columns, exported: Exported) -> str:
    """SQL: the rows of a file, where the relations are loaded."""
    nowhere = Room(folder=Path(), memory_mb=0, threads=0)  # no file is written
    return _Maker(db, format_, exported, nowhere, _AS_DECLARED).query(file)


class _Maker:
    def __init__(self, db: Columns, format_: Format, exported: Exported, room: Room, names: Mapping[str, str]) -> None:
        self._db = db
        self._format = format_
        self._delta = bool(exported.since)
        self._at = exported.extent.at or _FIRST_DAY
        self._exported = exported
        self._room = room
        self._into = room.made
        self._names = names
        self._notes: list[str] = []
        self._found: dict[str, list[str]] = {}  # keys of metadata, by file

    def made(self) -> Made:
        rows: dict[str, int] = {}
        loose: list[Path] = []
        for file in self._format.files:
            count = self._write(file)
            if count or not file.optional:
                rows[self._name(file.name)] = count
                loose.append(self._into / self._name(file.name))
            else:
                (self._into / self._name(file.name)).unlink()
        if self._format.version:
            loose.insert(0, self._manifest(rows))
        if not self._format.archive:
            digest = _digest(loose)
            files = tuple(_written(p, rows[p.name]) for p in loose)
            return Made(files=files, rows=rows, notes=tuple(self._notes), digest=digest)
        whole, digest = self._zipped(loose)
        return Made(files=(_written(whole, sum(rows.values())),), rows=rows, notes=tuple(self._notes), digest=digest)

    def _name(self, declared: str) -> str:
        return self._names.get(declared, declared)

    # ------------------------------------------------------------------------------------------------------ one file

    def query(self, file: File) -> str:
        """SQL: the rows of a file, in the order in which they are written."""
        if self._delta and self._format.compared:
            return differences.query(self._format, file)
        cells = [f"{self._cell(file, header, sql)} AS {quoted(header)}" for header, sql in self._columns(file).items()]
        comes_so = file.in_order and not self._delta and KINDS[file.kind].stored_document
        order = "" if comes_so else f" ORDER BY {file.order}"
        return f"SELECT {', '.join(cells)} FROM {self._from(file)}{order}"

    def _from(self, file: File) -> str:
        return file.changes if self._delta and file.changes else file.rows

    def _columns(self, file: File) -> dict[str, str]:
        found = dict(file.columns)
        if self._format.version and not self._delta:  # a bulk file is the whole truth, and leaves these blank
            found |= {"status": "NULL", "dateLastModified": "NULL"}
        return found | {f"metadata.{key}": under(key) for key in self._keys(file)}

    def _keys(self, file: File) -> list[str]:
        if file.metadata and file.name not in self._found:
            self._found[file.name] = _united(self._db.execute(f"SELECT {_KEYS} FROM now_{file.kind} r").fetchone())
        return file.shown(self._found.get(file.name, ()))

    def _cell(self, file: File, header: str, sql: str) -> str:
        if not file.required.get(header):
            return sql
        stands = f'coalesce({sql}, r."sourcedId")'
        return f"CASE WHEN r.\"status\" = 'active' THEN {stands} ELSE {sql} END"

    def _write(self, file: File) -> int:
        if file.kind in self._exported.finished:
            return self._take(file, self._exported.finished[file.kind])
        self._note_what_lacks(file)
        self._note_who_is_left_out(file)
        style, path = self._format.style, self._into / self._name(file.name)
        told = f"FORMAT csv, HEADER {str(style.header).lower()}, DELIMITER {literal(style.delimiter)}"
        told += f", QUOTE {literal(style.quote)}, ESCAPE {literal(style.quote)}, NULLSTR ''"
        query = self.query(file)
        if style.quote_all:
            told += ", FORCE_QUOTE *"
            query = f"SELECT coalesce(COLUMNS(*), '') FROM ({query})"
        if not style.quote:  # then nothing may hold what parts the columns
            query = f"SELECT replace(COLUMNS(*), {literal(style.delimiter)}, ' ') FROM ({query})"
        done = self._db.execute(f"COPY ({query}) TO {literal(str(path))} ({told})").fetchone()
        _restyle(path, style)
        return int(done[0]) if done else 0

    def _take(self, file: File, finished: Finished) -> int:
        """A file that is what it is going to be."""
        self._note(file, {header: finished.blank[header] for header in file.required})
        path(self._room.rows, file.kind, FINISHED).rename(self._into / self._name(file.name))
        return finished.rows

    def _note_what_lacks(self, file: File) -> None:
        """A column that the standard wants filled, and that is not in the view."""
        wanted = {h: file.columns[h] for h in file.required if h in file.columns}
        if not wanted:
            return
        active = "count(*) FILTER (WHERE {} IS NULL AND " + f"{_alias(file)}.\"status\" = 'active')"
        counts = [active.replace("{}", f"({sql})") for sql in wanted.values()]
        looks = file.metadata and file.in_order and not self._delta  # then keys are found on the same walk
        asked = ", ".join([*counts, _KEYS if looks else "NULL"])
        *found, keys = self._db.execute(f"SELECT {asked} FROM {self._from(file)}").fetchone() or ()
        if looks:
            self._found[file.name] = _united([keys])
        self._note(file, dict(zip(wanted, found, strict=True)))

    def _note_who_is_left_out(self, file: File) -> None:
        for said, those in file.left_out.items():
            (count,) = self._db.execute(f"SELECT count(*) FROM {those}").fetchone() or (0,)
            if count:
                self._notes.append(f"{file.name}: {count:,} {said}; they have no row.")

    def _note(self, file: File, lacking: Mapping[str, int]) -> None:
        for header, count in lacking.items():
            if count:
                instead = "the record's id stands there" if file.required[header] else "it stays blank"
                mends = "These people have one name only" if header in file.names else "Share the attribute to fill it"
                self._notes.append(
                    f"{file.name}: {header} is wanted by {self._format.title}, and {count:,} rows have none in what is "
                    f"shared; {instead}. {mends}."
                )

    # --------------------------------------------------------------------------------------------------- all together

    def _manifest(self, rows: dict[str, int]) -> Path:
        mode = "delta" if self._delta else "bulk"
        facts = {"manifest.version": "1.0", "oneroster.version": self._format.version}
        facts |= {f"file.{n}": mode if f"{n}.csv" in rows else "absent" for n in self._format.listed}
        facts |= {"source.systemName": "School Passport", "source.systemCode": "school-passport"}
        path = self._into / MANIFEST
        path.write_text("propertyName,value\n" + "".join(f"{k},{v}\n" for k, v in facts.items()), encoding="utf-8")
        return path

    def _zipped(self, loose: list[Path]) -> tuple[Path, str]:
        """The archive, and the digest of what is in it, in one reading."""
        told = hashlib.sha256()
        path = self._into / self._name(self._format.archive)
        when = max(self._at, _FIRST_DAY).astimezone(UTC).timetuple()[:6]
        with whole_file(path) as target, zipfile.ZipFile(target, "w") as made:
            for each in loose:
                entry = zipfile.ZipInfo(each.name, date_time=when)
                entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
                with each.open("rb") as source, made.open(entry, "w", force_zip64=each.stat().st_size > 1 << 31) as to:
                    # The same stream as zlib's in a quarter of its time, and smaller. There is no public way to say so.
                    to._compressor = isal_zlib.compressobj(_EFFORT, isal_zlib.DEFLATED, -isal_zlib.MAX_WBITS)  # type: ignore[attr-defined]  # noqa: SLF001 (no type knows it)
                    content = hashlib.sha256()
                    while block := source.read(_BLOCK):
                        content.update(block)
                        to.write(block)
                    told.update(content.digest())
        for each in loose:
            each.unlink()
        return path, told.hexdigest()


def _written(path: Path, rows: int) -> Written:
    found = path.stat()
    return Written(path=path, rows=rows, size=found.st_size, made=found.st_mtime_ns)


def _digest(files: list[Path]) -> str:
    found = hashlib.sha256()
    for file in files:
        with file.open("rb") as source:
            found.update(hashlib.file_digest(source, "sha256").digest())
    return found.hexdigest()


def _united(row: Sequence[list[list[str]] | None] | None) -> list[str]:
    """All keys that are in one of these lists."""
    return sorted({key for keys in (row and row[0]) or () for key in keys})


def _alias(file: File) -> str:
    return file.order.partition(".")[0]


# ------------------------------------------------------------------------------------------------------------- bytes


def _restyle(path: Path, style: Style) -> None:
    """Other line ends and encodings. No field holds a line end, so each is the end of a row."""
    if style.encoding == "utf-8" and style.line_end == "\n" and not style.bom:
        return
    with whole_file(path.with_name(f"{path.name}.styled")) as target:
        for block in _blocks(path, style):
            target.write(block)
    path.with_name(f"{path.name}.styled").rename(path)


def _blocks(path: Path, style: Style) -> Iterator[bytes]:
    decode = codecs.getincrementaldecoder("utf-8")()
    if style.bom:
        yield codecs.BOM_UTF8 if style.encoding == "utf-8" else codecs.BOM_UTF16_LE
    with path.open("rb") as source:
        while block := source.read(_BLOCK):
            text = decode.decode(block).replace("\n", style.line_end)
            yield text.encode("utf-16-le" if style.encoding == "utf-16" else style.encoding, "replace")

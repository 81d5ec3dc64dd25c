"""A format by example: what the columns of a sample file are, found by comparing its values with the view's.

Rows are aligned first: by the column and the attribute that have the most different values in common. From then on a
column is compared with what the aligned records say, and no more with what anybody says; so a grade is not taken for
another number. ``certainty`` is the share of the aligned rows in which a column says just that. Where no value is
known, the words of the header have to do.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from schoolpassport.delivery import custom, making, relations
from schoolpassport.delivery.formats import File, Format
from schoolpassport.delivery.formats.shape import extended
from schoolpassport.delivery.making import Room
from schoolpassport.delivery.paths import Rows
from schoolpassport.delivery.records import Tried
from schoolpassport.kit import plainyaml
from schoolpassport.kit.columns import Columns, columns, literal, quoted
from schoolpassport.roster.kinds import KINDS, Type
from schoolpassport.roster.kinds.shape import PAIRS
from schoolpassport.sharing.catalogue import SIS_ID
from schoolpassport.sharing.exports import Exported
from schoolpassport.sources.headers import meaning

_MOST_BYTES, _MOST_ROWS, _MOST_COLUMNS = 5_000_000, 1_000, 200
_LIKELY = 0.5
_SHOWN = 5
_KINDS: Final = ("user", "enrollment", "class", "org", "course", "academicSession", "demographics")
_THROUGH: Final[Mapping[str, tuple[str, ...]]] = {
    "user": ("demographics",),
    "enrollment": ("user", "class", "school", "class.course", "class.teacher"),
    "class": ("course", "school", "teacher"),
    "org": ("parent",),
    "course": ("org", "schoolYear"),
    "academicSession": ("parent",),
    "demographics": (),
}
_LISTS: Final[Mapping[str, tuple[str, ...]]] = {
    "user": ("orgs.name", "orgs.identifier", f"orgs.metadata.{SIS_ID}", "agents.email"),
    "class": ("terms.title", "teachers.email", "teachers.username"),
}
_DATES: Final = {
    "YYYY-MM-DD": "%Y-%m-%d",
    "MM/DD/YYYY": "%m/%d/%Y",
    "DD.MM.YYYY": "%d.%m.%Y",
    "DD/MM/YYYY": "%d/%m/%Y",
    "YYYYMMDD": "%Y%m%d",
}
_BOOLEANS: Final = (
    ("Y", "N"),
    ("1", "0"),
    ("yes", "no"),
    ("Yes", "No"),
    ("TRUE", "FALSE"),
    ("T", "F"),
    ("true", "false"),
)
_NAMES: Final = ("{familyName}, {givenName}", "{givenName} {familyName}", "{familyName} {givenName}")


class NoSample(ValueError):
    """The file cannot be taken for a sample; the sentence says why."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A file as it was read, and how it was written."""

    name: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    style: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Guess:
    """``told``: in the words of a format; ``certainty`` 0 to 1, and why."""

    header: str
    told: Mapping[str, Any]
    certainty: float
    reason: str

    @property
    def words(self) -> str:
        if "do" in self.told:
            return "; ".join(str(step.get("text") or step.get("to") or step["do"]) for step in self.told["do"])
        return str(self.told.get("from") or (f"“{self.told['constant']}”" if self.told.get("constant") else "nothing"))


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """``text``: the document, as ``formats save`` takes it."""

    text: str
    kind: str
    guesses: tuple[Guess, ...]
    aligned: int
    rows: int


# ------------------------------------------------------------------------------------------------------ the sample


def read(path: Path) -> Sample:
    """Raises ``NoSample``."""
    raw = path.read_bytes()
    if len(raw) > _MOST_BYTES:
        raise NoSample(f"{path.name} has {len(raw):,} bytes; a sample has {_MOST_BYTES:,} at most. Cut it.")
    text, encoding = _decoded(path.name, raw)
    first = text.partition("\n")[0]
    counts = {d: first.count(d) for d in (",", ";", "\t", "|")}
    delimiter = max(counts, key=lambda d: counts[d])
    rows = [tuple(r) for r in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if r]
    if len(rows) < 2 or len(rows[0]) > _MOST_COLUMNS:  # noqa: PLR2004 (a header and a row)
        raise NoSample(f"{path.name} needs a header and at least one row, of {_MOST_COLUMNS} columns at most.")
    headers, data = rows[0], rows[1 : _MOST_ROWS + 1]
    if bad := next((n for n, row in enumerate(data, 2) if len(row) != len(headers)), None):
        raise NoSample(f"{path.name}, line {bad}: it has another number of columns than the header.")
    quoted_all = first.strip("\r").startswith('"') and first.count('"') >= 2 * len(headers)
    style = {
        "delimiter": "tab" if delimiter == "\t" else delimiter,
        "quoting": "all" if quoted_all else "needed",
        "encoding": encoding,
        "line_end": "crlf" if "\r\n" in text else "lf",
    }
    return Sample(name=path.name, headers=headers, rows=tuple(data), style=style)


def _decoded(name: str, raw: bytes) -> tuple[str, str]:
    marks = ((b"\xef\xbb\xbf", "utf-8-sig", "utf-8-bom"), (b"\xff\xfe", "utf-16", "utf-16"), (b"", "utf-8", "utf-8"))
    for mark, codec, called in (*marks, (b"", "cp1252", "windows-1252")):
        if raw.startswith(mark):
            try:
                return raw.decode(codec), called
            except UnicodeDecodeError:
                continue
    raise NoSample(f"{name} is no text in UTF-8, UTF-16 or Windows-1252.")


# ------------------------------------------------------------------------------------------------------- the proposal


def everything() -> Format:
    """Stands for the kinds that a sample is compared with; it makes no file."""
    return Format(name="sample", title="sample", about="", files=tuple(_carrier(kind) for kind in _KINDS))


def _carrier(kind: str) -> File:
    reads = {kind: frozenset(f.name for f in KINDS[kind].fields) | extended(kind)}
    return File(name=kind, reads=reads, columns={}, rows=f"now_{kind} r")


def propose(sample: Sample, exported: Exported, *, room: Room, now: datetime) -> Proposal:
    """The kind whose records explain the most; of equals the first of the list."""
    with columns(folder=room.folder, memory_mb=room.memory_mb, threads=room.threads) as db:
        relations.load(db, room.rows, format_=everything(), exported=exported)
        _load(db, sample)
        looks = [_Look(db, sample, kind) for kind in _KINDS]
        best = max(looks, key=lambda look: (look.score, look.kind == "user"))
        document = {"style": best.style(), "files": [best.file()]}
    text = plainyaml.write(document)
    custom.read(text, name="proposed", today=now.date())
    return Proposal(text=text, kind=best.kind, guesses=tuple(best.guesses), aligned=best.aligned, rows=len(sample.rows))


def _load(db: Columns, sample: Sample) -> None:
    names = ", ".join(f"c{n} VARCHAR" for n in range(len(sample.headers)))
    db.execute(f"CREATE TABLE sample (line INTEGER, {names})")
    places = ", ".join("?" for _ in range(len(sample.headers) + 1))
    db.executemany(
        f"INSERT INTO sample VALUES ({places})",
        [(n, *(cell.strip() or None for cell in row)) for n, row in enumerate(sample.rows)],
    )


@dataclass(frozen=True)
class _Way:
    """One thing that a column may say: SQL over the candidates of a kind, and its words in a format."""

    sql: str
    told: Mapping[str, Any]
    words: str


class _Look:
    """A sample as rows of one kind."""

    def __init__(self, db: Columns, sample: Sample, kind: str) -> None:
        self._db, self._sample, self.kind = db, sample, kind
        self._dates = ""
        self._booleans: tuple[str, ...] = ()
        self._ways = self._candidates()
        self.aligned = self._align()
        self.guesses = list(self._guesses())
        self._role = self._only_role()
        self.score = sum(g.certainty for g in self.guesses if g.reason.startswith("as in")) if self.aligned else 0.0

    # ------------------------------------------------------------------------------------------------ what it may be

    def _candidates(self) -> list[_Way]:
        """Make ``can``: every record of the kind with what it may say, and return the ways."""
        rows = Rows(kind=KINDS[self.kind])
        paths = list(self._paths())
        values = {path: rows.value(path) for path in paths}
        named = {path: f"w{n}" for n, path in enumerate(paths)}
        told = ", ".join(f"{sql} AS {named[path]}" for path, sql in values.items())
        self._db.execute(
            f"CREATE OR REPLACE TABLE can AS SELECT row_number() OVER () AS record, {told} FROM {rows.relation()}"
        )
        ways = []
        for path in paths:
            column = named[path]
            ways.append(_Way(column, {"from": path}, f"as in {path}"))
            found = rows.asked(path).field
            if found is not None and found.type is Type.DATE and not found.many:
                ways += [
                    _Way(
                        f"strftime(try_cast({column} AS DATE), {literal(f)})",
                        {"from": path, "dates": d},
                        f"as in {path}",
                    )
                    for d, f in _DATES.items()
                    if d != "YYYY-MM-DD"
                ]
            if found is not None and found.type is Type.BOOLEAN:
                ways += [
                    _Way(
                        f"CASE {column} WHEN 'true' THEN {literal(yes)} WHEN 'false' THEN {literal(no)} END",
                        {"from": path, "booleans": [yes, no]},
                        f"as in {path}",
                    )
                    for yes, no in _BOOLEANS[:-1]
                ]
        ways += list(self._whole_names(named))
        return ways

    def _paths(self) -> Iterator[str]:
        for prefix in ("", *_THROUGH[self.kind]):
            kind = Rows(kind=KINDS[self.kind]).asked(f"{prefix}.sourcedId").kind if prefix else KINDS[self.kind]
            dot = f"{prefix}." if prefix else ""
            yield f"{dot}sourcedId"
            yield f"{dot}metadata.{SIS_ID}"
            yield from (f"{dot}{f.name}" for f in kind.fields if f.type not in {Type.JSON, *PAIRS})
        yield from _LISTS.get(self.kind, ())

    def _whole_names(self, named: Mapping[str, str]) -> Iterator[_Way]:
        for prefix in ("", "user.", "teacher."):
            given, family = named.get(f"{prefix}givenName"), named.get(f"{prefix}familyName")
            if given is None or family is None:
                continue
            for text in _NAMES:
                told = text.replace("{givenName}", f"{{{prefix}givenName}}").replace(
                    "{familyName}", f"{{{prefix}familyName}}"
                )
                first, last = (family, given) if text.startswith("{family") else (given, family)
                between = text.partition("}")[2].partition("{")[0]
                yield _Way(
                    f"{first} || {literal(between)} || {last}",
                    {"do": [{"do": "template", "text": told}]},
                    f"as in {told}",
                )

    # --------------------------------------------------------------------------------------------------- aligning rows

    def _align(self) -> int:
        """Make ``pair``: which record a line of the sample may be. Returns how many lines have one."""
        cells = ", ".join(f"c{n}" for n in range(len(self._sample.headers)))
        self._db.execute(
            "CREATE OR REPLACE TABLE cell AS SELECT line, unnest(generate_series(0, "
            f"{len(self._sample.headers) - 1})) AS col, unnest([{cells}]) AS v FROM sample"
        )
        plain = [n for n, way in enumerate(self._ways) if not {"dates", "booleans"} & way.told.keys()]
        said = f"SELECT * FROM ({self._said(plain)}) WHERE lower(v) IN (SELECT lower(v) FROM cell)"
        self._db.execute(f"CREATE OR REPLACE TABLE said AS {said}")
        best = self._db.execute(
            "SELECT c.col, s.way, count(DISTINCT c.v) * count(DISTINCT c.line) / count(*) AS worth, "
            "count(DISTINCT c.line) AS lines FROM cell c JOIN said s ON lower(s.v) = lower(c.v) "
            "GROUP BY ALL ORDER BY worth DESC, lines DESC, c.col, s.way LIMIT 1"
        ).fetchone() or (-1, -1)
        self._db.execute(
            "CREATE OR REPLACE TABLE pair AS SELECT DISTINCT c.line, s.record FROM cell c JOIN said s "
            f"ON lower(s.v) = lower(c.v) WHERE c.col = {int(best[0])} AND s.way = {int(best[1])}"
        )
        self._db.execute(
            f"CREATE OR REPLACE TABLE said AS {self._said(range(len(self._ways)))} "
            "WHERE record IN (SELECT record FROM pair)"
        )
        (aligned,) = self._db.execute("SELECT count(DISTINCT line) FROM pair").fetchone() or (0,)
        return int(aligned)

    def _said(self, ways: Sequence[int]) -> str:
        """SQL: what every record says, way by way."""
        values = ", ".join(self._ways[n].sql for n in ways)
        return f"SELECT record, unnest([{', '.join(map(str, ways))}]) AS way, unnest([{values}]) AS v FROM can"

    def _guesses(self) -> Iterator[Guess]:
        """Column by column; each one that is sure leaves fewer records that a line may be."""
        found = {n: self._best(n) for n in self._by_variety()}
        for n, header in enumerate(self._sample.headers):
            yield found[n] or self._without_values(n, header)

    def _by_variety(self) -> list[int]:
        counts = [len({row[n] for row in self._sample.rows}) for n in range(len(self._sample.headers))]
        return sorted(range(len(counts)), key=lambda n: -counts[n])

    def _best(self, column: int) -> Guess | None:
        if not self.aligned:
            return None
        # A blank cell agrees with a record that says nothing, but is no evidence.
        scored = self._db.execute(
            "SELECT count(DISTINCT CASE WHEN s.v IS NOT DISTINCT FROM c.v THEN c.line END) AS agrees, "
            "count(DISTINCT CASE WHEN s.v = c.v THEN c.line END) AS told, s.way FROM pair p "
            f"JOIN cell c ON c.line = p.line AND c.col = {int(column)} JOIN said s ON s.record = p.record "
            "GROUP BY s.way HAVING told > 0 ORDER BY agrees DESC, told DESC, s.way LIMIT 1"
        ).fetchone()
        if scored is None:
            return None
        agrees, _, place = scored
        way, share = self._ways[place], agrees / self.aligned
        if share < _LIKELY or not self._fits_the_style(way):
            return None
        if share == 1:
            self._narrow(column, place)
        told_ = {k: v for k, v in way.told.items() if k not in {"dates", "booleans"}}
        return Guess(header=self._sample.headers[column], told=told_, certainty=round(share, 2), reason=way.words)

    def _fits_the_style(self, way: _Way) -> bool:
        """A format has one way to write dates, and one for booleans."""
        dates, booleans = way.told.get("dates", ""), tuple(way.told.get("booleans", ()))
        if (dates and self._dates not in {"", dates}) or (booleans and self._booleans not in {(), booleans}):
            return False
        self._dates, self._booleans = dates or self._dates, booleans or self._booleans
        return True

    def _narrow(self, column: int, way: int) -> None:
        self._db.execute(
            "CREATE OR REPLACE TABLE pair AS SELECT p.line, p.record FROM pair p "
            f"JOIN cell c ON c.line = p.line AND c.col = {int(column)} "
            f"JOIN said s ON s.record = p.record AND s.way = {int(way)} WHERE s.v IS NOT DISTINCT FROM c.v"
        )

    def _without_values(self, column: int, header: str) -> Guess:
        values = {row[column].strip() for row in self._sample.rows}
        if values == {""}:
            return Guess(header=header, told={"constant": ""}, certainty=0.5, reason="blank in every row")
        words = [w for w in meaning(header).what if w in KINDS[self.kind]]
        if words:
            return Guess(
                header=header, told={"from": words[0]}, certainty=0.2, reason="by the words of its header only"
            )
        if len(values) == 1:
            return Guess(header=header, told={"constant": values.pop()}, certainty=0.4, reason="the same in every row")
        return Guess(header=header, told={"constant": ""}, certainty=0.0, reason="nothing shared says this: fill it in")

    # ------------------------------------------------------------------------------------------------- the document

    def style(self) -> dict[str, Any]:
        told = dict(self._sample.style)
        if self._dates:
            told["dates"] = self._dates
        if self._booleans:
            told["booleans"] = list(self._booleans)
        return told

    def file(self) -> dict[str, Any]:
        made: dict[str, Any] = {"file": self._sample.name, "rows": self.kind}
        if self._role is not None:
            made["where"] = {"attribute": "role", "is": "equals", "value": self._role}
        made["columns"] = [{"header": g.header, **g.told} for g in self.guesses]
        return made

    def _only_role(self) -> str | None:
        """A list of pupils holds no teachers."""
        role = next((w.sql for w in self._ways if w.told == {"from": "role"}), None)
        if role is None or not self.aligned:
            return None
        found = self._db.execute(f"SELECT DISTINCT {role} FROM pair JOIN can USING (record)").fetchall()
        others = self._db.execute(f"SELECT count(DISTINCT {role}) FROM can").fetchone()
        return str(found[0][0]) if len(found) == 1 and found[0][0] and others and others[0] > 1 else None


# --------------------------------------------------------------------------------------------------- a sample as a test


def tried(format_: Format, exported: Exported, *, room: Room, sample: Sample) -> Tried:
    """Which rows of the sample the format makes, cell by cell; of those that it does not, how the nearest differs."""
    if len(format_.files) != 1:
        named = [f for f in format_.files if f.name == sample.name]
        if not named:
            raise NoSample(f"Call the sample like one of the files: {', '.join(f.name for f in format_.files)}.")
        file = named[0]
    else:
        file = format_.files[0]
    with columns(folder=room.folder, memory_mb=room.memory_mb, threads=room.threads) as db:
        relations.load(db, room.rows, format_=format_, exported=exported)
        _load(db, sample)
        headers = list(file.columns)
        if headers != list(sample.headers):
            raise NoSample(
                f"The sample's header is {', '.join(sample.headers)}; the format makes {', '.join(headers)}."
            )
        db.execute(f"CREATE TABLE made AS {making.query(format_, file, db, exported)}")
        return _compared(db, headers, len(sample.rows))


def _compared(db: Columns, headers: Sequence[str], count: int) -> Tried:
    same = [f"s.c{n} IS NOT DISTINCT FROM nullif(trim(m.{quoted(h)}), '')" for n, h in enumerate(headers)]
    lacking = db.execute(
        f"SELECT line FROM sample s WHERE NOT EXISTS (SELECT 1 FROM made m WHERE {' AND '.join(same)}) ORDER BY line"
    ).fetchall()
    alike = " + ".join(f"({s})::INTEGER" for s in same)
    other = []
    for (line,) in lacking[:_SHOWN]:
        cells = ", ".join(f"s.c{n}, m.{quoted(h)}" for n, h in enumerate(headers))
        nearest = db.execute(
            f"SELECT {alike} AS alike, {cells} FROM sample s, made m WHERE s.line = ? ORDER BY alike DESC LIMIT 1",
            [line],
        ).fetchone()
        other.append(_difference(int(line) + 2, headers, nearest))
    return Tried(rows=count, made=count - len(lacking), other=tuple(other))


def _difference(line: int, headers: Sequence[str], nearest: tuple[Any, ...] | None) -> str:
    if nearest is None or nearest[0] == 0:
        return f"line {line}: no row is like it"
    pairs = zip(headers, nearest[1::2], nearest[2::2], strict=True)
    wrong = [
        f"{h} is “{made or ''}”, not “{wanted or ''}”"
        for h, wanted, made in pairs
        if (wanted or "") != (made or "").strip()
    ]
    return f"line {line}: {'; '.join(wrong)}"

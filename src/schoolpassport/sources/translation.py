"""Packages of other dialects, written anew as canonical files, so that all that follows knows one dialect.

Set work: each input is read as columns once, each output is one statement. The files come out the same, byte by byte,
when the same went in; each row says from which file and line it was made.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

from duckdb import DuckDBPyConnection

from schoolpassport.kit.columns import literal, quoted
from schoolpassport.roster.kinds.shape import EXTENDS, PREFIX_1P2
from schoolpassport.sources import manifest, rowreading
from schoolpassport.sources.records import ORIGIN_FILE, ORIGIN_LINE, Misread, PackageBroken, Problem, Translated
from schoolpassport.sources.schemas import FileSchema, Input, Output, Schema
from schoolpassport.sources.schemas.shape import METADATA

_SCHOOL_YEAR_BEGINS = 7  # July


def translate(
    db: DuckDBPyConnection,
    *,
    schema: Schema,
    files: Mapping[str, Path],
    into: Path,
    seen: tuple[str, ...],
    today: date,
) -> Translated:
    """Write the canonical files of a package, its manifest included, below ``into``.

    ``seen``: the inputs that came the last time; of what they feed, nothing is held to be missing when they do not
    come. Raises ``PackageBroken`` with all that is wrong with files and headers at once.
    """
    into.mkdir()
    named = {name.casefold(): path for name, path in files.items()}
    problems: list[Problem] = []
    given = {i.name: _Given(i, named[i.file_name.casefold()]) for i in schema.inputs if i.file_name.casefold() in named}
    modes = _modes(schema, named, problems)
    given = {name: file for name, file in given.items() if modes.get(name, "bulk") != "absent"}
    for each in given.values():
        problems.extend(each.look())
    problems.extend(_absent(schema, given))
    problems.extend(_strangers(schema, files))
    if any(p.breaks for p in problems):
        raise PackageBroken(tuple(problems))
    misread = [line for i in schema.inputs for line in _read(db, i, given.get(i.name))]
    made = [o for o in schema.outputs if set(o.of) & set(given)]
    written = write(db, schema=schema, outputs=made, into=into, today=today, modes=modes)
    lost = {i.file_name for i in schema.inputs if i.name in seen and i.name not in given}
    problems.extend(lost_files(lost))
    speechless = lost | {line.file for line in misread}
    return Translated(
        files=written,
        problems=tuple(problems),
        misread=tuple(misread),
        withheld=frozenset(o.kind for o in schema.outputs if {f"{name}.csv" for name in o.of} & speechless),
        seen=tuple(sorted(given)),
    )


class _Given:
    """An input as it came: which of its headers is which column."""

    def __init__(self, wanted: Input, path: Path) -> None:
        self.wanted = wanted
        self.path = path
        self.headers: tuple[str, ...] = ()
        self.places: dict[str, int] = {}
        self.extensions: dict[str, int] = {}

    def look(self) -> Iterator[Problem]:
        problems: list[Problem] = []
        rows = manifest.csv_head(self.path, problems, limit=1, file_name=self.wanted.file_name)
        if problems:
            yield from problems
            return
        self.headers = tuple(h.strip() for h in rows[0]) if rows else ()
        folded = [_folded(h) for h in self.headers]
        for column, names in self.wanted.columns.items():
            place = next((folded.index(_folded(n)) for n in names if _folded(n) in folded), None)
            if place is not None:
                self.places[column] = place
        if self.wanted.extended:
            self.extensions = {h: place for place, h in enumerate(self.headers) if METADATA.fullmatch(h)}
        yield from self._header_problems(folded)

    def _header_problems(self, folded: list[str]) -> Iterator[Problem]:
        name = self.wanted.file_name
        if not self.headers:
            yield Problem(rule="empty file", file=name, sentence=f"{name} is empty; it needs at least its header line.")
            return
        for column in self.wanted.required:
            if column not in self.places:
                header = self.wanted.columns[column][0]
                yield Problem(
                    rule="missing column",
                    file=name,
                    column=header,
                    sentence=f"{name} has no column “{header}”, which is required.",
                )
        known = {_folded(n) for names in self.wanted.columns.values() for n in names}
        known |= {_folded(n) for n in self.wanted.skipped}
        for header, each in zip(self.headers, folded, strict=True):
            if each not in known and header not in self.extensions:
                yield Problem(
                    rule="unknown column",
                    file=name,
                    column=header,
                    sentence=f"{name} has a column “{header}”, which is not read.",
                    breaks=False,
                )
        named = [h.casefold() if h in self.extensions else f for h, f in zip(self.headers, folded, strict=True)]
        for twice in sorted({h for h in named if named.count(h) > 1}):
            yield Problem(
                rule="column twice", file=name, column=twice, sentence=f"{name} has the column “{twice}” twice."
            )


def _folded(header: str) -> str:
    return header.casefold().replace("_", "").replace(" ", "")


def _modes(schema: Schema, named: Mapping[str, Path], problems: list[Problem]) -> dict[str, str]:
    """Input → bulk, delta or absent, where the dialect has a manifest and the package holds it."""
    if not schema.modes or manifest.MANIFEST not in named:
        return {}
    said = manifest.properties(named[manifest.MANIFEST], problems)
    version = said.get("oneroster.version", schema.version)
    if version != schema.version:
        sentence = f"{manifest.MANIFEST} says OneRoster {version}; this source is set to {schema.title}."
        problems.append(
            Problem(rule="other version", file=manifest.MANIFEST, column="oneroster.version", sentence=sentence)
        )
    return {i.name: said.get(f"file.{i.name}", "absent") for i in schema.inputs}


def _mode(outputs: list[Output], modes: Mapping[str, str]) -> str:
    """A file that is made of a delta is one."""
    return "delta" if any(modes.get(name) == "delta" for o in outputs for name in o.of) else "bulk"


def _absent(schema: Schema, given: Mapping[str, _Given]) -> Iterator[Problem]:
    for wanted in schema.inputs:
        if wanted.name not in given and not wanted.optional:
            sentence = f"The package has no {wanted.file_name}, which {schema.title} requires."
            yield Problem(rule="missing file", file=wanted.file_name, sentence=sentence)


def _strangers(schema: Schema, files: Mapping[str, Path]) -> Iterator[Problem]:
    known = {manifest.MANIFEST, *(i.file_name.casefold() for i in schema.inputs)}
    for name in sorted(files):
        if name.casefold() not in known:
            why = (
                "this part of the standard is not taken yet."
                if name.removesuffix(".csv") in schema.not_read
                else f"{schema.title} knows no file of this name."
            )
            yield Problem(rule="file not read", file=name, sentence=f"{name} was not read: {why}", breaks=False)


def lost_files(names: set[str]) -> Iterator[Problem]:
    for name in sorted(names):
        sentence = (
            f"{name} was in the package before and is not in this one. Nobody is removed for it; if it shall not come "
            "any more, send it once with its header alone."
        )
        yield Problem(rule="file did not come", file=name, sentence=sentence, breaks=False)


# --------------------------------------------------------------------------------------------------------- reading


def _read(db: DuckDBPyConnection, wanted: Input, given: _Given | None) -> Iterator[Misread]:
    """Make ``in_<input>``: line and columns of the rows that can be read. Gives the lines that cannot."""
    table = f"in_{wanted.name}"
    if given is None:
        columns = ", ".join(f"{quoted(c)} VARCHAR" for c in wanted.columns)
        db.execute(f"CREATE TABLE {table} (line BIGINT, {columns})")
        return
    width = len(given.headers)
    places = {**dict.fromkeys(wanted.columns), **given.places, **given.extensions}
    cells = ", ".join(
        ("NULL::VARCHAR" if place is None else f"nullif(trim(c{place}), '')") + f" AS {quoted(c)}"
        for c, place in places.items()
    )
    yield from rowreading.read_rows(
        db,
        rowreading.Rows(table=table, name=wanted.file_name, path=given.path, width=width),
        cells=cells,
        misshapen=f"c{width} IS NOT NULL OR c{width - 1} IS NULL",
    )


# --------------------------------------------------------------------------------------------------------- writing


def write(
    db: DuckDBPyConnection,
    *,
    schema: Schema,
    outputs: Sequence[Output],
    into: Path,
    today: date,
    modes: Mapping[str, str],
) -> dict[str, Path]:
    """The canonical files of which there is a row, and the manifest that declares them."""
    written, declared = {}, {}
    extended = frozenset(i.name for i in schema.inputs if i.extended)
    for file in schema.files:
        parts = [o for o in outputs if o.kind == file.kind.name]
        path = into / file.file_name
        if parts and _write(db, file, parts, path, year=_school_year(today), extended=extended):
            written[file.file_name] = path
            declared[file.name] = _mode(parts, modes)
    return {**written, manifest.MANIFEST: _manifest(into, declared)}


def _write(
    db: DuckDBPyConnection,
    file: FileSchema,
    outputs: list[Output],
    path: Path,
    *,
    year: int,
    extended: frozenset[str],
) -> bool:
    """Returns whether there is a row at all: a file without rows says nothing, and is not written."""
    headers = [manifest.KEY, manifest.STATUS, manifest.MODIFIED, *(c.header for c in file.columns)]
    parts = []
    for number, output in enumerate(outputs):
        names = {name: f"in_{name}" for name in output.of}
        sql = output.sql
        for name, table in names.items():
            sql = sql.replace(f"{{{name}}}", table)
        sql = sql.replace("{year}", str(year))
        sql = _extended(db, output, sql) if output.of and output.of[0] in extended else sql
        there = {name for name, *_ in db.execute(f"DESCRIBE FROM ({sql})").fetchall()}
        strangers = there - set(headers) - {"file", "line"} - {h for h in there if h.startswith("metadata.")}
        if strangers:
            raise ValueError(f"{file.file_name} has no column {min(strangers)}")
        cells = ", ".join((quoted(h) if h in there else "NULL") + f" AS {quoted(h)}" for h in headers)
        extra = "".join(f", {quoted(h)}" for h in sorted(there) if h.startswith("metadata."))
        parts.append(f"SELECT {number} AS part, {cells}{extra}, file, line FROM ({sql})")
    db.execute(f"CREATE OR REPLACE TABLE whole AS {' UNION ALL BY NAME '.join(parts)}")
    (rows,) = db.execute("SELECT count(*) FROM whole").fetchone() or (0,)
    if rows:
        extras = [n for n, *_ in db.execute("DESCRIBE whole").fetchall() if n.startswith("metadata.") and _told(db, n)]
        columns = ", ".join(quoted(h) for h in (*headers, *extras))
        db.execute(
            f"COPY (SELECT {columns}, file AS {quoted(ORIGIN_FILE)}, line AS {quoted(ORIGIN_LINE)} FROM whole "
            f"ORDER BY part, line, {quoted(manifest.KEY)}) TO {literal(str(path))} (FORMAT csv, HEADER true)"
        )
    db.execute("DROP TABLE whole")
    return bool(rows)


def _told(db: DuckDBPyConnection, header: str) -> bool:
    """Whether a column is to be there. One that we add, and nobody says anything in, is not."""
    if not header.startswith(f"{EXTENDS}{PREFIX_1P2}"):
        return True
    (values,) = db.execute(f"SELECT count({quoted(header)}) FROM whole").fetchone() or (0,)
    return bool(values)


def _extended(db: DuckDBPyConnection, output: Output, sql: str) -> str:
    """SQL: each row with the extensions of the line of which it was made."""
    first = output.of[0]
    own = {n for n, *_ in db.execute(f"DESCRIBE FROM ({sql})").fetchall()}
    there = {n for n, *_ in db.execute(f"DESCRIBE in_{first}").fetchall()}
    beside = sorted(n for n in there - own if n.startswith("metadata."))
    if not beside:
        return sql
    columns = ", ".join(f"x.{quoted(name)}" for name in beside)
    return (
        f"SELECT o.*, {columns} FROM ({sql}) o LEFT JOIN in_{first} x "
        f"ON x.line = o.line AND o.file = {literal(f'{first}.csv')}"
    )


def _manifest(into: Path, modes: Mapping[str, str]) -> Path:
    """The table of contents of what was written, in the words of OneRoster 1.1."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("propertyName", "value"))
    writer.writerow(("oneroster.version", "canonical"))
    writer.writerows((f"file.{name}", mode) for name, mode in modes.items())
    path = into / manifest.MANIFEST
    path.write_text(out.getvalue(), encoding="utf-8")
    return path


def _school_year(today: date) -> int:
    """The year in which the running school year ends."""
    return today.year + (today.month >= _SCHOOL_YEAR_BEGINS)

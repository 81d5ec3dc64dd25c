"""Packages of other dialects, written anew as canonical files, so that all that follows knows one dialect.

Set work: each input is read as columns once, each output is one statement. The files come out the same, byte by byte,
when the same went in; each row says from which file and line it was made.
"""

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from types import MappingProxyType

from schoolpassport.kit.columns import Columns, literal, quoted
from schoolpassport.roster.kinds.shape import EXTENDS, PREFIX_1P2
from schoolpassport.sources import manifest, reading, rowreading
from schoolpassport.sources.records import (
    ORIGIN_FILE,
    ORIGIN_LINE,
    Inputs,
    Misread,
    PackageBroken,
    Problem,
    Translated,
)
from schoolpassport.sources.schemas import FileSchema, Input, Output, Schema
from schoolpassport.sources.schemas.shape import METADATA, Joined

_SCHOOL_YEAR_BEGINS = 7  # July
_MANY = 4  # files that are not named one by one any more
_LONGEST = 100  # characters in which several are named
_FED = "fed:"  # before the names of columns that a district wants read: the dialect may have others by their names
_OWN = "own:"  # before the names of inputs, where rows of theirs are found for those of the first
_OURS = ("part", "file", "line")


def translate(
    db: Columns,
    *,
    schema: Schema,
    files: Mapping[str, Path],
    into: Path,
    before: Inputs,
    feeds: Mapping[str, frozenset[str]],
    today: date,
) -> Translated:
    """Write the canonical files of a package, its manifest included, below ``into``.

    ``before``: the inputs of last time. Where one of them does not come and no manifest says so, nothing that it feeds
    is held to be missing; of one that ended in a line end and does not now, the last line is not taken. ``feeds``: by
    kind, the headers of columns that feed its attributes besides those that the dialect knows. Raises
    ``PackageBroken`` with all that is wrong with files and headers at once.
    """
    into.mkdir()
    named = {name.casefold(): path for name, path in files.items()}
    problems: list[Problem] = []
    given = {i.name: _Given(i, named[i.file_name.casefold()]) for i in schema.inputs if i.file_name.casefold() in named}
    said = _said(schema, named, problems)
    modes = {i.name: said.get(f"file.{i.name}", "absent") for i in schema.inputs} if said else {}
    counts = manifest.counts(said, problems)
    given = {name: file for name, file in given.items() if modes.get(name, "bulk") != "absent"}
    for each in given.values():
        own = (feeds.get(o.kind, frozenset()) for o in schema.outputs if each.wanted.name in o.feeding)
        problems.extend(each.look(frozenset().union(*own)))
    problems.extend(_absent(schema, given))
    problems.extend(_strangers(schema, files))
    if any(p.breaks for p in problems):
        raise PackageBroken(tuple(problems))
    misread = [line for i in schema.inputs for line in _read(db, i, given.get(i.name), before)]
    problems.extend(_remarks(db, schema, given))
    made = [o for o in schema.outputs if set(o.of) & set(given)]
    written = write(db, schema=schema, outputs=made, into=into, today=today, modes=modes, counts=counts, feeds=feeds)
    lost = {i.name for i in schema.inputs if i.name in before.expected and i.name not in given and not modes}
    problems.extend(lost_files({f"{name}.csv" for name in lost}))
    speechless = {f"{name}.csv" for name in lost} | {line.file for line in misread}
    inputs, came = _remembered(db, given, before, lost), {each.wanted.file_name for each in given.values()}
    widened = {name for name, had in before.columns.items() if inputs.columns[name] != had}
    emptied = {
        name
        for name in set(given) & set(before.expected) - set(inputs.expected)
        if not given[name].wanted.optional or modes.get(name) == "bulk"
    }
    return Translated(
        files=written,
        problems=tuple(problems),
        misread=tuple(misread),
        withheld=frozenset(o.kind for o in schema.outputs if {f"{name}.csv" for name in o.of} & speechless),
        inputs=inputs,
        widened={o.kind: f"{name}.csv" for o in schema.outputs for name in o.of if name in widened},
        emptied={o.kind: given[name].wanted.file_name for o in schema.outputs for name in o.of if name in emptied},
        sent={o.kind: either([n for n in schema.sent_as(o.kind) if n in came]) for o in made},
    )


def _remembered(db: Columns, given: Mapping[str, "_Given"], before: Inputs, lost: Iterable[str]) -> Inputs:
    """A file that comes with its header alone will not be waited for when it does not come."""
    full = {name for name in given if db.execute(f"FROM in_{name} LIMIT 1").fetchone()}
    return Inputs(
        expected=tuple(sorted({*full, *lost})),
        ended=tuple(sorted({*(set(before.ended) - set(given)), *(n for n, g in given.items() if g.ended)})),
        columns={**before.columns, **{name: ",".join(sorted(g.headers)) for name, g in given.items()}},
    )


class _Given:
    """An input as it came: which of its headers is which column."""

    def __init__(self, wanted: Input, path: Path) -> None:
        self.wanted = wanted
        self.path = path
        self.headers: tuple[str, ...] = ()
        self.places: dict[str, int] = {}
        self.extensions: dict[str, int] = {}
        self.fed: dict[str, int] = {}
        self.ended = reading.ends(path)

    def look(self, fed: frozenset[str]) -> Iterator[Problem]:
        """``fed``: headers of columns that a district wants read."""
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
        secret = {_folded(h) for h in self.wanted.skipped if _folded(h) == "password"}
        self.fed = {h: n for n, h in enumerate(self.headers) if h in fed and _folded(h) not in secret}
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
                    sentence=f"{name} has no column “{header}”, which is required. "
                    "Export it, or rename the one that holds it.",
                )
        known = {_folded(n) for names in self.wanted.columns.values() for n in names}
        known |= {_folded(n) for n in self.wanted.skipped}
        for header, each in zip(self.headers, folded, strict=True):
            if each not in known and header not in {*self.extensions, *self.fed}:
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


def _said(schema: Schema, named: Mapping[str, Path], problems: list[Problem]) -> dict[str, str]:
    """What the manifest says, where the dialect has one and the package holds it."""
    if not schema.modes or manifest.MANIFEST not in named:
        return {}
    said = manifest.properties(named[manifest.MANIFEST], problems)
    version = said.get("oneroster.version", schema.version)
    if version != schema.version:
        sentence = f"{manifest.MANIFEST} says OneRoster {version}; this source is set to {schema.title}."
        problems.append(
            Problem(rule="other version", file=manifest.MANIFEST, column="oneroster.version", sentence=sentence)
        )
    return said


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


def _remarks(db: Columns, schema: Schema, given: Collection[str]) -> Iterator[Problem]:
    for remark in schema.remarks:
        if remark.of in given:
            for (sentence,) in db.execute(remark.sql.replace(f"{{{remark.of}}}", f"in_{remark.of}")).fetchall():
                yield Problem(rule=remark.rule, file=f"{remark.of}.csv", sentence=sentence, breaks=False)


def either(names: Sequence[str]) -> str:
    """What sentences call a file that may be one of several."""
    said = " or ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
    few = len(names) < _MANY and len(said) <= _LONGEST
    return said if few or len(names) == 1 else f"one of {len(names)} files"


def lost_files(names: set[str]) -> Iterator[Problem]:
    for name in sorted(names):
        sentence = (
            f"{name} was in the package before and is not in this one. Nobody is removed for it; if it shall not come "
            "any more, send it once with its header alone."
        )
        yield Problem(rule="file did not come", file=name, sentence=sentence, breaks=False)


# --------------------------------------------------------------------------------------------------------- reading


def _read(db: Columns, wanted: Input, given: _Given | None, before: Inputs) -> Iterator[Misread]:
    """Make ``in_<input>``: line and columns of the rows that can be read. Gives the lines that cannot."""
    table = f"in_{wanted.name}"
    if given is None:
        columns = ", ".join(f"{quoted(c)} VARCHAR" for c in wanted.columns)
        db.execute(f"CREATE TABLE {table} (line BIGINT, {columns})")
        return
    width = len(given.headers)
    fed = {f"{_FED}{header}": place for header, place in given.fed.items()}
    places = {**dict.fromkeys(wanted.columns), **given.places, **given.extensions, **fed}
    cells = ", ".join(
        ("NULL::VARCHAR" if place is None else f"nullif(trim(c{place}), '')") + f" AS {quoted(c)}"
        for c, place in places.items()
    )
    yield from rowreading.read_rows(
        db,
        rowreading.Rows(table=table, name=wanted.file_name, path=given.path, width=width),
        cells=cells,
        misshapen=f"c{width} IS NOT NULL OR c{width - 1} IS NULL",
        whole=given.ended or wanted.name not in before.ended,
    )


# --------------------------------------------------------------------------------------------------------- writing


def write(
    db: Columns,
    *,
    schema: Schema,
    outputs: Sequence[Output],
    into: Path,
    today: date,
    modes: Mapping[str, str],
    counts: Mapping[str, int] = MappingProxyType({}),
    feeds: Mapping[str, frozenset[str]] = MappingProxyType({}),
) -> dict[str, Path]:
    """The canonical files of which there is a row, and the manifest that declares them.

    ``counts``: how many rows are announced of files that become those of the same name, row by row. ``feeds``: by
    kind, the headers of columns that go along as they stand in the input.
    """
    written, declared = {}, {}
    for file in schema.files:
        parts = [o for o in outputs if o.kind == file.kind.name]
        path = into / file.file_name
        if parts and _write(
            db, file, parts, path, year=_school_year(today), fed=feeds.get(file.kind.name, frozenset())
        ):
            written[file.file_name] = path
            declared[file.name] = _mode(parts, modes)
    return {**written, manifest.MANIFEST: _manifest(into, declared, counts)}


def _write(
    db: Columns,
    file: FileSchema,
    outputs: list[Output],
    path: Path,
    *,
    year: int,
    fed: frozenset[str],
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
        sql = _extended(db, output, sql, fed - set(headers)) if output.of else sql
        there = {name for name, *_ in db.execute(f"DESCRIBE FROM ({sql})").fetchall()}
        beside = {h for h in there if h.startswith(("metadata.", _FED))}
        strangers = there - set(headers) - {"file", "line"} - beside
        if strangers:
            raise ValueError(f"{file.file_name} has no column {min(strangers)}")
        cells = ", ".join((quoted(h) if h in there else "NULL") + f" AS {quoted(h)}" for h in headers)
        extra = "".join(f", {quoted(h)}" for h in sorted(beside))
        parts.append(f"SELECT {number} AS part, {cells}{extra}, file, line FROM ({sql})")
    db.execute(f"CREATE OR REPLACE TABLE whole AS {' UNION ALL BY NAME '.join(parts)}")
    (rows,) = db.execute("SELECT count(*) FROM whole").fetchone() or (0,)
    if rows:
        named = [n for n, *_ in db.execute("DESCRIBE whole").fetchall() if n not in {*headers, *_OURS}]
        extras = [n for n in named if _told(db, n)]
        columns = ", ".join(f"{quoted(h)} AS {quoted(h.removeprefix(_FED))}" for h in (*headers, *extras))
        db.execute(
            f"COPY (SELECT {columns}, file AS {quoted(ORIGIN_FILE)}, line AS {quoted(ORIGIN_LINE)} FROM whole "
            f"ORDER BY part, line, {quoted(manifest.KEY)}) TO {literal(str(path))} (FORMAT csv, HEADER true)"
        )
    db.execute("DROP TABLE whole")
    return bool(rows)


def _told(db: Columns, header: str) -> bool:
    """Whether a column is to be there. One that we add, and nobody says anything in, is not."""
    if not header.startswith(f"{EXTENDS}{PREFIX_1P2}"):
        return True
    (values,) = db.execute(f"SELECT count({quoted(header)}) FROM whole").fetchone() or (0,)
    return bool(values)


def _extended(db: Columns, output: Output, sql: str, fed: Collection[str]) -> str:
    """SQL: each row with the extensions of the line of which it was made, and the columns that feed something.

    A column of the source's own that is called like one of ours speaks where ours is blank.
    """
    first = output.of[0]
    own = {n.casefold(): n for n, *_ in db.execute(f"DESCRIBE FROM ({sql})").fetchall()}
    there = {name: _columns(db, name) for name in output.feeding}
    extensions = sorted(n for n in there[first] if n.startswith("metadata."))
    beside = {n: next((i for i in output.feeding if f"{_FED}{n}" in there[i]), "") for n in sorted(fed)}
    beside = {n: given for n, given in beside.items() if given}
    if not extensions and not beside:
        return sql
    columns = "".join(f", x.{quoted(n)}" for n in extensions if n.casefold() not in own)
    columns += "".join(f", {_of(given, first)}.{quoted(_FED + n)}" for n, given in beside.items())
    called_alike = [
        f"coalesce(o.{quoted(own[n.casefold()])}, x.{quoted(n)}) AS {quoted(own[n.casefold()])}"
        for n in extensions
        if n.casefold() in own
    ]
    replaced = f" REPLACE ({', '.join(called_alike)})" if called_alike else ""
    asked = {i: [n for n, given in beside.items() if given == i] for i in output.joined}
    joined = {i: names for i, names in asked.items() if names}
    keys = "".join(f", {output.joined[i].own} AS {quoted(_OWN + i)}" for i in joined)
    return (
        f"SELECT o.*{replaced}{columns} FROM ({sql}) o LEFT JOIN (SELECT *{keys} FROM in_{first}) x "
        f"ON x.line = o.line AND o.file = {literal(f'{first}.csv')}"
        + "".join(_joined(i, output.joined[i], names) for i, names in joined.items())
    )


def _columns(db: Columns, name: str) -> set[str]:
    return {n for n, *_ in db.execute(f"DESCRIBE in_{name}").fetchall()}


def _of(given: str, first: str) -> str:
    return "x" if given == first else quoted(_OWN + given)


def _joined(name: str, how: Joined, headers: list[str]) -> str:
    """SQL: the join that gives each row these columns of another input, under the name ``own:`` and the input's."""
    cells = ", ".join(f"arg_min({quoted(_FED + h)}, {how.order}) AS {quoted(_FED + h)}" for h in headers)
    found = f"SELECT {how.key} AS key, {cells} FROM in_{name} WHERE {how.where} GROUP BY ALL"
    called = quoted(_OWN + name)
    return f" LEFT JOIN ({found}) {called} ON {called}.key = x.{called}"


def _manifest(into: Path, modes: Mapping[str, str], counts: Mapping[str, int]) -> Path:
    """The table of contents of what was written, in the words of OneRoster 1.1."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("propertyName", "value"))
    writer.writerow(("oneroster.version", "canonical"))
    writer.writerows((f"file.{name}", mode) for name, mode in modes.items())
    writer.writerows((f"{manifest.COUNT}{name}", counts[name]) for name in modes if name in counts)
    path = into / manifest.MANIFEST
    path.write_text(out.getvalue(), encoding="utf-8")
    return path


def _school_year(today: date) -> int:
    """The year in which the running school year ends."""
    return today.year + (today.month >= _SCHOOL_YEAR_BEGINS)

"""The table of contents of a package: which files, in which mode, with which columns.

Everything that can be known before a row is read is checked here, and named: the file, the column, what to do.
"""

import csv
import difflib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from schoolpassport.sources.policies import Feed, Shaping, fills
from schoolpassport.sources.records import ORIGIN_FILE, ORIGIN_LINE, FilePlan, Mode, PackageBroken, PackagePlan, Problem
from schoolpassport.sources.schemas import FileSchema, Schema
from schoolpassport.sources.shaping import shaped as shape_of

MANIFEST = "manifest.csv"
KEY, STATUS, MODIFIED = "sourcedId", "status", "dateLastModified"
METADATA = "metadata."
COUNT = "count."
_HEAD_BYTES = 1_000_000  # a header or a manifest longer than this is none
_MAX_COLUMNS = 500
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
AS_IT_IS = Shaping()
FEED_IT = "Export it, or feed it from another column (setting attributes)."


def plan(
    *,
    schema: Schema,
    files: Mapping[str, Path],
    shaping: Shaping = AS_IT_IS,
    partial: bool = False,
    sent: Mapping[str, str] = MappingProxyType({}),
) -> PackagePlan:
    """What to read. Raises ``PackageBroken`` with every structural problem at once, not only the first.

    ``partial``: files may lack columns that are required of records; their rows only add to what stands. ``sent``:
    kind → what sentences call its file, where that is not what was sent.
    """
    problems: list[Problem] = []
    said = properties(files[MANIFEST], problems) if MANIFEST in files else {}
    modes = _modes(schema, files, said, problems)
    announced = counts(said, problems)
    there = [(f, _There(files[f.file_name], sent.get(f.kind.name, ""))) for f in schema.files if f.name in modes]
    plans = [
        planned
        for file, found in there
        if (planned := _file(file, found, modes[file.name], problems, says=shaping, partial=partial))
    ]
    problems.extend(_not_read(schema, files))
    if not modes and not any(p.breaks for p in problems):
        # Of a translated package the manifest is ours, and the files may all be there.
        file, what = ("", "row that can be taken") if schema.translated else (MANIFEST, f"file of {schema.title}")
        sentence = f"The package holds no {what}."
        problems.append(Problem(rule="nothing to read", file=file, sentence=sentence, breaks=False))
    if any(p.breaks for p in problems):
        raise PackageBroken(tuple(problems))
    rows = {p.schema.kind.name: announced[p.schema.name] for p in plans if p.schema.name in announced}
    return PackagePlan(files=tuple(plans), problems=tuple(problems), counts=rows)


def counts(said: Mapping[str, str], problems: list[Problem]) -> dict[str, int]:
    """How many rows a manifest announces, file by file: a property of our own, like ``count.users``."""
    found = {}
    for name, value in said.items():
        if not name.startswith(COUNT):
            continue
        if value.isascii() and value.isdigit():
            found[name.removeprefix(COUNT)] = int(value)
        else:
            sentence = f"{MANIFEST} says “{value}” for {name}; write the number of data rows, like 2550."
            problems.append(Problem(rule="bad manifest", file=MANIFEST, column=name, sentence=sentence))
    return found


def _not_read(schema: Schema, files: Mapping[str, Path]) -> Iterator[Problem]:
    known = {MANIFEST, *(f.file_name for f in schema.files)}
    for name in sorted(set(files) - known):
        sentence = f"{name} was not read: {schema.title} knows no file of this name."
        yield Problem(rule="file not read", file=name, sentence=sentence, breaks=False)


def _modes(
    schema: Schema, files: Mapping[str, Path], said: Mapping[str, str], problems: list[Problem]
) -> dict[str, Mode]:
    """The mode of each file that is there and is to be read."""
    if MANIFEST not in files:
        if files:
            problems.append(
                Problem(
                    rule="no manifest",
                    file=MANIFEST,
                    sentence=f"The package has no {MANIFEST}; every file in it is taken as bulk, the others as absent.",
                    breaks=False,
                )
            )
        return {f.name: Mode.BULK for f in schema.files if f.file_name in files}
    version = said.get("oneroster.version", schema.version)
    if version != schema.version and not schema.translated:  # a translation has looked
        problems.append(
            Problem(
                rule="other version",
                file=MANIFEST,
                column="oneroster.version",
                sentence=f"{MANIFEST} says OneRoster {version}; this source is set to {schema.title}.",
            )
        )
    modes = {}
    for file in schema.files:
        mode = _mode(file, said.get(file.property_name, "absent"), file.file_name in files, problems)
        if mode:
            modes[file.name] = mode
    return modes


def properties(path: Path, problems: list[Problem]) -> dict[str, str]:
    rows = csv_head(path, problems, limit=200)
    if not rows or [c.strip() for c in rows[0]] != ["propertyName", "value"]:
        problems.append(
            Problem(
                rule="bad manifest",
                file=MANIFEST,
                sentence=f"The first line of {MANIFEST} must be: propertyName,value",
            )
        )
        return {}
    return {row[0].strip(): row[1].strip() for row in rows[1:] if len(row) > 1}


def _mode(file: FileSchema, said: str, there: bool, problems: list[Problem]) -> Mode | None:  # noqa: FBT001 (a fact, not a switch)
    if said not in {"absent", *Mode}:
        problems.append(
            Problem(
                rule="bad manifest",
                file=MANIFEST,
                column=file.property_name,
                sentence=f"{MANIFEST} says “{said}” for {file.property_name}; it must be absent, bulk or delta.",
            )
        )
        return None
    if said == "absent":
        if there:
            problems.append(
                Problem(
                    rule="declared absent",
                    file=file.file_name,
                    sentence=f"{file.file_name} is in the package, but {MANIFEST} declares it absent; it was not read.",
                    breaks=False,
                )
            )
        return None
    if not there:
        problems.append(
            Problem(
                rule="missing file",
                file=file.file_name,
                sentence=f"{MANIFEST} declares {file.file_name} as {said}, but the package does not hold it. "
                f"Add the file, or declare it absent.",
            )
        )
        return None
    return Mode(said)


@dataclass(frozen=True)
class _There:
    """A file to be read. ``sent``: what sentences call it, where it is not what was sent."""

    path: Path
    sent: str


def _file(
    file: FileSchema, there: _There, mode: Mode, problems: list[Problem], *, says: Shaping, partial: bool
) -> FilePlan | None:
    before, name = sum(p.breaks for p in problems), there.sent or file.file_name
    rows = csv_head(there.path, problems, limit=2, file_name=name)
    if sum(p.breaks for p in problems) > before:
        return None
    headers = tuple(h.strip() for h in rows[0]) if rows else ()
    problems.extend(_header_problems(file, name, headers, says, partial=partial))
    if len(rows) < 2 and headers:  # noqa: PLR2004 (a header and one row)
        problems.append(
            Problem(
                rule="empty file",
                file=name,
                sentence=f"{name} has no data rows. If nothing is to be said about {file.kind.plural}, "
                f"declare it absent in {MANIFEST}.",
            )
        )
    if sum(p.breaks for p in problems) > before:
        return None
    shaped = shape_of(file, headers, says)
    return FilePlan(
        schema=file,
        path=there.path,
        sent=there.sent,
        mode=mode,
        headers=headers,
        metadata=tuple(sorted(h for h in {*headers, *shaped.columns} if h.startswith(METADATA) and h != METADATA)),
        shaped=shaped,
    )


def _header_problems(
    file: FileSchema, name: str, headers: tuple[str, ...], shaping: Shaping, *, partial: bool
) -> Iterator[Problem]:
    if not headers:
        yield Problem(rule="empty file", file=name, sentence=f"{name} is empty; it needs at least its header line.")
        return
    if len(headers) > _MAX_COLUMNS:
        yield Problem(
            rule="too many columns",
            file=name,
            sentence=f"{name} has {len(headers)} columns; {_MAX_COLUMNS} are allowed.",
        )
    for twice in sorted({h for h in headers if headers.count(h) > 1}):
        yield Problem(rule="column twice", file=name, column=twice, sentence=f"{name} has the column “{twice}” twice.")
    feeds = shaping.feeds_of(file.kind.name)
    yield from _feed_problems(file, name, headers, feeds, partial=partial)
    filled = {h for h, steps in shaping.steps_of(file).items() if fills(steps)} | set(feeds)
    mapped = {f.header for f in feeds.values()}
    expected = {KEY, STATUS, MODIFIED, ORIGIN_FILE, ORIGIN_LINE, *(c.header for c in file.columns), *file.skipped}
    strangers = [h for h in headers if h not in expected and h not in mapped and not h.startswith(METADATA)]
    meant = {h: _expected(file, h, expected - set(headers) - filled) for h in strangers}
    for header, wanted in meant.items():
        if wanted:
            yield Problem(
                rule="wrong column name",
                file=name,
                column=header,
                sentence=f"{name} has a column “{header}”; OneRoster 1.1 calls it “{wanted}”. Rename the column.",
            )
        else:
            yield Problem(
                rule="unknown column",
                file=name,
                column=header,
                sentence=f"{name} has a column “{header}”, which OneRoster 1.1 does not know; it was not read. "
                f"Own columns are named metadata.{header or 'something'}.",
                breaks=False,
            )
    for missing in [KEY, *(c.header for c in file.columns)]:
        if missing in {*headers, *meant.values(), *filled} or (partial and missing != KEY):
            continue
        required = missing == KEY or any(c.header == missing and c.required for c in file.columns)
        yield Problem(
            rule="missing column",
            file=name,
            column=missing,
            sentence=f"{name} has no column “{missing}”"
            + (f", which is required. {FEED_IT}" if required else "; its values count as blank."),
            breaks=required,
        )


def _feed_problems(
    file: FileSchema, name: str, headers: tuple[str, ...], feeds: Mapping[str, Feed], *, partial: bool
) -> Iterator[Problem]:
    """Columns that a mapping reads and the file does not have."""
    required = {KEY} if partial else {KEY, *(c.header for c in file.columns if c.required)}
    for target, feed in feeds.items():
        if feed.header and feed.header not in headers:
            yield Problem(
                rule="missing column",
                file=name,
                column=feed.header,
                sentence=f"{name} has no column “{feed.header}”, which is mapped to “{target}”"
                + (f", which is required. {FEED_IT}" if target in required else "; its values count as blank."),
                breaks=target in required,
            )


def _expected(file: FileSchema, header: str, free: set[str]) -> str:
    """Which missing column a strange header stands for: an older name, another case, or a slip of the keyboard."""
    older = dict(file.older_names) | {old: c.header for c in file.columns for old in c.older_names}
    if older.get(header) in free:
        return older[header]
    folded = {f.casefold(): f for f in sorted(free)}
    if header.casefold() in folded:
        return folded[header.casefold()]
    close = difflib.get_close_matches(header.casefold(), folded, n=1, cutoff=0.9)
    return folded[close[0]] if close else ""


def _other_separator(rows: list[list[str]]) -> str:
    """By what a header is parted, where all of it is one cell for us; blank where it is not."""
    if not rows or len(rows[0]) != 1:
        return ""
    return next((name for sign, name in _SEPARATORS.items() if sign in rows[0][0]), "")


def csv_head(path: Path, problems: list[Problem], *, limit: int, file_name: str = MANIFEST) -> list[list[str]]:
    """The first rows of a small CSV or of a large one's top."""
    with path.open("rb") as file:
        raw = file.read(_HEAD_BYTES)
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in raw:
        problems.append(
            Problem(
                rule="bad encoding",
                file=file_name,
                sentence=f"{file_name} is not UTF-8 (it looks like UTF-16). Save it as UTF-8.",
            )
        )
        return []
    # A character cut at the end of what was read is no error; a bad one in the first rows is.
    text = raw.decode("utf-8-sig", errors="replace")
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        rows = [row for _, row in zip(range(limit), (r for r in reader if any(c.strip() for c in r)), strict=False)]
    except csv.Error as error:
        problems.append(Problem(rule="bad csv", file=file_name, sentence=f"{file_name} is not a CSV file: {error}."))
        return []
    if file_name != MANIFEST and (sign := _other_separator(rows)):  # of that, the first line is told anyhow
        sentence = f"{file_name} is separated by {sign}. Save it as CSV with commas between the cells."
        problems.append(Problem(rule="bad csv", file=file_name, sentence=sentence))
        return []
    if rows and any("\ufffd" in cell for cell in rows[0]):
        problems.append(
            Problem(
                rule="bad encoding",
                file=file_name,
                sentence=f"The header of {file_name} is not UTF-8. Save it as UTF-8.",
            )
        )
    return rows

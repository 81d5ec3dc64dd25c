"""What passes through the doors of this room."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from schoolpassport.sources.schemas import FileSchema

ORIGIN_FILE, ORIGIN_LINE = "origin.file", "origin.line"  # the last columns of a file that a translation made


class Mode(StrEnum):
    """What a file's rows are, by the manifest (OneRoster CSV 1.1, 2.2)."""

    BULK = "bulk"  # the whole truth: what is missing is gone
    DELTA = "delta"  # upserts and deletions; what is not mentioned stays


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something wrong with a package as such. ``breaks`` says that nothing of it can be trusted."""

    rule: str
    file: str
    sentence: str
    column: str = ""
    breaks: bool = True


class PackageBroken(Exception):
    """The structure of a package cannot be trusted; nothing of it is taken."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(" ".join(p.sentence for p in problems if p.breaks))
        self.problems = problems


@dataclass(frozen=True, kw_only=True)
class Shaped:
    """How cells become columns where settings say so, as SQL over the cells (c0, c1 …); see ``shaping``.

    ``columns``: a column of the schema → its name in the relation that ``layers`` make, one upon the other.
    ``read``: the headers it looks at. ``fallible``, ``faults``: the columns whose values may be none that a step can
    read, and SQL of the findings in a row. ``key_stands_alone``: the id depends on no other cell.
    """

    columns: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    layers: tuple[tuple[tuple[str, str], ...], ...] = ()
    read: tuple[str, ...] = ()
    fallible: tuple[str, ...] = ()
    faults: str = ""
    key_stands_alone: bool = True


PLAIN = Shaped()


@dataclass(frozen=True, kw_only=True)
class FilePlan:
    """One file to be read: where it is, what its rows are, and which of its columns feed which field."""

    schema: FileSchema
    path: Path
    mode: Mode
    headers: tuple[str, ...]  # as they stand in the file
    metadata: tuple[str, ...]  # columns named metadata.*, of the file or fed by another, sorted
    shaped: Shaped = PLAIN
    meant: str = ""  # digest of the settings that say what a row means: under others, every row is a candidate
    chosen: str = ""  # digest of those that say which rows are taken: under others, every row is read
    withheld: bool = False  # nothing of this kind is held to be missing tonight; see ``Translated``
    sent: str = ""  # what sentences call it, where a translation made it of files that were sent

    @property
    def called(self) -> str:
        return self.sent or self.schema.file_name

    @property
    def kind_table(self) -> str:
        return self.schema.kind.table

    @property
    def translated(self) -> bool:
        """Whether each row tells from which file and line of the package it was made."""
        return ORIGIN_FILE in self.headers


@dataclass(frozen=True, kw_only=True)
class Misread:
    """A line that could not be taken, of a file as it was sent."""

    file: str
    line: int | None
    sentence: str
    rule: str = "unreadable line"


CUT_OFF = (
    "The file ends with this line and without a line end, which it had before: it may be cut off here. The line was "
    "not taken. Export the file again."
)


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What is remembered of the files of a package as they were sent, by the names that their dialect has for them.

    ``expected``: those of which rows came, and which nobody has said to come no more. ``ended``: those that ended in a
    line end. ``columns``: which they had, whatever their order.
    """

    expected: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "Inputs":
        expected, ended = told.get("expected", told.get("seen", ())), told.get("ended", ())
        return cls(expected=tuple(expected), ended=tuple(ended), columns=dict(told.get("columns", {})))

    def told(self) -> dict[str, object]:
        return {"expected": list(self.expected), "ended": list(self.ended), "columns": dict(self.columns)}


@dataclass(frozen=True, kw_only=True)
class Translated:
    """A package in canonical files.

    ``withheld``: kinds of which nothing is held to be missing, since a line or a file that may speak of them could not
    be read or did not come. ``widened``: kind → a file that has other columns than before, though it may be read.
    ``emptied``: kind → a file that must come, and has nothing below its header tonight, though it had before.
    ``sent``: kind → what the files are called of which its rows are made, as they were sent.
    """

    files: Mapping[str, Path]
    problems: tuple[Problem, ...] = ()
    misread: tuple[Misread, ...] = ()
    withheld: frozenset[str] = frozenset()
    inputs: Inputs = field(default_factory=Inputs)
    widened: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    emptied: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    sent: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True)
class PackagePlan:
    files: tuple[FilePlan, ...]
    problems: tuple[Problem, ...]  # warnings that go with it
    counts: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))  # kind → rows, where announced


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a district decided about a source and about itself, as of one moment: subject → version and document.

    A walk reads its settings from one such snapshot only, so that a rehearsal can put a draft in the place of one.
    """

    versions: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    contents: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def get(self, subject: str) -> Any:  # noqa: ANN401 (a JSON document; the room that owns the subject parses it)
        """The document that holds, or None."""
        return self.contents.get(subject)

    def version(self, subject: str) -> int:
        """0 when nothing was ever set; a draft has the number -1."""
        return self.versions.get(subject, 0)

    def digest(self, *subjects: str) -> str:
        """A hash over the documents of these subjects; empty when none of them says anything."""
        said = {subject: self.contents[subject] for subject in sorted(subjects) if self.contents.get(subject)}
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest() if said else ""

    def draft(self, subject: str, content: object) -> "Settings":
        """The same, with a document that nobody has saved."""
        return replace(self, versions={**self.versions, subject: -1}, contents={**self.contents, subject: content})


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A package that a connector brought, and what it wants to remember of it.

    ``observed``: not after when all of it was said, where the other side was asked; None where a file was fetched.
    """

    path: Path  # a zip file or a folder, as ``kit.archive`` reads them
    memory: dict[str, Any]
    facts: dict[str, Any]
    observed: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Trait:
    """One line of a dialect card: whether the other side can do something; None when nothing has shown it yet."""

    name: str
    works: bool | None
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Saved:
    """A document that holds from now on, and what whoever saved it should know."""

    version: int
    warnings: tuple[str, ...] = ()

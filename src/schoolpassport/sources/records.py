"""What passes through the doors of this room."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from schoolpassport.sources.schemas import FileSchema


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
class FilePlan:
    """One file to be read: where it is, what its rows are, and which of its columns feed which field."""

    schema: FileSchema
    path: Path
    mode: Mode
    headers: tuple[str, ...]  # as they stand in the file
    metadata: tuple[str, ...]  # headers named metadata.*, sorted

    @property
    def kind_table(self) -> str:
        return self.schema.kind.table


@dataclass(frozen=True, kw_only=True)
class PackagePlan:
    files: tuple[FilePlan, ...]
    problems: tuple[Problem, ...]  # warnings that go with it

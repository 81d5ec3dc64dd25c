"""The words in which a CSV dialect is declared."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from schoolpassport.roster.kinds import Field, Kind
from schoolpassport.roster.kinds.shape import PAIRS

OF_EVERY_KIND = {"sourcedId": "sourcedId", "status": "status"}  # attributes, and their columns
METADATA = re.compile(r"metadata\.\S(.*\S)?")


class Parse(StrEnum):
    """How the text of a cell becomes a value of the field."""

    PLAIN = "plain"  # as the field's type says
    LIST = "list"  # comma-separated within one cell
    PAIRS = "pairs"  # {type:identifier},{type:identifier}


@dataclass(frozen=True, kw_only=True)
class Column:
    header: str
    field: Field
    parse: Parse = Parse.PLAIN
    older_names: tuple[str, ...] = ()  # headers of OneRoster 1.0 for the same thing: a sign of the wrong version

    @property
    def required(self) -> bool:
        return self.field.required


@dataclass(frozen=True, kw_only=True)
class FileSchema:
    """One file of a package: its rows are records of one kind, keyed by ``sourcedId``.

    ``asked``: columns ``metadata.*`` that hold a list of texts (JSON). Conditions may ask about them; no record keeps
    them under this name.
    """

    name: str
    kind: Kind
    columns: tuple[Column, ...]
    asked: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()  # headers that are known and never read: passwords
    older_names: tuple[tuple[str, str], ...] = ()  # 1.0 header → 1.1 header, for the columns every file has

    @property
    def file_name(self) -> str:
        return f"{self.name}.csv"

    @property
    def attributes(self) -> dict[str, str]:
        """Attribute → the column that the file has for it."""
        return {**OF_EVERY_KIND, **{c.field.name: c.header for c in self.columns}}

    @property
    def property_name(self) -> str:
        return f"file.{self.name}"


@dataclass(frozen=True, kw_only=True)
class Input:
    """A file as a vendor makes it. ``columns``: how the translation calls a column → the headers that may name it.

    Headers are compared without regard to case, blanks and underscores, as vendors' own importers do. ``required``:
    the columns without which nothing can be made of the file. ``optional``: a package may do without the file.
    ``extended``: columns ``metadata.*`` are read, and kept by the records that are made of its rows.
    """

    name: str
    columns: Mapping[str, tuple[str, ...]]
    required: tuple[str, ...]
    optional: bool = False
    skipped: tuple[str, ...] = ()  # headers that are known and never read: passwords
    extended: bool = False

    @property
    def file_name(self) -> str:
        return f"{self.name}.csv"


@dataclass(frozen=True, kw_only=True)
class Joined:
    """Rows of another input belong to a row of the first where ``key``, SQL over them, equals ``own``, SQL over it.

    Of several rows the first by ``order`` counts that says something.
    """

    own: str
    key: str
    order: str = "line"
    where: str = "true"


@dataclass(frozen=True, kw_only=True)
class Output:
    """Records of one kind, made of the rows of one or several inputs.

    ``sql`` selects from ``{input}`` (one relation per input: ``line``, then its columns; text, trimmed, NULL when
    blank) and gives ``file``, ``line`` and any headers of the canonical file. ``{year}`` is the year in which the
    running school year ends. Made when one of ``of`` is in the package.
    The extensions of the first of them go along. Columns of ``joined`` inputs, too, can feed attributes.
    """

    kind: str
    of: tuple[str, ...]
    sql: str
    joined: Mapping[str, Joined] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def feeding(self) -> tuple[str, ...]:
        """The inputs whose columns can feed attributes; of a header that several have, the first of them counts."""
        return (*self.of[:1], *self.joined)


@dataclass(frozen=True, kw_only=True)
class Remark:
    """What is to be said about an input that is taken. ``sql`` gives a sentence, or no row; see ``Output``."""

    rule: str
    of: str
    sql: str


@dataclass(frozen=True, kw_only=True)
class Schema:
    """A whole dialect. ``files`` are in the order in which references can be resolved.

    A dialect with ``inputs`` is translated: its packages hold those, and ``outputs`` make the canonical ``files``.
    ``tabled``: what its packages hold, a district says (setting ``tables``). ``adds``: it tells of people in part, so
    that a source of it adds to those of others unless somebody says otherwise. ``names_by_id``: where it gives nobody a
    user name, their id stands in its place, since each must have one; that tells nothing about them.
    """

    name: str
    title: str
    version: str
    files: tuple[FileSchema, ...]
    not_read: tuple[str, ...] = ()  # files that belong to the dialect and are not taken yet
    unlisted: tuple[str, ...] = ()  # files that are taken, and no manifest of the dialect knows
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    remarks: tuple[Remark, ...] = ()
    modes: bool = False  # whether a manifest says which files are deltas
    tabled: bool = False
    adds: bool = False
    names_by_id: bool = False

    @property
    def translated(self) -> bool:
        return bool(self.inputs) or self.tabled

    def sent_as(self, kind: str) -> tuple[str, ...]:
        """The files of which the rows of a kind are made, as they are sent; none where a district says which."""
        if not self.translated:
            return tuple(f.file_name for f in self.files if f.kind.name == kind)
        return tuple(dict.fromkeys(f"{o.of[0]}.csv" for o in self.outputs if o.kind == kind and o.of))

    def usual_file(self, kind: str) -> str:
        """The one file that tells of a kind; blank where it may be one of several, or is not known."""
        names = self.sent_as(kind)
        return names[0] if len(names) == 1 else ""


def same(*names: str) -> dict[str, tuple[str, ...]]:
    """Columns that the translation calls as their vendor does."""
    return {name: (name,) for name in names}


def columns_of(kind: Kind, headers: dict[str, str], older: dict[str, tuple[str, ...]]) -> tuple[Column, ...]:
    """Columns from header → field name, with the parser that each field's type asks for."""
    return tuple(
        Column(header=header, field=kind[name], parse=_parser(kind[name]), older_names=older.get(header, ()))
        for header, name in headers.items()
    )


def _parser(field: Field) -> Parse:
    if field.type in PAIRS:
        return Parse.PAIRS
    return Parse.LIST if field.many else Parse.PLAIN

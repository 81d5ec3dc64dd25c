"""The words in which a format is declared: files, their columns as SQL over the view's kinds, how bytes are written.

SQL selects from ``now_user`` and its like: one relation for each kind, with ``sourcedId``, ``status``,
``dateLastModified``, every attribute under its OneRoster name (texts; lists of texts where there are many; a reference
is the id of what it names) and ``metadata`` (JSON). Of a delta it holds what changed; ``was_user`` holds what the same
records were, and ``all_user`` everything that is active, which in full is the same as ``now_user``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from schoolpassport.kit.columns import quoted
from schoolpassport.roster.kinds import Field, Type


class Mode(StrEnum):
    FULL = "full"
    DELTA = "delta"


@dataclass(frozen=True, kw_only=True)
class Style:
    """How rows become bytes."""

    delimiter: str = ","
    quote: str = '"'  # "": never
    quote_all: bool = False
    header: bool = True
    encoding: str = "utf-8"
    bom: bool = False
    line_end: str = "\n"


@dataclass(frozen=True, kw_only=True)
class File:
    """One file. ``kinds``: whose relations its SQL reads, first the one whose records its rows are.

    ``rows`` is SQL from FROM on; the kind's own relation is called ``r`` in it. ``required``: columns that the standard
    wants filled, and whether the record's id may stand in where the consent shows nothing. ``whole``: kinds that are
    needed in full also when only changes are told. ``metadata``: ``metadata.*`` columns follow at the far right.
    """

    name: str
    kinds: tuple[str, ...]
    columns: Mapping[str, str]
    rows: str
    required: Mapping[str, bool] = field(default_factory=dict)
    whole: tuple[str, ...] = ()
    metadata: bool = False
    order: str = 'r."sourcedId"'
    changes: str = ""  # SQL from FROM on for a delta, where its rows are more than the changed records
    optional: bool = True  # a file without rows is left out


@dataclass(frozen=True, kw_only=True)
class Format:
    """``archive``: the name of the zip that holds the files; "" when they go side by side.

    ``version``: of the OneRoster manifest; "" when there is none. ``listed``: all files that the manifest speaks of.
    """

    name: str
    title: str
    about: str
    files: tuple[File, ...]
    archive: str = ""
    version: str = ""
    listed: tuple[str, ...] = ()
    style: Style = field(default_factory=Style)
    modes: tuple[Mode, ...] = (Mode.FULL,)

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(kind for file in self.files for kind in file.kinds))

    @property
    def whole(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(kind for file in self.files for kind in file.whole))


def plain(text: str) -> str:
    """SQL: a value without line ends, of which no field may hold any; NULL when it is blank."""
    return f"nullif(translate({text}, chr(10) || chr(13), '  '), '')"


def cell(known: Field, alias: str = "r") -> str:
    """SQL: an attribute as OneRoster CSV writes it. In lists a comma parts values, so none may hold one."""
    value = f"{alias}.{quoted(known.name)}"
    if known.type is Type.USER_IDS:
        each = "'{' || (u->>'type') || ':' || (u->>'identifier') || '}'"
        return plain(f"array_to_string(list_transform({value}::JSON[], lambda u: {each}), ',')")
    if known.many:
        return plain(f"array_to_string(list_transform({value}, lambda e: replace(e, ',', ' ')), ',')")
    if known.is_reference or known.type in {Type.BOOLEAN, Type.DATE, Type.DATE_TIME, Type.FLOAT}:
        return value
    return plain(value)

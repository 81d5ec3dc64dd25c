from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from schoolpassport.kit.conditions import Tree
from schoolpassport.sources.records import Mode
from schoolpassport.sources.schemas import FileSchema

__all__ = ["Check", "Example", "Inspected", "Rule", "Severity", "Subject", "Told", "Touch"]


class Severity(StrEnum):
    """How bad it is. An error of a package check cannot be taken; one of a rule is shared all the same."""

    ERROR = "error"  # must be mended. Of a package check: the row is left out
    WARNING = "warning"  # should be looked at. Of a package check: one value is left out, or it is only said
    SKIP = "skip"  # the row is withheld, because a rule of the district says so


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a rule looks at: the candidate rows of one file, in the DuckDB table ``cand_<kind>``."""

    schema: FileSchema
    mode: Mode
    partial: bool = False  # rows may leave out what is required: they only add to records that stand
    fallible: tuple[str, ...] = ()  # columns whose values a transform may have been unable to read

    @property
    def table(self) -> str:
        return self.schema.kind.table

    @property
    def rows(self) -> str:
        return f"cand_{self.table}"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One question to the rows. ``sql`` selects (line, key, value, sentence) of the rows that fail.

    ``worth``: an aggregate over the rows that is true when it may find any; questions that share one are not asked
    where it is not. A blank one: always asked.
    """

    rule: str
    severity: Severity
    column: str
    sql: str
    about_references: bool = False
    worth: str = ""


@dataclass(frozen=True, kw_only=True)
class Inspected:
    """What the inspection of one file came to: rows that cannot be taken, rows that a rule withholds, warnings."""

    bad_rows: int
    warnings: int
    withheld: int = 0

    @property
    def left_out(self) -> int:
        return self.bad_rows + self.withheld


Example = tuple[tuple[str, str, Mapping[str, str]], ...]
"""A few rows of a package (kind, key, cells under their OneRoster headers); the first is the one it is about."""


@dataclass(frozen=True)
class Touch:
    """Whose changes make a record worth another look, and which of them.

    ``by``: ``enrollment.class`` (records that name this one), ``.terms`` (what this one names), or a kind whose every
    change asks for all of them. Of the others only those count that turn one of ``reads`` (or whether the record
    stands), before or afterwards ``among`` those of which an attribute has a value; none: all of them. ``arriving``:
    those that leave a record cannot put it at fault, and matter only where it is.
    """

    by: str
    reads: tuple[str, ...] = ()
    among: tuple[str, str] | None = None
    arriving: bool = False


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A fault that a record of the roster can have.

    ``where``: conditions that the faulty record fulfils; such a rule can also withhold rows. Or ``sql``: a condition
    over ``r``, the record in PostgreSQL, for what only the roster as a whole can tell; ``{parameter}`` stands for one
    of the ``parameters``. ``touched_by`` says whose changes make a record worth another look, beside its own.
    ``beside``: a relation joined as ``n`` by its ``id``, which says ``… AND id {scope}``; rules
    with the same one are asked together, so that what is dear to count is counted once.
    ``peers``: an attribute whose equals must be looked at, too; nothing else may matter to the rule, whose ``sql``
    finds them among ``{equals}``. In ``sentence`` stand ``{who}`` and ``{value}``.
    """

    name: str
    kind: str
    severity: Severity
    sentence: str
    fix: str
    attribute: str = ""
    where: Tree | None = None
    sql: str = ""
    beside: str = ""
    value: str = ""  # SQL of what is shown as the value; the attribute's if blank
    parameters: Mapping[str, int] = field(default_factory=dict)
    touched_by: tuple[Touch, ...] = ()
    peers: str = ""
    by_clock: bool = False
    own: bool = False  # of the district, not of the shelf
    bad: tuple[Example, ...] = ()
    good: tuple[Example, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Told:
    """A finding as people read it: of a record that stands, or of a row that was left out."""

    COLUMNS: ClassVar[tuple[str, ...]] = (
        *("severity", "shared", "rule", "kind", "source", "file", "line", "attribute", "key", "value", "sentence"),
        *("fix", "schools", "since"),
    )

    severity: str
    shared: bool  # the record is served as it is; otherwise the row was not taken
    rule: str
    kind: str
    source: str
    file: str
    line: int | None
    attribute: str
    key: str
    value: str
    sentence: str
    fix: str
    schools: str
    since: datetime | None

"""What a package holds, said by the one who made it: the answer sheet for whoever reads it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a row must be left out."""

    MISSING_VALUE = "missing_value"
    BAD_ENUMERATION = "bad_enumeration"
    BAD_DATE = "bad_date"
    BAD_BOOLEAN = "bad_boolean"
    DUPLICATE_ID = "duplicate_id"
    DANGLING_REFERENCE = "dangling_reference"
    CYCLIC_PARENT = "cyclic_parent"


@dataclass(frozen=True, kw_only=True, order=True)
class RejectedRow:
    """One row that a careful reader leaves out, by the first thing wrong with it.

    Both rows of a duplicate are listed: to keep one would make the result depend on the order of rows.
    """

    file: str
    source_id: str
    column: str
    reason: Reason


@dataclass(frozen=True, kw_only=True)
class KindChanges:
    """Accepted records against those of the day before, for a reader that has read every day so far.

    A record that is rejected today and was accepted yesterday is in none of these: it is not gone, it is unreadable.
    """

    added: int
    updated: int
    removed: int
    returned: int  # gone on the day before, here before that: the same record is restored
    unchanged: int


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Who has what oddity, by sourcedId. All of these rows are valid; the invalid ones are ``DayFacts.rejected``."""

    co_taught: tuple[tuple[str, str, str], ...] = ()  # class, primary teacher, second teacher
    at_two_schools: tuple[str, ...] = ()  # students
    staff_parents: tuple[tuple[str, str], ...] = ()  # the same person as teacher and as guardian
    missing_emails: tuple[str, ...] = ()
    twins: tuple[tuple[str, str], ...] = ()
    shared_emails: tuple[tuple[str, str], ...] = ()  # two people, one address
    long_names: tuple[str, ...] = ()  # a family name of 300 characters
    formula_names: tuple[str, ...] = ()  # names that a spreadsheet would run
    quoted_names: tuple[str, ...] = ()  # names with a comma and quotation marks
    metadata_columns: Mapping[str, tuple[str, ...]] | None = None  # file → columns beyond the standard's


@dataclass(frozen=True, kw_only=True)
class DayFacts:
    day: int
    rows: Mapping[str, int]  # file, without .csv → data rows in it
    accepted: Mapping[str, int]  # the same without the rejected
    rejected: tuple[RejectedRow, ...]
    changes: Mapping[str, KindChanges]
    trouble: Trouble
    teacher_email: str  # of one teacher with classes, who never leaves

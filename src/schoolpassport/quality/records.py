from dataclasses import dataclass

from schoolpassport.quality.models import Severity
from schoolpassport.sources.records import Mode
from schoolpassport.sources.schemas import FileSchema

__all__ = ["Check", "Inspected", "Severity", "Subject"]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a rule looks at: the candidate rows of one file, in the DuckDB table ``cand_<kind>``."""

    schema: FileSchema
    mode: Mode
    partial: bool = False  # rows may leave out what is required: they only add to records that stand

    @property
    def table(self) -> str:
        return self.schema.kind.table

    @property
    def rows(self) -> str:
        return f"cand_{self.table}"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One question to the rows. ``sql`` selects (line, key, value, sentence) of the rows that fail."""

    rule: str
    severity: Severity
    column: str
    sql: str
    about_references: bool = False


@dataclass(frozen=True, kw_only=True)
class Inspected:
    """What the inspection of one file came to."""

    bad_rows: int
    warnings: int

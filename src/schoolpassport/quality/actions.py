from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.db import connection
from duckdb import DuckDBPyConnection

from schoolpassport.kit.columns import COPY_TEXT, copy_text, literal, quoted
from schoolpassport.quality import policies
from schoolpassport.quality.inspection import KEPT
from schoolpassport.sources import actions as sources

_BYTES = 1 << 20


def set_filters(*, district_id: UUID, source_id: UUID, content: object, by: str, now: datetime) -> int:
    """Let these filters hold for a source from the next package on. Raises ``policies.NotUnderstood``."""
    policies.filters(content)
    return sources.write_setting(
        district_id=district_id, source_id=source_id, subject="filters", content=content, by=by, now=now
    )


def export_findings(db: DuckDBPyConnection, *, folder: Path) -> tuple[Path, Path]:
    """The findings as files that COPY reads: up to ``KEPT`` per file, rule and column, and complete counts."""
    kept, counts = folder / "findings.tsv", folder / "finding_counts.tsv"
    texts = ", ".join(copy_text(quoted(c)) for c in ("severity", "rule", "kind", "file"))
    db.execute(
        f'COPY (SELECT row_number() OVER (ORDER BY file, line, "column", rule), {texts}, line, '
        f"{', '.join(copy_text(quoted(c)) for c in ('column', 'key', 'value', 'sentence'))} FROM finding "
        f'QUALIFY row_number() OVER (PARTITION BY file, rule, "column", severity ORDER BY line) <= {KEPT}) '
        f"TO {literal(str(kept))} ({COPY_TEXT})"
    )
    db.execute(
        f"COPY (SELECT severity, {', '.join(copy_text(quoted(c)) for c in ('file', 'rule', 'column'))}, count(*) "
        f'FROM finding GROUP BY severity, file, rule, "column") TO {literal(str(counts))} ({COPY_TEXT})'
    )
    return kept, counts


def keep_findings(*, district_id: UUID, run_id: UUID, files: tuple[Path, Path]) -> None:
    """Write a run's findings in the caller's scope and transaction, in place of those it had."""
    kept, counts = files
    with connection.cursor() as wrapped:
        cursor = wrapped.cursor
        for table in ("quality_finding", "quality_findingcount"):
            cursor.execute(f"DELETE FROM {table} WHERE district_id = %s AND run_id = %s", [district_id, run_id])
        cursor.execute(
            "CREATE TEMP TABLE found (number int, severity text, rule text, kind text, file text, line bigint, "
            '"column" text, key text, value text, sentence text) ON COMMIT DROP'
        )
        cursor.execute(
            'CREATE TEMP TABLE counted (severity text, file text, rule text, "column" text, n bigint) ON COMMIT DROP'
        )
        for table, path in (("found", kept), ("counted", counts)):
            with path.open("rb") as file, cursor.copy(f"COPY {table} FROM STDIN") as copy:
                while block := file.read(_BYTES):
                    copy.write(block)
        cursor.execute(
            'INSERT INTO quality_finding (district_id, run_id, number, severity, rule, kind, file, line, "column", '
            "key, value, sentence) SELECT %s, %s, number, severity, rule, kind, file, line, coalesce(\"column\", ''), "
            "coalesce(key, ''), coalesce(value, ''), sentence FROM found",
            [district_id, run_id],
        )
        cursor.execute(
            'INSERT INTO quality_findingcount (district_id, run_id, severity, file, rule, "column", count) '
            "SELECT %s, %s, severity, file, rule, coalesce(\"column\", ''), n FROM counted",
            [district_id, run_id],
        )
        cursor.execute("DROP TABLE found")
        cursor.execute("DROP TABLE counted")

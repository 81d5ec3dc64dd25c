import hashlib
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.db import connection

from schoolpassport.kit.columns import COPY_TEXT, Columns, copy_text, literal, quoted
from schoolpassport.quality import policies
from schoolpassport.quality.assessment import Assessor, Span
from schoolpassport.quality.inspection import KEPT
from schoolpassport.quality.models import ROOM, Assessment, LeftOut, Standing
from schoolpassport.roster import queries as roster
from schoolpassport.sources import actions as sources
from schoolpassport.sources import queries as source_queries
from schoolpassport.tenancy import scope

_BYTES = 1 << 20


def set_filters(*, district_id: UUID, source_id: UUID, content: object, by: str, now: datetime) -> int:
    """Let these filters hold for a source from the next package on. Raises ``policies.NotUnderstood``."""
    policies.filters(content)
    return sources.write_setting(
        district_id=district_id, source_id=source_id, subject="filters", content=content, by=by, now=now
    )


def set_rules(*, district_id: UUID, content: object, by: str, now: datetime) -> int:
    """Let these rules hold in a district. What they find in the roster is known at once. Raises ``NotUnderstood``."""
    policies.rules(content)
    version = sources.write_setting(district_id=district_id, subject="rules", content=content, by=by, now=now)
    assess(district_id=district_id, now=now)
    return version


def assess(*, district_id: UUID, now: datetime) -> int:
    """Bring the standing findings up to the roster's revision, the rules and the day, in one transaction.

    Returns how many findings stand. May be called at any time: what was looked at already is left alone.
    """
    with scope.inside(district_id), connection.cursor() as wrapped:
        wrapped.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 5))", [str(district_id)])
        rulings = policies.rules(source_queries.settings(district_id=district_id).get("rules")).standing
        digest = hashlib.sha256("".join(r.digest for r in rulings).encode()).hexdigest()
        last = Assessment.objects.filter(district_id=district_id).first()
        revision = roster.current_revision(district_id=district_id)
        if not revision:
            return 0  # nothing was ever taken
        if last and (last.revision, last.rules, last.day) == (revision, digest, now.date()):
            return Standing.objects.filter(district_id=district_id, closed_at=None).count()
        span = Span(
            since=last.revision if last else 0,
            whole=last is None or last.rules != digest or last.revision == 0,
            new_day=last is None or last.day != now.date(),
        )
        assessor = Assessor(cursor=wrapped.cursor, district_id=district_id, rulings=rulings)
        assessor.assess(span, now=now)
        left_out = dict(LeftOut.objects.filter(district_id=district_id).values_list("source_id", "rows"))
        known = [s.id for s in source_queries.sources(district_id=district_id)]
        assessor.keep_counts(sources={id_: left_out.get(id_, 0) for id_ in known})
        Assessment.objects.update_or_create(
            district_id=district_id, defaults={"revision": revision, "rules": digest, "day": now.date()}
        )
        return Standing.objects.filter(district_id=district_id, closed_at=None).count()


def note_left_out(*, district_id: UUID, source_id: UUID, rows: int) -> None:
    """Remember how many rows of a source's package were not taken, in the caller's scope and transaction."""
    LeftOut.objects.update_or_create(district_id=district_id, source_id=source_id, defaults={"rows": rows})


def export_findings(db: Columns, *, folder: Path) -> tuple[Path, Path]:
    """The findings as files that COPY reads: up to ``KEPT`` per file, rule and column, and complete counts."""
    kept, counts = folder / "findings.tsv", folder / "finding_counts.tsv"
    places = ", ".join(f"{_within(name, most)} AS {quoted(name)}" for name, most in ROOM.items())
    told = f"(SELECT * REPLACE ({places}) FROM finding)"
    texts = ", ".join(copy_text(quoted(c)) for c in ("severity", "rule", "kind", "file"))
    db.execute(
        f'COPY (SELECT row_number() OVER (ORDER BY file, line, "column", rule), {texts}, line, '
        f"{', '.join(copy_text(quoted(c)) for c in ('column', 'key', 'value', 'sentence'))} FROM {told} "
        f'QUALIFY row_number() OVER (PARTITION BY file, rule, "column", severity ORDER BY line) <= {KEPT}) '
        f"TO {literal(str(kept))} ({COPY_TEXT})"
    )
    db.execute(
        f"COPY (SELECT severity, {', '.join(copy_text(quoted(c)) for c in ('file', 'rule', 'column'))}, count(*) "
        f'FROM {told} GROUP BY severity, file, rule, "column") TO {literal(str(counts))} ({COPY_TEXT})'
    )
    return kept, counts


def _within(column: str, most: int) -> str:
    """SQL: a name, cut where there is no more room; the sentence has it in full."""
    name = quoted(column)
    return f"CASE WHEN length({name}) > {most} THEN left({name}, {most - 1}) || '…' ELSE {name} END"


def keep_findings(*, district_id: UUID, run_id: UUID, files: tuple[Path, Path]) -> None:
    """Write a run's findings in the caller's scope and transaction, in place of those it had."""
    kept, counts = files
    with connection.cursor() as wrapped:
        cursor = wrapped.cursor
        for table in ("quality_finding", "quality_findingcount"):
            cursor.execute(f"DELETE FROM {table} WHERE district_id = %s AND run_id = %s", [district_id, run_id])
        cursor.execute(
            "CREATE TEMP TABLE found (number int, severity text, rule text, kind text, file text, line bigint, "
            '"column" text, key text, value text, sentence text) ON COMMIT DROP; '
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
        cursor.execute("DROP TABLE found, counted")

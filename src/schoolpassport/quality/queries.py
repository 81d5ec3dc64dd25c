from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from uuid import UUID

from schoolpassport.kit import readable
from schoolpassport.quality import csvfile, policies
from schoolpassport.quality.models import Assessment, Finding, FindingCount, Score, Standing, Trend
from schoolpassport.quality.records import Severity, Told
from schoolpassport.roster import queries as roster
from schoolpassport.roster.records import ALTOGETHER
from schoolpassport.sources import queries as sources
from schoolpassport.sources.models import Source
from schoolpassport.sources.schemas import SCHEMAS

MOST = 1_000_000


def findings(*, district_id: UUID, run_id: UUID, limit: int = 1000) -> list[Finding]:
    return list(Finding.objects.filter(district_id=district_id, run_id=run_id).order_by("number")[:limit])


def values_said(*, district_id: UUID, rule: str, run_ids: Iterable[UUID]) -> dict[tuple[UUID, str], str]:
    """What runs found wrong by a rule: run and key → the value."""
    found = Finding.objects.filter(district_id=district_id, rule=rule, run_id__in=list(run_ids))
    return {(f.run_id, f.key): f.value for f in found}


def finding_counts(*, district_id: UUID, run_id: UUID) -> list[FindingCount]:
    """Complete counts by file, rule and column; errors first."""
    return list(
        FindingCount.objects.filter(district_id=district_id, run_id=run_id).order_by(
            "severity", "-count", "file", "rule"
        )
    )


def standing(
    *,
    district_id: UUID,
    rule: str = "",
    kind: str = "",
    severity: str = "",
    school_id: UUID | None = None,
    source_id: UUID | None = None,
    record_id: UUID | None = None,
    limit: int = 100_000,
) -> list[Standing]:
    """What is wrong with the roster now; errors first, then by rule and the source's id."""
    asked = {"rule": rule, "kind": kind, "severity": severity, "source_id": source_id, "record_id": record_id}
    found = Standing.objects.filter(district_id=district_id, closed_at=None, **{k: v for k, v in asked.items() if v})
    if school_id is not None:
        found = found.filter(schools__contains=[school_id])
    return list(found.order_by("severity", "rule", "key")[:limit])


def counts(*, district_id: UUID) -> list[Trend]:
    """How many findings stand, by rule, kind and school, as of the last assessment."""
    newest = Trend.objects.filter(district_id=district_id).order_by("-at").values("at")[:1]
    return list(Trend.objects.filter(district_id=district_id, at__in=newest).order_by("severity", "rule", "school_id"))


def trend(*, district_id: UUID, rule: str = "", school_id: UUID | None = None) -> list[Trend]:
    """Counts of every assessment, oldest first."""
    asked = {"rule": rule, "school_id": school_id}
    found = Trend.objects.filter(
        district_id=district_id, **{k: v for k, v in asked.items() if v is not None and v != ""}
    )
    return list(found.order_by("at", "rule", "school_id"))


def scores(*, district_id: UUID, source_id: UUID = ALTOGETHER) -> list[Score]:
    """The scores of the last assessment, the whole first, then by school."""
    found = Score.objects.filter(district_id=district_id, source_id=source_id)
    newest = found.order_by("-at").values("at")[:1]
    return list(found.filter(at__in=newest).order_by("school_id"))


def scores_over_time(*, district_id: UUID, source_id: UUID = ALTOGETHER, school_id: UUID = ALTOGETHER) -> list[Score]:
    found = Score.objects.filter(district_id=district_id, source_id=source_id, school_id=school_id)
    return list(found.order_by("at"))


def assessed(*, district_id: UUID) -> Assessment | None:
    """Up to where the roster was looked at."""
    return Assessment.objects.filter(district_id=district_id).first()


def told(
    *,
    district_id: UUID,
    rule: str = "",
    kind: str = "",
    severity: str = "",
    school_id: UUID | None = None,
    source_id: UUID | None = None,
    runs: Mapping[UUID, UUID],
    limit: int = 1000,
) -> list[Told]:
    """What stands, and what was left out of each source's last package (``runs``: source → run), for people."""
    known = {s.id: s for s in sources.sources(district_id=district_id)}
    fixes = {
        r.rule.name: r.rule for r in policies.rules(sources.settings(district_id=district_id).get("rules")).rulings
    }
    found = standing(
        district_id=district_id,
        rule=rule,
        kind=kind,
        severity=severity,
        school_id=school_id,
        source_id=source_id,
        limit=limit,
    )
    names = roster.school_names(district_id=district_id)
    rows = [
        _standing_told(s, known, names, fixes[s.rule].fix if s.rule in fixes and not fixes[s.rule].own else "")
        for s in found
    ]
    if school_id is None:  # which school a row that could not be taken belongs to is not known
        asked = {k: v for k, v in {"rule": rule, "kind": kind, "severity": severity}.items() if v}
        for source, run in runs.items():
            if source_id in {None, source} and len(rows) < limit:
                left = Finding.objects.filter(district_id=district_id, run_id=run, **asked).order_by("number")
                rows += [_left_out_told(f, known.get(source)) for f in left[: limit - len(rows)]]
    return rows


def _standing_told(s: Standing, known: Mapping[UUID, Source], names: Mapping[UUID, str], fix: str) -> Told:
    source = known.get(s.source_id) if s.source_id else None
    return Told(
        severity=s.severity,
        shared=True,
        rule=s.rule,
        kind=s.kind,
        source=source.name if source else "",
        file=s.origin or _file(source, s.kind),
        line=s.line,
        attribute=s.attribute,
        key=s.key,
        value=s.value,
        sentence=s.sentence,
        fix=fix,
        schools=", ".join(names.get(school, str(school)) for school in s.schools),
        since=s.opened_at,
    )


def _left_out_told(f: Finding, source: Source | None) -> Told:
    return Told(
        severity=f.severity,
        shared=f.severity == Severity.WARNING,
        rule=f.rule,
        kind=f.kind,
        source=source.name if source else "",
        file=f.file,
        line=f.line,
        attribute=f.column,
        key=f.key,
        value=f.value,
        sentence=f.sentence,
        fix="",  # the sentence says it
        schools="",
        since=None,
    )


def _file(source: Source | None, kind: str) -> str:
    schema = SCHEMAS.get(source.schema) if source else None
    return schema.usual_file(kind) if schema else ""


def as_csv(found: Iterable[Told]) -> Iterator[str]:
    """A CSV file line by line, safe to open in a spreadsheet."""
    return csvfile.lines(Told.COLUMNS, ([_cell(getattr(each, name)) for name in Told.COLUMNS] for each in found))


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return readable.instant(value) if isinstance(value, datetime) else value

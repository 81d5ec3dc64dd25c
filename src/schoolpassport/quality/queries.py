from uuid import UUID

from schoolpassport.quality.models import Assessment, Finding, FindingCount, Score, Standing, Trend
from schoolpassport.roster.records import ALTOGETHER


def findings(*, district_id: UUID, run_id: UUID, limit: int = 1000) -> list[Finding]:
    return list(Finding.objects.filter(district_id=district_id, run_id=run_id).order_by("number")[:limit])


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
    limit: int = 100_000,
) -> list[Standing]:
    """What is wrong with the roster now; errors first, then by rule and the source's id."""
    asked = {"rule": rule, "kind": kind, "severity": severity, "source_id": source_id}
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

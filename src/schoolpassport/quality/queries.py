from uuid import UUID

from schoolpassport.quality.models import Finding, FindingCount


def findings(*, district_id: UUID, run_id: UUID, limit: int = 1000) -> list[Finding]:
    return list(Finding.objects.filter(district_id=district_id, run_id=run_id).order_by("number")[:limit])


def finding_counts(*, district_id: UUID, run_id: UUID) -> list[FindingCount]:
    """Complete counts by file, rule and column; errors first."""
    return list(
        FindingCount.objects.filter(district_id=district_id, run_id=run_id).order_by(
            "severity", "-count", "file", "rule"
        )
    )

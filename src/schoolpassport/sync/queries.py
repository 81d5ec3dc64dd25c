from uuid import UUID

from schoolpassport.sync.models import Limits, Run, RunState, Statistic, Step


def runs(*, district_id: UUID, limit: int = 20) -> list[Run]:
    """Newest first."""
    return list(Run.objects.filter(district_id=district_id).order_by("-number")[:limit])


def run(*, district_id: UUID, number: int) -> Run | None:
    return Run.objects.filter(district_id=district_id, number=number).first()


def held(*, district_id: UUID) -> list[Run]:
    return list(Run.objects.filter(district_id=district_id, state=RunState.HELD).order_by("number"))


def steps(*, district_id: UUID, run_id: UUID) -> list[Step]:
    return list(Step.objects.filter(district_id=district_id, run_id=run_id).order_by("position"))


def statistics(*, district_id: UUID, run_id: UUID) -> list[Statistic]:
    return list(Statistic.objects.filter(district_id=district_id, run_id=run_id).order_by("kind", "school_id"))


def limits(*, district_id: UUID) -> Limits:
    return Limits.objects.filter(district_id=district_id).first() or Limits(district_id=district_id)

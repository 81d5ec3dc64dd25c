from typing import Any
from uuid import UUID

from schoolpassport.roster import queries as roster
from schoolpassport.roster.kinds import KINDS
from schoolpassport.roster.records import ALTOGETHER
from schoolpassport.sync.models import Limits, Run, RunState, Statistic, Step

COUNTED = ("added", "updated", "unchanged", "archived", "restored", "rejected")


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


def statistics_named(*, district_id: UUID, run_id: UUID) -> list[dict[str, Any]]:
    """The statistics of a run for showing: kinds in the catalogue's order, schools by name, the whole kind first."""
    names = roster.school_names(district_id=district_id)
    order = list(KINDS)
    rows = [
        {
            "kind": s.kind,
            "school": None if s.school_id == ALTOGETHER else names.get(s.school_id, str(s.school_id)),
            **{name: getattr(s, name) for name in COUNTED},
        }
        for s in statistics(district_id=district_id, run_id=run_id)
    ]
    return sorted(rows, key=lambda r: (order.index(r["kind"]), r["school"] or ""))


def last_taken(*, district_id: UUID) -> dict[UUID, UUID]:
    """The last run of each source whose package was taken: source → run."""
    taken = Run.objects.filter(district_id=district_id, revision__isnull=False).order_by("source_id", "-number")
    return dict(taken.distinct("source_id").values_list("source_id", "id"))


def school_names(*, district_id: UUID) -> dict[UUID, str]:
    return roster.school_names(district_id=district_id)

"""A run as others see it while it is walked: how far it is, how long it will take, and whether it was taken back.

Outside the run's own transactions, at most once a second: a page may show it, and nothing depends on it.
"""

import time
from dataclasses import asdict, dataclass, field, replace
from uuid import UUID

from django.db import connection

from schoolpassport.sync.contract import STEPS, Progress, Watcher
from schoolpassport.sync.models import Run, RunState, Step
from schoolpassport.tenancy import scope

_EVERY = 1.0  # seconds


class Cancelled(Exception):
    """Somebody took the run back; nothing was changed."""


@dataclass
class Watched:
    """Tells the run's own watcher, notes how far it is, and stops it where it was taken back and may still be."""

    run: Run
    tell: Watcher
    begun: float = field(default_factory=time.monotonic)
    noted: float = 0.0
    usual: dict[str, float] = field(default_factory=dict)  # seconds of each step, the last time
    _step: str = ""
    _step_begun: float = 0.0

    def __post_init__(self) -> None:
        self.usual = _usual(self.run.district_id, self.run.source_id)

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.step != self._step:
            self._step, self._step_begun = progress.step, now
        progress = self._measured(progress, now)
        self.tell(progress)
        if connection.in_atomic_block or (self.noted and now - self.noted < _EVERY):
            return
        self.noted = now
        with scope.inside(self.run.district_id):
            mine = Run.objects.filter(district_id=self.run.district_id, id=self.run.id)
            mine.update(progress={**asdict(progress), "seconds": round(now - self.begun, 1)})
            cancelled = mine.values_list("cancelled_by", flat=True).first()
        if cancelled and progress.step != "publish":  # what is applied is published
            raise Cancelled

    def _measured(self, progress: Progress, now: float) -> Progress:
        spent = now - self._step_begun
        ahead = STEPS[STEPS.index(progress.step) + 1 :] if progress.step in STEPS else ()
        left = max(self.usual.get(progress.step, 0) - spent, 0) + sum(self.usual.get(step, 0) for step in ahead)
        return replace(
            progress,
            rows_per_second=round(progress.rows / spent) if progress.rows and spent > 0 else None,
            remaining=round(left, 1) if self.usual else None,
        )


def _usual(district_id: UUID, source_id: UUID) -> dict[str, float]:
    with scope.inside(district_id):
        last = (
            Run.objects.filter(district_id=district_id, source_id=source_id, state=RunState.DONE)
            .order_by("-number")
            .first()
        )
        if last is None:
            return {}
        return dict(Step.objects.filter(district_id=district_id, run_id=last.id).values_list("name", "seconds"))

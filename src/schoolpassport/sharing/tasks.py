"""The jobs of the room. They hold no logic, and may run twice."""

from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from schoolpassport.kit import clock
from schoolpassport.sharing import actions


@app.periodic(cron="* * * * *")
@app.task(name="sharing.attend", queue="sharing")
def attend(timestamp: int) -> None:
    """What has expired is refused at its instant; this makes the tombstones, and lets begin what was approved."""
    del timestamp
    actions.attend(now=clock.now())


@app.periodic(cron="17 5 * * *")
@app.task(name="sharing.foretell_ends", queue="sharing")
def foretell_ends(timestamp: int) -> None:
    del timestamp
    actions.foretell_ends(now=clock.now())


@app.task(name="sharing.add_up", queue="sharing")
def add_up(*, district_id: str, view: int, kinds: list[str]) -> None:
    actions.add_up(district_id=UUID(district_id), view=view, kinds=kinds)


def defer_add_up(*, district_id: UUID, view: int, kinds: Sequence[str]) -> None:
    """In no transaction. What waits already is not asked for twice, and one view is added up by one worker."""
    name = f"sum {district_id} {view}"
    with suppress(AlreadyEnqueued):
        add_up.configure(lock=name, queueing_lock=name).defer(
            district_id=str(district_id), view=view, kinds=list(kinds)
        )

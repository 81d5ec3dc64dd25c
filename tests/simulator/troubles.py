"""What happens to the machine while a package is walked: kills, restarts, two at once, the same again.

Whatever it is, the night must end as if nothing had happened: the oracle is asked once, and is not told.
"""

import os
import time
from collections.abc import Callable
from random import Random

from django.conf import settings
from django.db import connections

from schoolpassport.kit import postgres
from schoolpassport.sync.models import Run
from tests.faults.support.children import KILLED
from tests.faults.support.looking import Look
from tests.simulator.exporter import Export
from tests.simulator.oracle import Verdict
from tests.simulator.stage import Stage
from tests.support import database

Trouble = Callable[[Stage, Export, Random], Verdict]
TROUBLES: dict[str, Trouble] = {}
WEIGHTS: dict[str, int] = {}


def trouble(weight: int) -> Callable[[Trouble], Trouble]:
    def put(made: Trouble) -> Trouble:
        TROUBLES[made.__name__], WEIGHTS[made.__name__] = made, weight
        return made

    return put


@trouble(weight=4)
def retried(stage: Stage, made: Export, random: Random) -> Verdict:
    """The very package again, and once more: no witness, no revision, no line in the log."""
    verdict = stage.night(made)
    for _ in range(2):
        stage.night(made, again=stage.last)
    return verdict


@trouble(weight=8)
def killed(stage: Stage, made: Export, random: Random) -> Verdict:
    """At any named point; then the run is walked again, as a worker does, or the next one brings the same package."""
    return killed_at(stage, made, random.choice(stage.points), again=random.random() < 0.5)


def killed_at(stage: Stage, made: Export, point: str, *, again: bool) -> Verdict:
    def walk() -> Run:
        before, run = stage.look(), stage.sis.ask(stage.last)
        ended = stage.others.run("walk", killpoint=point, **_facts(stage, run))
        stage.assure(ended.code in {0, KILLED}, f"killed at {point}: {ended}")
        seen = stage.look()
        after = stage.sis.walk(run) if again or ended.code == 0 else stage.sis.run(stage.last)
        _check_between(stage, before, seen, f"killed at {point}")
        return after

    return stage.night(made, walk=walk, alike={"done": {"unchanged"}, "held": {"unchanged"}})


@trouble(weight=4)
def two_at_once(stage: Stage, made: Export, random: Random) -> Verdict:
    """Two processes, one run; or two runs of one package."""
    one = random.random() < 0.5

    def walk() -> Run:
        run = stage.sis.ask(stage.last)
        other = run if one else stage.sis.ask(stage.last)
        child = stage.others.start("walk", **_facts(stage, run))
        after = stage.sis.walk(other)
        ended = stage.others.wait(child)
        stage.assure(ended.code == 0, f"one of two at once ended badly: {ended}")
        return after

    return stage.night(
        made, walk=walk, alike={"done": {"unchanged", "superseded"}, "held": {"unchanged", "superseded"}}
    )


@trouble(weight=1)
def restarted(stage: Stage, made: Export, random: Random) -> Verdict:
    """The database falls while a run is on its way, and gets up again."""
    if os.environ.get(database.ELSEWHERE):
        return retried(stage, made, random)  # that server is not ours to stop

    def walk() -> Run:
        before, run = stage.look(), stage.sis.ask(stage.last)
        connections.close_all()
        child = stage.others.start("walk", **_facts(stage, run))
        time.sleep(random.uniform(0, 1.2))
        _crash()
        stage.others.wait(child)
        seen = stage.look()
        after = stage.sis.walk(run)
        _check_between(stage, before, seen, "the database fell")
        return after

    return stage.night(made, walk=walk)


def _crash() -> None:
    data_dir = settings.ENVIRONMENT.data_dir
    postgres.stop(data_dir=data_dir, mode="immediate")
    postgres.ensure_running(data_dir=data_dir, settings=database.SETTINGS)


def _facts(stage: Stage, run: Run) -> dict[str, object]:
    return {"district_id": run.district_id, "run_id": run.id, "now": stage.clock.now.isoformat()}


def _check_between(stage: Stage, before: Look, seen: Look, when: str) -> None:
    after = stage.look()
    fine = {(before.roster, before.view), (after.roster, before.view), (after.roster, after.view)}
    stage.assure(seen.whole and (seen.roster, seen.view) in fine, f"{when}: what was left is a mixture")

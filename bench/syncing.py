"""The runs of a night in a process of their own, as a worker would do them; says what they cost and what came of it."""

import json
import sys
import time
from pathlib import Path
from uuid import UUID

from bench import profiling
from bench.processes import peak_mb


def main() -> None:
    task = json.loads(sys.argv[1])
    from schoolpassport.config import startup  # noqa: PLC0415 (what importing costs is told apart)

    startup.prepare(migrate=False)
    from django.db import connection  # noqa: PLC0415 (only now is Django set up)

    from schoolpassport.kit import clock  # noqa: PLC0415 (not before Django is set up)
    from schoolpassport.sync import actions, queries  # noqa: PLC0415 (not before Django is set up)
    from schoolpassport.sync.contract import STEPS  # noqa: PLC0415 (not before Django is set up)
    from schoolpassport.tenancy import scope  # noqa: PLC0415 (not before Django is set up)

    district = UUID(task["district"])
    profile = profiling.begin() if task.get("profile") else None
    connection.ensure_connection()
    cpu, begun = time.process_time(), time.perf_counter()
    asked = [
        actions.ask(district_id=district, source_id=UUID(source), origin=Path(origin), by="bench", now=clock.now())
        for source, origin in task["packages"]
    ]
    runs = [actions.walk(district_id=district, run_id=run.id) for run in asked]
    said = {
        "cpu": time.process_time() - cpu,
        "start_cpu": cpu,
        "wall": time.perf_counter() - begun,
        "peak_mb": peak_mb(),
        "states": [str(run.state) for run in runs],
        "message": " ".join(run.message for run in runs),
        "revision": runs[-1].revision,
    }
    with scope.inside(district):
        steps = [step for run in runs for step in queries.steps(district_id=district, run_id=run.id)]
    said["steps"] = {name: round(sum(s.seconds for s in steps if s.name == name), 2) for name in STEPS}
    said["rows"] = sum(s.rows for s in steps if s.name == "inspect")
    if profile:
        profile.report(task["profile"])
    print(json.dumps(said))


if __name__ == "__main__":
    main()

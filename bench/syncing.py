"""One run of the product in a process of its own, as a worker would do it; says what it cost and what came of it."""

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
    from schoolpassport.tenancy import scope  # noqa: PLC0415 (not before Django is set up)

    district, source = UUID(task["district"]), UUID(task["source"])
    profile = profiling.begin() if task.get("profile") else None
    connection.ensure_connection()
    cpu, begun = time.process_time(), time.perf_counter()
    asked = actions.ask(
        district_id=district, source_id=source, origin=Path(task["origin"]), by="bench", now=clock.now()
    )
    run = actions.walk(district_id=district, run_id=asked.id)
    said = {
        "cpu": time.process_time() - cpu,
        "start_cpu": cpu,
        "wall": time.perf_counter() - begun,
        "peak_mb": peak_mb(),
        "state": str(run.state),
        "message": run.message,
        "revision": run.revision,
    }
    with scope.inside(district):
        said["steps"] = {s.name: round(s.seconds, 2) for s in queries.steps(district_id=district, run_id=run.id)}
        said["rows"] = sum(s.rows for s in queries.steps(district_id=district, run_id=run.id) if s.name == "inspect")
    if profile:
        profile.report(task["profile"])
    print(json.dumps(said))


if __name__ == "__main__":
    main()

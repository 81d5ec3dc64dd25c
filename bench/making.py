"""One delivery of the product in a process of its own, as a worker would do it; says what it cost and what came."""

import json
import sys
import time
from uuid import UUID

from bench.place import BY
from bench.processes import peak_mb


def main() -> None:
    task = json.loads(sys.argv[1])
    from schoolpassport.config import startup  # noqa: PLC0415 (what importing costs is told apart)

    startup.prepare(migrate=False)
    from django.db import connection  # noqa: PLC0415 (only now is Django set up)

    from schoolpassport.delivery import actions  # noqa: PLC0415 (not before Django is set up)
    from schoolpassport.kit import clock  # noqa: PLC0415 (not before Django is set up)

    district, now = UUID(task["district"]), clock.now()
    asked = actions.ask(district_id=district, name=task["delivery"], by=BY, now=now)
    connection.ensure_connection()
    cpu, begun = time.process_time(), time.perf_counter()
    sent = actions.send(district_id=district, delivery_id=asked.delivery_id, number=asked.number, now=now)
    assert sent is not None
    said = {
        "cpu": time.process_time() - cpu,
        "wall": time.perf_counter() - begun,
        "peak_mb": peak_mb(),
        "state": str(sent.state),
        "sentence": sent.sentence,
        "rows": sent.rows,
        "bytes": sent.size,
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main()
